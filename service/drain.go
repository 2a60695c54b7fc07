package service

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
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

func newLoops(n int) *loops {
	l := &loops{failed: make(chan error, 1)}
	l.wg.Add(n)
	return l
}

func (l *loops) ended(err error) {
	defer l.wg.Done()
	if errors.Is(err, errRetired) || errors.Is(err, http.ErrServerClosed) {
		return
	}
	select {
	case l.failed <- err:
	default:
	}
}

// drain ends the server as the package documentation says.
func (s *Server) drain(own []*listener, accepting *loops) error {
	start := time.Now()
	s.draining.Store(true)
	st := s.Stats()
	s.logger.Info("draining", "server", s.Group.Name, "connections", s.connections(), "requests", st.InFlight)
	s.goAway()
	var deadline <-chan time.Time
	if t := s.Group.GracefulTimeout; t > 0 {
		timer := time.NewTimer(t)
		defer timer.Stop()
		deadline = timer.C
	}
	closed := s.retire(start, own, accepting)
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for {
		select {
		case <-s.cutNow:
			return s.cut("stop", own, accepting)
		case <-deadline:
			return s.cut("graceful_shutdown_timeout", own, accepting)
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

// retire closes the listeners when the grace is over, or when there is no
// connection any more. The channel it gives is closed when no accept loop runs.
func (s *Server) retire(start time.Time, own []*listener, accepting *loops) <-chan struct{} {
	closed := make(chan struct{})
	grace := s.Group.DrainIdleGrace
	go func() {
		defer close(closed)
		if isClosed(s.handover) {
			for _, l := range own {
				l.leave()
			}
			accepting.wg.Wait()
			return
		}
		s.waitGrace(start.Add(grace))
		bound := time.Now().Add(max(grace, 100*time.Millisecond))
		for _, l := range own {
			l.retire(bound)
		}
		accepting.wg.Wait()
	}()
	return closed
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
	s.logger.Info("stopped", "server", s.Group.Name, "requests", s.requests.Load(), "cut", s.cutCount.Load())
	return nil
}

// cut ends the connections that are left, and with them their requests.
func (s *Server) cut(why string, own []*listener, accepting *loops) error {
	s.cutting.Store(true)
	for _, l := range own {
		l.leave()
	}
	accepting.wg.Wait()
	n := 0
	for _, c := range s.open() {
		n += s.cutConn(c, why)
	}
	s.cutCount.Add(int64(n))
	s.waitHandlers()
	_ = s.finish()
	if n == 0 {
		return nil
	}
	return &CutError{Requests: n, Why: why}
}

// cutConn closes a connection and counts what was in flight on it.
func (s *Server) cutConn(c *conn, why string) int {
	list := c.inFlight()
	for _, x := range list {
		s.logger.Warn("request cut", "server", s.Group.Name, "reason", why, "method", x.method,
			"uri", string(accesslog.AppendURI(nil, x.uri)), "client", x.env.ClientAddr(), "request_id", x.env.RequestID(),
			"age", time.Since(x.env.Start()).Round(time.Millisecond))
	}
	n := len(list)
	if n == 0 && c.current() == http.StateHijacked {
		s.logger.Warn("connection cut", "server", s.Group.Name, "reason", why, "client", clientHost(c))
		n = 1
	}
	_ = c.Close()
	return n
}

// waitHandlers gives the handlers of cut requests a moment, because what they
// use is closed next.
func (s *Server) waitHandlers() {
	s.cancel(ErrCut)
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
