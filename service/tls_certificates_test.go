package service

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
)

// handshake tells what a client gets to see.
func handshake(r *running, c *tls.Config) (tls.ConnectionState, error) {
	r.t.Helper()
	nc, err := tls.Dial("tcp", r.addr, c)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	// A version 1.3 client hears of a refusal only when it reads.
	if _, err := io.WriteString(nc, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return tls.ConnectionState{}, err
	}
	b, err := io.ReadAll(nc)
	if err == nil && !strings.HasSuffix(string(b), "hello\n") {
		err = fmt.Errorf("answer %q", b)
	}
	return nc.ConnectionState(), err
}

func mustShake(r *running, c *tls.Config) tls.ConnectionState {
	r.t.Helper()
	state, err := handshake(r, c)
	if err != nil {
		r.t.Fatal(err)
	}
	return state
}

func TestVersionsOfTLS(t *testing.T) {
	ca := newAuthority(t, "ca")
	path := ca.both("localhost")
	tests := []struct {
		name     string
		least    TLSVersion
		min, max uint16
		want     uint16 // 0: refused
	}{
		{"1.0", 0, tls.VersionTLS10, tls.VersionTLS10, 0},
		{"1.1", 0, tls.VersionTLS10, tls.VersionTLS11, 0},
		{"1.2", 0, tls.VersionTLS12, tls.VersionTLS12, tls.VersionTLS12},
		{"the best of both", 0, tls.VersionTLS12, 0, tls.VersionTLS13},
		{"1.2, where 1.3 is wanted", tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS12, 0},
		{"1.3, where it is wanted", tls.VersionTLS13, 0, 0, tls.VersionTLS13},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := testGroup(t)
			g.CertFile, g.TLSMinVersion = path, tt.least
			r := serve(t, g, hello)
			state, err := handshake(r, &tls.Config{RootCAs: ca.pool(), ServerName: "localhost", MinVersion: tt.min, MaxVersion: tt.max})
			if tt.want == 0 && (err == nil || !strings.Contains(err.Error(), "protocol version not supported")) {
				t.Errorf("spoken: %v, want that the version is refused", err)
			}
			if tt.want != 0 && (err != nil || state.Version != tt.want) {
				t.Errorf("version %#x, %v, want %#x", state.Version, err, tt.want)
			}
		})
	}
}

func TestCiphersAreThoseOfTheOption(t *testing.T) {
	ca := newAuthority(t, "ca")
	g := testGroup(t)
	cert, key := ca.issueRSA(soon(), "localhost")
	g.CertFile = filepath.Join(t.TempDir(), "rsa.pem")
	put(t, g.CertFile, cert, key)
	g.TLSCiphers, _ = Ciphers("ECDHE-RSA-AES256-GCM-SHA384")
	r := serve(t, g, hello)
	ask := func(suite uint16) (tls.ConnectionState, error) {
		return handshake(r, &tls.Config{RootCAs: ca.pool(), ServerName: "localhost", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}})
	}
	if state, err := ask(tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384); err != nil || state.CipherSuite != tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 {
		t.Errorf("suite %s, %v, want the one of the option", tls.CipherSuiteName(state.CipherSuite), err)
	}
	for _, suite := range []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_GCM_SHA256} {
		if _, err := ask(suite); err == nil {
			t.Errorf("%s was spoken, want none but the one of the option", tls.CipherSuiteName(suite))
		}
	}
}

// TestUnsafeCiphersAreNotSpoken is what a scanner looks for.
func TestUnsafeCiphersAreNotSpoken(t *testing.T) {
	ca := newAuthority(t, "ca")
	g := testGroup(t)
	cert, key := ca.issueRSA(soon(), "localhost")
	g.CertFile = filepath.Join(t.TempDir(), "rsa.pem")
	put(t, g.CertFile, cert, key)
	r := serve(t, g, hello)
	for _, s := range tls.InsecureCipherSuites() {
		_, err := handshake(r, &tls.Config{RootCAs: ca.pool(), ServerName: "localhost", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{s.ID}})
		if err == nil {
			t.Errorf("%s was spoken", s.Name)
		}
	}
}

func TestCipherNames(t *testing.T) {
	tests := []struct {
		text, suites, unknown string
	}{
		{"", "", ""},
		{"ECDHE-RSA-AES128-GCM-SHA256:ecdhe-ecdsa-chacha20-poly1305", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", ""},
		{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", ""},
		{"ECDHE-RSA-AES128-SHA ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", ""},
		{"TLS_AES_128_GCM_SHA256", "", ""},
		{"HIGH:!aNULL:AES128-SHA:RC4-SHA", "", "HIGH !aNULL AES128-SHA RC4-SHA"},
		{"TLS_RSA_WITH_RC4_128_SHA", "", "TLS_RSA_WITH_RC4_128_SHA"},
	}
	for _, tt := range tests {
		ids, unknown := Ciphers(tt.text)
		var names []string
		for _, id := range ids {
			names = append(names, tls.CipherSuiteName(id))
		}
		if got := strings.Join(names, " "); got != tt.suites || strings.Join(unknown, " ") != tt.unknown {
			t.Errorf("Ciphers(%q) = %s, %q, want %s, %q", tt.text, got, unknown, tt.suites, tt.unknown)
		}
	}
}

// TestHTTP2NeedsItsCiphers: RFC 9113 9.2.2.
func TestHTTP2NeedsItsCiphers(t *testing.T) {
	cbc, _ := Ciphers("ECDHE-RSA-AES128-SHA")
	gcm, _ := Ciphers("ECDHE-RSA-AES128-SHA ECDHE-RSA-AES128-GCM-SHA256")
	for want, suites := range map[string][]uint16{"http/1.1": cbc, "h2 http/1.1": gcm} {
		if got := strings.Join(protocolsFor(suites), " "); got != want {
			t.Errorf("protocols %s, want %s", got, want)
		}
	}
}

func TestCertificateIsChosenByName(t *testing.T) {
	ca := newAuthority(t, "ca")
	g := testGroup(t)
	dir := t.TempDir()
	cert, key := ca.issue(soon(), "default.example.com")
	put(t, dir+"/default.pem", cert)
	put(t, dir+"/default.key", key)
	g.CertFile, g.KeyFile = dir+"/default.pem", dir+"/default.key"
	g.MoreCertificates = []CertificateFiles{
		{CertFile: ca.both("*.example.org")}, {CertFile: ca.both("api.example.org", "api.example.net")},
	}
	rsaCert, rsaKey := ca.issueRSA(soon(), "api.example.org")
	put(t, dir+"/rsa.pem", rsaCert, rsaKey)
	g.MoreCertificates = append(g.MoreCertificates, CertificateFiles{CertFile: dir + "/rsa.pem"})
	r := serve(t, g, hello)
	tests := []struct {
		server, want string
		rsa          bool
	}{
		{"default.example.com", "default.example.com", false},
		{"www.example.org", "*.example.org", false},
		{"api.example.org", "api.example.org", false}, // before the wildcard, which stands first
		{"API.example.NET", "api.example.org", false},
		{"a.b.example.org", "default.example.com", false}, // a wildcard is for one label
		{"elsewhere.test", "default.example.com", false},
		{"", "default.example.com", false},
		{"api.example.org", "api.example.org", true},
	}
	for _, tt := range tests {
		c := &tls.Config{InsecureSkipVerify: true, ServerName: tt.server}
		if tt.rsa { // a client that takes nothing else
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
		}
		leaf := mustShake(r, c).PeerCertificates[0]
		if leaf.DNSNames[0] != tt.want || (leaf.PublicKeyAlgorithm == x509.RSA) != tt.rsa {
			t.Errorf("%q got the %s certificate of %s, want %s", tt.server, leaf.PublicKeyAlgorithm, leaf.DNSNames, tt.want)
		}
	}
}

func TestChainIsSent(t *testing.T) {
	root := newAuthority(t, "root")
	sub := root.below("sub")
	cert, key := sub.issue(soon(), "localhost")
	path := filepath.Join(t.TempDir(), "chain.pem")
	put(t, path, key, cert, sub.pem) // a key may stand anywhere in it
	g := testGroup(t)
	g.CertFile = path
	r := serve(t, g, hello)
	if n := len(mustShake(r, &tls.Config{RootCAs: root.pool(), ServerName: "localhost"}).PeerCertificates); n != 2 {
		t.Errorf("%d certificates, want 2", n)
	}
}

// TestClientCertificates: OPT-12.
func TestClientCertificates(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	put(t, caFile, ca.pem)
	path := ca.both("localhost")
	tests := []struct {
		auth    ClientAuth
		name    string
		clients []tls.Certificate
		served  bool
	}{
		{"", "none, by default", nil, false},
		{ClientRequired, "none", nil, false},
		{ClientRequired, "one of the CA", []tls.Certificate{ca.client()}, true},
		{ClientRequired, "one of another", []tls.Certificate{other.client()}, false},
		{ClientOptional, "none", nil, true},
		{ClientOptional, "one of the CA", []tls.Certificate{ca.client()}, true},
		{ClientOptional, "one of another", []tls.Certificate{other.client()}, false},
	}
	for _, tt := range tests {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%s/%s", tt.auth, tt.name, tls.VersionName(version)), func(t *testing.T) {
				g := testGroup(t)
				g.CertFile, g.ClientCA, g.ClientAuth = path, caFile, tt.auth
				r := serve(t, g, hello)
				c := &tls.Config{RootCAs: ca.pool(), ServerName: "localhost", MaxVersion: version}
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if len(tt.clients) == 0 {
						return new(tls.Certificate), nil
					}
					return &tt.clients[0], nil // also one that the server does not want
				}
				if _, err := handshake(r, c); (err == nil) != tt.served {
					t.Errorf("handshake: %v, want served %t", err, tt.served)
				}
			})
		}
	}
}

// TestSessionsGoOn with the server that made them, with another process of the
// same generation, and not with another group.
func TestSessionsGoOn(t *testing.T) {
	ca := newAuthority(t, "ca")
	path := ca.both("localhost")
	files := new(snapshot.Files)
	worker := func(name string, files *snapshot.Files) *running {
		g := testGroup(t)
		g.Name, g.CertFile, g.Files = name, path, files
		return serve(t, g, hello)
	}
	first := worker("a", files)
	data, err := files.Encode()
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := snapshot.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	second, reloaded := worker("a", decoded), worker("a", nil)
	group := worker("b", files)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tt := range []struct {
			name  string
			r     *running
			again bool
		}{{"same", first, true}, {"other worker", second, true}, {"after a reload", reloaded, false}, {"other group", group, false}} {
			c := &tls.Config{RootCAs: ca.pool(), ServerName: "localhost", MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
			if mustShake(first, c).DidResume {
				t.Fatal("the first handshake was a second one")
			}
			if got := mustShake(tt.r, c).DidResume; got != tt.again {
				t.Errorf("%s, %s: session resumed %t, want %t", tls.VersionName(version), tt.name, got, tt.again)
			}
		}
	}
}

// TestTicketKeysRotate: a worker reads what another, whose clock is a moment
// ahead, has made, and what was made in the period before, but no older ones.
func TestTicketKeysRotate(t *testing.T) {
	ca := newAuthority(t, "ca")
	g := testGroup(t)
	g.CertFile, g.Files = ca.both("localhost"), new(snapshot.Files)
	base := time.Now().Truncate(ticketTime)
	at := func(shift time.Duration) *running {
		return serveWith(t, g, hello, func(s *Server) { s.clock = func() time.Time { return base.Add(shift) } })
	}
	tests := []struct {
		made, read time.Duration
		again      bool
	}{
		{0, ticketTime - 1, true}, {0, 2*ticketTime - 1, true}, {0, 2 * ticketTime, false}, {0, -1, true}, {0, -ticketTime - 1, false},
	}
	for _, tt := range tests {
		c := &tls.Config{RootCAs: ca.pool(), ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		mustShake(at(tt.made), c)
		if got := mustShake(at(tt.read), c).DidResume; got != tt.again {
			t.Errorf("made at %s, read at %s: resumed %t, want %t", tt.made, tt.read, got, tt.again)
		}
	}
}

// TestKeysFollowTheClock in a server that runs.
func TestKeysFollowTheClock(t *testing.T) {
	ca := newAuthority(t, "ca")
	g := testGroup(t)
	g.CertFile = ca.both("localhost")
	var now atomic.Int64
	now.Store(time.Now().Unix())
	r := serveWith(t, g, hello, func(s *Server) { s.clock = func() time.Time { return time.Unix(now.Load(), 0) } })
	c := &tls.Config{RootCAs: ca.pool(), ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	mustShake(r, c)
	now.Add(int64(3 * ticketTime / time.Second))
	if mustShake(r, c).DidResume {
		t.Error("a session was resumed with a key that is too old")
	}
	if !mustShake(r, c).DidResume {
		t.Error("the session was not resumed with the new key")
	}
}

func TestClientAuthProblems(t *testing.T) {
	ca := newAuthority(t, "ca")
	path := ca.both("localhost")
	for _, tt := range []struct{ cert, want string }{
		{"", "client_auth: client certificates need TLS, want cert_file and ca_file too"},
		{path, "client_auth: client certificates without a CA, want ca_file too"},
	} {
		g := testGroup(t)
		g.CertFile, g.ClientAuth = tt.cert, ClientOptional
		var oe *paste.OptionError
		if err := g.Check(); !errors.As(err, &oe) || oe.Error() != tt.want {
			t.Errorf("Check() = %v, want %s", err, tt.want)
		}
	}
	g := testGroup(t)
	g.CertFile, g.MoreCertificates = path, []CertificateFiles{{CertFile: "/no/such.pem"}}
	if err := g.Check(); err == nil || err.Error() != "cert_file: open /no/such.pem: no such file or directory, want PEM files with a certificate and its key" {
		t.Errorf("Check() = %v", err)
	}
}
