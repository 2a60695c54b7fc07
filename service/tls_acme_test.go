package service

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service/acme"
)

// obtaining is a group whose certificates are not there yet, and whose clients
// must have some.
func obtaining(t *testing.T, names ...string) *Group {
	t.Helper()
	g := testGroup(t)
	if err := g.ObtainCertificates(acme.Config{Names: names, CA: "https://127.0.0.1:1/dir", Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	return g
}

// supervised is a server that is told of certificates by the test.
func supervised(t *testing.T, g *Group) *running {
	t.Helper()
	return serveWith(t, g, hello, func(s *Server) { s.Supervised = true })
}

// TestProofsAreShown to a CA, which has no client certificate, and to nobody else;
// they end with the handshake.
func TestProofsAreShown(t *testing.T) {
	ca := newAuthority(t, "ca")
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	put(t, caFile, ca.pem)
	g := obtaining(t, "one.example", "two.example")
	g.ClientCA = caFile
	r := supervised(t, g)
	var pairs []pair
	for _, name := range []string{"one.example", "two.example"} {
		cert, key := ca.issue(soon(), name)
		pairs = append(pairs, pair{Cert: cert, Key: key})
	}
	proof, key := ca.issue(soon(), "two.example", "proof")
	data, err := json.Marshal(append(pairs, pair{Cert: proof, Key: key, Proof: true}))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetCertificates(data); err != nil {
		t.Fatal(err)
	}
	asks := func(name string, protocols ...string) *tls.Config {
		return &tls.Config{RootCAs: ca.pool(), ServerName: name, NextProtos: protocols}
	}
	nc, err := tls.Dial("tcp", r.addr, asks("two.example", acme.Protocol))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if s := nc.ConnectionState(); len(s.PeerCertificates[0].DNSNames) != 2 || s.NegotiatedProtocol != acme.Protocol {
		t.Errorf("%v by %q, want the proof", s.PeerCertificates[0].DNSNames, s.NegotiatedProtocol)
	}
	_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: h\r\n\r\n") // it may be closed already
	if b, _ := io.ReadAll(nc); len(b) > 0 {
		t.Errorf("%q was answered after a proof", b)
	}
	if nc, err := tls.Dial("tcp", r.addr, asks("one.example", acme.Protocol)); err == nil {
		t.Error("a proof of a name that nobody asked for")
		nc.Close()
	}
	client := asks("two.example", "http/1.1")
	client.Certificates = []tls.Certificate{ca.client()}
	if s := mustShake(r, client); len(s.PeerCertificates[0].DNSNames) != 1 {
		t.Errorf("clients get to see %v", s.PeerCertificates[0].DNSNames)
	}
	if _, err := handshake(r, asks("two.example", "http/1.1", acme.Protocol)); err == nil {
		t.Error("a client that offers the proof's protocol, too, needs no certificate")
	}
}

// TestNoProofsWithoutACME: the protocol is not spoken where nobody obtains
// certificates.
func TestNoProofsWithoutACME(t *testing.T) {
	g := testGroup(t)
	g.CertFile = selfMade
	r := serve(t, g, hello)
	if nc, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{acme.Protocol}}); err == nil {
		t.Error("the protocol of proofs was spoken")
		nc.Close()
	}
}

// TestSelfMadeUntilThereIsACertificate: who obtains them has to be reachable.
func TestSelfMadeUntilThereIsACertificate(t *testing.T) {
	g := obtaining(t, "one.example")
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	r := supervised(t, g)
	if s := mustShake(r, &tls.Config{InsecureSkipVerify: true}); s.PeerCertificates[0].Subject.CommonName != "localhost" {
		t.Errorf("certificate of %s, want a self-made one", s.PeerCertificates[0].Subject.CommonName)
	}
}

// TestWatchTellsOfACMEsErrorsOnce, and Close ends what obtains.
func TestWatchTellsOfACMEsErrorsOnce(t *testing.T) {
	g := testGroup(t)
	if err := g.ObtainCertificates(acme.Config{Names: []string{"one.example"}, CAFile: filepath.Join(t.TempDir(), "none.pem"), Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	w := WatchCertificates(g)
	defer w.Close()
	for i, want := range []int{1, 0, 0} {
		var errs []error
		for _, c := range w.Look() {
			if c.Err != nil {
				errs = append(errs, c.Err)
			}
		}
		if len(errs) != want || want == 1 && !errors.Is(errs[0], fs.ErrNotExist) {
			t.Errorf("look %d has the errors %v, want %d of a file that is not there", i, errs, want)
		}
	}
}

func TestObtainCertificatesRefuses(t *testing.T) {
	for _, tt := range []struct {
		cert         string
		c            acme.Config
		option, want string
	}{
		{"a.pem", acme.Config{}, "acme", "certificates of a CA beside those of cert_file, want one of the two"},
		{"", acme.Config{Names: []string{"*"}, Dir: "/d"}, "acme", `invalid name "*", want host names without wildcards`},
		{"", acme.Config{Names: []string{"a.example"}, CA: "x", Dir: "/d"}, "acme_ca", `invalid URL "x", want https://HOST/PATH of an ACME directory`},
		{"", acme.Config{Names: []string{"a.example"}, Dir: "d"}, "acme_dir", `invalid folder "d", want an absolute path`},
	} {
		g := testGroup(t)
		g.CertFile = tt.cert
		var oe *paste.OptionError
		if err := g.ObtainCertificates(tt.c); !errors.As(err, &oe) || oe.Option != tt.option || oe.Err.Error() != tt.want {
			t.Errorf("ObtainCertificates(%v) = %v, want %s: %s", tt.c, err, tt.option, tt.want)
		}
	}
}
