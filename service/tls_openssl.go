package service

import (
	"crypto/tls"
	"slices"
	"strings"
)

// openSSLWords are OpenSSL's words for groups of cipher suites that have members
// here, with what the RFCs' names of these have in them; "-" in front is what
// they have not. All others (kRSA, DHE,
// SHA256 and so on) are of suites that Go does not have or holds for unsafe.
var openSSLWords = map[string]string{
	"ALL": "", "DEFAULT": "", "HIGH": "",
	"ECDHE": "", "KECDHE": "", "EECDH": "", "KEECDH": "", "ECDH": "", // all have it
	"ECDSA": "_ECDSA_", "AECDSA": "_ECDSA_", "ARSA": "_RSA_",
	"AES": "_AES_", "FIPS": "_AES_", "AES128": "_AES_128_", "AES256": "_AES_256_", "AESGCM": "_GCM_", "CHACHA20": "_CHACHA20_",
	"SHA": "_CBC_", "SHA1": "_CBC_", "CBC": "_CBC_", "TLSV1": "_CBC_", "TLSV1.0": "_CBC_", "TLSV1.2": "-_CBC_",
}

// CipherList gives the cipher suites of TLS 1.2 that an expression of OpenSSL
// (ciphers(1)) allows here: names and words for groups, joined by + (both), after
// ! (never), - (not so far) and + (last, which has no meaning: Go has an order of
// its own). Idle are the parts that allow nothing here.
func CipherList(text string) (suites []uint16, idle []string) {
	var never []uint16
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(":;, \t\n", r) }) {
		named := allOf(strings.TrimLeft(part, "!-+"))
		in := func(id uint16) bool { return slices.Contains(named, id) }
		switch {
		case part[0] == '!':
			never = append(never, named...)
			suites = slices.DeleteFunc(suites, in)
		case part[0] == '-':
			suites = slices.DeleteFunc(suites, in)
		case part[0] == '+':
		case len(named) == 0:
			idle = append(idle, part)
		default:
			suites = append(suites, slices.DeleteFunc(named, func(id uint16) bool {
				return slices.Contains(never, id) || slices.Contains(suites, id)
			})...)
		}
	}
	return suites, idle
}

// allOf are the suites that have all of what + joins.
func allOf(words string) []uint16 {
	var list []uint16
	for _, s := range tls.CipherSuites() {
		if !slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
			continue // those of TLS 1.3 are always spoken
		}
		without := func(word string) bool { return !isOf(s, word) }
		if !slices.ContainsFunc(strings.Split(words, "+"), without) {
			list = append(list, s.ID)
		}
	}
	return list
}

func isOf(s *tls.CipherSuite, word string) bool {
	if id, known := cipher(word); known {
		return id == s.ID
	}
	has, known := openSSLWords[strings.ToUpper(word)]
	if has, not := strings.CutPrefix(has, "-"); not {
		return !strings.Contains(s.Name, has)
	}
	return known && strings.Contains(s.Name, has)
}
