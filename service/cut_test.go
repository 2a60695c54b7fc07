package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestDeadlineCutsLogsAndCounts(t *testing.T) {
	g := testGroup(t)
	g.GracefulTimeout = 300 * time.Millisecond
	canceled := make(chan error, 1)
	r := serve(t, g, func(_ http.ResponseWriter, req *http.Request) {
		<-req.Context().Done()
		canceled <- context.Cause(req.Context())
	})
	c := r.dial().send("POST /v1/x?token=s3cr3t HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
	eventually(t, "the request in flight", func() bool { return r.Stats().InFlight == 1 })
	err := r.end()
	var cut *CutError
	if !errors.As(err, &cut) || cut.Requests != 1 || cut.Why != "graceful_shutdown_timeout" {
		t.Fatalf("Serve() = %v, want one request cut by graceful_shutdown_timeout", err)
	}
	if got := ExitCode(err); got != 3 {
		t.Errorf("ExitCode() = %d, want 3", got)
	}
	if got := <-canceled; !errors.Is(got, ErrCut) {
		t.Errorf("the cause of the request's context is %v, want ErrCut", got)
	}
	c.closed()
	if want := `level=WARN msg="request cut" server=test reason=graceful_shutdown_timeout method=POST uri="/v1/x?token=***" client=127.0.0.1 request_id="" age=`; !strings.Contains(r.logs.String(), want) {
		t.Errorf("logged %s, want %s", r.logs, want)
	}
	if got := r.Stats().Cut; got != 1 {
		t.Errorf("Stats().Cut = %d, want 1", got)
	}
	if log := r.accessLog(); !strings.Contains(log, `"POST /v1/x?token=*** HTTP/1.1" - 0 `) {
		t.Errorf("access log %q, want the request without a status", log)
	}
}

// TestCutIsNoAnswer: neither a handler that returns when its context ends nor a
// request that still waits for the pool becomes an empty 200.
func TestCutIsNoAnswer(t *testing.T) {
	for round := range 20 {
		g := testGroup(t)
		g.PoolSize = 1
		r := serve(t, g, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
		runs := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		eventually(t, "the first request", func() bool { return r.Stats().InFlight == 1 })
		waits := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		eventually(t, "the queue", func() bool { return r.pool.waiting() == 1 })
		r.Cut()
		for name, c := range map[string]*client{"the one that runs": runs, "the one that waits": waits} {
			if b, _ := io.ReadAll(c.r); len(b) > 0 {
				t.Fatalf("round %d: %s got %q, want nothing", round, name, b)
			}
		}
		if err := r.wait(); err == nil || err.Error() != "2 requests cut (stop)" {
			t.Errorf("Serve() = %v, want 2 requests cut (stop)", err)
		}
	}
}

// TestCutAnswersAreNotWhole: a streamed answer whose handler returns when its
// context ends must not get the last chunk, by which the client would take half
// of it for all.
func TestCutAnswersAreNotWhole(t *testing.T) {
	const streams = 30 // while some are closed, the handlers of others return
	r := serve(t, testGroup(t), func(w http.ResponseWriter, req *http.Request) {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		<-req.Context().Done()
	})
	var clients []*client
	for range streams {
		clients = append(clients, r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
	}
	var answers []*http.Response
	for _, c := range clients {
		a, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	r.Cut()
	for i, a := range answers {
		if body, err := io.ReadAll(a.Body); err == nil {
			t.Errorf("stream %d: the client takes %q for the whole answer", i, body)
		}
		a.Body.Close()
	}
	if err := r.wait(); err == nil || err.Error() != "30 requests cut (stop)" {
		t.Errorf("Serve() = %v, want 30 requests cut (stop)", err)
	}
}

func TestCutStopsAtOnce(t *testing.T) {
	for _, draining := range []bool{false, true} {
		t.Run(fmt.Sprintf("draining %v", draining), func(t *testing.T) {
			g := testGroup(t)
			g.DrainIdleGrace = patience
			r := serve(t, g, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
			r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			r.dial() // idle: nothing to cut
			eventually(t, "the request in flight", func() bool { return r.Stats().InFlight == 1 })
			if draining {
				r.stop()
				eventually(t, "the drain", func() bool { return r.Stats().Draining })
			}
			r.Cut()
			r.Cut()
			err := r.wait()
			if err == nil || err.Error() != "1 requests cut (stop)" {
				t.Errorf("Serve() = %v, want 1 requests cut (stop)", err)
			}
		})
	}
}

func TestCutBeforeServeEndsIt(t *testing.T) {
	g := testGroup(t)
	l, err := Listen(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Group: g, Handler: http.HandlerFunc(hello), Logger: slog.New(slog.DiscardHandler)}
	s.Cut()
	if err := s.Serve(context.Background(), l...); err != nil {
		t.Errorf("Serve() = %v, want nil: nothing was cut", err)
	}
}

// TestHandlerThatIgnoresTheCut pins that the server ends nevertheless.
func TestHandlerThatIgnoresTheCut(t *testing.T) {
	release := make(chan struct{})
	r := serve(t, testGroup(t), func(http.ResponseWriter, *http.Request) { <-release })
	r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	eventually(t, "the request in flight", func() bool { return r.Stats().InFlight == 1 })
	r.Cut()
	if err := r.wait(); ExitCode(err) != 3 {
		t.Errorf("Serve() = %v, want a cut", err)
	}
	close(release)
	if !strings.Contains(r.logs.String(), "handlers do not notice") {
		t.Errorf("logged %s, want a word about the handler", r.logs)
	}
	eventually(t, "the handler's end", func() bool { return r.connections() == 0 })
}

func TestHijackedConnections(t *testing.T) {
	upgrade := "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
	echo := func(w http.ResponseWriter, _ *http.Request) {
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		go func() { // outlives the handler
			defer nc.Close()
			io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			io.Copy(nc, rw)
		}()
	}
	t.Run("are waited for", func(t *testing.T) {
		r := serve(t, testGroup(t), echo)
		c := r.dial().send(upgrade)
		if a := c.answer("GET"); a.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("status %d, want 101", a.StatusCode)
		}
		r.stop()
		eventually(t, "the listener's end", func() bool {
			nc, err := net.DialTimeout("tcp", r.addr, patience)
			if err == nil {
				nc.Close()
			}
			return err != nil
		})
		if st := r.Stats(); st.Hijacked != 1 {
			t.Errorf("%d hijacked connections, want 1", st.Hijacked)
		}
		b := make([]byte, 4)
		if _, err := io.ReadFull(c.send("ping").r, b); err != nil || string(b) != "ping" {
			t.Errorf("echo %q, %v in the drain, want ping", b, err)
		}
		c.Close()
		if err := r.wait(); err != nil {
			t.Errorf("Serve() = %v, want nil", err)
		}
		if log := r.accessLog(); !strings.Contains(log, `"GET /ws HTTP/1.1" 101 `) {
			t.Errorf("access log %q, want status 101", log)
		}
	})
	t.Run("are cut at the deadline", func(t *testing.T) {
		g := testGroup(t)
		g.GracefulTimeout = 200 * time.Millisecond
		r := serve(t, g, echo)
		c := r.dial().send(upgrade)
		c.answer("GET")
		if err := r.end(); err == nil || err.Error() != "1 requests cut (graceful_shutdown_timeout)" {
			t.Errorf("Serve() = %v, want one cut", err)
		}
		c.closed()
		if want := `msg="connection cut" server=test reason=graceful_shutdown_timeout method=GET uri=/ws client=127.0.0.1 request_id="" age=`; !strings.Contains(r.logs.String(), want) {
			t.Errorf("logged %s, want %s", r.logs, want)
		}
	})
}
