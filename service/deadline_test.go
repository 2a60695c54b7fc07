package service

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// deaf is a handler that ignores its context.
func deaf(release <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/hang" {
			hello(w, req)
			return
		}
		deafWait(release)
		w.Header().Set("X-Late", "yes")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "too late")
		http.NewResponseController(w).Flush()
		req.Body.Read(make([]byte, 1))
		panic("an abandoned handler")
	}
}

// deafWait stands in the stack that the log must show.
func deafWait(release <-chan struct{}) { <-release }

// TestHungHandler is CHECK-11: the client gets a 504, the log the stack, the
// worker asks for a replacement, neighbours notice nothing, and the handler may
// go on without harm.
func TestHungHandler(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP/2 %v", h2), func(t *testing.T) {
			g := testGroup(t)
			g.RequestTimeout, g.H2C, g.PoolSize = 300*time.Millisecond, h2, 2
			release := make(chan struct{})
			limits := make(chan string, 10)
			r := serveWith(t, g, deaf(release), func(s *Server) { s.OnLimit = func(reason string) { limits <- reason } })
			client, done := clientOf(h2)
			defer done()
			post := func(path string) (int, string) {
				resp, err := client.Post("http://"+r.addr+path, "text/plain", strings.NewReader("body"))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, string(b)
			}
			post("/")
			for range 3 { // each gives its place in the pool back
				if code, body := post("/hang?key=s3cr3t"); code != http.StatusGatewayTimeout || body != "504 Gateway Timeout\n" {
					t.Errorf("got %d %q, want 504", code, body)
				}
			}
			if code, body := post("/"); code != http.StatusOK || body != "hello\n" {
				t.Errorf("a neighbour got %d %q, want 200", code, body)
			}
			if reason := <-limits; reason != "hung request" {
				t.Errorf("OnLimit(%q), want hung request", reason)
			}
			for _, want := range []string{
				`level=ERROR msg="request timed out, and its handler does not return" server=test method=POST uri="/hang?key=***" client=127.0.0.1 request_id="" age=`,
				"deafWait",
			} {
				if !strings.Contains(r.logs.String(), want) {
					t.Errorf("logged %s, want %s", r.logs, want)
				}
			}
			client.CloseIdleConnections()
			if err := r.end(); err != nil { // although the handlers still run
				t.Errorf("Serve() = %v, want nil", err)
			}
			close(release)
			eventually(t, "the panics", func() bool { return strings.Count(r.logs.String(), `panic="an abandoned handler"`) == 3 })
			if n := strings.Count(r.accessLog(), `" 504 20 `); n != 3 {
				t.Errorf("access log %q, want three lines with 504", r.accessLog())
			}
			if len(limits) > 0 {
				t.Error("OnLimit was called more than once")
			}
		})
	}
}

// clientOf is net/http's, for one version of HTTP alone.
func clientOf(h2 bool) (*http.Client, func()) {
	var p http.Protocols
	p.SetHTTP1(!h2)
	p.SetUnencryptedHTTP2(h2)
	tr := &http.Transport{Protocols: &p}
	return &http.Client{Transport: tr, Timeout: patience}, tr.CloseIdleConnections
}

func TestRequestTimeout(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	cause := make(chan error, 1)
	handlers := map[string]http.HandlerFunc{
		"/notices": func(w http.ResponseWriter, req *http.Request) {
			<-req.Context().Done()
			cause <- context.Cause(req.Context())
			http.Error(w, "slow", http.StatusServiceUnavailable)
		},
		"/silent": func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() },
		"/begun": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "begun")
			http.NewResponseController(w).Flush()
			<-release
		},
		"/reads": func(_ http.ResponseWriter, req *http.Request) { io.Copy(io.Discard, req.Body); <-release },
		"/quick": func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			b, _ := io.ReadAll(req.Body)
			w.Header().Set("X-Body", string(b)+req.Trailer.Get("X-Tail"))
			w.WriteHeader(http.StatusEarlyHints)
			io.WriteString(w, "quick")
			w.Header().Set("X-Sum", "5")
		},
		"/nothing": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Nothing", "yes") },
		"/panics":  func(http.ResponseWriter, *http.Request) { panic("in time") },
	}
	g := testGroup(t)
	g.RequestTimeout = 200 * time.Millisecond
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) { handlers[req.URL.Path](w, req) })
	get := func(path string) *client { return r.dial().send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n") }

	t.Run("a handler that notices answers as it likes", func(t *testing.T) {
		if a := get("/notices").answer("GET"); a.StatusCode != http.StatusServiceUnavailable || a.text != "slow\n" || a.Close {
			t.Errorf("got %v %q, want its 503", a.Response, a.text)
		}
		if err := <-cause; !errors.Is(err, ErrRequestTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the cause of the context is %v, want ErrRequestTimeout", err)
		}
	})
	t.Run("a handler that returns in silence", func(t *testing.T) {
		if a := get("/silent").answer("GET"); a.StatusCode != http.StatusGatewayTimeout {
			t.Errorf("got %v, want 504", a.Response)
		}
	})
	t.Run("an answer that was begun is broken off", func(t *testing.T) {
		c := get("/begun")
		resp, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if string(b) != "begun" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %q, %v, want a broken answer", b, err)
		}
	})
	t.Run("a handler that waits for a body", func(t *testing.T) {
		c := r.dial().send("POST /reads HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf")
		if a := c.answer("POST"); a.StatusCode != http.StatusGatewayTimeout || !a.Close {
			t.Errorf("got %v, want 504 and Connection: close", a.Response)
		}
	})
	t.Run("one in time loses nothing", func(t *testing.T) {
		c := r.dial().send("POST /quick HTTP/1.1\r\nHost: h\r\nTrailer: X-Tail\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Tail: tail\r\n\r\n")
		if early, err := http.ReadResponse(c.r, nil); err != nil || early.StatusCode != http.StatusEarlyHints {
			t.Fatalf("got %v, %v, want 103", early, err)
		}
		a := c.answer("POST")
		if a.text != "quick" || a.Header.Get("X-Body") != "bodytail" || a.Trailer.Get("X-Sum") != "5" {
			t.Errorf("got %v %q, trailer %v", a.Response, a.text, a.Trailer)
		}
		c.send("GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n")
		if a := c.answer("GET"); a.StatusCode != http.StatusOK || a.Header.Get("X-Nothing") != "yes" {
			t.Errorf("got %v, want 200 and the header", a.Response)
		}
	})
	t.Run("a panic ends the connection", func(t *testing.T) {
		get("/panics").closed()
		if want := `panic="in time"`; !strings.Contains(r.logs.String(), want) {
			t.Errorf("logged %s, want %s", r.logs, want)
		}
	})
}

// TestHijackedRequestHasNoDeadline: a WebSocket lives for longer.
func TestHijackedRequestHasNoDeadline(t *testing.T) {
	g := testGroup(t)
	g.RequestTimeout = 100 * time.Millisecond
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		late := time.NewTimer(5 * g.RequestTimeout)
		defer late.Stop()
		select {
		case <-req.Context().Done():
		case <-late.C:
		}
		fmt.Fprintf(rw, "%v\n", req.Context().Err())
		rw.Flush()
	})
	c := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if line, err := c.r.ReadString('\n'); err != nil || line != "<nil>\n" {
		t.Errorf("got %q, %v, want a context that lives", line, err)
	}
}

// TestAbandonedWriterIsOfNoUse: all ways to the connection are closed, also one
// on which the handler waits at this moment.
func TestAbandonedWriterIsOfNoUse(t *testing.T) {
	g := testGroup(t)
	g.RequestTimeout = 200 * time.Millisecond
	var results atomic.Pointer[[]error]
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		big := make([]byte, 1<<20)
		var err error
		for err == nil { // until the client, which reads nothing, holds it up
			_, err = w.Write(big)
		}
		rc := http.NewResponseController(w)
		_, _, hijack := rc.Hijack()
		_, read := req.Body.Read(big)
		_, again := w.Write(big)
		results.Store(&[]error{rc.Flush(), hijack, rc.SetReadDeadline(time.Now()), rc.SetWriteDeadline(time.Now()), rc.EnableFullDuplex(), read, again})
	})
	c := r.dial().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n")
	eventually(t, "the handler's end", func() bool { return results.Load() != nil })
	for i, err := range *results.Load() {
		if !errors.Is(err, http.ErrHandlerTimeout) {
			t.Errorf("way %d: %v, want %v", i, err, http.ErrHandlerTimeout)
		}
	}
	if _, err := io.Copy(io.Discard, bufio.NewReader(c)); isTimeout(err) {
		t.Error("the connection is still open")
	}
}

func TestStackOfAGoroutine(t *testing.T) {
	release, id := make(chan struct{}), make(chan string)
	defer close(release)
	go func() {
		id <- goroutineID()
		deafWait(release)
	}()
	hung := <-id
	var d stackDump
	eventually(t, "the wait", func() bool {
		d.taken = time.Time{}
		return strings.Contains(d.of(hung), "deafWait")
	})
	if own := d.of(goroutineID()); strings.Contains(own, "deafWait(") || !strings.Contains(own, "TestStackOfAGoroutine") {
		t.Errorf("the stack of another goroutine: %s", own)
	}
	if got, want := d.of("0"), "not taken: too many requests time out"; got != want {
		t.Errorf("a second look in a short time gave %q, want %q", got, want)
	}
}
