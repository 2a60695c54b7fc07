package section

import (
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
)

// Certificates sets the pairs of a group: a key for each certificate, in the same
// order, or none when they stand beside their certificates.
func Certificates(g *service.Group, certs, keys []string) error {
	if len(keys) > 0 && len(certs) > 0 && len(keys) != len(certs) {
		return paste.BadOption("key_file", "%d files for %d certificates, want one for each in the same order, or none", len(keys), len(certs))
	}
	var pairs []service.CertificateFiles
	for i, c := range certs {
		p := service.CertificateFiles{CertFile: c}
		if len(keys) > 0 {
			p.KeyFile = keys[i]
		}
		pairs = append(pairs, p)
	}
	switch {
	case len(pairs) > 0:
		g.CertFile, g.KeyFile, g.MoreCertificates = pairs[0].CertFile, pairs[0].KeyFile, pairs[1:]
		if len(pairs) == 1 {
			g.MoreCertificates = nil
		}
	case len(keys) > 0:
		g.KeyFile = keys[0] // which Check refuses
	}
	return nil
}

// Ciphers sets the cipher suites of a group, all of which must be known.
func Ciphers(g *service.Group, text string) error {
	suites, unknown := service.Ciphers(text)
	if len(unknown) > 0 {
		return paste.BadOption("tls_ciphers", "unknown or unsafe: %s, want names such as ECDHE-RSA-AES128-GCM-SHA256", strings.Join(unknown, ", "))
	}
	g.TLSCiphers = suites
	return nil
}

// KnownCiphers sets those of a list for OpenSSL that Go has, and names the
// others in a warning.
func KnownCiphers(b *paste.Build, g *service.Group, option, text string) {
	suites, unknown := service.Ciphers(text)
	g.TLSCiphers = suites
	if len(unknown) > 0 {
		b.Warn(option, CipherWarning(suites, unknown))
	}
}

// CipherWarning says what becomes of a list of which not all are known.
func CipherWarning(suites []uint16, unknown []string) string {
	rest := "the others are taken"
	if len(suites) == 0 {
		rest = "those of Go are taken"
	}
	return "unknown or unsafe here: " + strings.Join(unknown, ", ") + "; " + rest
}

// TLSVersion says what becomes of a version of TLS, in Python's words or
// numbers (ssl.PROTOCOL_TLSv1_2 is 5), and whether it is one.
func TLSVersion(text string) (warning string, ok bool) {
	name := strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(text, "ssl."), "PROTOCOL_"))
	switch strings.NewReplacer(".", "_", "-", "_").Replace(name) {
	case "2", "16", "17", "sslv23", "tls", "tls_client", "tls_server", "tlsv1_2", "5":
		return "TLS 1.2 and 1.3 are spoken", true
	case "0", "1", "3", "4", "sslv2", "sslv3", "tlsv1", "tlsv1_0", "tlsv1_1":
		return "it is not safe; TLS 1.2 and 1.3 are spoken", true
	default:
		return "", false
	}
}
