package service

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strings"
)

// maxFrame is RFC 9113's own limit of a frame of HTTP/2. net/http's, 1 MB, is what
// each connection may make it keep for its next frame.
const maxFrame = 16 << 10

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
		HTTP2:                        &http.HTTP2Config{MaxReadFrameSize: maxFrame},
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
		Protocols: srv.Protocols, HTTP2: srv.HTTP2, IdleTimeout: srv.IdleTimeout, ReadHeaderTimeout: srv.ReadHeaderTimeout, ErrorLog: srv.ErrorLog,
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
