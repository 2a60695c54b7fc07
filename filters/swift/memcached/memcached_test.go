package memcached

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
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

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake answers each line by a function; "" closes the connection, "hang" never
// answers.
func fake(t *testing.T, answer func(line string) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				for r := bufio.NewReader(c); ; {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					switch text := answer(strings.TrimSpace(line)); text {
					case "":
						return
					case "hang", "-":
					default:
						c.Write([]byte(text))
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

func client(t *testing.T, change func(*Config), servers ...string) (*Client, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	config := Config{
		Servers: servers, MaxConns: 2, ConnectTimeout: 300 * time.Millisecond, PoolTimeout: time.Second, IOTimeout: 2 * time.Second,
		Tries: 3, ErrorLimit: 10, ErrorInterval: time.Minute, SizeWarning: -1, Logger: slog.New(slog.NewTextHandler(&lockedWriter{w: &log}, nil)),
	}
	if change != nil {
		change(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, &log
}

type lockedWriter struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}

func TestServersAreReadAsSwiftReadsThem(t *testing.T) {
	tests := []struct{ in, address, err string }{
		{"h", "h:11211", ""}, {"h:1", "h:1", ""}, {"127.0.0.1", "127.0.0.1:11211", ""}, {"[::1]", "[::1]:11211", ""}, {"[::1]:5", "[::1]:5", ""},
		{"::1", "", `invalid server "::1", want IPv6 addresses between [ and ]`},
		{"[::1", "", `invalid server "[::1", want one such as 127.0.0.1:11211 or [::1]:11211`},
		{"[x]:1", "", `invalid server "[x]:1", want one such as 127.0.0.1:11211 or [::1]:11211`},
		{"[::1]x", "", `invalid server "[::1]x", want one such as 127.0.0.1:11211 or [::1]:11211`},
	}
	for _, tt := range tests {
		s, err := newServer(tt.in, 1)
		if err != nil {
			if err.Error() != tt.err {
				t.Errorf("newServer(%q) = %v, want %s", tt.in, err, tt.err)
			}
		} else if s.address != tt.address || tt.err != "" {
			t.Errorf("newServer(%q) = %s, want %s %s", tt.in, s.address, tt.address, tt.err)
		}
	}
}

func TestExpiryBeyondThirtyDaysIsAMoment(t *testing.T) {
	if got := expiry(30 * 24 * time.Hour); got != 30*24*60*60 {
		t.Errorf("expiry of 30 days = %d", got)
	}
	if got, want := expiry(31*24*time.Hour), time.Now().Unix()+31*24*60*60; got < want-5 || got > want {
		t.Errorf("expiry of 31 days = %d, want %d", got, want)
	}
}

func TestBadAnswersAreErrors(t *testing.T) {
	for _, text := range []string{"", "VALUE\r\n", "VALUE x y z\r\n", "VALUE x 0 -1\r\n", "VALUE x 0 99999999999\r\n", "ERROR\r\n", "\r\n", strings.Repeat("x", 9000)} {
		addr := fake(t, func(string) string { return text })
		c, _ := client(t, nil, addr)
		if _, _, err := c.Get(t.Context(), "k"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Get after %.20q = %v, want %v", text, err, ErrUnavailable)
		}
		if _, err := c.Incr(t.Context(), "k", 1, 0); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Incr after %.20q = %v, want %v", text, err, ErrUnavailable)
		}
	}
}

func TestPicklesAreNotRead(t *testing.T) {
	addr := fake(t, func(line string) string { return "VALUE " + strings.Fields(line)[1] + " 1 3\r\nabc\r\nEND\r\n" })
	c, _ := client(t, nil, addr)
	if item, ok, err := c.Get(t.Context(), "k"); ok || err != nil {
		t.Errorf("Get = %v %v %v, want nothing", item, ok, err)
	}
}

func TestHangingServerCostsTheIOTimeout(t *testing.T) {
	addr := fake(t, func(string) string { return "hang" })
	c, log := client(t, func(c *Config) { c.IOTimeout = 50 * time.Millisecond }, addr)
	start := time.Now()
	if _, _, err := c.Get(t.Context(), "k"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Get = %v, want %v", err, ErrUnavailable)
	}
	if took := time.Since(start); took < 50*time.Millisecond || took > 5*time.Second {
		t.Errorf("Get took %v, want about 50ms", took)
	}
	if !strings.Contains(log.String(), "Error talking to memcached") {
		t.Errorf("log = %s, want the error", log)
	}
}

func TestFullPoolCostsThePoolTimeout(t *testing.T) {
	asked := make(chan struct{}, 1)
	addr := fake(t, func(string) string { asked <- struct{}{}; return "hang" })
	c, _ := client(t, func(c *Config) { c.MaxConns, c.PoolTimeout, c.IOTimeout = 1, 50*time.Millisecond, 10*time.Second }, addr)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, _, err := c.Get(ctx, "k"); done <- err }()
	<-asked
	start := time.Now()
	if _, _, err := c.Get(t.Context(), "k"); !errors.Is(err, ErrUnavailable) || time.Since(start) > 5*time.Second {
		t.Errorf("Get = %v after %v, want %v after about 50ms", err, time.Since(start), ErrUnavailable)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Get of a client that left = %v, want %v", err, context.Canceled)
	}
}

func TestServerWithTooManyErrorsIsLeftAlone(t *testing.T) {
	var asked atomic.Int32
	addr := fake(t, func(string) string { asked.Add(1); return "" })
	c, log := client(t, func(c *Config) { c.ErrorLimit = 3 }, addr)
	for range 10 {
		c.Get(t.Context(), "k")
	}
	if got := asked.Load(); got != 4 {
		t.Errorf("the server was asked %d times, want 4", got)
	}
	if text := log.String(); strings.Count(text, "Error talking to memcached") != 1 || strings.Count(text, "Error limiting server") != 1 {
		t.Errorf("log = %s, want each message once", text)
	}
}

func TestValueThatIsTooLargeIsWarnedOf(t *testing.T) {
	addr := fake(t, func(line string) string {
		if strings.HasPrefix(line, "set") {
			return "-"
		}
		return "STORED\r\n"
	})
	c, log := client(t, func(c *Config) { c.SizeWarning = 4 }, addr)
	if err := c.Set(t.Context(), "k", []byte("four"), 0); err != nil || !strings.Contains(log.String(), "Item size larger than warning threshold") {
		t.Errorf("Set = %v, log %s, want a warning", err, log)
	}
}

// start starts the real memcached at an address; the function it gives kills it.
func start(t *testing.T, addr string) func() {
	t.Helper()
	if _, err := exec.LookPath("memcached"); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal("memcached is needed")
		}
		t.Skip("memcached is not installed")
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("memcached", "-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "16", "-u", "root")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() { cmd.Process.Kill(); cmd.Wait() })
	t.Cleanup(stop)
	for deadline := time.Now().Add(5 * time.Second); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return stop
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestRealServer(t *testing.T) {
	addr := freeAddress(t)
	start(t, addr)
	c, _ := client(t, nil, addr)
	ctx := t.Context()
	if _, ok, err := c.Get(ctx, "a"); ok || err != nil {
		t.Errorf("Get of nothing: %v %v", ok, err)
	}
	if err := c.Set(ctx, "a", []byte("x\r\ny"), time.Minute); err != nil {
		t.Error(err)
	}
	if item, ok, err := c.Get(ctx, "a"); !ok || err != nil || string(item.Value) != "x\r\ny" || item.JSON {
		t.Errorf("Get = %+v %v %v", item, ok, err)
	}
	if err := c.SetJSON(ctx, "j", []any{1.5, "ü"}, time.Minute); err != nil {
		t.Error(err)
	}
	var got []any
	if ok, err := c.GetJSON(ctx, "j", &got); !ok || err != nil || fmt.Sprint(got) != "[1.5 ü]" {
		t.Errorf("GetJSON = %v %v %v", got, ok, err)
	}
	if ok, err := c.GetJSON(ctx, "a", &got); ok || err != nil {
		t.Errorf("GetJSON of a text = %v %v, want nothing", ok, err)
	}
	for i, tt := range []struct{ delta, want int64 }{{5, 5}, {2, 7}, {-3, 4}, {-9, 0}} {
		if n, err := c.Incr(ctx, "n", tt.delta, time.Minute); n != tt.want || err != nil {
			t.Errorf("%d: Incr(%d) = %d %v, want %d", i, tt.delta, n, err, tt.want)
		}
	}
	if n, err := c.Incr(ctx, "fresh", -3, time.Minute); n != 0 || err != nil {
		t.Errorf("Incr(-3) of nothing = %d %v, want 0", n, err)
	}
	if err := c.SetMulti(ctx, "s", map[string]Item{"m1": {Value: []byte("1")}, "m2": {Value: []byte(`"2"`), JSON: true}}, 0); err != nil {
		t.Error(err)
	}
	if items, err := c.GetMulti(ctx, "s", "m1", "m2", "m3"); err != nil || fmt.Sprint(items) != "map[m1:{[49] false} m2:{[34 50 34] true}]" {
		t.Errorf("GetMulti = %v %v", items, err)
	}
	if err := errors.Join(c.Delete(ctx, "a"), c.Delete(ctx, "never")); err != nil {
		t.Error(err)
	}
	if _, ok, _ := c.Get(ctx, "a"); ok {
		t.Error("a is there after Delete")
	}
}

// TestKilledServerIsFailedOverAndComesBack kills and restarts the only server
// under load: every operation ends in time, with a value or with
// ErrUnavailable.
func TestKilledServerIsFailedOverAndComesBack(t *testing.T) {
	addr := freeAddress(t)
	kill := start(t, addr)
	c, log := client(t, func(c *Config) { c.ErrorInterval, c.ErrorLimit = 100*time.Millisecond, 5 }, addr)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var good, bad atomic.Int64
	var worst atomic.Int64
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				_, err := c.Incr(context.Background(), "n", 1, 0)
				switch {
				case err == nil:
					good.Add(1)
				case errors.Is(err, ErrUnavailable):
					bad.Add(1)
				default:
					t.Error(err)
				}
				if took := int64(time.Since(began)); took > worst.Load() {
					worst.Store(took)
				}
			}
		})
	}
	for range 3 {
		waitFor(t, &good)
		kill()
		waitFor(t, &bad)
		kill = start(t, addr)
	}
	waitFor(t, &good)
	cancel()
	wg.Wait()
	if limit := 3300 * time.Millisecond; time.Duration(worst.Load()) > limit {
		t.Errorf("the longest operation took %v, want at most %v", time.Duration(worst.Load()), limit)
	}
	if n := strings.Count(log.String(), "Error talking to memcached"); n < 3 || n > 12 {
		t.Errorf("%d log lines for 3 failures and %d operations that failed", n, bad.Load())
	}
}

// waitFor waits until 100 more were counted.
func waitFor(t *testing.T, n *atomic.Int64) {
	t.Helper()
	from := n.Load()
	for deadline := time.Now().Add(20 * time.Second); n.Load() < from+100; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("only %d", n.Load()-from)
		}
	}
}

// TestRingIsThatOfSwift compares for many keys the order of the servers.
func TestRingIsThatOfSwift(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-W", "ignore", "-c", "import swift.common.memcached").Run(); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal("python3-swift is needed")
		}
		t.Skip("python3-swift is not installed")
	}
	servers := []string{"10.0.0.1:11211", "10.0.0.2", "[::1]:11212", "cache-4.example.org:11211", "10.0.0.5:11211"}
	keys := []string{"", "ü", "AUTH_/token/AUTH_tk1", "a b\n"}
	for i := range 1000 {
		keys = append(keys, fmt.Sprint("container/AUTH_", i, "/c"))
	}
	input, _ := json.Marshal(map[string]any{"servers": servers, "keys": keys})
	cmd := exec.Command(python, "-W", "ignore", "testdata/ring.py")
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	var want []struct {
		Hash    string
		Servers []string
	}
	if err != nil || json.Unmarshal(out, &want) != nil || len(want) != len(keys) {
		t.Fatalf("%v %d answers", err, len(want))
	}
	c, _ := client(t, func(c *Config) { c.Tries = len(servers) }, servers...)
	for i, key := range keys {
		hash := hashKey(key)
		var got []string
		for s := range c.ring.candidates(hash) {
			got = append(got, s.name)
		}
		if hash != want[i].Hash || fmt.Sprint(got) != fmt.Sprint(want[i].Servers) {
			t.Fatalf("%q: %s %v, want %+v", key, hash, got, want[i])
		}
	}
}

func BenchmarkGet(b *testing.B) {
	item := "\r\n"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		for r := bufio.NewReader(conn); ; {
			if _, err := r.ReadString('\n'); err != nil {
				return
			}
			conn.Write([]byte("END" + item))
		}
	}()
	c, err := New(Config{Servers: []string{l.Addr().String()}, MaxConns: 1, Tries: 1, ConnectTimeout: time.Second, PoolTimeout: time.Second, IOTimeout: time.Second})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Get(context.Background(), "key"); err != nil {
			b.Fatal(err)
		}
	}
	c.Close()
	<-done
}
