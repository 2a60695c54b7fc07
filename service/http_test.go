package service

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// report answers with what the application saw of the request.
func report(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "cannot read: "+err.Error(), http.StatusBadRequest)
		return
	}
	env := pipeline.FromRequest(r)
	fmt.Fprintf(w, "%s %s%s %s %q", r.Method, env.ScriptName(), r.URL.Path, env.Scheme(), body)
}

// TestRawHTTP is what clients may send, byte by byte, and what they get.
func TestRawHTTP(t *testing.T) {
	r := serve(t, testGroup(t), report)
	type want struct {
		status int
		body   string
		close  bool
	}
	tests := []struct {
		name, send string
		method     string
		want       []want
	}{
		{"one request", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET", []want{{200, `GET /a http ""`, false}}},
		{"pipelined requests", "GET /a HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxyGET /c HTTP/1.1\r\nHost: h\r\n\r\n", "GET",
			[]want{{200, `GET /a http ""`, false}, {200, `POST /b http "xy"`, false}, {200, `GET /c http ""`, false}}},
		{"a chunked body with a trailer", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n", "POST",
			[]want{{200, `POST / http "abcde"`, false}}},
		{"HEAD has no body", "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD", []want{{200, "", false}}},
		{"HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", "GET", []want{{200, `GET /a http ""`, true}}},
		{"HTTP/1.0 with keep-alive", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n", "GET",
			[]want{{200, `GET /a http ""`, false}, {200, `GET /b http ""`, true}}},
		{"a client that wants to close", "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET", []want{{200, `GET /a http ""`, true}}},
		{"the absolute form", "GET http://other/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET", []want{{200, `GET /a http ""`, false}}},
		{"OPTIONS about the server itself", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS", []want{{200, "", false}}},
		{"an unknown method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", "BREW", []want{{200, `BREW / http ""`, false}}},
		{"an unknown expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", "GET", []want{{417, "", true}}},
		{"an unknown version", "GET / HTTP/3.7\r\nHost: h\r\n\r\n", "GET", []want{{505, "505 HTTP Version Not Supported: unsupported protocol version", true}}},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "GET", []want{{400, "400 Bad Request: missing required Host header", true}}},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET", []want{{400, "400 Bad Request", true}}},
		{"no HTTP at all", "hello\r\n\r\n", "GET", []want{{400, "400 Bad Request", true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := r.dial().send(tt.send)
			c.t = t
			for i, want := range tt.want {
				a := c.answer(tt.method)
				if a.StatusCode != want.status || a.text != want.body || a.Close != want.close {
					t.Errorf("answer %d: %d %q close %v, want %d %q close %v", i, a.StatusCode, a.text, a.Close, want.status, want.body, want.close)
				}
				if want.close {
					c.closed()
				}
			}
		})
	}
}

// TestSmuggling pins what becomes of requests on whose length two parsers may
// disagree (RFC 9112 6.3, 11.2). In each case the bytes after the first request
// are taken as a second one, as body, or not at all; what must never happen is
// that the application sees another request than a strict proxy in front does.
func TestSmuggling(t *testing.T) {
	r := serve(t, testGroup(t), report)
	const second = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
	tests := []struct {
		name, send string
		status     int
		body       string
	}{
		{"Content-Length and Transfer-Encoding: the latter counts", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, `POST / http "abc"`},
		{"two Content-Lengths that differ", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n" + second, 400, "400 Bad Request"},
		{"two Content-Lengths that agree", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", 200, `POST / http "ab"`},
		{"a list of Content-Lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2, 2\r\n\r\nab", 400, "400 Bad Request"},
		{"a Content-Length with a sign", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n\r\nab", 400, "400 Bad Request"},
		{"a negative Content-Length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400, "400 Bad Request"},
		{"a Content-Length that is too large", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, "400 Bad Request"},
		{"an unknown transfer coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", 501, "Unsupported transfer encoding"},
		{"chunked and another coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "Unsupported transfer encoding"},
		{"chunked twice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501, "Unsupported transfer encoding"},
		{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 200, `POST / http ""`},
		{"a blank before the colon", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\n", 400, "400 Bad Request: invalid header name"},
		{"a folded header line", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 200, `GET / http ""`},
		{"a first line that is folded", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400, "400 Bad Request"},
		{"a zero byte in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", 400, "400 Bad Request"},
		{"a bare CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400, "400 Bad Request"},
		{"a bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n", 400, "400 Bad Request"},
		{"bare LF between header lines", "GET / HTTP/1.1\nHost: h\n\n", 200, `GET / http ""`},
		{"bare LF after a chunk's size", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400, "cannot read: chunked line ends with bare LF\n"},
		{"a chunk that is longer than it says", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400, "cannot read: malformed chunked encoding\n"},
		{"a chunk size that is no number", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n", 400, "cannot read: invalid byte in chunk length\n"},
		{"a name that is no token", "GET / HTTP/1.1\r\nHost: h\r\nX@Y: a\r\n\r\n", 400, "400 Bad Request"},
		{"a host that is none", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "400 Bad Request: malformed Host header"},
		{"two blanks in the request line", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "400 Bad Request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := r.dial().send(tt.send)
			c.t = t
			a := c.answer("POST")
			if a.StatusCode != tt.status || a.text != tt.body {
				t.Fatalf("%d %q, want %d %q", a.StatusCode, a.text, tt.status, tt.body)
			}
			if a.StatusCode != http.StatusOK {
				c.closed() // nothing after it is looked at
			}
		})
	}
}

// TestUnreadBodyIsNoRequest: what a handler did not read is never taken for
// the next request.
func TestUnreadBodyIsNoRequest(t *testing.T) {
	r := serve(t, testGroup(t), hello)
	body := "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
	c := r.dial().send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%sGET /next HTTP/1.1\r\nHost: h\r\n\r\n", len(body), body))
	for range 2 {
		if a := c.answer("GET"); a.StatusCode != http.StatusOK {
			t.Errorf("status %d, want 200", a.StatusCode)
		}
	}
	c.Close()
	r.end()
	if log := r.accessLog(); strings.Contains(log, "smuggled") || !strings.Contains(log, "/next") {
		t.Errorf("access log %q, want POST / and GET /next", log)
	}
}

func TestExpectContinue(t *testing.T) {
	t.Run("is sent when the application reads", func(t *testing.T) {
		r := serve(t, testGroup(t), report)
		c := r.dial().send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
		line, err := c.r.ReadString('\n')
		if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("%q, %v, want 100 Continue", line, err)
		}
		c.r.ReadString('\n')
		if a := c.send("xy").answer("POST"); a.text != `POST /a http "xy"` || a.Close {
			t.Errorf("%q close %v, want the body and an open connection", a.text, a.Close)
		}
	})
	t.Run("is not sent when it answers first", func(t *testing.T) {
		g := testGroup(t)
		g.BodyTimeout = 200 * time.Millisecond
		r := serve(t, g, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
		c := r.dial().send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
		if a := c.answer("POST"); a.StatusCode != http.StatusForbidden || !a.Close {
			t.Errorf("%d close %v, want 403 and the end", a.StatusCode, a.Close)
		}
		c.closed()
	})
	t.Run("is not sent for a body beyond the limit", func(t *testing.T) {
		g := testGroup(t)
		g.MaxBody = 1
		r := serve(t, g, report)
		c := r.dial().send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
		if a := c.answer("POST"); a.StatusCode != http.StatusRequestEntityTooLarge || !a.Close {
			t.Errorf("%d close %v, want 413 and the end", a.StatusCode, a.Close)
		}
	})
}

func TestPrefixAndScheme(t *testing.T) {
	g := testGroup(t)
	g.URLScheme, g.URLPrefix = "https", "/app"
	r := serve(t, g, report)
	for path, want := range map[string]string{
		"/app/x":  `GET /app/x https ""`,
		"/app":    `GET /app https ""`,
		"/apple":  `GET /app/apple https ""`,
		"/x/app/": `GET /app/x/app/ https ""`,
	} {
		if a := r.dial().send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.text != want {
			t.Errorf("%s: %q, want %q", path, a.text, want)
		}
	}
}

func TestAccessLog(t *testing.T) {
	r := serve(t, testGroup(t), func(w http.ResponseWriter, req *http.Request) {
		env := pipeline.FromRequest(req)
		switch req.URL.Path {
		case "/who":
			env.SetIdentity(pipeline.Identity{UserName: "alice"})
			env.SetRequestID("req-1")
			env.SetClientAddr("192.0.2.1")
			req.URL.Path = "/changed"
			http.Error(w, "no", http.StatusForbidden)
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/head":
			io.WriteString(w, "12345")
		}
	})
	r.dial().send("GET /who?password=p HTTP/1.1\r\nHost: h\r\nUser-Agent: a\"b\r\nReferer: http://r/?token=t\r\n\r\n").answer("GET")
	r.dial().send("HEAD /head HTTP/1.1\r\nHost: h\r\n\r\n").answer("HEAD")
	r.dial().send("GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET")
	r.dial().send("GET /abort HTTP/1.1\r\nHost: h\r\n\r\n").closed()
	r.dial().send("garbage\r\n\r\n").answer("GET")
	r.end()
	log := r.accessLog()
	for _, want := range []string{
		`192.0.2.1 - alice [`, `] "GET /who?password=*** HTTP/1.1" 403 3 "http://r/?token=***" "a\"b" req-1 0.`,
		`127.0.0.1 - - [`, `] "HEAD /head HTTP/1.1" 200 0 "-" "-" - 0.`,
		`] "GET /nothing HTTP/1.1" 200 0 "-" "-" - 0.`,
		`] "GET /abort HTTP/1.1" - 0 "-" "-" - 0.`,
		`] "-" 400 0 "-" "-" - 0.000000`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("access log\n%s\nwant in it %s", log, want)
		}
	}
	if n := strings.Count(log, "\n"); n != 5 {
		t.Errorf("%d lines, want 5:\n%s", n, log)
	}
}

func TestClientThatLeavesIsLoggedAs499(t *testing.T) {
	in := make(chan struct{})
	r := serve(t, testGroup(t), func(_ http.ResponseWriter, req *http.Request) {
		close(in)
		<-req.Context().Done()
	})
	c := r.dial().send("GET /long HTTP/1.1\r\nHost: h\r\n\r\n")
	<-in
	c.Close()
	eventually(t, "the handler's end", func() bool { return r.Stats().Requests == 1 })
	r.end()
	if log := r.accessLog(); !strings.Contains(log, `"GET /long HTTP/1.1" 499 0 `) {
		t.Errorf("access log %q, want 499", log)
	}
}
