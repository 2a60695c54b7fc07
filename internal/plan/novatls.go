package plan

import (
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/service"
)

// What oslo.service has of TLS and nova's [wsgi] has not (OPT-12).
var (
	osloVersion = osloconf.Option{Group: "ssl", Name: "version"}
	osloCiphers = osloconf.Option{Group: "ssl", Name: "ciphers"}
)

// protocol is what oslo.service is asked to speak, once for all APIs with TLS.
type protocol struct {
	version service.TLSVersion
	ciphers []uint16
}

// spoken sets version and cipher suites of an API.
func (n *nova) spoken(g *service.Group) {
	if n.protocol == nil {
		n.protocol = &protocol{n.version(), n.ciphers()}
	}
	g.TLSMinVersion, g.TLSCiphers = n.protocol.version, n.protocol.ciphers
}

// version reads the name of one version of Python's ssl module, in any case as
// oslo.service does. There it is the only one that is spoken; here those above it
// are, too (HTTP-06).
func (n *nova) version() service.TLSVersion {
	name := n.read.String(osloVersion)
	switch strings.ToLower(name) {
	case "", "sslv23":
	case "tlsv1_2":
		n.warnAt(osloVersion, name+": TLS 1.3 is spoken as well as 1.2", "")
	case "tlsv1_3": // Python has no such constant
		return tls.VersionTLS13
	case "tlsv1", "tlsv1_1", "sslv2", "sslv3":
		n.warnAt(osloVersion, name+" is not spoken any more (RFC 8996): TLS 1.2 and 1.3 are", "")
	default:
		n.read.Bad(osloVersion, "unknown version %q, want SSLv23, TLSv1_2 or TLSv1_3", name)
	}
	return 0
}

// ciphers reads an expression of OpenSSL's. One that allows nothing is an error
// with OpenSSL, too.
func (n *nova) ciphers() []uint16 {
	text := n.read.String(osloCiphers)
	suites, idle := service.CipherList(text)
	switch {
	case strings.TrimSpace(text) != "" && len(suites) == 0:
		n.read.Bad(osloCiphers, "no cipher suite of TLS 1.2 that there is here in %q, want names such as ECDHE-RSA-AES128-GCM-SHA256, or HIGH", text)
	case len(idle) > 0:
		n.warnAt(osloCiphers, fmt.Sprintf("without effect here: %s; the others are taken", strings.Join(idle, ", ")), "those of TLS 1.3 are always spoken")
	}
	return suites
}
