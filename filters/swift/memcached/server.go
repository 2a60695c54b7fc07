package memcached

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// server is one memcached with its connections and its record of errors.
type server struct {
	name    string // as configured: it is what the ring hashes
	address string
	slots   chan struct{} // one for each connection that may be open

	mu      sync.Mutex
	idle    []*conn
	closed  bool
	errs    []time.Time
	limited time.Time
	failing atomic.Bool
}

// conn is one connection with its reader.
type conn struct {
	net.Conn
	r *bufio.Reader
}

// newServer reads HOST, HOST:PORT, [V6] or [V6]:PORT.
func newServer(name string, conns int) (*server, error) {
	address := name
	switch {
	case strings.HasPrefix(name, "["):
		end := strings.IndexByte(name, ']')
		if end < 0 || net.ParseIP(name[1:end]) == nil || end+1 < len(name) && name[end+1] != ':' {
			return nil, fmt.Errorf("invalid server %q, want one such as 127.0.0.1:11211 or [::1]:11211", name)
		}
		if end+1 == len(name) {
			address += ":" + DefaultPort
		}
	case strings.Count(name, ":") > 1:
		return nil, fmt.Errorf("invalid server %q, want IPv6 addresses between [ and ]", name)
	case !strings.Contains(name, ":"):
		address += ":" + DefaultPort
	}
	return &server{name: name, address: address, slots: make(chan struct{}, conns)}, nil
}

// errPool is the time-out of the wait for a free connection.
var errPool = errors.New("no free connection in time")

// get takes a connection out of the pool or makes one, within PoolTimeout.
func (s *server) get(ctx context.Context, c *Config) (*conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.PoolTimeout, errPool)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		cn := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return cn, nil
	}
	s.mu.Unlock()
	cn, err := s.dial(ctx, c)
	if err != nil {
		<-s.slots
		return nil, err
	}
	return cn, nil
}

func (s *server) dial(ctx context.Context, c *Config) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	if c.TLS != nil {
		config := c.TLS.Clone()
		if host, _, err := net.SplitHostPort(s.address); err == nil {
			config.ServerName = host
		}
		wrapped := tls.Client(raw, config)
		if err := wrapped.HandshakeContext(ctx); err != nil {
			raw.Close() //nolint:errcheck // the handshake's error says it all
			return nil, err
		}
		raw = wrapped
	}
	return &conn{raw, bufio.NewReader(raw)}, nil
}

// put gives a connection back; a broken one is closed.
func (s *server) put(cn *conn, broken bool) {
	s.mu.Lock()
	keep := !broken && !s.closed
	if keep {
		s.idle = append(s.idle, cn)
	}
	s.mu.Unlock()
	if !keep {
		cn.Close() //nolint:errcheck // nothing more is asked of it
	}
	<-s.slots
}

func (s *server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, cn := range s.idle {
		cn.Close() //nolint:errcheck // nothing more is asked of it
	}
	s.idle = nil
}

// avoided reports whether the server is left alone because of its errors.
func (s *server) avoided(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limited.After(now)
}

// failed notes an error and reports whether the server is left alone from now on.
func (s *server) failed(now time.Time, limit float64, interval time.Duration) bool {
	if interval <= 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, now)
	if float64(len(s.errs)) <= limit {
		return false
	}
	recent := s.errs[:0]
	for _, t := range s.errs {
		if t.After(now.Add(-interval)) {
			recent = append(recent, t)
		}
	}
	s.errs = recent
	if float64(len(recent)) <= limit {
		return false
	}
	s.limited = now.Add(interval)
	return true
}
