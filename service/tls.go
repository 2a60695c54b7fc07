package service

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"time"

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

func (g *Group) certificate() (tls.Certificate, error) {
	if g.CertFile == selfMade {
		return selfSigned()
	}
	key := g.KeyFile
	if key == "" {
		key = g.CertFile
	}
	return tls.LoadX509KeyPair(g.CertFile, key)
}

// requireClients makes a certificate of the CA a must (OPT-12).
func (g *Group) requireClients(c *tls.Config) error {
	if g.ClientCA == "" {
		return nil
	}
	pem, err := os.ReadFile(g.ClientCA)
	if err != nil {
		return paste.BadOption("ca_file", "%w, want a PEM file", err)
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return paste.BadOption("ca_file", "no certificate in %q, want a PEM file", g.ClientCA)
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return nil
}

// selfSigned makes a certificate for this machine alone: nobody can verify it.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
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
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
