package service

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// writePEM makes a certificate file with its key.
func writePEM(t *testing.T) (path string, pool *x509.CertPool, cert tls.Certificate) {
	t.Helper()
	pair, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = tls.X509KeyPair(pair, pair); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(path, pair, 0o600); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(pair)
	return path, pool, cert
}

// httpClient speaks one protocol only.
func httpClient(t *testing.T, r *running, config *tls.Config, set func(*http.Protocols)) *http.Client {
	t.Helper()
	p := new(http.Protocols)
	set(p)
	tr := &http.Transport{TLSClientConfig: config, Protocols: p}
	if strings.HasPrefix(r.addr, "/") {
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", r.addr)
		}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

func get(t *testing.T, c *http.Client, url string) (proto, body string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Proto, string(b)
}

func TestTLS(t *testing.T) {
	path, pool, _ := writePEM(t)
	g := testGroup(t)
	g.CertFile = path
	r := serve(t, g, report)
	for want, set := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2.0": func(p *http.Protocols) { p.SetHTTP2(true) },
	} {
		c := httpClient(t, r, &tls.Config{RootCAs: pool}, set)
		for range 2 {
			proto, body := get(t, c, "https://"+r.addr+"/a")
			if proto != want || body != `GET /a https ""` {
				t.Errorf("%s %q, want %s and https", proto, body, want)
			}
		}
	}
	old := &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	if _, err := tls.Dial("tcp", r.addr, old); err == nil {
		t.Error("TLS 1.1 was spoken, want 1.2 at least")
	}
	eventually(t, "a word about it", func() bool {
		return strings.Contains(r.logs.String(), `level=DEBUG msg="http: TLS handshake error from 127.0.0.1:`)
	})
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	if log := r.accessLog(); strings.Count(log, `"GET /a HTTP/1.1" 200 15`) != 2 || strings.Count(log, `"GET /a HTTP/2.0" 200 15`) != 2 {
		t.Errorf("access log %s, want two lines of each protocol", log)
	}
}

func TestClientCertificatesAreRequired(t *testing.T) {
	path, pool, cert := writePEM(t)
	g := testGroup(t)
	g.CertFile, g.ClientCA = path, path
	r := serve(t, g, hello)
	h1 := func(p *http.Protocols) { p.SetHTTP1(true) }
	if _, err := httpClient(t, r, &tls.Config{RootCAs: pool}, h1).Get("https://" + r.addr); err == nil {
		t.Error("a client without a certificate was served")
	}
	// The self-made certificate is for servers: what matters is that it is
	// looked at.
	_, err := httpClient(t, r, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}, h1).Get("https://" + r.addr)
	if err == nil {
		t.Error("a server's certificate was taken for a client's")
	}
}

func TestSelfMadeCertificate(t *testing.T) {
	g := testGroup(t)
	g.CertFile = "*"
	r := serve(t, g, hello)
	c := httpClient(t, r, &tls.Config{InsecureSkipVerify: true}, func(p *http.Protocols) { p.SetHTTP1(true) })
	if _, body := get(t, c, "https://"+r.addr); body != "hello\n" {
		t.Errorf("%q, want hello", body)
	}
}

// TestKeepAliveIsOfHTTP1: HTTP/2 is one connection for everything.
func TestKeepAliveIsOfHTTP1(t *testing.T) {
	g := testGroup(t)
	g.H2C, g.KeepAlive = true, false
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) { io.WriteString(w, req.RemoteAddr) })
	c := httpClient(t, r, nil, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
	_, first := get(t, c, "http://"+r.addr)
	if _, second := get(t, c, "http://"+r.addr); first != second {
		t.Errorf("two connections, %s and %s, want one", first, second)
	}
}

func TestH2C(t *testing.T) {
	prior := func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }
	g := testGroup(t)
	r := serve(t, g, report)
	if _, err := httpClient(t, r, nil, prior).Get("http://" + r.addr); err == nil {
		t.Error("h2c was spoken without the option")
	}
	g = testGroup(t)
	g.H2C = true
	r = serve(t, g, report)
	if proto, body := get(t, httpClient(t, r, nil, prior), "http://"+r.addr+"/a"); proto != "HTTP/2.0" || body != `GET /a http ""` {
		t.Errorf("%s %q, want HTTP/2.0", proto, body)
	}
	if a := r.dial().send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.text != `GET /a http ""` {
		t.Errorf("%q, want that HTTP/1.1 goes on", a.text)
	}
}

// TestDrainOfHTTP2LosesNoRequest: a client gets GOAWAY and goes to a new
// connection; in the end it is refused.
func TestDrainOfHTTP2LosesNoRequest(t *testing.T) {
	g := testGroup(t)
	g.H2C = true
	g.DrainIdleGrace = time.Second
	r := serve(t, g, hello)
	var answered atomic.Int64
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for i := range errs {
		c := httpClient(t, r, nil, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
		wg.Go(func() { errs[i] = hammer(c, "http://"+r.addr, &answered) })
	}
	eventually(t, "traffic", func() bool { return answered.Load() > 500 })
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("client %d lost a request: %v", i, err)
		}
	}
	if got := int64(strings.Count(r.accessLog(), "HTTP/2.0")); got != answered.Load() {
		t.Errorf("%d requests in the access log, %d answered", got, answered.Load())
	}
}

// hammer asks until it is refused.
func hammer(c *http.Client, url string, answered *atomic.Int64) error {
	for {
		resp, err := c.Get(url)
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" && strings.Contains(err.Error(), "refused") {
			return nil
		}
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != "hello\n" {
			return fmt.Errorf("body %q, %w", body, err)
		}
		answered.Add(1)
	}
}

// TestIdleHTTP2ConnectionsGetGOAWAY pins the second server of newHTTP2.
func TestIdleHTTP2ConnectionsGetGOAWAY(t *testing.T) {
	g := testGroup(t)
	g.H2C = true
	g.DrainIdleGrace = patience // GOAWAY does not wait for it
	r := serve(t, g, hello)
	c := r.dial().send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	eventually(t, "the connection", func() bool { return r.Stats().Idle == 1 })
	r.stop()
	var types []byte
	for {
		var h [9]byte
		if _, err := io.ReadFull(c.r, h[:]); err != nil {
			break
		}
		types = append(types, h[3])
		if _, err := c.r.Discard(int(h[0])<<16 | int(h[1])<<8 | int(h[2])); err != nil {
			break
		}
	}
	const goAway = 7
	if !bytes.Contains(types, []byte{goAway}) {
		t.Errorf("frames of the types %v, want a GOAWAY (7)", types)
	}
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

// TestStreamsOfHTTP2AreWaitedFor: GOAWAY lets them end.
func TestStreamsOfHTTP2AreWaitedFor(t *testing.T) {
	g := testGroup(t)
	g.H2C = true
	g.BodyTimeout = 300 * time.Millisecond
	release := make(chan struct{})
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		io.WriteString(w, "a")
		http.NewResponseController(w).Flush()
		<-release
		io.Copy(w, req.Body) // after longer than BodyTimeout, but it was not silent while it was read
	})
	c := httpClient(t, r, nil, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
	resp, err := c.Post("http://"+r.addr, "text/plain", strings.NewReader("bcd"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r.stop()
	eventually(t, "the drain", func() bool { return r.Stats().Draining })
	<-time.After(2 * g.BodyTimeout)
	close(release)
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "abcd" {
		t.Errorf("body %q, %v, want abcd", b, err)
	}
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

// TestBodyTimeoutOfHTTP2 ends one stream, not the connection.
func TestBodyTimeoutOfHTTP2(t *testing.T) {
	g := testGroup(t)
	g.H2C = true
	g.BodyTimeout = 200 * time.Millisecond
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		_, err := io.ReadAll(req.Body)
		fmt.Fprint(w, errors.Is(err, os.ErrDeadlineExceeded))
	})
	c := httpClient(t, r, nil, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
	pr, pw := io.Pipe()
	defer pw.Close()
	resp, err := c.Post("http://"+r.addr, "text/plain", pr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "true" {
		t.Errorf("the application's read ended with a timeout: %s, want true", b)
	}
}

func TestCutOfHTTP2(t *testing.T) {
	g := testGroup(t)
	g.H2C = true
	r := serve(t, g, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	c := httpClient(t, r, nil, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if resp, err := c.Get("http://" + r.addr); err == nil {
				resp.Body.Close()
			}
		})
	}
	eventually(t, "three streams", func() bool { return r.Stats().InFlight == 3 })
	r.Cut()
	if err := r.wait(); err == nil || err.Error() != "3 requests cut (stop)" {
		t.Errorf("Serve() = %v, want 3 requests cut (stop)", err)
	}
	wg.Wait()
}

func TestTLSProblems(t *testing.T) {
	path, _, _ := writePEM(t)
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name          string
		cert, key, ca string
		option, want  string
	}{
		{"no such file", dir + "/no.pem", "", "", "cert_file", "open " + dir + "/no.pem: no such file or directory, want PEM files with a certificate and its key"},
		{"no certificate in it", empty, "", "", "cert_file", "tls: failed to find any PEM data in certificate input, want PEM files with a certificate and its key"},
		{"a key alone", "", path, "", "key_file", "a key without a certificate, want cert_file too"},
		{"a CA alone", "", "", path, "ca_file", "client certificates need TLS, want cert_file too"},
		{"no CA", path, "", dir + "/no.pem", "ca_file", "open " + dir + "/no.pem: no such file or directory, want a PEM file"},
		{"a CA file without one", path, "", empty, "ca_file", `no certificate in "` + empty + `", want a PEM file`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := testGroup(t)
			g.CertFile, g.KeyFile, g.ClientCA = tt.cert, tt.key, tt.ca
			var oe *paste.OptionError
			err := g.Check()
			if !errors.As(err, &oe) || oe.Option != tt.option || oe.Err.Error() != tt.want {
				t.Errorf("Check() = %v, want %s: %s", err, tt.option, tt.want)
			}
			l := mustListen(t, g)
			err = (&Server{Group: g, Handler: http.HandlerFunc(hello)}).Serve(context.Background(), l)
			if want := "server test: " + tt.option + ": " + tt.want; err == nil || err.Error() != want || ExitCode(err) != 1 {
				t.Errorf("Serve() = %v, want %s", err, want)
			}
		})
	}
}
