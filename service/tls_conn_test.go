package service

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dialTLS is a connection for HTTP/1 by hand, within TLS.
func (r *running) dialTLS(version uint16) *client {
	r.t.Helper()
	nc, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
	if err == nil {
		err = nc.SetDeadline(time.Now().Add(patience))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { nc.Close() })
	return &client{t: r.t, Conn: nc, r: bufio.NewReader(nc)}
}

// TestFramingIsSeenThroughTLS: what is in no doubt keeps its connection, also in
// HTTP/1.0, and in whatever records it comes; what is, ends it.
func TestFramingIsSeenThroughTLS(t *testing.T) {
	g := testGroup(t)
	g.CertFile = selfMade
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) { io.Copy(w, req.Body) })
	const (
		chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
		old     = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
		both    = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
	)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := r.dialTLS(version)
		for range 3 {
			if a := c.send(chunked).answer("POST"); a.text != "abc" || a.Close {
				t.Fatalf("%q, close %t; want abc and that the connection goes on", a.text, a.Close)
			}
			for i := range 20 { // the header comes in many records
				c.send(chunked[i : i+1])
			}
			if a := c.send(chunked[20:]).answer("POST"); a.Close {
				t.Fatal("a header in many records ended the connection")
			}
			if a := c.send(old).answer("GET"); a.Close {
				t.Fatal("keep-alive of HTTP/1.0 ended the connection")
			}
		}
		if a := c.send(both + smuggled).answer("POST"); a.text != "abc" || !a.Close {
			t.Errorf("%q, close %t; want abc and the end of the connection", a.text, a.Close)
		}
		c.closed()
	}
}

// TestRequestKnowsItsTLS: net/http is not told by its own type of connection.
func TestRequestKnowsItsTLS(t *testing.T) {
	ca := newAuthority(t, "ca")
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	put(t, caFile, ca.pem)
	g := testGroup(t)
	g.CertFile, g.ClientCA = ca.both("localhost"), caFile
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		local, _ := req.Context().Value(http.LocalAddrContextKey).(net.Addr)
		server, _ := req.Context().Value(http.ServerContextKey).(*http.Server)
		fmt.Fprint(w, req.TLS.PeerCertificates[0].Subject.CommonName, " ", req.TLS.ServerName, " ", req.TLS.NegotiatedProtocol, " ",
			strings.HasPrefix(req.RemoteAddr, "127.0.0.1:"), " ", fmt.Sprint(local), " ", server != nil)
	})
	config := &tls.Config{RootCAs: ca.pool(), ServerName: "localhost", Certificates: []tls.Certificate{ca.client()}}
	for proto, set := range map[string]func(*http.Protocols){
		"":   func(p *http.Protocols) { p.SetHTTP1(true) }, // Go's client asks for nothing then
		"h2": func(p *http.Protocols) { p.SetHTTP2(true) },
	} {
		if _, body := get(t, httpClient(t, r, config.Clone(), set), "https://"+r.addr); body != "client localhost "+proto+" true "+r.addr+" true" {
			t.Errorf("%s: %q", proto, body)
		}
	}
}

// TestHandshakesHaveATime that a client cannot stretch.
func TestHandshakesHaveATime(t *testing.T) {
	g := testGroup(t)
	g.CertFile, g.HeaderTimeout = selfMade, 100*time.Millisecond
	r := serve(t, g, hello)
	c := r.dial()
	c.send("\x16\x03\x01\x00\xff") // a record that never comes
	if _, err := io.ReadAll(c.r); err != nil && isTimeout(err) {
		t.Errorf("the connection is open after %v", patience)
	}
	eventually(t, "a word about it", func() bool {
		return strings.Contains(r.logs.String(), `level=DEBUG msg="http: TLS handshake error from 127.0.0.1:`)
	})
	eventually(t, "the end of the connection", func() bool { return r.connections() == 0 })
}

// TestHandshakeIsNotOfTheRequestsTime: the deadlines of the handshake are over
// with it.
func TestHandshakeIsNotOfTheRequestsTime(t *testing.T) {
	g := testGroup(t)
	g.CertFile, g.HeaderTimeout, g.WriteTimeout = selfMade, 200*time.Millisecond, 0
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		select {
		case <-time.After(3 * g.HeaderTimeout):
		case <-req.Context().Done():
		}
		hello(w, req)
	})
	if a := r.dialTLS(0).send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.text != "hello\n" {
		t.Errorf("answer %q", a.text)
	}
}

// TestPlainHTTPToTLS gets a word that a person understands.
func TestPlainHTTPToTLS(t *testing.T) {
	g := testGroup(t)
	g.CertFile = selfMade
	r := serve(t, g, hello)
	for _, method := range []string{"GET", "DELETE"} {
		c := r.dial()
		if a := c.send(method + " / HTTP/1.1\r\nHost: h\r\n\r\n").answer(method); a.StatusCode != 400 || a.text != "this port speaks HTTPS, want https:// in the URL\n" {
			t.Errorf("%d %q", a.StatusCode, a.text)
		}
		c.closed()
	}
}

// TestUnreadableRequestsAreLoggedThroughTLS: HTTP-13.
func TestUnreadableRequestsAreLoggedThroughTLS(t *testing.T) {
	g := testGroup(t)
	g.CertFile = selfMade
	r := serve(t, g, hello)
	if a := r.dialTLS(0).send("hello\r\n\r\n").answer("GET"); a.StatusCode != 400 {
		t.Errorf("status %d, want 400", a.StatusCode)
	}
	if a := r.dialTLS(0).send("GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").answer("GET"); a.StatusCode != 200 {
		t.Errorf("status %d, want 200", a.StatusCode)
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
	if log := r.accessLog(); strings.Count(log, "\n") != 2 || !strings.Contains(log, `] "-" 400 0 "-" "-" - `) || !strings.Contains(log, `"GET /b HTTP/1.1" 200 `) {
		t.Errorf("access log\n%s", log)
	}
}

// TestIdleTLSConnectionsEndAtTheDrain after the grace, and requests that come
// before are answered.
func TestIdleTLSConnectionsEndAtTheDrain(t *testing.T) {
	g := testGroup(t)
	g.CertFile, g.DrainIdleGrace = selfMade, 300*time.Millisecond
	r := serve(t, g, hello)
	idle, busy := r.dialTLS(0), r.dialTLS(0)
	for _, c := range []*client{idle, busy} {
		if a := c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.StatusCode != 200 || a.Close {
			t.Fatalf("answer %+v", a)
		}
	}
	eventually(t, "two idle connections", func() bool { return r.Stats().Idle == 2 })
	begin := time.Now()
	r.stop()
	eventually(t, "the drain", func() bool { return r.Stats().Draining })
	if a := busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.StatusCode != 200 || !a.Close {
		t.Errorf("answer %+v during the drain, want 200 and Connection: close", a)
	}
	if rest, err := io.ReadAll(idle.r); len(rest) > 0 || err != nil {
		t.Errorf("the idle connection gave %q, %v, want its end", rest, err)
	}
	if took := time.Since(begin); took < g.DrainIdleGrace {
		t.Errorf("the idle connection ended after %v, want %v at least", took, g.DrainIdleGrace)
	}
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

// TestHijackThroughTLS: a WebSocket's handler gets the decrypted connection.
func TestHijackThroughTLS(t *testing.T) {
	g := testGroup(t)
	g.CertFile = selfMade
	r := serve(t, g, func(w http.ResponseWriter, _ *http.Request) {
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		line, err := rw.ReadString('\n')
		if err == nil {
			_, err = io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"+line)
		}
		if err != nil {
			t.Error(err)
		}
	})
	c := r.dialTLS(0).send("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nping\n")
	rest, err := io.ReadAll(c.r)
	if err != nil || !strings.HasSuffix(string(rest), "\r\n\r\nping\n") {
		t.Errorf("%q, %v, want the line back", rest, err)
	}
}

// TestCutThroughTLS ends a handshake that hangs, too.
func TestCutThroughTLS(t *testing.T) {
	g := testGroup(t)
	g.CertFile, g.HeaderTimeout = selfMade, 0
	r := serve(t, g, func(_ http.ResponseWriter, req *http.Request) {
		<-req.Context().Done()
		if err := context.Cause(req.Context()); !errors.Is(err, ErrCut) {
			t.Errorf("cause %v, want ErrCut", err)
		}
	})
	r.dial().send("\x16\x03\x01\x00\xff")
	r.dialTLS(0).send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	eventually(t, "a request in flight and a handshake", func() bool { return r.Stats().InFlight == 1 && r.connections() == 2 })
	r.Cut()
	if err := r.wait(); err == nil || err.Error() != "1 requests cut (stop)" {
		t.Errorf("Serve() = %v, want one cut request", err)
	}
}
