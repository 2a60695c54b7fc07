//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
)

// met is what a client sees of a server by one connection.
type met struct {
	tls.ConnectionState
	worker string
}

// meet opens a connection, asks for one page and reads all of it; nothing is
// forgiven, and nothing tried again.
func meet(address string, c *tls.Config) (met, error) {
	d := &net.Dialer{Timeout: patience / 2}
	nc, err := tls.DialWithDialer(d, "tcp", address, c)
	if err != nil {
		return met{}, err
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(patience / 2)); err != nil {
		return met{}, err
	}
	if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
		return met{}, err
	}
	in := bufio.NewReader(nc)
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		return met{}, err
	}
	body, err := io.ReadAll(r.Body)
	if err == nil && (r.StatusCode != http.StatusOK || string(body) != load.Plain) {
		err = fmt.Errorf("answer %d %q", r.StatusCode, body)
	}
	if rest, end := io.ReadAll(in); err == nil && (end != nil || len(rest) > 0) { // the end is announced within TLS
		err = fmt.Errorf("the connection ends with %q and %w", rest, end)
	}
	return met{nc.ConnectionState(), r.Header.Get(load.WorkerHeader)}, err
}

func mustMeet(t *testing.T, address string, c *tls.Config) met {
	t.Helper()
	m, err := meet(address, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A session goes on with any worker, whichever made the ticket.
func TestSessionsAreResumedByTheOtherWorker(t *testing.T) {
	t.Parallel()
	ca := newIssuer(t, "ca")
	cert, key := ca.issue("localhost")
	path := file(t, "both.pem", string(cert)+string(key))
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "cert_file = "+path)))
	address := s.serves("main")
	s.awaitReady("main", 2)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := &tls.Config{RootCAs: ca.pool(), ServerName: "localhost", MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		first := mustMeet(t, address, c)
		if first.DidResume || first.Version != version {
			t.Fatalf("the first session goes on, or is of %s", tls.VersionName(first.Version))
		}
		until(t, "both workers were met", func() bool {
			m := mustMeet(t, address, c)
			if !m.DidResume {
				t.Errorf("%s: worker %s does not go on with a session of %s", tls.VersionName(version), m.worker, first.worker)
			}
			return m.worker != first.worker
		})
	}
	s.finish()
}

// handshakes are clients that open new connections all the time, and their
// failures.
type handshakes struct {
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu    sync.Mutex
	count int
	errs  []error
	shown map[string]string // by worker: the common name of its certificate, at last
}

func shakeHands(ctx context.Context, address string, c *tls.Config) *handshakes {
	h := &handshakes{shown: map[string]string{}}
	ctx, h.stop = context.WithCancel(ctx)
	for range 4 {
		h.wg.Go(func() {
			for ctx.Err() == nil {
				m, err := meet(address, c)
				h.note(m, err)
			}
		})
	}
	return h
}

func (h *handshakes) note(m met, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	if err != nil {
		h.errs = append(h.errs, err)
		return
	}
	h.shown[m.worker] = m.PeerCertificates[0].Subject.CommonName
}

// show reports whether so many workers show a certificate, and no other.
func (h *handshakes) show(name string, workers int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, shown := range h.shown {
		if shown != name {
			return false
		}
	}
	return len(h.shown) == workers
}

// loseNone ends the clients, and wants all to have been served.
func (h *handshakes) loseNone(t *testing.T) {
	t.Helper()
	h.stop()
	h.wg.Wait()
	if h.count < 100 || len(h.errs) > 0 {
		t.Errorf("%d connections, of which %d failed: %v", h.count, len(h.errs), errors.Join(h.errs[:min(len(h.errs), 5)]...))
	}
	t.Logf("%d connections, each with a full handshake", h.count)
}

// replaceUnderLoad puts new certificates into the place of those of a server with
// two workers: all show them, none is replaced, and no client fails.
func replaceUnderLoad(t *testing.T, s *supervised, ca *issuer, certFile, keyFile string) {
	t.Helper()
	address := s.serves("main")
	workers := s.awaitReady("main", 2)
	c := &tls.Config{RootCAs: ca.pool(), ServerName: "localhost"}
	h := shakeHands(t.Context(), address, c)
	defer h.stop()
	until(t, "both workers show the first certificate", func() bool { return h.show("first", 2) })
	for _, name := range []string{"second", "third"} {
		cert, key := ca.issue(name, "localhost")
		if keyFile == "" {
			replace(t, certFile, append(cert, key...))
		} else { // there is a moment in which they do not fit
			replace(t, keyFile, key)
			replace(t, certFile, cert)
		}
		until(t, "both workers show the "+name+" certificate", func() bool { return h.show(name, 2) })
	}
	h.loseNone(t)
	if got := s.ready("main"); fmt.Sprint(got) != fmt.Sprint(workers) || s.said("msg=reloaded") > 0 {
		t.Errorf("workers %v, want still %v and no reload", got, workers)
	}
	if n := s.said(`level=INFO msg="new certificates" server=main$`); n != 2 {
		t.Errorf("the log names new certificates %d times, want 2", n)
	}
}

func TestCertificatesAreReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	ca := newIssuer(t, "ca")
	cert, key := ca.issue("first", "localhost")
	path := file(t, "both.pem", string(cert)+string(key))
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "cert_file = "+path)))
	replaceUnderLoad(t, s, ca, path, "")
	s.finish()
}

// The key is root's alone, and the workers are nobody: the master hands them what
// is new. A worker that is started later has it, too.
func TestCertificatesAreReplacedForAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getenv("WHEATPASTE_INTEGRATION") == "1" && os.Geteuid() != 0 {
		t.Fatal("only root can become somebody else")
	}
	asRoot(t)
	ca := newIssuer(t, "ca")
	dir := openFolder(t)
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert, key := ca.issue("first", "localhost")
	replace(t, certFile, cert)
	replace(t, keyFile, key)
	s := prepare(t, file(t, "paste.ini", loadApp+server("workers = 2", "user = nobody", "cert_file = "+certFile, "key_file = "+keyFile)))
	s.Path = openProgram(t, dir)
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
	replaceUnderLoad(t, s, ca, certFile, keyFile)
	s.areConfined()
	victim := s.ready("main")[0]
	kill(t, victim, syscall.SIGTERM)
	s.awaitReady("main", 2, victim)
	s.areConfined()
	c := &tls.Config{RootCAs: ca.pool(), ServerName: "localhost"}
	workers := map[string]bool{}
	until(t, "both workers were met", func() bool {
		m := mustMeet(t, s.serves("main"), c)
		if name := m.PeerCertificates[0].Subject.CommonName; name != "third" {
			t.Errorf("worker %s shows the %s certificate, want the third", m.worker, name)
		}
		workers[m.worker] = true
		return len(workers) == 2
	})
	s.finish()
}

// areConfined wants the workers to be nobody, who has no capabilities and gets no
// privileges any more.
func (s *supervised) areConfined() {
	s.t.Helper()
	s.areNobody()
	for _, pid := range s.ready("main") {
		if no := ids(s.t, pid, "NoNewPrivs"); no != "1" {
			s.t.Errorf("worker %d has NoNewPrivs %s, want 1", pid, no)
		}
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
			if c := ids(s.t, pid, set); c == "" || strings.Trim(c, "0") != "" {
				s.t.Errorf("worker %d has %s %s, want none", pid, set, c)
			}
		}
	}
}

// tlsOption is a server with options of TLS and what a client gets of it.
type tlsOption struct {
	name    string
	options []string
	client  *tls.Config
	served  bool
	holds   func(met) bool
}

// What the options of TLS say holds in the program, not only in its parts.
func TestOptionsOfTLS(t *testing.T) {
	t.Parallel()
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	dir := t.TempDir()
	write := func(name string, parts ...[]byte) string {
		path := filepath.Join(dir, name)
		replace(t, path, []byte(strings.Join(strs(parts), "")))
		return path
	}
	pair := func(name string) (cert, key string) {
		c, k := ca.issue(name)
		return write(name+".pem", c), write(name+".key", k)
	}
	oneCert, oneKey := pair("one.example")
	twoCert, twoKey := pair("two.example")
	plain := []string{"cert_file = " + oneCert, "key_file = " + oneKey}
	with := func(options ...string) []string { return append(plain[:2:2], options...) }
	sni := []string{"cert_file = " + oneCert + " " + twoCert, "key_file = " + oneKey + " " + twoKey}
	required := with("ca_file = " + write("ca.pem", ca.pem()))
	optional := append(slices.Clone(required), "client_auth = optional")
	cipher := with("tls_ciphers = ECDHE-ECDSA-AES256-GCM-SHA384", "tls_min_version = 1.2")
	shows := func(name string) func(met) bool {
		return func(m met) bool { return m.PeerCertificates[0].Subject.CommonName == name }
	}
	speaks := func(version uint16) func(met) bool { return func(m met) bool { return m.Version == version } }
	shown := func(c *tls.Certificate) *tls.Config {
		return &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c, nil }}
	}
	runTLSOptions(t, ca, []tlsOption{
		{"the first of two names", sni, &tls.Config{ServerName: "one.example"}, true, shows("one.example")},
		{"the second of two names", sni, &tls.Config{ServerName: "two.example"}, true, shows("two.example")},
		{"a name that nobody has gets the first", sni, &tls.Config{ServerName: "three.example"}, false, nil},
		{"no client certificate where one is required", required, &tls.Config{}, false, nil},
		{"a client certificate of the CA", required, shown(ca.client()), true, nil},
		{"a client certificate of another", required, shown(other.client()), false, nil},
		{"no client certificate where one is optional", optional, &tls.Config{}, true, nil},
		{"an optional client certificate of the CA", optional, shown(ca.client()), true, nil},
		{"an optional client certificate of another", optional, shown(other.client()), false, nil},
		{"1.0", plain, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false, nil},
		{"1.1", plain, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false, nil},
		{"1.2", plain, &tls.Config{MaxVersion: tls.VersionTLS12}, true, speaks(tls.VersionTLS12)},
		{"1.3", plain, &tls.Config{}, true, speaks(tls.VersionTLS13)},
		{"1.2 below the minimum", with("tls_min_version = 1.3"), &tls.Config{MaxVersion: tls.VersionTLS12}, false, nil},
		{"1.3 at the minimum", with("tls_min_version = 1.3"), &tls.Config{}, true, speaks(tls.VersionTLS13)},
		{"a cipher that is allowed", cipher, &tls.Config{MaxVersion: tls.VersionTLS12}, true,
			func(m met) bool { return m.CipherSuite == tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 }},
		{"a cipher that is not", cipher, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, false, nil},
		{"1.3 has ciphers of its own", cipher, &tls.Config{}, true, speaks(tls.VersionTLS13)},
	})
}

func strs(parts [][]byte) []string {
	var list []string
	for _, p := range parts {
		list = append(list, string(p))
	}
	return list
}

// runTLSOptions starts one wheatpaste with a server for each different set of
// options.
func runTLSOptions(t *testing.T, ca *issuer, all []tlsOption) {
	t.Helper()
	ini, names := loadApp, map[string]string{}
	for _, o := range all {
		key := strings.Join(o.options, "\n")
		if names[key] == "" {
			names[key] = fmt.Sprintf("s%d", len(names))
			ini += serverNamed(names[key], append(slices.Clip(o.options), "workers = 1")...)
		}
	}
	s := supervise(t, file(t, "paste.ini", ini), "--server-name", "all")
	for _, o := range all {
		t.Run(o.name, func(t *testing.T) {
			o.client.RootCAs = ca.pool()
			if o.client.ServerName == "" {
				o.client.ServerName = "one.example"
			}
			m, err := meet(s.serves(names[strings.Join(o.options, "\n")]), o.client)
			if (err == nil) != o.served {
				t.Fatalf("error %v, want served %t", err, o.served)
			}
			if o.holds != nil && !o.holds(m) {
				t.Errorf("it shows %s, speaks %s and %s", m.PeerCertificates[0].Subject.CommonName, tls.VersionName(m.Version), tls.CipherSuiteName(m.CipherSuite))
			}
		})
	}
	s.finish()
}
