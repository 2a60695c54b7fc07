package service

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

var serials atomic.Int64

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(serials.Add(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return a.signed(a.cert, a.key)
}

// below is an authority that another one vouches for.
func (a *authority) below(name string) *authority {
	a.t.Helper()
	sub := newAuthority(a.t, name)
	return sub.signed(a.cert, a.key)
}

func (a *authority) signed(by *x509.Certificate, key *ecdsa.PrivateKey) *authority {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, a.cert, by, a.key.Public(), key)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		a.t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// issue signs a certificate for names, for servers and clients, until a time.
func (a *authority) issue(until time.Time, names ...string) (cert, key []byte) {
	a.t.Helper()
	private := newKey(a.t)
	return a.issueFor(until, private.Public(), private, names...)
}

func (a *authority) issueRSA(until time.Time, names ...string) (cert, key []byte) {
	a.t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.issueFor(until, private.Public(), private, names...)
}

func (a *authority) issueFor(until time.Time, public, private any, names ...string) (cert, key []byte) {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serials.Add(1)), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: until.AddDate(-1, 0, 0), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})
}

// soon is until when most certificates of the tests are good.
func soon() time.Time { return time.Now().AddDate(0, 6, 0) }

// both writes a certificate with its key into one file.
func (a *authority) both(names ...string) (path string) {
	a.t.Helper()
	cert, key := a.issue(soon(), names...)
	path = filepath.Join(a.t.TempDir(), "both.pem")
	put(a.t, path, cert, key)
	return path
}

// client has a certificate of the authority.
func (a *authority) client() tls.Certificate {
	a.t.Helper()
	cert, key := a.issue(soon(), "client")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		a.t.Fatal(err)
	}
	return pair
}

func put(t *testing.T, path string, parts ...[]byte) {
	t.Helper()
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	// In one step, as certbot and Kubernetes do.
	if err := os.WriteFile(path+".new", all, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
