package service

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
)

// TestCertificateIsReplacedUnderLoad: no handshake fails, and the new one is
// there in the end.
func TestCertificateIsReplacedUnderLoad(t *testing.T) {
	ca := newAuthority(t, "ca")
	g := testGroup(t)
	g.CertFile = ca.both("localhost")
	r := serveWith(t, g, hello, func(s *Server) { s.lookTime = time.Millisecond })
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var shakes atomic.Int64
	for range 4 {
		wg.Go(func() {
			for !isClosed(stop) {
				if _, err := handshake(r, &tls.Config{RootCAs: ca.pool(), ServerName: "localhost"}); err != nil {
					t.Errorf("handshake %d: %v", shakes.Load(), err)
					return
				}
				shakes.Add(1)
			}
		})
	}
	for range 5 {
		cert, key := ca.issue(soon(), "localhost")
		put(t, g.CertFile, cert, key)
		want, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the new certificate", func() bool {
			state := mustShake(r, &tls.Config{RootCAs: ca.pool(), ServerName: "localhost"})
			return state.PeerCertificates[0].Equal(want.Leaf)
		})
	}
	close(stop)
	wg.Wait()
	if shakes.Load() < 10 {
		t.Errorf("%d handshakes, want more", shakes.Load())
	}
	if n := strings.Count(r.logs.String(), `level=INFO msg="new certificates" server=test`); n != 5 {
		t.Errorf("%d lines about it, want 5:\n%s", n, r.logs)
	}
}

// TestWhatIsNoPairIsNotTaken: the first half of a change is told once, and the
// second half completes it.
func TestWhatIsNoPairIsNotTaken(t *testing.T) {
	ca := newAuthority(t, "ca")
	dir := t.TempDir()
	cert, key := ca.issue(soon(), "old")
	g := testGroup(t)
	g.CertFile, g.KeyFile, g.Files = dir+"/cert.pem", dir+"/key.pem", new(snapshot.Files)
	put(t, g.CertFile, cert)
	put(t, g.KeyFile, key)
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	w := WatchCertificates(g, testGroup(t))
	look := func(what, want string) {
		t.Helper()
		var got string
		for _, c := range w.Look() {
			got = "changed"
			if c.Err != nil {
				got = c.Err.Error()
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	look("at the begin", "")
	cert, key = ca.issue(soon(), "new")
	put(t, g.CertFile, cert)
	look("a certificate without its key", "tls: private key does not match public key")
	look("once more", "")
	if w.Latest(g) != nil {
		t.Error("there is a latest certificate before there was a change")
	}
	put(t, g.KeyFile, key)
	look("with its key", "changed")
	look("and again", "")
	put(t, g.KeyFile, key)
	look("the same in a new file", "")
	if err := os.Remove(g.CertFile); err != nil {
		t.Fatal(err)
	}
	look("no file", "open "+g.CertFile+": no such file or directory")
	s := &Server{Group: g, Handler: http.HandlerFunc(hello)}
	if err := s.SetCertificates(w.Latest(g)); err != nil {
		t.Fatal(err)
	}
	// A worker of this generation that is started only now: what it was told
	// before goes before its snapshot.
	r := serveWith(t, g, hello, func(s *Server) {
		s.Supervised = true
		if err := s.SetCertificates(w.Latest(g)); err != nil {
			t.Fatal(err)
		}
	})
	if got := mustShake(r, &tls.Config{InsecureSkipVerify: true}).PeerCertificates[0].DNSNames[0]; got != "new" {
		t.Errorf("the certificate of %s, want the new one", got)
	}
}

func TestSetCertificatesRefuses(t *testing.T) {
	ca := newAuthority(t, "ca")
	g := testGroup(t)
	g.CertFile = ca.both("localhost")
	plain := testGroup(t)
	for _, tt := range []struct {
		g          *Group
		data, want string
	}{
		{g, "", "certificates of server test: unexpected end of JSON input"},
		{g, "[]", "certificates of server test: the server speaks no TLS"},
		{g, `[{"Cert":"eA==","Key":"eA=="}]`, "certificates of server test: tls: failed to find any PEM data in certificate input"},
		{plain, "[]", "certificates of server test: the server speaks no TLS"},
	} {
		if err := (&Server{Group: tt.g}).SetCertificates([]byte(tt.data)); err == nil || err.Error() != tt.want {
			t.Errorf("SetCertificates(%q) = %v, want %s", tt.data, err, tt.want)
		}
	}
}

func TestExpiring(t *testing.T) {
	ca := newAuthority(t, "ca")
	now := time.Now()
	tests := []struct {
		name          string
		until         time.Time
		expired, soon string
	}{
		{"good", now.AddDate(0, 6, 0), "", ""},
		{"soon", now.Add(29*24*time.Hour + time.Minute), "", "expires in 29 days, on %s, want a new one"},
		{"today", now.Add(time.Hour), "", "expires in 0 days, on %s, want a new one"},
		{"over", now.Add(-time.Second), "expired on %s, want a new one", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := testGroup(t)
			cert, key := ca.issue(tt.until, "a.test")
			g.CertFile = filepath.Join(t.TempDir(), "a.pem")
			put(t, g.CertFile, cert, key)
			text := func(list []*paste.OptionError, want string) {
				t.Helper()
				if want != "" {
					want = fmt.Sprintf("cert_file: the certificate of a.test in %q "+want, g.CertFile, tt.until.UTC().Format(time.DateOnly))
				}
				var got string
				for _, e := range list {
					got += e.Error()
				}
				if got != want {
					t.Errorf("= %s, want %s", got, want)
				}
			}
			expired, soon := g.Expiring(now)
			text(expired, tt.expired)
			text(soon, tt.soon)
			if err := g.Check(); err != nil { // it is served all the same
				t.Error(err)
			}
		})
	}
}

// TestExpiryIsInTheMetrics: the first end of a chain, of two kinds of keys, and
// of what was replaced.
func TestExpiryIsInTheMetrics(t *testing.T) {
	root := newAuthority(t, "root")
	board := scoreboard.New()
	region, err := board.Claim("test", 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	g := testGroup(t)
	first, second := time.Now().AddDate(0, 2, 0).Truncate(time.Second), time.Now().AddDate(0, 1, 0).Truncate(time.Second)
	cert, key := root.issue(first, "a.test")
	g.CertFile = filepath.Join(t.TempDir(), "a.pem")
	put(t, g.CertFile, cert, key)
	serveWith(t, g, hello, func(s *Server) { s.Region, s.lookTime = region, time.Millisecond })
	has := func(end time.Time) func() bool {
		return func() bool {
			return gathered(t, board, "wheatpaste_certificate_expiry_timestamp_seconds") == fmt.Sprintf("a.test test %d", end.Unix())
		}
	}
	eventually(t, "the end", has(first))
	cert, key = root.issue(first, "a.test")
	rest, _ := root.issue(second, "ca in the chain")
	put(t, g.CertFile, cert, rest, key)
	eventually(t, "the end of the chain", has(second))
}
