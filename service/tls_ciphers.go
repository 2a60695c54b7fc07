package service

import (
	"crypto/tls"
	"slices"
	"strings"
)

// openSSLNames are OpenSSL's names of the cipher suites of TLS 1.2 that Go has
// and holds for safe.
var openSSLNames = map[string]uint16{
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-CHACHA20-POLY1305": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-AES128-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	"ECDHE-ECDSA-AES256-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES256-GCM-SHA384":   tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-CHACHA20-POLY1305":   tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-RSA-AES128-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	"ECDHE-RSA-AES256-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
}

// Ciphers finds cipher suites of TLS 1.2 by their names, OpenSSL's or those of
// the RFCs, separated as OpenSSL does or by blanks. Unknown are the names that
// Go does not have or holds for unsafe, and what is no name but an expression.
// The suites of TLS 1.3 are always spoken, and cannot be chosen.
func Ciphers(text string) (suites []uint16, unknown []string) {
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(":, \t\n", r) }) {
		switch id, known := cipher(name); {
		case !known:
			unknown = append(unknown, name)
		case id != 0 && !slices.Contains(suites, id):
			suites = append(suites, id)
		}
	}
	return suites, unknown
}

// cipher finds one; 0 is one of TLS 1.3.
func cipher(name string) (id uint16, known bool) {
	if id, ok := openSSLNames[strings.ToUpper(name)]; ok {
		return id, true
	}
	for _, s := range tls.CipherSuites() {
		if !strings.EqualFold(s.Name, name) && !strings.EqualFold(strings.TrimSuffix(s.Name, "_SHA256"), name) {
			continue
		}
		if !slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
			return 0, true
		}
		return s.ID, true
	}
	return 0, false
}

// protocolsFor leaves HTTP/2 out when none of the suites will do for it (RFC 9113
// 9.2.2): net/http would break such connections off.
func protocolsFor(suites []uint16) []string {
	if len(suites) == 0 {
		return []string{"h2", "http/1.1"}
	}
	for _, id := range suites {
		if name := tls.CipherSuiteName(id); strings.Contains(name, "_GCM_") || strings.Contains(name, "_CHACHA20_") {
			return []string{"h2", "http/1.1"}
		}
	}
	return []string{"http/1.1"}
}
