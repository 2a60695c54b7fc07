package tokencache

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// ErrUnavailable says that no memcached server could be asked. The cause is in
// the log, once for each server.
var ErrUnavailable = errors.New("the token cache is unavailable")

// textFlag marks a text of Python in the format of python-memcached; no flag
// marks bytes. Other values, such as pickles, are not read.
const textFlag = 1 << 4

// Config says which servers there are and how patient the client is.
type Config struct {
	Servers       []string
	DeadRetry     time.Duration // a server that failed is left alone so long
	MaxConns      int           // for each server
	SocketTimeout time.Duration
	UnusedTimeout time.Duration // then an idle connection is closed
	PoolTimeout   time.Duration // of the wait for a connection
	TTL           time.Duration // of what is stored, 0 for ever
	TLS           *tls.Config
	Protection    Protection
	Logger        *slog.Logger
	Failed        func() // counts operations that no server answered
}

// Memcached is shared by all requests. It connects when that is needed.
type Memcached struct {
	config  Config
	servers []*server
}

// NewMemcached makes a client and connects to nothing.
func NewMemcached(c Config) (*Memcached, error) {
	m := &Memcached{config: c}
	for _, name := range c.Servers {
		network, address, err := parseServer(name)
		if err != nil {
			return nil, err
		}
		m.servers = append(m.servers, newServer(&m.config, network, address))
	}
	return m, nil
}

// parseServer reads the notations of python-memcached: host, host:port,
// inet:host:port, inet6:[host]:port, unix:path.
func parseServer(name string) (network, address string, err error) {
	if path, ok := strings.CutPrefix(name, "unix:"); ok {
		return "unix", path, nil
	}
	network = "tcp"
	if rest, ok := strings.CutPrefix(name, "inet6:"); ok {
		network, name = "tcp6", rest
	} else if rest, ok := strings.CutPrefix(name, "inet:"); ok {
		name = rest
	}
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		host, port = strings.Trim(name, "[]"), "11211"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || host == "" {
		return "", "", fmt.Errorf("invalid server %q, want HOST:PORT, inet6:[ADDRESS]:PORT or unix:PATH", name)
	}
	return network, net.JoinHostPort(host, port), nil
}

// Get reads the description of a token; nil when there is none.
func (m *Memcached) Get(ctx context.Context, tok string) ([]byte, error) {
	seal := m.config.Protection.seal(tok)
	var item *memcache.Item
	err := m.do(ctx, seal.name, func(c *memcache.Client) (err error) {
		if item, err = c.Get(seal.name); errors.Is(err, memcache.ErrCacheMiss) {
			return nil
		}
		return err
	})
	if err != nil || item == nil || item.Flags&^textFlag != 0 {
		return nil, err
	}
	value, err := seal.open(item.Value)
	if err != nil {
		m.config.Logger.Warn("a value of the token cache is not used", "error", err)
		return nil, nil
	}
	return value, nil
}

// Set stores the description of a token.
func (m *Memcached) Set(ctx context.Context, tok string, value []byte) error {
	seal := m.config.Protection.seal(tok)
	value, err := seal.close(value)
	if err != nil {
		return err
	}
	return m.do(ctx, seal.name, func(c *memcache.Client) error {
		err := c.Set(&memcache.Item{Key: seal.name, Value: value, Expiration: expiration(m.config.TTL)})
		if errors.Is(err, memcache.ErrNotStored) || tooLarge(err) {
			return nil // there is nothing wrong with the server
		}
		return err
	})
}

// tooLarge reports whether the server refuses the length of a value.
func tooLarge(err error) bool { return err != nil && strings.Contains(err.Error(), "object too large") }

// expiration is in seconds; from 30 days on memcached would take it for a date.
func expiration(ttl time.Duration) int32 {
	const most = 30 * 24 * time.Hour
	return int32(min(ttl, most) / time.Second)
}

// Close ends all idle connections.
func (m *Memcached) Close() {
	for _, s := range m.servers {
		_ = s.client.Close() // it has no error to give
	}
}

// attempts is how often python-memcached looks for a server that is alive.
const attempts = 10

// do runs an operation on the server of a key, which python-memcached finds so,
// or on another one while that is down.
func (m *Memcached) do(ctx context.Context, key string, op func(*memcache.Client) error) error {
	hash := serverHash(key)
	for i := range attempts {
		s := m.servers[hash%uint32(len(m.servers))]
		if s.alive(time.Now(), m.allDead) {
			err := s.do(ctx, op)
			if err == nil || ctx.Err() != nil {
				return err
			}
			if !s.dead(time.Now()) {
				break // it is up, but has no connection to give
			}
		}
		hash = serverHash(strconv.FormatUint(uint64(hash), 10) + strconv.Itoa(i))
	}
	m.config.Failed()
	return ErrUnavailable
}

func serverHash(key string) uint32 {
	return max(crc32.ChecksumIEEE([]byte(key))>>16&0x7fff, 1)
}

func (m *Memcached) allDead(now time.Time) bool {
	for _, s := range m.servers {
		if !s.dead(now) {
			return false
		}
	}
	return true
}

// server is one memcached. It has a client of its own because the choice of the
// server is python-memcached's, not that of the library.
type server struct {
	config *Config
	name   string
	client *memcache.Client
	conns  chan struct{} // one for each connection in use

	mu        sync.Mutex
	down      bool // said in the log
	failedAt  time.Time
	deadUntil time.Time
	probeAt   time.Time // when all servers are dead
	used      time.Time
}

type address struct{ network, name string }

func (a address) Network() string { return a.network }
func (a address) String() string  { return a.name }

// only selects the one server of a client.
type only struct{ address }

func (o only) PickServer(string) (net.Addr, error) { return o.address, nil }

func (o only) Each(f func(net.Addr) error) error { return f(o.address) }

var _ memcache.ServerSelector = only{}

func newServer(c *Config, network, name string) *server {
	s := &server{config: c, name: name, conns: make(chan struct{}, max(c.MaxConns, 1))}
	s.client = memcache.NewFromSelector(only{address{network, name}})
	s.client.Timeout = c.SocketTimeout
	s.client.MaxIdleConns = cap(s.conns)
	if c.TLS != nil {
		s.client.DialContext = (&tls.Dialer{NetDialer: &net.Dialer{Timeout: c.SocketTimeout}, Config: c.TLS}).DialContext
	}
	return s
}

func (s *server) dead(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.deadUntil)
}

// alive reports whether the server may be asked. When all are dead, one request
// a second tries each, so that the others do not wait for nothing.
func (s *server) alive(now time.Time, allDead func(time.Time) bool) bool {
	if !s.dead(now) {
		return true
	}
	if !allDead(now) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.probeAt) {
		return false
	}
	s.probeAt = now.Add(time.Second)
	return true
}

func (s *server) do(ctx context.Context, op func(*memcache.Client) error) error {
	timer := time.NewTimer(s.config.PoolTimeout)
	defer timer.Stop()
	select {
	case s.conns <- struct{}{}:
		defer func() { <-s.conns }()
	case <-timer.C:
		return ErrUnavailable
	case <-ctx.Done():
		return ctx.Err()
	}
	begun := time.Now()
	s.closeUnused(begun)
	err := op(s.client)
	if err != nil && !timedOut(err) {
		_ = s.client.Close() // connections of before a restart of the server
		err = op(s.client)
	}
	s.record(err, begun, time.Now())
	return err
}

func timedOut(err error) bool {
	var dial *memcache.ConnectTimeoutError
	var ne net.Error
	return errors.As(err, &dial) || errors.As(err, &ne) && ne.Timeout()
}

func (s *server) closeUnused(now time.Time) {
	s.mu.Lock()
	old := !s.used.IsZero() && now.Sub(s.used) > s.config.UnusedTimeout
	s.used = now
	s.mu.Unlock()
	if old {
		_ = s.client.Close()
	}
}

// record says in the log when a server goes and when it comes back. An answer to
// what was asked before it went does not mean that it is back.
func (s *server) record(err error, begun, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.down
	if err == nil && was && begun.Before(s.failedAt) {
		return
	}
	s.down = err != nil
	if err == nil {
		s.deadUntil = time.Time{}
		if was {
			s.config.Logger.Info("memcached is back", "server", s.name)
		}
		return
	}
	s.failedAt, s.deadUntil = now, now.Add(s.config.DeadRetry)
	s.probeAt = now.Add(time.Second)
	if !was {
		s.config.Logger.Warn("memcached cannot be reached; tokens are checked without it", "server", s.name, "error", err)
	}
}
