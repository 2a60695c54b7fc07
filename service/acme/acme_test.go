package acme_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/acme"
)

// pebbleVersion is of the CA that Let's Encrypt made for tests.
const pebbleVersion = "v2.8.0"

const patience = time.Minute

func TestCheck(t *testing.T) {
	good := acme.Config{Names: []string{"a.example", "b.example"}, CA: "https://ca/dir", Dir: "/d"}
	for _, tt := range []struct {
		name        string
		change      func(*acme.Config)
		field, want string
	}{
		{"good", func(*acme.Config) {}, "", ""},
		{"Let's Encrypt", func(c *acme.Config) { c.CA = "" }, "", ""},
		{"no name", func(c *acme.Config) { c.Names = nil }, "Names", "no name, want host names"},
		{"a wildcard", func(c *acme.Config) { c.Names[1] = "*.example" }, "Names", `invalid name "*.example", want host names without wildcards`},
		{"no name at all", func(c *acme.Config) { c.Names[1] = "a b" }, "Names", `invalid name "a b", want host names without wildcards`},
		{"a CA without TLS", func(c *acme.Config) { c.CA = "http://ca/dir" }, "CA", `invalid URL "http://ca/dir", want https://HOST/PATH of an ACME directory`},
		{"no folder", func(c *acme.Config) { c.Dir = "" }, "Dir", `invalid folder "", want an absolute path`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			c.Names = append([]string{}, good.Names...)
			tt.change(&c)
			field, err := c.Check()
			if got := fmt.Sprint(err); field != tt.field || got != tt.want && (err != nil || tt.want != "") {
				t.Errorf("Check() = %q, %v, want %q, %s", field, err, tt.field, tt.want)
			}
		})
	}
}

// A CA that cannot be reached is an error of the next looks; the manager ends
// when it is told to.
func TestNoCA(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	m, err := acme.Start(acme.Config{Names: []string{"a.example"}, CA: "https://" + l.Addr().String() + "/dir", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	until(t, "an error", func() bool {
		_, errs, ok := m.Look()
		return ok && len(errs) > 0
	})
}

// until polls for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it never comes to this: %s", what)
		}
	}
}

// pebble is a running CA.
type pebble struct {
	t               *testing.T
	dir             string
	address, manage string
	client          *http.Client // that trusts its HTTPS
}

// startPebble starts one that looks for all names at a port of this machine, and
// whose certificates live for some seconds.
func startPebble(t *testing.T, tlsPort, seconds int) *pebble {
	t.Helper()
	if os.Getenv("WHEATPASTE_INTEGRATION") != "1" {
		t.Skip("the CA is installed for this test: WHEATPASTE_INTEGRATION=1 does it")
	}
	p := &pebble{t: t, dir: t.TempDir(), address: freeAddress(t), manage: freeAddress(t)}
	program := p.install()
	p.certificate()
	host, port, _ := net.SplitHostPort(p.address)
	config := map[string]any{
		"listenAddress": host + ":" + port, "managementListenAddress": p.manage, "httpPort": 1, "tlsPort": tlsPort,
		"certificate": filepath.Join(p.dir, "ca.pem"), "privateKey": filepath.Join(p.dir, "ca.key"),
		"profiles": map[string]any{"default": map[string]any{"description": "short", "validityPeriod": seconds}},
	}
	text, err := json.Marshal(map[string]any{"pebble": config})
	if err == nil {
		err = os.WriteFile(filepath.Join(p.dir, "config.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.run(program)
	return p
}

// install builds the program, outside of this module.
func (p *pebble) install() string {
	p.t.Helper()
	cmd := exec.Command("go", "install", "github.com/letsencrypt/pebble/v2/cmd/pebble@"+pebbleVersion)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "GOBIN="+p.dir, "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(p.dir, "pebble")
}

// certificate makes that of its HTTPS.
func (p *pebble) certificate() {
	p.t.Helper()
	cmd := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "ca.key", "-out", "ca.pem")
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(p.dir, "ca.pem"))
	if err != nil {
		p.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(data)
	p.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}, Timeout: patience}
}

func (p *pebble) run(program string) {
	p.t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(program, "-config", filepath.Join(p.dir, "config.json"), "-dnsserver", nameServer(p.t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if p.t.Failed() {
			p.t.Logf("the CA said\n%s", out.String())
		}
	})
	until(p.t, "the CA answers", func() bool {
		r, err := p.client.Get("https://" + p.address + "/dir")
		if err == nil {
			r.Body.Close()
		}
		return err == nil
	})
}

// roots are who vouches for its certificates.
func (p *pebble) roots() *x509.CertPool {
	p.t.Helper()
	r, err := p.client.Get("https://" + p.manage + "/roots/0")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(data) {
		p.t.Fatalf("no root: %v", err)
	}
	return pool
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// nameServer says that all names are this machine.
func nameServer(t *testing.T) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		if len(q.Question) == 1 && q.Question[0].Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = s.ActivateAndServe() }()
	t.Cleanup(func() { _ = s.Shutdown() })
	return pc.LocalAddr().String()
}

// workers are two servers behind one port, which gets each connection to the
// other of them, as many as there are.
type workers struct {
	servers [2]*service.Server
	addrs   [2]string
	met     [2]atomic.Int64
	port    int
}

// startWorkers runs them on the files of one group.
func startWorkers(t *testing.T, g *service.Group, front net.Listener) *workers {
	t.Helper()
	w := &workers{port: front.Addr().(*net.TCPAddr).Port}
	for i := range w.servers {
		listeners, err := service.Listen(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		ready := make(chan struct{})
		s := &service.Server{Group: g, Supervised: true, Ready: func() { close(ready) }, Handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "hello") })}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, listeners...) }()
		t.Cleanup(func() { cancel(); <-done })
		select {
		case <-ready:
		case err := <-done:
			t.Fatal(err)
		}
		w.servers[i], w.addrs[i] = s, listeners[0].Addr().String()
	}
	go w.split(front)
	t.Cleanup(func() { _ = front.Close() })
	return w
}

// split gives the connections to the workers by turns.
func (w *workers) split(front net.Listener) {
	for i := 0; ; i++ {
		nc, err := front.Accept()
		if err != nil {
			return
		}
		at := i % 2
		w.met[at].Add(1)
		go func() {
			defer nc.Close()
			to, err := net.Dial("tcp", w.addrs[at])
			if err != nil {
				return
			}
			defer to.Close()
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = io.Copy(to, nc); _ = to.(*net.TCPConn).CloseWrite() })
			_, _ = io.Copy(nc, to)
			_ = nc.Close()
			wg.Wait()
		}()
	}
}

// supervise does what a master does, until the function that it gives is called.
func (w *workers) supervise(t *testing.T, g *service.Group) (end func()) {
	watch := service.WatchCertificates(g)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer watch.Close()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			for _, c := range watch.Look() {
				if c.Err != nil {
					t.Logf("look: %v", c.Err) // a file may be there before its key
					continue
				}
				for _, s := range w.servers {
					if err := s.SetCertificates(c.Data); err != nil {
						t.Errorf("SetCertificates: %v", err)
					}
				}
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(stop); <-done })
}

// shown is the serial number of what a worker shows for a name, "" when the CA
// does not vouch for it.
func shown(t *testing.T, addr, name string, roots *x509.CertPool) string {
	t.Helper()
	nc, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		t.Errorf("a handshake failed: %v", err)
		return ""
	}
	defer nc.Close()
	chain := nc.ConnectionState().PeerCertificates
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: intermediates, CurrentTime: chain[0].NotBefore}); err != nil {
		return ""
	}
	return chain[0].SerialNumber.String()
}

// TestCertificatesOfACA: two workers get those of two names from a real CA, which
// may ask either of them; later they are renewed. No handshake fails.
func TestCertificatesOfACA(t *testing.T) {
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const life = 45 // seconds
	ca := startPebble(t, front.Addr().(*net.TCPAddr).Port, life)
	g := service.DefaultGroup()
	g.Listen, g.AccessLog, g.Files = []service.Address{{Network: "tcp", Addr: "127.0.0.1:0"}}, "off", new(snapshot.Files)
	names := []string{"one.example", "two.example"}
	config := acme.Config{Names: names, Email: "a@one.example", CA: "https://" + ca.address + "/dir", CAFile: filepath.Join(ca.dir, "ca.pem"), Dir: t.TempDir()}
	if err := g.ObtainCertificates(config); err != nil {
		t.Fatal(err)
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	w := startWorkers(t, g, front)
	end := w.supervise(t, g)
	defer end()
	first := w.awaitAll(t, names, ca.roots(), nil)
	if a, b := w.met[0].Load(), w.met[1].Load(); a == 0 || b == 0 {
		t.Errorf("the CA asked the workers %d and %d times, want both", a, b)
	}
	end()
	keysAreSecret(t, config)
	<-time.After(life * time.Second * 3 / 4) // the time of renewal is what the test waits for
	defer w.supervise(t, g)()
	w.awaitAll(t, names, ca.roots(), first)
}

// awaitAll waits until both workers show a certificate of the CA for each name,
// other than those before.
func (w *workers) awaitAll(t *testing.T, names []string, roots *x509.CertPool, before map[string]string) map[string]string {
	t.Helper()
	now := map[string]string{}
	for _, name := range names {
		for _, addr := range w.addrs {
			until(t, "a certificate of "+name, func() bool {
				now[name] = shown(t, addr, name, roots)
				return now[name] != "" && now[name] != before[name]
			})
		}
	}
	return now
}

// keysAreSecret wants files that their owner alone can read.
func keysAreSecret(t *testing.T, c acme.Config) {
	t.Helper()
	for _, name := range c.Names {
		_, key := c.Files(name)
		data, err := os.ReadFile(key)
		if err != nil {
			t.Fatal(err)
		}
		if block, _ := pem.Decode(data); block == nil {
			t.Errorf("%s is no key", key)
		}
		if info, err := os.Stat(key); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want that nobody else reads it; %v", key, info.Mode(), err)
		}
	}
}
