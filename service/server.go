package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Server serves one application on the listeners of a group. Its exported
// fields are set before Serve, which is called once.
type Server struct {
	Group   *Group
	Handler http.Handler
	Logger  *slog.Logger // nil for slog.Default()
	// Ready is called, if it is set, when requests are answered on all
	// listeners.
	Ready func()
	// Left is called, if it is set, after a Handover: when no more connections
	// are accepted from the listeners that others go on with.
	Left func()
	// Region is where the server counts, for other processes to read. It
	// belongs to this server alone; nil for one that nobody else sees.
	Region *scoreboard.Region
	// OnLimit is called, if it is set, at most once: when the process should
	// be replaced, because of "max_requests" or of a "hung request". It is not
	// called while the server drains, and it must not block.
	OnLimit func(reason string)
	// Quiet is set for one whose addresses somebody else announces.
	Quiet bool
	// Supervised is set for one that is told of new certificates by
	// SetCertificates: it does not look at their files itself.
	Supervised bool
	// LogFormat is that of the access log; nil for Apache's combined format.
	LogFormat *accesslog.Format

	once     sync.Once
	cutNow   chan struct{} // closed by Cut
	handover chan struct{} // closed by Handover
	setUp    chan struct{} // closed when log is there
	counts   *scoreboard.Process

	http    *http.Server
	h2      *http.Server // holds the HTTP/2 connections, see newHTTP2
	tls     *tls.Config  // nil without TLS
	certs   *certificates
	watched *Group // with the files that TLS was made of
	log     *accesslog.Log
	logger  *slog.Logger
	base    context.Context //nolint:containedctx // of all requests, as http.Server.BaseContext wants it
	cancel  context.CancelCauseFunc
	ending  *pipeline.Ending
	slots   chan struct{} // nil without MaxConnections
	pool    *pool         // nil without PoolSize
	stacks  stackDump

	clock       func() time.Time // of tests, for the session tickets
	lookTime    time.Duration    // of tests, see CertificateLookTime
	noHeader    atomic.Int64     // when a missing PROXY header was logged last
	maxRequests int64            // 0 is none
	limited     sync.Once
	draining    atomic.Bool
	cutting     atomic.Bool
	left        bool // it drains because of a Handover

	accepting *loops
	mu        sync.Mutex // guards what follows
	conns     map[*conn]struct{}
	listeners []*listener
	closing   bool           // no more listeners
	emptied   []net.Listener // by a Handover
	renewed   *certificates  // by SetCertificates, before there was a server
}

// ErrCut is the cause of the contexts of requests that are cut.
var ErrCut = errors.New("the server stops")

// CutError says that a server ended with requests unanswered: at its deadline,
// or by Cut.
type CutError struct {
	Requests int    // among them hijacked connections, as one each
	Why      string // "graceful_shutdown_timeout" or "stop"
}

// Error gives the number and the reason.
func (e *CutError) Error() string { return fmt.Sprintf("%d requests cut (%s)", e.Requests, e.Why) }

// The exit codes of a process that serves.
const (
	ExitClean = 0
	ExitError = 1 // could not start
	ExitCut   = 3
)

// ExitCode is the exit code for what Serve or Run returned.
func ExitCode(err error) int {
	var cut *CutError
	switch {
	case err == nil:
		return ExitClean
	case errors.As(err, &cut):
		return ExitCut
	default:
		return ExitError
	}
}

// signals makes the channels by which a server is told something, also before
// it serves.
func (s *Server) signals() *Server {
	s.once.Do(func() {
		s.cutNow, s.handover, s.setUp = make(chan struct{}), make(chan struct{}), make(chan struct{})
		s.counts = new(scoreboard.Process)
		if s.Region != nil {
			s.counts = s.Region.Process()
		}
	})
	return s
}

// Cut ends the server at once: what is in flight is cut, logged and counted. It
// may be called at any time, and more than once.
func (s *Server) Cut() { closeOnce(&s.mu, s.signals().cutNow) }

// Handover drains as the end of Serve's context does, but leaves the listeners
// at once to the processes that go on with them. Only the ones that end here
// are emptied and closed as at a stop. Health checks do not hear of it. What is
// said after the first call or after a stop has no effect.
func (s *Server) Handover(ending ...net.Listener) {
	s.signals()
	s.mu.Lock()
	defer s.mu.Unlock()
	if isClosed(s.handover) {
		return
	}
	s.emptied = ending
	close(s.handover)
}

func closeOnce(mu *sync.Mutex, c chan struct{}) {
	mu.Lock()
	defer mu.Unlock()
	select {
	case <-c:
	default:
		close(c)
	}
}

// Reopen opens the file of the access log anew, after it was moved away.
func (s *Server) Reopen() error {
	select {
	case <-s.signals().setUp:
		return s.log.Reopen()
	default:
		return nil
	}
}

// Serve answers on the listeners, which it closes, until the context ends, and
// drains then. It returns nil when every request was answered, a *CutError when
// some were cut, or what kept it from serving.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	if err := s.start(); err != nil {
		for _, l := range listeners {
			_ = l.Close()
		}
		return fmt.Errorf("server %s: %w", s.Group.Name, err)
	}
	level := slog.LevelInfo
	if s.Quiet {
		level = slog.LevelDebug
	}
	for _, l := range listeners {
		s.listen(l)
		s.logger.Log(ctx, level, "serving", "server", s.Group.Name, "address", displayAddr(l.Addr()))
	}
	defer s.startWatch()()
	if s.Ready != nil {
		s.Ready()
	}
	err := s.untilEnd(ctx)
	return errors.Join(err, s.drain())
}

func (s *Server) start() error {
	s.signals()
	s.logger = s.Logger
	if s.logger == nil {
		s.logger = slog.Default()
	}
	s.watched = s.ownFiles()
	err := s.setTLS(s.watched)
	if err != nil {
		return err
	}
	if s.log, err = accesslog.Open(s.Group.AccessLog, accesslog.Options{Logger: s.logger, Format: s.LogFormat}); err != nil {
		return err
	}
	s.base, s.cancel = context.WithCancelCause(context.Background())
	s.base, s.ending = pipeline.WithEnding(s.base)
	s.setLimits()
	s.http = s.newHTTP(s.tls != nil)
	s.mu.Lock()
	s.conns, s.accepting = map[*conn]struct{}{}, newLoops()
	s.mu.Unlock()
	close(s.setUp)
	return nil
}

// untilEnd serves until there is a reason to drain. It returns an error when a
// listener broke: better none than some.
func (s *Server) untilEnd(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return s.announce()
	case <-s.cutNow:
	case <-s.handover:
		if ctx.Err() != nil {
			return s.announce()
		}
		s.left = true
	case err := <-s.accepting.failed:
		return fmt.Errorf("server %s: %w", s.Group.Name, err)
	}
	return nil
}

// listen accepts from one more listener; it reports false when the server does
// not serve.
func (s *Server) listen(nl net.Listener) bool {
	l := newListener(s, nl)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accepting == nil || s.closing {
		return false
	}
	s.listeners = append(s.listeners, l)
	s.accepting.wg.Go(func() {
		err := s.http.Serve(l)
		l.enter(over)
		s.accepting.ended(err)
	})
	return true
}

// errNotServing is what Add says of a server that has not begun, or drains.
var errNotServing = errors.New("the server does not serve")

// Add makes a server that serves accept from one more listener. It closes it
// like the others, or at once, with an error, when it does not serve, or does so
// no longer.
func (s *Server) Add(l net.Listener) error {
	if !s.signals().listen(l) {
		_ = l.Close()
		return fmt.Errorf("server %s: %w", s.Group.Name, errNotServing)
	}
	s.logger.Debug("one listener more", "server", s.Group.Name, "address", displayAddr(l.Addr()))
	return nil
}

// Moving reports whether all accept loops live: each waits in accept or for a
// limit, has ended, or has moved since the last call (design.md 6, heartbeat).
func (s *Server) Moving() bool {
	s.noteLostLines()
	s.mu.Lock()
	defer s.mu.Unlock()
	moving := true
	for _, l := range s.listeners {
		if !l.moving() {
			moving = false // and go on: each must note where it is
		}
	}
	return moving
}
