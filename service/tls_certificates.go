package service

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// selfMade is the CertFile of a certificate that is made at the start (SRV-01).
const selfMade = "*"

// CertificateFiles are the files of a certificate and of its key.
type CertificateFiles struct {
	CertFile string // PEM with the chain, the server's own first
	KeyFile  string // PEM; "" when it stands in CertFile
}

// pair is a certificate with its key, as PEM.
type pair struct {
	Cert, Key []byte
	Proof     bool `json:",omitempty"` // for a CA to see, see service/acme
}

// pairFiles are all pairs of the group: the first one is the default.
func (g *Group) pairFiles() []CertificateFiles {
	return append([]CertificateFiles{{g.CertFile, g.KeyFile}}, g.MoreCertificates...)
}

// readPairs reads all pairs of the group from the snapshot of the generation,
// because a worker may not read a key of root's any more, or from the disk.
func (g *Group) readPairs(read func(string) ([]byte, error)) ([]tls.Certificate, error) {
	pairs, err := g.pairs(read)
	if err != nil {
		return nil, err
	}
	set, _, err := parsePairs(pairs)
	return set, err
}

func (g *Group) pairs(read func(string) ([]byte, error)) ([]pair, error) {
	var list []pair
	for _, f := range g.pairFiles() {
		p, err := g.pair(f, read)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func (g *Group) pair(f CertificateFiles, read func(string) ([]byte, error)) (pair, error) {
	if f.CertFile == selfMade {
		made, err := g.files().Make("self-made certificate", selfSigned)
		return pair{Cert: made, Key: made}, err
	}
	cert, err := read(f.CertFile) // the key may stand in it
	if g.ACME != nil && errors.Is(err, fs.ErrNotExist) {
		made, err := g.files().Make("self-made certificate", selfSigned) // until there is one
		return pair{Cert: made, Key: made}, err
	}
	if err != nil || f.KeyFile == "" {
		return pair{Cert: cert, Key: cert}, err
	}
	key, err := read(f.KeyFile)
	return pair{Cert: cert, Key: key}, err
}

// parsePairs makes certificates of all pairs, which must fit together, and of
// those that are for a CA to see.
func parsePairs(pairs []pair) (set, proofs []tls.Certificate, err error) {
	for i, p := range pairs {
		c, err := tls.X509KeyPair(p.Cert, p.Key)
		if err != nil && len(pairs) > 1 {
			err = fmt.Errorf("pair %d: %w", i+1, err)
		}
		switch {
		case err != nil:
			return nil, nil, err
		case p.Proof:
			proofs = append(proofs, c)
		default:
			set = append(set, c)
		}
	}
	return set, proofs, nil
}

// certificates are those of a server; they may be replaced while it serves.
type certificates struct {
	set    atomic.Pointer[[]tls.Certificate]
	proofs atomic.Pointer[[]tls.Certificate] // nil without any
}

func newCertificates(set []tls.Certificate) *certificates {
	c := &certificates{}
	c.set.Store(&set)
	return c
}

// choose gives the first certificate that is made out to the name that the
// client wants, else the first with a wildcard for it, as long as the client can
// use it; else the first of all.
func (c *certificates) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	set := *c.set.Load()
	if len(set) == 1 {
		return &set[0], nil
	}
	chosen := &set[0]
	found := false
	for i := range set {
		if hello.SupportsCertificate(&set[i]) != nil {
			continue
		}
		if namesExactly(&set[i], hello.ServerName) {
			return &set[i], nil
		}
		if !found {
			chosen, found = &set[i], true
		}
	}
	return chosen, nil
}

func namesExactly(c *tls.Certificate, name string) bool {
	for _, own := range c.Leaf.DNSNames {
		if strings.EqualFold(own, strings.TrimSuffix(name, ".")) {
			return true
		}
	}
	return false
}

// errNoTLS is what SetCertificates says of a server that speaks no TLS.
var errNoTLS = errors.New("the server speaks no TLS")

// SetCertificates replaces the certificates of the server, before it serves or
// while it does; handshakes that have begun go on with those before. The data
// are those of a [CertificateChange].
func (s *Server) SetCertificates(data []byte) error {
	var pairs []pair
	if err := json.Unmarshal(data, &pairs); err != nil {
		return fmt.Errorf("certificates of server %s: %w", s.Group.Name, err)
	}
	set, proofs, err := parsePairs(pairs)
	switch {
	case err != nil:
		return fmt.Errorf("certificates of server %s: %w", s.Group.Name, err)
	case len(set) == 0 || s.Group.CertFile == "":
		return fmt.Errorf("certificates of server %s: %w", s.Group.Name, errNoTLS)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.certs == nil {
		s.renewed = newCertificates(set) // for start
		s.renewed.proofs.Store(&proofs)
		return nil
	}
	s.certs.set.Store(&set)
	s.certs.proofs.Store(&proofs)
	return nil
}

// ownFiles is the group with files that are read once, so that what is in force
// is what the watch compares with.
func (s *Server) ownFiles() *Group {
	g := *s.Group
	g.Files = g.files()
	return &g
}

// setTLS makes what TLS is spoken by.
func (s *Server) setTLS(g *Group) error {
	if s.clock == nil {
		s.clock = time.Now
	}
	config, certs, err := g.tlsConfig(s.clock)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tls, s.certs = config, certs
	if s.renewed != nil {
		certs.set.Store(s.renewed.set.Load())
		certs.proofs.Store(s.renewed.proofs.Load())
	}
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
	return bytes.Join([][]byte{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil), nil
}
