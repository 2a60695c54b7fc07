package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
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

	once     sync.Once
	cutNow   chan struct{} // closed by Cut
	handover chan struct{} // closed by Handover
	setUp    chan struct{} // closed when log is there

	http     *http.Server
	h2       *http.Server // holds the HTTP/2 connections, see newHTTP2
	log      *accesslog.Log
	logger   *slog.Logger
	base     context.Context //nolint:containedctx // of all requests, as http.Server.BaseContext wants it
	cancel   context.CancelCauseFunc
	slots    chan struct{} // nil without MaxConnections
	requests atomic.Int64
	cutCount atomic.Int64
	draining atomic.Bool
	cutting  atomic.Bool

	mu    sync.Mutex
	conns map[*conn]struct{}
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

// Stats is a moment of a server.
type Stats struct {
	New, Active, Idle, Hijacked int   // connections
	InFlight                    int   // requests
	Requests                    int64 // that ended
	Cut                         int64
	LinesLost                   uint64 // of the access log
	Draining                    bool
}

// Stats counts what the server does.
func (s *Server) Stats() Stats {
	st := Stats{Requests: s.requests.Load(), Cut: s.cutCount.Load(), Draining: s.draining.Load()}
	select {
	case <-s.signals().setUp:
		st.LinesLost = s.log.Dropped()
	default:
	}
	for _, c := range s.open() {
		st.InFlight += len(c.inFlight())
		switch c.current() {
		case http.StateNew:
			st.New++
		case http.StateActive:
			st.Active++
		case http.StateIdle:
			st.Idle++
		case http.StateHijacked:
			st.Hijacked++
		}
	}
	return st
}

// signals makes the channels by which a server is told something, also before
// it serves.
func (s *Server) signals() *Server {
	s.once.Do(func() {
		s.cutNow, s.handover, s.setUp = make(chan struct{}), make(chan struct{}), make(chan struct{})
	})
	return s
}

// Cut ends the server at once: what is in flight is cut, logged and counted. It
// may be called at any time, and more than once.
func (s *Server) Cut() { closeOnce(&s.mu, s.signals().cutNow) }

// Handover drains as the end of Serve's context does, but leaves the listeners
// at once to the process that goes on with them.
func (s *Server) Handover() { closeOnce(&s.mu, s.signals().handover) }

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
	own, err := s.start(listeners)
	if err != nil {
		for _, l := range listeners {
			_ = l.Close()
		}
		return fmt.Errorf("server %s: %w", s.Group.Name, err)
	}
	accepting := newLoops(len(own))
	for _, l := range own {
		go func() { accepting.ended(s.http.Serve(l)) }()
		s.logger.Info("serving", "server", s.Group.Name, "address", displayAddr(l.Addr()))
	}
	if s.Ready != nil {
		s.Ready()
	}
	select {
	case <-ctx.Done():
	case <-s.cutNow:
	case <-s.handover:
	case err = <-accepting.failed: // a listener broke: better none than some
		err = fmt.Errorf("server %s: %w", s.Group.Name, err)
	}
	return errors.Join(err, s.drain(own, accepting))
}

func (s *Server) start(listeners []net.Listener) ([]*listener, error) {
	s.signals()
	s.logger = s.Logger
	if s.logger == nil {
		s.logger = slog.Default()
	}
	config, err := s.Group.tlsConfig()
	if err != nil {
		return nil, err
	}
	if s.log, err = accesslog.Open(s.Group.AccessLog, accesslog.Options{Logger: s.logger}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.conns = map[*conn]struct{}{}
	s.mu.Unlock()
	close(s.setUp)
	if s.Group.MaxConnections > 0 {
		s.slots = make(chan struct{}, s.Group.MaxConnections)
	}
	s.base, s.cancel = context.WithCancelCause(context.Background())
	s.http = s.newHTTP(config != nil)
	var own []*listener
	for _, l := range listeners {
		own = append(own, &listener{Listener: l, s: s, tls: config, retired: make(chan struct{})})
	}
	return own, nil
}

func (s *Server) newHTTP(overTLS bool) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(overTLS)
	protocols.SetUnencryptedHTTP2(s.Group.H2C)
	srv := &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		Protocols:         &protocols,
		ReadHeaderTimeout: s.Group.HeaderTimeout,
		IdleTimeout:       s.Group.IdleTimeout,
		MaxHeaderBytes:    int(s.Group.MaxHeaderBytes),
		ErrorLog:          slog.NewLogLogger(errorLog{s.logger.Handler()}, slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return s.base },
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, unwrap(nc))
		},
		ConnState: func(nc net.Conn, state http.ConnState) {
			if c := unwrap(nc); c != nil {
				c.setState(state)
			}
		},
		// OPTIONS * must pass by the access log and the drain.
		DisableGeneralOptionsHandler: true,
		TLSNextProto:                 map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	if overTLS || s.Group.H2C {
		s.newHTTP2(srv)
	}
	return srv
}

// newHTTP2 gives the HTTP/2 connections of srv to a second server, which
// listens nowhere. Its Shutdown does one thing: each HTTP/2 connection says
// GOAWAY and ends when its streams have. The Shutdown of srv itself would end
// the connections of HTTP/1 under the feet of their clients.
func (s *Server) newHTTP2(srv *http.Server) {
	s.h2 = &http.Server{
		Protocols: srv.Protocols, IdleTimeout: srv.IdleTimeout, ReadHeaderTimeout: srv.ReadHeaderTimeout, ErrorLog: srv.ErrorLog,
	}
	_ = s.h2.Serve(closedListener{}) // sets TLSNextProto
	for name, serve := range s.h2.TLSNextProto {
		srv.TLSNextProto[name] = func(hs *http.Server, tc *tls.Conn, h http.Handler) {
			if c := unwrap(tc); c != nil {
				c.markHTTP2()
			}
			serve(hs, tc, h)
		}
	}
}

type closedListener struct{}

func (closedListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (closedListener) Close() error              { return nil }
func (closedListener) Addr() net.Addr            { return &net.TCPAddr{} }

// errorLog takes net/http's own messages. What any client can cause is for
// those who look for it.
type errorLog struct{ slog.Handler }

func (h errorLog) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "http: TLS handshake error") || strings.HasPrefix(r.Message, "http2: ") {
		r.Level = slog.LevelDebug
	}
	if !h.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}
