package service

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// strictClient is a client that forgives nothing: on a connection that it may
// use, each request must get its answer. It ends when it is refused.
type strictClient struct {
	network, addr string
	tls           bool
	think         time.Duration // at most so long between two requests
	answered      *atomic.Int64
}

func (sc *strictClient) run() error {
	for {
		nc, err := net.DialTimeout(sc.network, sc.addr, patience)
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("dial: %w", err)
		}
		if sc.tls {
			nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
		}
		err = sc.use(nc)
		nc.Close()
		if err != nil {
			return err
		}
	}
}

// use sends requests until an answer says that it was the last one.
func (sc *strictClient) use(nc net.Conn) error {
	nc.SetDeadline(time.Now().Add(2 * patience))
	r := bufio.NewReader(nc)
	for n := 0; ; n++ {
		if _, err := io.WriteString(nc, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			return fmt.Errorf("request %d of a connection: %w", n, err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return fmt.Errorf("answer %d of a connection: %w", n, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != "hello\n" {
			return fmt.Errorf("answer %d of a connection: body %q, %w", n, body, err)
		}
		sc.answered.Add(1)
		if resp.Close {
			return nil
		}
		if sc.think > 0 {
			time.Sleep(rand.N(sc.think))
		}
	}
}

// TestDrainLosesNoRequest is design.md 6: under strict clients with keep-alive,
// a stop loses nothing, and new clients are refused, not reset.
func TestDrainLosesNoRequest(t *testing.T) {
	for _, network := range []string{"tcp", "unix", "tls"} {
		for round := range 3 {
			think := time.Duration(round) * 5 * time.Millisecond
			t.Run(fmt.Sprintf("%s, %v between requests", network, think), func(t *testing.T) {
				testLossless(t, network, think)
			})
		}
	}
}

func testLossless(t *testing.T, network string, think time.Duration) {
	t.Helper()
	g := testGroup(t)
	g.DrainIdleGrace = time.Second // a client may be held up on a busy machine
	switch network {
	case "unix":
		g.Listen = []Address{{"unix", socketPath(t)}}
	case "tls":
		g.CertFile, network = "*", "tcp"
	}
	r := serve(t, g, hello)
	var answered atomic.Int64
	errs := make([]error, 32)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			c := &strictClient{network, r.addr, g.CertFile != "", think, &answered}
			errs[i] = c.run()
		})
	}
	eventually(t, "traffic", func() bool { return answered.Load() > 500 })
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("client %d of %d lost a request: %v (%d answered)", i, len(errs), err, answered.Load())
		}
	}
	if got := int64(strings.Count(r.accessLog(), "\n")) + int64(r.Stats().LinesLost); got != answered.Load() {
		t.Errorf("%d lines in the access log, want %d", got, answered.Load())
	}
}

func TestAnswersOfADrainSayClose(t *testing.T) {
	release := make(chan struct{})
	g := testGroup(t)
	g.DrainIdleGrace = patience
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/wait" {
			<-release
		}
		switch req.URL.Query().Get("by") {
		case "nothing":
		case "flush":
			http.NewResponseController(w).Flush()
		case "header":
			w.WriteHeader(http.StatusNoContent)
		default:
			io.WriteString(w, "x")
		}
	})
	busy := r.dial().send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
	clients := map[string]*client{}
	for _, by := range []string{"nothing", "flush", "header", "write"} {
		c := r.dial().send("GET /?by=" + by + " HTTP/1.1\r\nHost: h\r\n\r\n")
		if a := c.answer("GET"); a.Close {
			t.Errorf("by %s: Connection: close before the drain", by)
		}
		clients[by] = c
	}
	eventually(t, "the request in flight", func() bool { return r.Stats().InFlight == 1 })
	r.stop()
	eventually(t, "the drain", func() bool { return r.Stats().Draining })
	for by, c := range clients {
		if a := c.send("GET /?by=" + by + " HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); !a.Close {
			t.Errorf("by %s: no Connection: close in the drain", by)
		}
		c.closed()
	}
	if a := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); !a.Close || a.StatusCode != http.StatusOK {
		t.Errorf("a new connection got %v, want 200 and Connection: close", a.Response)
	}
	close(release)
	if a := busy.answer("GET"); !a.Close {
		t.Error("the answer to a request from before the drain does not say close")
	}
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

// TestSilentConnectionsEndAfterTheGrace is CHECK-08: connections without a
// request do not hold up the end.
func TestSilentConnectionsEndAfterTheGrace(t *testing.T) {
	g := testGroup(t)
	g.DrainIdleGrace = 300 * time.Millisecond
	r := serve(t, g, hello)
	for range 100 {
		r.dial()
	}
	used := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	used.answer("GET")
	eventually(t, "101 connections", func() bool { return r.connections() == 101 })
	start := time.Now()
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	if took := time.Since(start); took < g.DrainIdleGrace || took > g.DrainIdleGrace+5*time.Second {
		t.Errorf("the drain took %v, want little more than %v", took, g.DrainIdleGrace)
	}
	used.closed()
}

func TestDrainWithoutConnectionsEndsAtOnce(t *testing.T) {
	g := testGroup(t)
	g.DrainIdleGrace = patience
	r := serve(t, g, hello)
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

// TestRequestThatArrivesInPartsIsServed pins that a connection on which half a
// request was read is not idle, as it is for net/http's Shutdown.
func TestRequestThatArrivesInPartsIsServed(t *testing.T) {
	r := serve(t, testGroup(t), hello)
	c := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	c.answer("GET")
	c.send("GET / HTT")
	half := r.dial().send("GET / HT")
	eventually(t, "both halves", func() bool {
		n := 0
		for _, c := range r.open() {
			if !c.quiet.Load() {
				n++
			}
		}
		return n == 2
	})
	r.stop()
	eventually(t, "the listener's end", func() bool {
		nc, err := net.DialTimeout("tcp", r.addr, patience)
		if err == nil {
			nc.Close()
		}
		return err != nil
	})
	for _, c := range []*client{c.send("P/1.1\r\nHost: h\r\n\r\n"), half.send("TP/1.1\r\nHost: h\r\n\r\n")} {
		if a := c.answer("GET"); a.StatusCode != http.StatusOK || !a.Close {
			t.Errorf("got %v, want 200 and Connection: close", a.Response)
		}
	}
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

// TestPokeReadsWhatHasArrived is the heart of the drain: a connection that is
// told to end still reads a request that the kernel holds already.
func TestPokeReadsWhatHasArrived(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	s := (&Server{Group: DefaultGroup(), conns: map[*conn]struct{}{}}).signals()
	c := s.newConn(ours, false)
	if _, err := io.WriteString(theirs, "request"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the bytes", func() bool { return readable(ours) })
	if !c.poke(time.Now()) {
		t.Fatal("poke() did nothing to a quiet connection")
	}
	b := make([]byte, 7)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "request" {
		t.Fatalf("Read() = %q, %v after a poke, want what had arrived", b, err)
	}
	if c.poke(time.Now()) {
		t.Error("poke() took a connection for quiet that has read half a request")
	}
	c.setState(http.StateIdle)
	if !c.poke(time.Now()) {
		t.Error("poke() did nothing to an idle connection")
	}
	if n, err := c.Read(b); !isTimeout(err) {
		t.Errorf("Read() = %d, %v after a poke, want a timeout", n, err)
	}
}

// TestHandoverLeavesTheSocket is a reload: another process, here another server
// with a copy of the socket, goes on with it.
func TestHandoverLeavesTheSocket(t *testing.T) {
	g := testGroup(t)
	first, err := Listen(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	f, err := first[0].(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	second, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	old := serveOn(t, g, hello, first...)
	next := testGroup(t)
	r := serveOn(t, next, hello, second)
	var answered atomic.Int64
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			c := &strictClient{"tcp", r.addr, false, 0, &answered}
			errs[i] = c.run()
		})
	}
	eventually(t, "traffic", func() bool { return answered.Load() > 200 })
	old.Handover()
	if err := old.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	at := answered.Load()
	eventually(t, "traffic after the hand-over", func() bool { return answered.Load() > at+200 })
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Errorf("a request was lost: %v", err)
		}
	}
}
