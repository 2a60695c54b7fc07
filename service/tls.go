package service

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
)

// selfMade is the CertFile of a certificate that is made at the start (SRV-01).
const selfMade = "*"

// tlsConfig loads the certificate; nil without one.
func (g *Group) tlsConfig() (*tls.Config, error) {
	if g.CertFile == "" {
		if g.KeyFile != "" {
			return nil, paste.BadOption("key_file", "a key without a certificate, want cert_file too")
		}
		if g.ClientCA != "" {
			return nil, paste.BadOption("ca_file", "client certificates need TLS, want cert_file too")
		}
		return nil, nil
	}
	cert, err := g.certificate()
	if err != nil {
		return nil, paste.BadOption("cert_file", "%w, want PEM files with a certificate and its key", err)
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	}
	return c, g.requireClients(c)
}

// certificate reads the pair from the snapshot of the generation: a worker may
// not read a key of root's any more, and all workers have the same one.
func (g *Group) certificate() (tls.Certificate, error) {
	if g.CertFile == selfMade {
		pair, err := g.files().Make("self-made certificate", selfSigned)
		if err != nil {
			return tls.Certificate{}, err
		}
		return tls.X509KeyPair(pair, pair)
	}
	cert, err := g.files().ReadSecret(g.CertFile) // the key may stand in it
	if err != nil {
		return tls.Certificate{}, err
	}
	key := cert
	if g.KeyFile != "" {
		if key, err = g.files().ReadSecret(g.KeyFile); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.X509KeyPair(cert, key)
}

// files are those of the generation, or of the disk.
func (g *Group) files() *snapshot.Files {
	if g.Files == nil {
		return new(snapshot.Files)
	}
	return g.Files
}

// requireClients makes a certificate of the CA a must (OPT-12).
func (g *Group) requireClients(c *tls.Config) error {
	if g.ClientCA == "" {
		return nil
	}
	roots, err := g.files().Read(g.ClientCA)
	if err != nil {
		return paste.BadOption("ca_file", "%w, want a PEM file", err)
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(roots) {
		return paste.BadOption("ca_file", "no certificate in %q, want a PEM file", g.ClientCA)
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return nil
}

// selfSigned makes a certificate for this machine alone, with its key: nobody can
// verify it.
func selfSigned() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}
