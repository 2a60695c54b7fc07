package service

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
)

// ClientAuth says whether clients must show a certificate of Group.ClientCA.
type ClientAuth string

// The ways to ask for it; "" is ClientRequired.
const (
	ClientRequired ClientAuth = "require"
	ClientOptional ClientAuth = "optional" // one that is shown must be of the CA
)

// UnmarshalText reads the way.
func (a *ClientAuth) UnmarshalText(text []byte) error {
	switch v := ClientAuth(text); v {
	case ClientRequired, ClientOptional:
		*a = v
		return nil
	default:
		return fmt.Errorf("unknown way %q, want require or optional", text)
	}
}

// TLSVersion is the lowest version of TLS that is spoken; 0 is 1.2.
type TLSVersion uint16

// UnmarshalText reads 1.2 or 1.3: older ones are not to be had (RFC 8996).
func (v *TLSVersion) UnmarshalText(text []byte) error {
	switch string(text) {
	case "1.2":
		*v = tls.VersionTLS12
	case "1.3":
		*v = tls.VersionTLS13
	default:
		return fmt.Errorf("unknown version %q, want 1.2 or 1.3", text)
	}
	return nil
}

// String writes the version as it is read.
func (v TLSVersion) String() string {
	if v == tls.VersionTLS13 {
		return "1.3"
	}
	return "1.2"
}

// tlsConfig makes what TLS is spoken by, and its certificates, which may be
// replaced; nil without TLS.
func (g *Group) tlsConfig(clock func() time.Time) (*tls.Config, *certificates, error) {
	if g.CertFile == "" {
		return nil, nil, g.withoutTLS()
	}
	set, err := g.readPairs(g.files().ReadSecret)
	if err != nil {
		return nil, nil, paste.BadOption("cert_file", "%w, want PEM files with a certificate and its key", err)
	}
	certs := newCertificates(set)
	c := &tls.Config{
		GetCertificate: certs.choose,
		MinVersion:     max(uint16(g.TLSMinVersion), tls.VersionTLS12),
		CipherSuites:   g.TLSCiphers,
		NextProtos:     protocolsFor(g.TLSCiphers),
	}
	if err := g.askClients(c); err != nil {
		return nil, nil, err
	}
	err = g.shareTickets(c, clock)
	if g.ACME != nil {
		g.showProofs(c, certs)
	}
	return c, certs, err
}

// withoutTLS refuses what has no meaning without a certificate: the operator
// believes that it protects something.
func (g *Group) withoutTLS() error {
	switch {
	case g.KeyFile != "":
		return paste.BadOption("key_file", "a key without a certificate, want cert_file too")
	case g.ClientCA != "":
		return paste.BadOption("ca_file", "client certificates need TLS, want cert_file too")
	case g.ClientAuth != "":
		return paste.BadOption("client_auth", "client certificates need TLS, want cert_file and ca_file too")
	}
	return nil
}

// files are those of the generation, or of the disk.
func (g *Group) files() *snapshot.Files {
	if g.Files == nil {
		return new(snapshot.Files)
	}
	return g.Files
}

// askClients asks for certificates of the CA, which are a must unless the group
// says otherwise (OPT-12).
func (g *Group) askClients(c *tls.Config) error {
	if g.ClientCA == "" {
		if g.ClientAuth != "" {
			return paste.BadOption("client_auth", "client certificates without a CA, want ca_file too")
		}
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
	if g.ClientAuth == ClientOptional {
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return nil
}
