package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func (p *pool) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.Len()
}

func TestPoolServesInOrder(t *testing.T) {
	p := newPool(1, 10, func() {})
	if err := p.enter(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	order := make(chan int)
	for i := range 5 {
		go func() {
			if err := p.enter(t.Context(), false); err == nil {
				order <- i
			}
		}()
		eventually(t, "one more in the queue", func() bool { return p.waiting() == i+1 })
	}
	for i := range 5 {
		p.leave()
		if got := <-order; got != i {
			t.Errorf("place %d went to number %d", i, got)
		}
	}
}

func TestPoolBoundsItsQueue(t *testing.T) {
	p := newPool(1, 1, func() {})
	ctx, leave := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	if err := p.enter(ctx, false); err != nil {
		t.Fatal(err)
	}
	left := make(chan error)
	go func() { left <- p.enter(ctx, false) }()
	eventually(t, "the queue", func() bool { return p.waiting() == 1 })
	if err := p.enter(t.Context(), false); !errors.Is(err, errPoolFull) {
		t.Errorf("enter() = %v beyond the bound, want %v", err, errPoolFull)
	}
	leave(gone)
	if err := <-left; !errors.Is(err, gone) {
		t.Errorf("enter() = %v for a client that left, want its cause", err)
	}
	p.leave()
	if err := p.enter(t.Context(), false); err != nil {
		t.Errorf("enter() = %v after all have left, want nil", err)
	}
}

// TestPoolPassesOnThePlaceOfOneThatLeft: a place that comes in the very moment
// in which its client leaves is not lost.
func TestPoolPassesOnThePlaceOfOneThatLeft(t *testing.T) {
	for range 200 {
		p := newPool(1, 1, func() {})
		_ = p.enter(t.Context(), false)
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.enter(ctx, false) }()
		eventually(t, "the queue", func() bool { return p.waiting() == 1 })
		go leave()
		p.leave()
		if <-done == nil {
			p.leave()
		}
		if err := p.enter(t.Context(), false); err != nil {
			t.Fatalf("enter() = %v, want the place", err)
		}
	}
}

func TestFullPool(t *testing.T) {
	g := testGroup(t)
	g.PoolSize, g.PoolQueue = 1, 1
	release := make(chan struct{})
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		<-release
		hello(w, req)
	})
	get := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	first := r.dial().send(get)
	eventually(t, "the first request", func() bool { return r.Stats().InFlight == 1 })
	leaves := r.dial().send(get)
	eventually(t, "the queue", func() bool { return r.pool.waiting() == 1 })
	a := r.dial().send(get).answer("GET")
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "1" || a.text != "503 Service Unavailable\n" || a.Close {
		t.Errorf("beyond the queue: %v %q, want 503, Retry-After: 1 and the connection kept", a.Response, a.text)
	}
	leaves.Close()
	eventually(t, "the client's leave", func() bool { return r.pool.waiting() == 0 })
	second := r.dial().send(get)
	eventually(t, "the queue", func() bool { return r.pool.waiting() == 1 })
	close(release)
	for _, c := range []*client{first, second} {
		if a := c.answer("GET"); a.StatusCode != http.StatusOK {
			t.Errorf("got %v, want 200", a.Response)
		}
	}
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	for _, want := range []string{`" 499 0 `, `" 503 24 `} {
		if log := r.accessLog(); strings.Count(log, want) != 1 {
			t.Errorf("access log %q, want one line with %q", log, want)
		}
	}
}

func TestQueueEndsWithTheRequestsTime(t *testing.T) {
	g := testGroup(t)
	g.PoolSize, g.PoolQueue, g.RequestTimeout = 1, 1, 200*time.Millisecond
	r := serve(t, g, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	_ = r.signals().pool.enter(t.Context(), false) // somebody else's
	if a := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("got %v, want 503 with Retry-After: it was not begun", a.Response)
	}
	r.pool.leave()
}

// TestHijackedRequestHoldsItsPlace until its handler returns.
func TestHijackedRequestHoldsItsPlace(t *testing.T) {
	g := testGroup(t)
	g.PoolSize, g.PoolQueue = 1, 0
	release := make(chan struct{})
	r := serve(t, g, func(w http.ResponseWriter, _ *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		<-release
	})
	get := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	r.dial().send(get)
	eventually(t, "the hijack", func() bool { return r.Stats().Hijacked == 1 })
	if a := r.dial().send(get).answer("GET"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %v, want 503", a.Response)
	}
	close(release)
	eventually(t, "the place", func() bool { r.pool.mu.Lock(); defer r.pool.mu.Unlock(); return r.pool.free == 1 })
}

// TestPoolKeepsAPlaceForANewConnection: it has room again when the request has
// come and gone, or did not come.
func TestPoolKeepsAPlaceForANewConnection(t *testing.T) {
	full := 0
	p := newPool(1, 1, func() { full++ })
	expect := func(when string, room bool) {
		t.Helper()
		if got := isClosed(p.room()); got != room {
			t.Errorf("room %v %s, want %v", got, when, room)
		}
	}
	expect("at the begin", true)
	p.expect(1)
	expect("with a new connection", false)
	if err := p.enter(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	expect("with its request", false)
	p.leave()
	expect("after its request", true)
	p.expect(1)
	p.expect(-1)
	expect("after a connection that stays silent", true)
	if full != 2 {
		t.Errorf("the accept loops were woken up %d times, want 2", full)
	}
}

// TestFullPoolDoesNotAccept is CHECK-15, seen by a worker alone: while its pool
// is full it takes nothing from a shared socket, also when it waited in accept
// before.
func TestFullPoolDoesNotAccept(t *testing.T) {
	g := testGroup(t)
	g.AcceptShared, g.PoolSize = true, 1
	listeners, err := Listen(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	other := copyListener(t, listeners[0])
	defer other.Close()
	release := make(chan struct{})
	r := serveOn(t, g, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/" {
			<-release
		}
		hello(w, req)
	}, listeners...)
	get := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	held := r.dial().send("GET /quick HTTP/1.1\r\nHost: h\r\n\r\n")
	held.answer("GET")
	eventually(t, "the wait in accept", func() bool { return r.listeners[0].state.Load() == inAccept })
	held.send(get)
	eventually(t, "the pause", func() bool { return r.listeners[0].state.Load() == paused }) // a moment after the request began
	for range 20 {
		c := r.dial().send(get)
		eventually(t, "the connection in the queue", func() bool { return waiting(other) || r.connections() > 1 })
		if r.connections() > 1 {
			t.Fatal("a full worker accepted a connection")
		}
		nc, err := other.Accept()
		if err != nil {
			t.Fatal(err)
		}
		nc.Close()
		c.Close()
	}
	waits := r.dial().send(get)
	close(release)
	for _, c := range []*client{held, waits} { // and it goes on
		if a := c.answer("GET"); a.text != "hello\n" {
			t.Errorf("got %q, want hello", a.text)
		}
	}
}

// TestFullPoolLeavesConnectionsToOthers is CHECK-15: of two workers that share
// a socket one is full, and the other one gets each new connection; also the one
// that is accepted right after the request that fills the pool.
func TestFullPoolLeavesConnectionsToOthers(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) { testSharedPool(t, network) })
	}
}

func testSharedPool(t *testing.T, network string) {
	t.Helper()
	release := make(chan struct{})
	var workers [2]*running
	first := testGroup(t)
	if network == "unix" {
		first.Listen = []Address{{"unix", socketPath(t)}}
	}
	listeners, err := Listen(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	copied := copyListener(t, listeners[0])
	for i, l := range []net.Listener{listeners[0], copied} {
		g := testGroup(t)
		g.Name, g.AcceptShared, g.PoolSize, g.PoolQueue = fmt.Sprint(i), true, 2, 10
		workers[i] = serveOn(t, g, func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/hold" {
				<-release
			}
			w.Header().Set("X-Worker", g.Name)
			hello(w, req)
		}, l)
	}
	both := workers[0]
	both.addr = listeners[0].Addr().String()
	inFlight := func() (n [2]int) {
		for i, w := range workers {
			n[i] = w.Stats().InFlight
		}
		return n
	}
	held := make([]*client, 3) // one worker gets two of them and is full
	for i := range held {
		held[i] = both.dial().send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n")
		eventually(t, "a held request", func() bool { n := inFlight(); return n[0]+n[1] == i+1 })
	}
	free := 0
	if n := inFlight(); n[0] == 2 {
		free = 1
	} else if n[1] != 2 {
		t.Fatalf("%v requests in flight, want 2 in one worker", n)
	}
	for i := range 50 {
		c := both.dial().send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		if a := c.answer("GET"); a.Header.Get("X-Worker") != fmt.Sprint(free) {
			t.Errorf("connection %d was answered by worker %q, want the free one, %d", i, a.Header.Get("X-Worker"), free)
		}
		eventually(t, "the end of the request", func() bool { return workers[free].Stats().InFlight == 1 })
	}
	if !workers[1-free].Moving() {
		t.Error("Moving() = false for a full worker")
	}
	close(release)
	for _, c := range held {
		c.answer("GET")
	}
	for _, w := range workers {
		if err := w.end(); err != nil {
			t.Errorf("Serve() = %v, want nil", err)
		}
	}
}

// copyListener makes another listener on the same socket, as another process
// has it.
func copyListener(t *testing.T, l net.Listener) net.Listener {
	t.Helper()
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	second, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	return second
}
