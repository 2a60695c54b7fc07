// Package acme obtains certificates from a CA by ACME (RFC 8555) and renews them,
// in one process for all the workers of a server.
//
// The names are proved by TLS-ALPN-01 (RFC 8737): whoever answers on port 443, any
// worker, shows a certificate that is made for this. It comes to the workers in
// the way of certificates that were replaced.
package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// Protocol is the ALPN protocol of the proof.
const Protocol = "acme-tls/1"

const (
	// lease is how long a manager works without being looked at: who does not
	// look any more has replaced it.
	lease = 30 * time.Second
	// checkEvery is how often a certificate's age is looked at.
	checkEvery = 10 * time.Minute
	// settle is how long the workers have to take the certificate of a proof.
	settle = time.Second
)

// Config says which certificates are wanted, and of whom.
type Config struct {
	Names  []string // each gets a certificate of its own
	Email  string   // for the CA's notices; "" for none
	CA     string   // URL of its directory; "" for Let's Encrypt
	CAFile string   // PEM with who vouches for the CA's own HTTPS; "" for the system's
	Dir    string   // where account, keys and certificates are kept; absolute
}

// Check finds what is wrong, as a problem of one of the fields.
func (c Config) Check() (field string, err error) {
	for _, name := range c.Names {
		if !certmagic.SubjectQualifiesForCert(name) || strings.Contains(name, "*") {
			return "Names", fmt.Errorf("invalid name %q, want host names without wildcards", name)
		}
	}
	switch u, err := url.Parse(c.directory()); {
	case err != nil || u.Scheme != "https" || u.Host == "":
		return "CA", fmt.Errorf("invalid URL %q, want https://HOST/PATH of an ACME directory", c.CA)
	case len(c.Names) == 0:
		return "Names", errors.New("no name, want host names")
	case !filepath.IsAbs(c.Dir):
		return "Dir", fmt.Errorf("invalid folder %q, want an absolute path", c.Dir)
	}
	return "", nil
}

func (c Config) directory() string {
	if c.CA == "" {
		return certmagic.LetsEncryptProductionCA
	}
	return c.CA
}

// Files are where the certificate of a name and its key will be.
func (c Config) Files(name string) (cert, key string) {
	issuer := (&certmagic.ACMEIssuer{CA: c.directory()}).IssuerKey()
	storage := certmagic.FileStorage{Path: c.Dir}
	return storage.Filename(certmagic.StorageKeys.SiteCert(issuer, name)), storage.Filename(certmagic.StorageKeys.SitePrivateKey(issuer, name))
}

// Manager obtains and renews certificates for as long as somebody looks at it,
// or until Close.
type Manager struct {
	config Config
	lease  *time.Timer
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex // guards what follows
	proofs map[string]Proof
	shown  []chan struct{} // of proofs that nobody has looked at yet
	errs   []error
}

// Proof is the certificate of a proof under way, and its key, as PEM.
type Proof struct{ Cert, Key []byte }

// Start begins to manage.
func Start(c Config) (*Manager, error) {
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &Manager{config: c, cancel: cancel, done: make(chan struct{}), proofs: map[string]Proof{}}
	m.lease = time.AfterFunc(lease, cancel)
	go func() {
		defer close(m.done)
		m.run(ctx, roots)
	}()
	return m, nil
}

// Close ends it, and waits for the end.
func (m *Manager) Close() {
	m.lease.Stop()
	m.cancel()
	<-m.done
}

// Look gives the proofs under way, and the errors since the last call; it keeps
// the manager at work. It reports false when that has ended: nobody had looked.
func (m *Manager) Look() (proofs map[string]Proof, errs []error, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.done:
		return nil, nil, false
	default:
	}
	m.lease.Reset(lease)
	proofs = map[string]Proof{}
	maps.Copy(proofs, m.proofs)
	for _, shown := range m.shown {
		close(shown)
	}
	errs, m.errs, m.shown = m.errs, nil, nil
	return proofs, errs, true
}

func (c Config) roots() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	data, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, &fs.PathError{Op: "read", Path: c.CAFile, Err: errors.New("no certificate in it")}
	}
	return pool, nil
}

// run keeps the certificate of each name young.
func (m *Manager) run(ctx context.Context, roots *x509.CertPool) {
	// certmagic wants to show the proof on a port of its own, or to find that
	// somebody else does so there: this is nobody, who holds the place.
	holder, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		m.note(err)
		return
	}
	defer func() { _ = holder.Close() }()
	config, end := m.magic(roots, holder.Addr().(*net.TCPAddr))
	defer end()
	var wg sync.WaitGroup
	for _, name := range m.config.Names {
		wg.Go(func() {
			tick := time.NewTicker(checkEvery)
			defer tick.Stop()
			for ctx.Err() == nil {
				if err := m.manage(ctx, config, name); err != nil && ctx.Err() == nil {
					m.note(fmt.Errorf("certificate of %s: %w", name, err))
				}
				select {
				case <-ctx.Done():
				case <-tick.C:
				}
			}
		})
	}
	wg.Wait()
}

// manage obtains a certificate that is not there, or renews one that is old.
// certmagic repeats what fails, in times that grow.
func (m *Manager) manage(ctx context.Context, config *certmagic.Config, name string) error {
	cert, _ := m.config.Files(name)
	if _, err := os.Stat(cert); err != nil {
		return config.ObtainCertAsync(ctx, name)
	}
	one, err := config.CacheManagedCertificate(ctx, name)
	if err != nil {
		return err
	}
	if !one.NeedsRenewal(config) {
		return nil
	}
	return config.RenewCertAsync(ctx, name, false)
}

func (m *Manager) note(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errs = append(m.errs, err)
}

// magic is certmagic's configuration, and what ends its goroutine.
func (m *Manager) magic(roots *x509.CertPool, holder *net.TCPAddr) (config *certmagic.Config, end func()) {
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return config, nil },
		RenewCheckInterval: 24 * 365 * time.Hour, // run does it
		Logger:             zap.NewNop(),
	})
	config = certmagic.New(cache, certmagic.Config{
		Storage: &storage{FileStorage: &certmagic.FileStorage{Path: m.config.Dir}, m: m},
		OCSP:    certmagic.OCSPConfig{DisableStapling: true},
		Logger:  zap.NewNop(),
		OnEvent: func(_ context.Context, event string, data map[string]any) error {
			if err, ok := data["error"].(error); ok && event == "cert_failed" {
				m.note(fmt.Errorf("certificate of %v: %w", data["identifier"], err))
			}
			return nil
		},
	})
	config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(config, certmagic.ACMEIssuer{
		CA: m.config.directory(), TestCA: m.config.directory(), Email: m.config.Email, Agreed: true,
		TrustedRoots: roots, DisableHTTPChallenge: true, Logger: zap.NewNop(),
		ListenHost: holder.IP.String(), AltTLSALPNPort: holder.Port,
	})}
	return config, cache.Stop
}

// IsProof reports whether a client wants nothing but to see a proof.
func IsProof(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == Protocol
}
