package tokencache

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
)

func TestLocalForgets(t *testing.T) {
	now := time.Unix(1000, 0)
	l := NewLocal(4 * nodeSize)
	a, b, c, d, e := KeyOf("a"), KeyOf("b"), KeyOf("c"), KeyOf("d"), KeyOf("e")
	for _, k := range []Key{a, b, c, d} {
		l.Set(k, nil, now, time.Second)
	}
	l.Get(a, now)
	l.Set(e, nil, now, 0)
	has := func(at time.Time) string {
		var s strings.Builder
		for _, k := range []struct {
			name string
			key  Key
		}{{"a", a}, {"b", b}, {"c", c}, {"d", d}, {"e", e}} {
			if _, ok := l.Get(k.key, at); ok {
				s.WriteString(k.name)
			}
		}
		return s.String()
	}
	if got := has(now); got != "acde" {
		t.Errorf("has %q, want acde: b was used longest ago", got)
	}
	if got := has(now.Add(time.Second)); got != "e" || l.Len() != 1 || l.size != nodeSize {
		t.Errorf("has %q in %d entries of %d bytes after their time, want e", got, l.Len(), l.size)
	}
	l.Set(e, nil, now, time.Minute)
	if l.Len() != 1 || l.size != nodeSize {
		t.Errorf("%d entries of %d bytes after e was replaced", l.Len(), l.size)
	}
}

func TestLocalIsBounded(t *testing.T) {
	tok, err := token.Parse([]byte(`{"token": {"expires_at": "2030-01-02T03:04:05Z", "user": {"id": "` + strings.Repeat("x", 5000) + `"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	const limit = 200_000
	l := NewLocal(limit)
	for i := range 1000 {
		l.Set(KeyOf(fmt.Sprint(i)), tok, time.Now(), time.Hour)
	}
	if l.size > limit || l.Len() > limit/10000 {
		t.Errorf("%d entries of %d bytes, want %d bytes at most", l.Len(), l.size, limit)
	}
}

// The names and the first value were written by keystonemiddleware.
func TestSealIsThatOfTheOriginal(t *testing.T) {
	const plain = `{"token": {}}`
	tests := []struct {
		strategy     Strategy
		name, stored string
	}{
		{None, "tokens/1a7674eb4ee78df7e1ac439a93c3fa8e3c945784d4dec9fd8e3011738b2f1d62", plain},
		{MAC, "tokens/b'8GqR5gyedD7b2LDyO/6Frw=='", "jRFcswCaXRFUaGjGTSRruve5bRPzeSYb/WJKjcR6GMEXB8578/qKBTi8m0oFjTVeeyJ0b2tlbiI6IHt9fQ=="},
		{Encrypt, "tokens/b'FJ8JqOcNI5zX9HZQYjdaRw=='",
			"LZp3o7j7GutyaFP2rXGHzbv7lbMYDPzQE1228RslFeHPnnfH84OfQPI5+v8IldsE9egloMIDHBOkei3CQpr9LbLEgxpOtU2dnyCkTOL26o0="},
	}
	for _, tt := range tests {
		s := Protection{tt.strategy, []byte("k3y")}.seal("tok")
		if s.name != tt.name {
			t.Errorf("%s: name %s, want %s", tt.strategy, s.name, tt.name)
		}
		if got, err := s.open([]byte(tt.stored)); err != nil || string(got) != plain {
			t.Errorf("%s: %q %v, want %q", tt.strategy, got, err, plain)
		}
		closed, err := s.close([]byte(plain))
		if err != nil || tt.strategy != Encrypt && string(closed) != tt.stored {
			t.Errorf("%s: %q %v, want %q", tt.strategy, closed, err, tt.stored)
		}
		if got, err := s.open(closed); err != nil || string(got) != plain {
			t.Errorf("%s: %q %v, want it back", tt.strategy, got, err)
		}
	}
}

func TestTamperedValuesAreNotUsed(t *testing.T) {
	for _, strategy := range []Strategy{MAC, Encrypt} {
		s := Protection{strategy, []byte("k")}.seal("tok")
		closed, err := s.close([]byte("value"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range closed {
			bad := bytes.Clone(closed)
			bad[i] ^= 1
			if _, err := s.open(bad); !errors.Is(err, errTampered) {
				t.Errorf("%s: byte %d changed: %v, want %v", strategy, i, err, errTampered)
			}
		}
		for _, bad := range []string{"", "x", string(closed[:macLen]), string(s.sign(nil)), string(s.sign([]byte("!"))) + "!"} {
			if got, err := s.open([]byte(bad)); err == nil && (strategy == Encrypt || len(got) > 0) {
				t.Errorf("%s: %q gives %q", strategy, bad, got)
			}
		}
		// authentic, but not of whole blocks, or with a wrong padding
		for _, n := range []int{0, 16, 17, 32} {
			text := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, n))
			if _, err := s.open(append(s.sign([]byte(text)), text...)); strategy == Encrypt && !errors.Is(err, errTampered) {
				t.Errorf("%d bytes: %v, want %v", n, err, errTampered)
			}
		}
	}
}

func TestServers(t *testing.T) {
	for name, want := range map[string]string{
		"h": "tcp h:11211", "h:1": "tcp h:1", "inet:h:1": "tcp h:1", "inet6:[::1]:1": "tcp6 [::1]:1", "unix:/a/b": "unix /a/b", "h:x": " ", "": " ",
	} {
		network, address, err := parseServer(name)
		if got := network + " " + address; got != want || (err != nil) != (want == " ") {
			t.Errorf("%q is %q %v, want %q", name, got, err, want)
		}
	}
}

// needMemcached gives a port and a function that starts the real one there.
func needMemcached(t *testing.T) (address string, start func() (stop func())) {
	t.Helper()
	if _, err := exec.LookPath("memcached"); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal("memcached is needed: ", err)
		}
		t.Skip("memcached is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	return address, func() func() {
		cmd := exec.Command("memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", port)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := sync.OnceFunc(func() { cmd.Process.Kill(); cmd.Wait() })
		t.Cleanup(stop)
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if conn, err := net.Dial("tcp", address); err == nil {
				conn.Close()
				return stop
			} else if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
}

func config(log *bytes.Buffer, failed *atomic.Int64, servers ...string) Config {
	return Config{
		Servers: servers, DeadRetry: time.Minute, MaxConns: 4, SocketTimeout: time.Second, UnusedTimeout: time.Minute, PoolTimeout: 5 * time.Second,
		TTL: time.Minute, Logger: slog.New(slog.NewTextHandler(log, nil)), Failed: func() { failed.Add(1) },
	}
}

func TestMemcachedIsKilledAndRestartedUnderLoad(t *testing.T) {
	address, start := needMemcached(t)
	stop := start()
	var log bytes.Buffer
	var failed atomic.Int64
	m, err := NewMemcached(config(&log, &failed, address))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var good, bad, longest atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				tok, begun := fmt.Sprint(i, n), time.Now()
				err := m.Set(context.Background(), tok, []byte("v"))
				var got []byte
				if err == nil {
					got, err = m.Get(context.Background(), tok)
				}
				longest.Store(max(longest.Load(), int64(time.Since(begun))))
				switch {
				case err != nil && !errors.Is(err, ErrUnavailable):
					t.Error(err)
				case err != nil:
					bad.Add(1)
					time.Sleep(time.Millisecond)
				case string(got) == "v":
					good.Add(1)
				}
			}
		})
	}
	reach := func(n *atomic.Int64, what string) {
		t.Helper()
		for from, deadline := n.Load(), time.Now().Add(20*time.Second); n.Load() < from+100; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d", what, n.Load())
			}
		}
	}
	for range 2 {
		reach(&good, "operations that worked")
		stop()
		reach(&bad, "operations without a server")
		stop = start()
	}
	reach(&good, "operations after the restart")
	cancel()
	all.Wait()
	if d := time.Duration(longest.Load()); d > 8*time.Second {
		t.Errorf("an operation took %v", d)
	}
	if failed.Load() == 0 || failed.Load() != bad.Load() {
		t.Errorf("%d failures counted, want %d", failed.Load(), bad.Load())
	}
	gone, back := strings.Count(log.String(), "memcached cannot be reached"), strings.Count(log.String(), "memcached is back")
	if gone != 2 || back != 2 {
		t.Errorf("the log says %d times that it is gone and %d times that it is back, want 2 and 2\n%s", gone, back, log.String())
	}
}

func TestValuesOfOthersAreNotUsed(t *testing.T) {
	address, start := needMemcached(t)
	start()
	var log bytes.Buffer
	var failed atomic.Int64
	m, err := NewMemcached(config(&log, &failed, address))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	client := memcache.New(address)
	name := m.config.Protection.seal("tok").name
	for flags, want := range map[uint32]string{0: "v", textFlag: "v", 1: "", 8: ""} {
		if err := client.Set(&memcache.Item{Key: name, Value: []byte("v"), Flags: flags}); err != nil {
			t.Fatal(err)
		}
		if got, err := m.Get(t.Context(), "tok"); err != nil || string(got) != want {
			t.Errorf("flags %d: %q %v, want %q", flags, got, err, want)
		}
	}
	if err := m.Set(t.Context(), "big", make([]byte, 2<<20)); err != nil || failed.Load() != 0 {
		t.Errorf("too large a value: %v, %d failures, want none", err, failed.Load())
	}
}

func TestSilentServerIsLeftAlone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var log bytes.Buffer
	var failed atomic.Int64
	c := config(&log, &failed, l.Addr().String())
	c.SocketTimeout = 300 * time.Millisecond
	m, err := NewMemcached(c)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	begun := time.Now()
	for range 50 {
		if _, err := m.Get(t.Context(), "tok"); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("error %v, want %v", err, ErrUnavailable)
		}
	}
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("50 operations took %v: each waited for the server", d)
	}
	if n := strings.Count(log.String(), "cannot be reached"); n != 1 || failed.Load() != 50 {
		t.Errorf("said %d times, counted %d", n, failed.Load())
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("x"))
	f.Fuzz(func(_ *testing.T, stored []byte) {
		for _, strategy := range []Strategy{None, MAC, Encrypt} {
			s := Protection{strategy, []byte("k")}.seal("tok")
			_, _ = s.open(stored)
			_, _ = s.open(append(s.sign(stored), stored...))
		}
	})
}
