package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// drainTick is how often a drain looks for connections that may end.
	drainTick = 10 * time.Millisecond
	// afterCut is how long the handlers of cut requests have to notice it.
	afterCut = 250 * time.Millisecond
	// flushTime is how long the access log has for its last lines.
	flushTime = 2 * time.Second
)

// loops are the accept loops of a server.
type loops struct {
	failed chan error // holds the first end that was not asked for
	wg     sync.WaitGroup
}

func newLoops() *loops { return &loops{failed: make(chan error, 1)} }

func (l *loops) ended(err error) {
	if errors.Is(err, errRetired) || errors.Is(err, http.ErrServerClosed) {
		return
	}
	select {
	case l.failed <- err:
	default:
	}
}

// announce lets health checks answer 503 for a time in which all else goes on,
// so that load balancers look elsewhere before the drain begins (PAIN-27).
func (s *Server) announce() error {
	s.ending.Drain()
	if s.Group.DrainAnnounce <= 0 {
		return nil
	}
	s.counts.Draining.Store(1)
	s.logger.Info("announcing the drain", "server", s.Group.Name, "for", s.Group.DrainAnnounce)
	timer := time.NewTimer(s.Group.DrainAnnounce)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.cutNow:
	case err := <-s.accepting.failed:
		return fmt.Errorf("server %s: %w", s.Group.Name, err)
	}
	return nil
}

// drain ends the server as the package documentation says.
func (s *Server) drain() error {
	start := time.Now()
	s.draining.Store(true)
	s.counts.Draining.Store(1)
	s.mu.Lock()
	s.closing = true
	own := s.listeners
	s.mu.Unlock()
	s.logger.Info("draining", "server", s.Group.Name, "connections", s.connections(), "requests", s.counts.InFlight.Load())
	s.ending.End()
	s.goAway()
	var deadline <-chan time.Time
	if t := s.Group.GracefulTimeout; t > 0 {
		timer := time.NewTimer(t)
		defer timer.Stop()
		deadline = timer.C
	}
	closed := s.retire(start, own)
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for {
		select {
		case <-s.cutNow:
			return s.cut("stop", own)
		case <-deadline:
			return s.cut("graceful_shutdown_timeout", own)
		case <-tick.C:
		}
		s.endQuiet(start)
		if isClosed(closed) {
			s.goAway() // to those that came in the meantime
			if s.connections() == 0 {
				return s.finish()
			}
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// retire leaves the listeners that go on elsewhere, and closes the others when
// the grace is over, or when there is no connection any more. The channel it
// gives is closed when no accept loop runs.
func (s *Server) retire(start time.Time, own []*listener) <-chan struct{} {
	closed := make(chan struct{})
	grace := s.Group.DrainIdleGrace
	own = s.leaveOthers(own)
	if s.left && s.Left != nil {
		s.Left()
	}
	go func() {
		defer close(closed)
		defer s.accepting.wg.Wait()
		if len(own) == 0 {
			return
		}
		s.waitGrace(start.Add(grace))
		bound := time.Now().Add(max(grace, 100*time.Millisecond))
		for _, l := range own {
			l.retire(bound)
		}
	}()
	return closed
}

// leaveOthers leaves the listeners that a Handover does not end, and gives the
// others. A stop ends all, whatever was said later.
func (s *Server) leaveOthers(own []*listener) []*listener {
	s.mu.Lock()
	emptied := s.emptied
	s.mu.Unlock()
	if !s.left {
		return own
	}
	var ending []*listener
	for _, l := range own {
		if slices.Contains(emptied, l.Listener) {
			ending = append(ending, l)
		} else {
			l.leave()
		}
	}
	return ending
}

func (s *Server) waitGrace(until time.Time) {
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for time.Now().Before(until) && s.connections() > 0 {
		select {
		case <-tick.C:
		case <-s.cutNow:
			return
		}
	}
}

// endQuiet ends the connections that have been quiet for the grace, or since
// before the drain and for the grace after its start.
func (s *Server) endQuiet(start time.Time) {
	before := time.Now().Add(-s.Group.DrainIdleGrace)
	if before.Before(start) {
		return
	}
	for _, c := range s.open() {
		c.poke(before)
	}
}

// goAway makes each HTTP/2 connection say GOAWAY.
func (s *Server) goAway() {
	if s.h2 != nil {
		_ = s.h2.Shutdown(s.base) // it has no listeners and no connections to wait for
	}
}

// finish ends a server that has no connections.
func (s *Server) finish() error {
	_ = s.http.Close() // nothing is left that could fail
	s.cancel(http.ErrServerClosed)
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := s.log.Close(ctx); err != nil {
		s.logger.Warn("access log not complete", "error", err)
	}
	s.noteLostLines()
	s.logger.Info("stopped", "server", s.Group.Name, "requests", s.counts.Requests.Load(), "cut", s.counts.Cut.Load())
	return nil
}

// cut ends the connections that are left, and with them their requests.
func (s *Server) cut(why string, own []*listener) error {
	s.cutting.Store(true)
	for _, l := range own {
		l.leave()
	}
	s.accepting.wg.Wait()
	n := 0
	open := s.open()
	for _, c := range open {
		n += s.logCut(c, why)
	}
	s.counts.Cut.Add(int64(n))
	s.cancel(ErrCut) // before their clients are gone, or that would be the cause
	for _, c := range open {
		_ = c.Close()
	}
	s.waitHandlers()
	_ = s.finish()
	if n == 0 {
		return nil
	}
	return &CutError{Requests: n, Why: why}
}

// logCut logs and counts what is in flight on a connection that is cut.
func (s *Server) logCut(c *conn, why string) int {
	list := c.inFlight()
	for _, x := range list {
		s.logOne("request cut", why, &x.request)
	}
	if up := c.upgrade(); up != nil && len(list) == 0 {
		s.logOne("connection cut", why, up) // its handler has left it to others
		return 1
	}
	return len(list)
}

func (s *Server) logOne(message, why string, r *request) {
	s.logger.Warn(message, append([]any{"server", s.Group.Name, "reason", why}, r.attrs()...)...)
}

// waitHandlers gives the handlers of cut requests a moment, because what they
// use is closed next.
func (s *Server) waitHandlers() {
	timer := time.NewTimer(afterCut)
	defer timer.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.connections() > 0 {
		select {
		case <-tick.C:
		case <-timer.C:
			s.logger.Warn("handlers do not notice that their requests were cut", "server", s.Group.Name, "connections", s.connections())
			return
		}
	}
}

func clientHost(c *conn) string {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return c.RemoteAddr().String()
	}
	return host
}
