package service

import (
	"bytes"
	"crypto/tls"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service/acme"
)

// ObtainCertificates makes the certificates of the group those that a CA gives by
// ACME, one for each name. Until there is one, clients get a self-made one. They
// are obtained by whoever watches certificates: the master, or a server without
// one.
func (g *Group) ObtainCertificates(c acme.Config) error {
	if g.CertFile != "" {
		return paste.BadOption("acme", "certificates of a CA beside those of cert_file, want one of the two")
	}
	if field, err := c.Check(); err != nil {
		option := map[string]string{"Names": "acme", "CA": "acme_ca", "Dir": "acme_dir"}[field]
		return paste.BadOption(option, "%w", err)
	}
	for i, name := range c.Names {
		cert, key := c.Files(name)
		if i == 0 {
			g.CertFile, g.KeyFile = cert, key
		} else {
			g.MoreCertificates = append(g.MoreCertificates, CertificateFiles{cert, key})
		}
	}
	g.ACME = &c
	return nil
}

// showProofs answers a CA that looks whether a name is ours (RFC 8737), also where
// clients must have certificates.
func (g *Group) showProofs(c *tls.Config, certs *certificates) {
	proof := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{acme.Protocol}, GetCertificate: certs.proof, SessionTicketsDisabled: true}
	others := c.GetConfigForClient
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		switch {
		case acme.IsProof(hello):
			return proof, nil
		case others == nil:
			return nil, nil
		}
		return others(hello)
	}
}

var errNoProof = errors.New("no proof of this name is under way")

// proof is the certificate that a CA wants to see of a name.
func (c *certificates) proof(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if proofs := c.proofs.Load(); proofs != nil {
		for i := range *proofs {
			if namesExactly(&(*proofs)[i], hello.ServerName) {
				return &(*proofs)[i], nil
			}
		}
	}
	return nil, errNoProof
}

// obtained is how a watch obtains certificates; nil does not.
type obtained struct {
	config  acme.Config
	manager *acme.Manager // nil before the first look, and when it has ended
	failed  error         // since problem was called
	told    string        // the last problem
}

// look gives the proofs that workers must show.
func (o *obtained) look() []pair {
	if o == nil {
		return nil
	}
	if o.manager == nil {
		if o.manager, o.failed = acme.Start(o.config); o.manager == nil {
			return nil
		}
	}
	proofs, errs, ok := o.manager.Look()
	if !ok {
		o.manager = nil // until the next look
		return nil
	}
	o.failed = errors.Join(errs...)
	var list []pair
	for _, key := range slices.Sorted(maps.Keys(proofs)) {
		list = append(list, pair{Cert: proofs[key].Cert, Key: proofs[key].Key, Proof: true})
	}
	return list
}

// problem is what went wrong since the last call; what lasts is told once.
func (o *obtained) problem() error {
	if o == nil || o.failed == nil || o.failed.Error() == o.told {
		return nil
	}
	err := o.failed
	o.failed, o.told = nil, err.Error()
	return err
}

func (o *obtained) close() {
	if o != nil && o.manager != nil {
		o.manager.Close()
	}
}

// proofNames tells proofs from others.
func proofNames(proofs []pair) string {
	var all [][]byte
	for _, p := range proofs {
		all = append(all, p.Cert)
	}
	return strings.TrimSpace(string(bytes.Join(all, nil)))
}
