package service

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	g := testGroup(t)
	g.MaxRequestLine, g.MaxHeaderLine, g.MaxHeaderBytes, g.MaxBody = 100, 200, 1000, 10
	read := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/deaf" { // goes on in spite of the error
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, "fine")
			return
		}
		w.Header().Set("X-Kept", "yes")
		w.Header().Set("Content-Encoding", "gzip")
		report(w, r)
	}
	r := serve(t, g, read)
	chunked := func(path string, n int) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", path, n, strings.Repeat("b", n))
	}
	a := strings.Repeat("a", 3000)
	tests := []struct {
		name, send string
		status     int
	}{
		{"a request line of 100 bytes", "GET /" + a[:100-14] + " HTTP/1.1\r\nHost: h\r\n\r\n", 200},
		{"a request line of 101 bytes", "GET /" + a[:101-14] + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
		{"a header line of 200 bytes", "GET / HTTP/1.1\r\nHost: h\r\nX: " + a[:197] + "\r\n\r\n", 200},
		{"a header line of 201 bytes", "GET / HTTP/1.1\r\nHost: h\r\nX: " + a[:198] + "\r\n\r\n", 431},
		// net/http adds 4096 bytes to the limit.
		{"a header of more than 5096 bytes", "GET / HTTP/1.1\r\nHost: h\r\nX: " + a + a + "\r\n\r\n", 431},
		{"a body of 10 bytes", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n" + a[:10], 200},
		{"a body of 11 bytes", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n" + a[:11], 413},
		{"a chunked body of 10 bytes", chunked("/", 10), 200},
		{"a chunked body of 11 bytes", chunked("/", 11), 413},
		{"an application that does not mind", chunked("/deaf", 11), 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := r.dial().send(tt.send)
			c.t = t
			a := c.answer("POST")
			if a.StatusCode != tt.status {
				t.Errorf("%d %q, want %d", a.StatusCode, a.text, tt.status)
			}
			if tt.status != 200 {
				if !a.Close {
					t.Error("no Connection: close")
				}
				c.closed()
			}
		})
	}
	t.Run("a 413 in place of the application's answer", func(t *testing.T) {
		a := r.dial().send(chunked("/", 11)).answer("POST")
		if a.text != "413 Request Entity Too Large\n" || a.Header.Get("X-Kept") != "yes" || a.Header.Get("Content-Encoding") != "" {
			t.Errorf("%q with %v, want our text, the application's headers, not those of its body", a.text, a.Header)
		}
	})
	r.end()
	if log := r.accessLog(); strings.Count(log, `HTTP/1.1" 413 29 `) != 3 || strings.Contains(log, `" 400 `) {
		t.Errorf("access log %s, want three lines with 413", log)
	}
}

func TestTimeouts(t *testing.T) {
	const short = 200 * time.Millisecond
	ok := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	tests := []struct {
		name   string
		set    func(*Group)
		before string // answered
		send   string
	}{
		{"a slow header", func(g *Group) { g.HeaderTimeout = short }, "", "GET / HTTP/1.1\r\nHost: h\r\nX: "},
		{"no request at all", func(g *Group) { g.HeaderTimeout = short }, "", ""},
		{"a slow second header", func(g *Group) { g.HeaderTimeout = short }, ok, "GET / HTTP/1.1\r\nHost: h\r\nX: "},
		// net/http takes the half line for a whole one and says 400.
		{"a slow request line", func(g *Group) { g.HeaderTimeout = short }, ok, "GET / HT"},
		{"an idle connection", func(g *Group) { g.IdleTimeout = short }, ok, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := testGroup(t)
			tt.set(g)
			r := serve(t, g, hello)
			c := r.dial()
			if tt.before != "" {
				c.send(tt.before).answer("GET")
			}
			if c.send(tt.send); tt.send == "GET / HT" {
				c.answer("GET")
			}
			c.closed()
		})
	}
}

// TestSlowHeaderIsCutInTotal: a byte now and then does not prolong it
// (slowloris).
func TestSlowHeaderIsCutInTotal(t *testing.T) {
	g := testGroup(t)
	g.HeaderTimeout = 300 * time.Millisecond
	r := serve(t, g, hello)
	c := r.dial().send("GET / HTTP/1.1\r\n")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		<-tick.C
		if _, err := io.WriteString(c, "X: y\r\n"); err != nil {
			return
		}
	}
	t.Error("the connection lives after ten seconds of header")
}

func TestBodyTimeout(t *testing.T) {
	g := testGroup(t)
	g.BodyTimeout = time.Second
	read := make(chan error, 4)
	r := serve(t, g, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
		if err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	})
	t.Run("ends a silent body", func(t *testing.T) {
		c := r.dial().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab")
		c.t = t
		if a := c.answer("POST"); a.StatusCode != http.StatusRequestTimeout || !a.Close {
			t.Errorf("%d close %v, want 408 and the end", a.StatusCode, a.Close)
		}
		if err := <-read; !isTimeout(err) {
			t.Errorf("the application read %v, want a timeout", err)
		}
	})
	t.Run("lets a slow body come", func(t *testing.T) {
		c := r.dial().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n")
		c.t = t
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for range 10 {
			<-tick.C
			c.send("x")
		}
		if a := c.answer("POST"); a.StatusCode != http.StatusOK || a.Close {
			t.Errorf("%d close %v, want 200 and an open connection", a.StatusCode, a.Close)
		}
		if err := <-read; err != nil {
			t.Errorf("the application read %v", err)
		}
		for range 5 {
			<-tick.C // the deadline of the body must not end what follows
		}
		if a := c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").answer("POST"); a.StatusCode != http.StatusOK {
			t.Errorf("%d for the next request, want 200", a.StatusCode)
		}
	})
}

// TestBodyNobodyReads: a body that is neither read nor sent does not hold the
// connection for ever.
func TestBodyNobodyReads(t *testing.T) {
	g := testGroup(t)
	g.BodyTimeout = 200 * time.Millisecond
	r := serve(t, g, hello)
	c := r.dial().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nab")
	if a := c.answer("POST"); a.StatusCode != http.StatusOK || !a.Close {
		t.Errorf("%d close %v, want 200 and the end", a.StatusCode, a.Close)
	}
	c.closed()
}

func TestWriteTimeout(t *testing.T) {
	g := testGroup(t)
	g.WriteTimeout = 300 * time.Millisecond
	failed := make(chan error, 1)
	r := serve(t, g, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" { // longer than the timeout, but never silent so long
			for range 8 {
				time.Sleep(100 * time.Millisecond)
				io.WriteString(w, "x")
				http.NewResponseController(w).Flush()
			}
			return
		}
		buf := make([]byte, 1<<20)
		for {
			if _, err := w.Write(buf); err != nil {
				failed <- err
				return
			}
		}
	})
	r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if err := <-failed; !isTimeout(err) {
		t.Errorf("Write() = %v, want a timeout", err)
	}
	c := r.dial().send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
	if a := c.answer("GET"); a.text != "xxxxxxxx" || a.Close {
		t.Errorf("%q close %v, want the whole answer", a.text, a.Close)
	}
}

// TestHandlersDeadlinesGoFirst: a stream that knows better sets its own.
func TestHandlersDeadlinesGoFirst(t *testing.T) {
	g := testGroup(t)
	g.WriteTimeout = patience
	failed := make(chan error, 1)
	r := serve(t, g, func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		if err := rc.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			failed <- err
			return
		}
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				failed <- err
				return
			}
		}
	})
	r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if err := <-failed; !isTimeout(err) {
		t.Errorf("Write() = %v, want a timeout by the handler's deadline", err)
	}
}

func TestKeepAliveOff(t *testing.T) {
	g := testGroup(t)
	g.KeepAlive = false
	r := serve(t, g, hello)
	c := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if a := c.answer("GET"); !a.Close {
		t.Error("no Connection: close with keep_alive = false")
	}
	c.closed()
}

func TestMaxConnections(t *testing.T) {
	g := testGroup(t)
	g.MaxConnections = 2
	r := serve(t, g, hello)
	ask := func(c *client) answer { return c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET") }
	first, second := r.dial(), r.dial()
	ask(first)
	eventually(t, "the first is idle", func() bool { return r.Stats().Idle == 1 }) // its answer comes a moment before
	ask(second)
	eventually(t, "two idle connections", func() bool { return r.Stats().Idle == 2 })
	third := r.dial()
	if a := ask(third); a.StatusCode != http.StatusOK { // an idle one made room
		t.Errorf("status %d, want 200", a.StatusCode)
	}
	first.closed()
	if n := r.connections(); n > 2 {
		t.Errorf("%d connections, want at most 2", n)
	}
	ask(second)
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

// TestMaxConnectionsDoNotHoldUpTheEnd: all places taken, and one more waiting.
func TestMaxConnectionsDoNotHoldUpTheEnd(t *testing.T) {
	g := testGroup(t)
	g.MaxConnections = 1
	release := make(chan struct{})
	r := serve(t, g, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			<-release
		}
		hello(w, r)
	})
	busy := r.dial().send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
	eventually(t, "the request in flight", func() bool { return r.Stats().InFlight == 1 })
	waiting := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	r.stop()
	if a := waiting.answer("GET"); a.StatusCode != http.StatusOK {
		t.Errorf("status %d, want 200: at the end all that wait are let in", a.StatusCode)
	}
	close(release)
	busy.answer("GET")
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}
