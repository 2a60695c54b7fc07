package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// TestDrainAnnounce is PAIN-27: from the stop on health answers 503, and all
// else goes on, new connections included, until the announcement is over.
func TestDrainAnnounce(t *testing.T) {
	g := testGroup(t)
	g.DrainAnnounce = time.Second
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		if pipeline.FromRequest(req).Draining() {
			w.Header().Set("X-Draining", "yes")
		}
		hello(w, req)
	})
	get := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	kept := r.dial().send(get)
	if a := kept.answer("GET"); a.Header.Get("X-Draining") != "" {
		t.Error("Draining() before the stop")
	}
	start := time.Now()
	r.stop()
	eventually(t, "the announcement", func() bool { return r.Stats().Draining })
	for name, c := range map[string]*client{"an old connection": kept, "a new one": r.dial()} {
		a := c.send(get).answer("GET")
		if a.StatusCode != http.StatusOK || a.Close || a.Header.Get("X-Draining") != "yes" {
			t.Errorf("%s got %v, want 200, Draining() and the connection kept", name, a.Response)
		}
	}
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	if took := time.Since(start); took < g.DrainAnnounce {
		t.Errorf("the stop took %v, want at least %v", took, g.DrainAnnounce)
	}
}

func TestCutEndsTheAnnouncement(t *testing.T) {
	g := testGroup(t)
	g.DrainAnnounce = patience
	r := serve(t, g, hello)
	r.stop()
	eventually(t, "the announcement", func() bool { return r.Stats().Draining })
	r.Cut()
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil: nothing was cut", err)
	}
}

// TestStopIsSeenByHealth: with no time for an announcement, too; a hand-over is
// no stop. Both tell long-lived connections (PAIN-28).
func TestStopIsSeenByHealth(t *testing.T) {
	for _, stop := range []bool{true, false} {
		t.Run(fmt.Sprintf("stop %v", stop), func(t *testing.T) {
			g := testGroup(t)
			r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
				env := pipeline.FromRequest(req)
				<-env.Ending()
				fmt.Fprint(w, env.Draining())
			})
			c := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			eventually(t, "the request", func() bool { return r.Stats().InFlight == 1 })
			if stop {
				r.stop()
			} else {
				r.Handover()
			}
			if a := c.answer("GET"); a.text != fmt.Sprint(stop) {
				t.Errorf("Draining() = %v, want %v", a.text, stop)
			}
			if err := r.wait(); err != nil {
				t.Errorf("Serve() = %v, want nil", err)
			}
		})
	}
}

// TestHandoverEndsTheNamedListeners: what waits in their queues is served, and
// they are closed; the others are left with what waits in them.
func TestHandoverEndsTheNamedListeners(t *testing.T) {
	g := testGroup(t)
	g.DrainIdleGrace = patience // it ends with the last connection
	g.Listen = append(g.Listen, g.Listen[0])
	listeners, err := Listen(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	successor := copyListener(t, listeners[0])
	defer successor.Close()
	r := serveOn(t, g, hello, listeners...)
	get := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	ended := listeners[1].Addr().String()
	busy, err := net.Dial("tcp", ended) // keeps the grace from ending early
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	eventually(t, "the connection", func() bool { return r.Stats().New == 1 })
	r.Handover(listeners[1])
	eventually(t, "the drain", func() bool { return r.Stats().Draining })
	waits := r.dial().send(get)
	nc, err := successor.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(nc, "HTTP/1.1 204 No Content\r\n\r\n")
	nc.Close()
	if a := waits.answer("GET"); a.StatusCode != http.StatusNoContent {
		t.Errorf("got %v, want the successor's 204", a.Response)
	}
	r.addr = ended
	if a := r.dial().send(get).answer("GET"); a.StatusCode != http.StatusOK || !a.Close {
		t.Errorf("got %v by the listener that ends, want 200 and Connection: close", a.Response)
	}
	busy.Close()
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	if _, err := net.DialTimeout("tcp", ended, patience); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a listener that ended gave %v, want a refusal", err)
	}
}

func TestHandoverAfterAStopIsNone(t *testing.T) {
	g := testGroup(t)
	listeners, err := Listen(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	other := copyListener(t, listeners[0])
	defer other.Close()
	r := serveOn(t, g, hello, listeners...)
	c := r.dial()
	eventually(t, "the connection", func() bool { return r.Stats().New == 1 })
	r.stop()
	eventually(t, "the drain", func() bool { return r.Stats().Draining })
	r.Handover()
	if a := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.StatusCode != http.StatusOK || !a.Close {
		t.Errorf("got %v, want 200 by the server that stops", a.Response)
	}
	c.Close()
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

func TestAdd(t *testing.T) {
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	idle := &Server{Group: testGroup(t), Handler: http.HandlerFunc(hello)}
	early := listen()
	if err := idle.Add(early); err == nil || err.Error() != "server test: the server does not serve" {
		t.Errorf("Add() = %v before Serve, want an error", err)
	}
	if _, err := early.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener gave %v, want it closed", err)
	}
	r := serve(t, testGroup(t), hello)
	second := listen()
	if err := r.Add(second); err != nil {
		t.Fatal(err)
	}
	r.addr = second.Addr().String()
	if a := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.text != "hello\n" {
		t.Errorf("got %q, want hello", a.text)
	}
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	if _, err := second.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener gave %v after the end, want it closed", err)
	}
	if err := r.Add(listen()); err == nil {
		t.Error("Add() = nil after the end, want an error")
	}
}

func TestMovingSeesAStuckLoop(t *testing.T) {
	l := &listener{}
	l.enter(inAccept)
	for range 3 {
		if !l.moving() {
			t.Error("a loop that waits in accept is not moving")
		}
	}
	l.enter(atWork)
	if !l.moving() {
		t.Error("a loop that has moved is not moving")
	}
	if l.moving() {
		t.Error("a loop that has been at work since the last look is moving")
	}
	l.enter(atWork)
	if !l.moving() {
		t.Error("a loop that has moved again is not moving")
	}
	for _, state := range []int32{paused, over} {
		l.enter(state)
		if l.moving(); !l.moving() {
			t.Errorf("a loop in state %d is not moving", state)
		}
	}
}

func TestMovingThroughALife(t *testing.T) {
	g := testGroup(t)
	g.MaxConnections = 1
	r := serve(t, g, hello)
	check := func(when string) { // at once it may be seen at work, twice
		t.Helper()
		eventually(t, "Moving() "+when, func() bool { r.Moving(); return r.Moving() })
	}
	check("in accept")
	c := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	c.answer("GET")
	check("with max_connections reached")
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	check("after the end")
}

func TestMaxRequests(t *testing.T) {
	for _, jitter := range []int{0, 3} {
		t.Run(fmt.Sprintf("jitter %d", jitter), func(t *testing.T) {
			g := testGroup(t)
			g.MaxRequests, g.MaxRequestsJitter = 2, jitter
			var reasons []string
			var mu sync.Mutex
			r := serveWith(t, g, hello, func(s *Server) {
				s.OnLimit = func(reason string) {
					mu.Lock()
					defer mu.Unlock()
					reasons = append(reasons, fmt.Sprint(reason, " at ", s.Stats().Requests))
				}
			})
			if limit := r.maxRequests; limit < 2 || limit > int64(2+jitter) {
				t.Errorf("the limit is %d, want 2 to %d", limit, 2+jitter)
			}
			want := fmt.Sprintf("max_requests at %d", r.maxRequests)
			c := r.dial()
			for range 10 {
				c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET")
			}
			if err := r.end(); err != nil {
				t.Errorf("Serve() = %v, want nil", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if got := strings.Join(reasons, ", "); got != want {
				t.Errorf("OnLimit was called with %q, want %q once", got, want)
			}
		})
	}
}

func TestEachWorkerDrawsItsJitter(t *testing.T) {
	g := testGroup(t)
	g.MaxRequests, g.MaxRequestsJitter = 1000, 1000
	drawn := map[int64]bool{}
	for range 20 {
		s := &Server{Group: g}
		s.setLimits()
		drawn[s.maxRequests] = true
	}
	if len(drawn) < 2 {
		t.Errorf("20 workers drew %v, want different numbers", drawn)
	}
}

// TestRegion: what the server counts stands where other processes read it.
func TestRegion(t *testing.T) {
	board := scoreboard.New()
	region, err := board.Claim("main", 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := region.Process()
	g := testGroup(t)
	g.GracefulTimeout = 100 * time.Millisecond
	release := make(chan struct{})
	r := serveWith(t, g, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/wait":
			<-req.Context().Done()
		case "/ws":
			if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
				t.Error(err)
			}
			<-release
		}
	}, func(s *Server) { s.Region = region })
	state := func() string {
		return fmt.Sprintf("new %d active %d idle %d hijacked %d, in flight %d, requests %d",
			p.New.Load(), p.Active.Load(), p.Idle.Load(), p.Hijacked.Load(), p.InFlight.Load(), p.Requests.Load())
	}
	expect := func(want string) {
		t.Helper()
		eventually(t, want+" in place of "+state(), func() bool { return state() == want })
	}
	c := r.dial()
	expect("new 1 active 0 idle 0 hijacked 0, in flight 0, requests 0")
	c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET")
	expect("new 0 active 0 idle 1 hijacked 0, in flight 0, requests 1")
	c.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
	expect("new 0 active 1 idle 0 hijacked 0, in flight 1, requests 1")
	r.dial().send("GET /ws HTTP/1.1\r\nHost: h\r\n\r\n")
	expect("new 0 active 1 idle 0 hijacked 1, in flight 2, requests 1")
	close(release)
	expect("new 0 active 1 idle 0 hijacked 1, in flight 1, requests 2")
	if ExitCode(r.end()) != ExitCut {
		t.Error("want a cut")
	}
	expect("new 0 active 0 idle 0 hijacked 0, in flight 0, requests 3")
	if cut, draining := p.Cut.Load(), p.Draining.Load(); cut != 2 || draining != 1 {
		t.Errorf("cut %d, draining %d, want 2 and 1", cut, draining)
	}
}

// TestCutReachesHijackedHandlers is PAIN-28: their contexts end with ErrCut.
func TestCutReachesHijackedHandlers(t *testing.T) {
	g := testGroup(t)
	g.GracefulTimeout = 100 * time.Millisecond
	cause := make(chan error, 1)
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		<-pipeline.FromRequest(req).Ending() // the time for a close frame
		<-req.Context().Done()
		cause <- context.Cause(req.Context())
	})
	r.dial().send("GET /ws?token=x HTTP/1.1\r\nHost: h\r\n\r\n")
	eventually(t, "the hijack", func() bool { return r.Stats().Hijacked == 1 })
	if err := r.end(); err == nil || err.Error() != "1 requests cut (graceful_shutdown_timeout)" {
		t.Errorf("Serve() = %v, want one cut", err)
	}
	if err := <-cause; !errors.Is(err, ErrCut) {
		t.Errorf("the cause is %v, want ErrCut", err)
	}
	if want := `msg="request cut" server=test reason=graceful_shutdown_timeout method=GET uri="/ws?token=***" client=127.0.0.1 request_id="" age=`; !strings.Contains(r.logs.String(), want) {
		t.Errorf("logged %s, want %s", r.logs, want)
	}
}
