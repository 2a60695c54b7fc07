package service

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What others may notice of a flood, in the process that also makes it, on a
// machine that has other work: a limit, not a figure.
const (
	floodLatency = 5 * time.Second
	floodHeap    = 128 << 20 // beyond what was there before
	floodAsks    = 20
)

// soaking asks for the full figures.
func soaking() bool { return os.Getenv("WHEATPASTE_SOAK") != "" }

// usage is what a flood may not let grow.
type usage struct{ heap, stacks, goroutines uint64 }

func (u usage) String() string {
	return fmt.Sprintf("%d KB heap, %d KB stacks, %d goroutines", u.heap>>10, u.stacks>>10, u.goroutines)
}

// used is what lives when also the pools were emptied.
func used() usage {
	runtime.GC()
	runtime.GC()
	return using()
}

func using() usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{m.HeapAlloc, m.StackInuse, uint64(runtime.NumGoroutine())}
}

// underFlood runs an attack and asks the server all the time as another client,
// on an old connection and on new ones, floodAsks times at least. Then the
// memory and the goroutines must be what they were.
func underFlood(t *testing.T, r *running, attack func()) {
	t.Helper()
	kept := r.dial()
	askHello(t, kept)
	before, peak, slowest, asks := used(), usage{}, time.Duration(0), 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		attack()
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; !isClosed(done) || asks < floodAsks; <-tick.C {
		start := time.Now()
		askHello(t, kept)
		askAnew(t, r)
		slowest = max(slowest, time.Since(start))
		asks++
		if u := using(); u.heap > peak.heap {
			peak = u
		}
	}
	if slowest > floodLatency {
		t.Errorf("another client waited for %v, want less than %v", slowest, floodLatency)
	}
	if peak.heap > before.heap+floodHeap {
		t.Errorf("%v under the flood, %v before", peak, before)
	}
	eventually(t, "the goroutines of the flood end", func() bool { return using().goroutines <= before.goroutines+5 })
	after := used()
	if after.heap > before.heap+8<<20 {
		t.Errorf("%v after the flood, %v before", after, before)
	}
	t.Logf("another client asked %d times, slowest %v; before %v; peak %v; after %v", 2*asks, slowest, before, peak, after)
}

func askAnew(t *testing.T, r *running) {
	t.Helper()
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	askHello(t, &client{t, nc, bufio.NewReader(nc)})
}

func askHello(t *testing.T, c *client) {
	t.Helper()
	c.SetDeadline(time.Now().Add(patience))
	if a := c.send("GET /other HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.StatusCode != http.StatusOK || a.text != "hello\n" {
		t.Errorf("another client got %d %q, want hello", a.StatusCode, a.text)
	}
}

// TestSlowloris: thousands of clients that send a header byte by byte hold up
// nobody, and are ended by header_timeout.
func TestSlowloris(t *testing.T) {
	clients := 1000
	if soaking() {
		clients = 5000
	}
	g := testGroup(t)
	g.HeaderTimeout = 3 * time.Second
	r := serve(t, g, hello)
	underFlood(t, r, func() {
		before := used()
		slow := make([]net.Conn, 0, clients)
		for range clients {
			nc, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Error(err)
				break
			}
			defer nc.Close()
			slow = append(slow, nc)
			_, _ = io.WriteString(nc, "GET /slow HTTP/1.1\r\nHost: h\r\nX: ")
		}
		eventuallyOr(t, func() bool { return r.connections() >= len(slow)/2 })
		now := used()
		t.Logf("%d connections: %d bytes each, both ends together", len(slow), (now.heap+now.stacks-before.heap-before.stacks)/uint64(max(len(slow), 1)))
		start := time.Now()
		alive := dribble(slow)
		if took := time.Since(start); alive > 0 || took > g.HeaderTimeout+10*time.Second {
			t.Errorf("%d of %d connections live after %v, want none", alive, len(slow), took)
		}
	})
	r.end()
}

// eventuallyOr is eventually for goroutines, which must not end the test.
func eventuallyOr(t *testing.T, cond func() bool) {
	for end := time.Now().Add(patience); !cond(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Error("waited in vain")
			return
		}
	}
}

// dribble sends a byte a second on all connections until none takes it any more,
// for at most patience.
func dribble(conns []net.Conn) (alive int) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range int(patience / time.Second) {
		alive = 0
		for i, nc := range conns {
			if nc == nil {
				continue
			}
			if _, err := io.WriteString(nc, "a"); err != nil {
				conns[i] = nil
				nc.Close()
				continue
			}
			alive++
		}
		if alive == 0 {
			return 0
		}
		<-tick.C
	}
	return alive
}

// TestSlowBodies: clients that send a body by halves and fall silent are ended
// by body_timeout.
func TestSlowBodies(t *testing.T) {
	g := testGroup(t)
	g.BodyTimeout = 500 * time.Millisecond
	var ended atomic.Int64
	r := serve(t, g, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/other" {
			if _, err := io.ReadAll(r.Body); isTimeout(err) {
				ended.Add(1)
			}
		}
		hello(w, r)
	})
	const clients = 300
	underFlood(t, r, func() {
		each(clients, func(int) {
			nc, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc")
			if _, err := io.Copy(io.Discard, nc); isTimeout(err) {
				t.Error("the connection lives")
			}
		})
	})
	if n := ended.Load(); n != clients {
		t.Errorf("%d bodies timed out, want %d", n, clients)
	}
}

// TestSlowReaders: clients that do not take their answer are ended by
// write_timeout.
func TestSlowReaders(t *testing.T) {
	g := testGroup(t)
	g.WriteTimeout = 500 * time.Millisecond
	var ended sync.WaitGroup
	const clients = 100
	ended.Add(clients)
	block := make([]byte, 64<<10)
	r := serve(t, g, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/other" {
			hello(w, r)
			return
		}
		defer ended.Done()
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	underFlood(t, r, func() {
		each(clients, func(int) {
			nc, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			_ = nc.(*net.TCPConn).SetReadBuffer(4096)
			_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			_, _ = bufio.NewReader(nc).ReadString('\n')
			ended.Wait()
		})
	})
}

// each runs n functions side by side.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
