package service

import (
	"crypto/tls"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func suiteNames(ids []uint16) string {
	var names []string
	for _, id := range ids {
		names = append(names, tls.CipherSuiteName(id))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestCipherList(t *testing.T) {
	const (
		gcmRSA = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
		chacha = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
	)
	for _, tt := range []struct{ text, suites, idle string }{
		{"", "", ""},
		{"ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", ""},
		{"ECDHE+AESGCM+aRSA", gcmRSA, ""},
		{"HIGH:!SHA1:!AESGCM:!aNULL:!MD5:@STRENGTH", chacha, "@STRENGTH"},
		{"!CHACHA20:CHACHA20:ECDHE+AESGCM:!aECDSA", gcmRSA, ""},
		{"CHACHA20:-CHACHA20:CHACHA20:+CHACHA20", chacha, ""},
		{"EDH+aRSA:AES256-SHA:CHACHA20:TLS_AES_128_GCM_SHA256", chacha, "EDH+aRSA AES256-SHA TLS_AES_128_GCM_SHA256"},
		{"chacha20, !arsa", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", ""},
		{"kRSA:nonsense:@SECLEVEL=2", "", "kRSA nonsense @SECLEVEL=2"},
		{"!", "", ""}, {"+", "", ""}, {"++", "", ""}, {":,;", "", ""}, {"ECDHE+", "", "ECDHE+"},
	} {
		suites, idle := CipherList(tt.text)
		if got := suiteNames(suites); got != tt.suites || strings.Join(idle, " ") != tt.idle {
			t.Errorf("CipherList(%q) = %s, %q, want %s, %q", tt.text, got, idle, tt.suites, tt.idle)
		}
	}
}

// TestCipherListIsOpenSSLs holds expressions against the program itself.
func TestCipherListIsOpenSSLs(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal(err)
		}
		t.Skip("there is no openssl")
	}
	texts := strings.FieldsSeq("ALL DEFAULT HIGH ECDHE kECDHE EECDH kEECDH ECDH aECDSA ECDSA aRSA AES AES128 AES256 AESGCM CHACHA20 SHA SHA1 TLSv1.2 TLSv1.0 TLSv1 " +
		"RSA kRSA SHA256 SHA384 DHE AESCCM SSLv3 CAMELLIA MEDIUM DSS " +
		"ECDHE+AESGCM:!aRSA ALL:-AES:AESGCM+aRSA HIGH:!aNULL:!eNULL:!SHA !AES:ALL ALL:-CHACHA20:+AESGCM ECDHE+CHACHA20:DHE+AES:ECDHE+AES256 " +
		"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE+SHA+AES128 ALL:!TLSv1.2 DEFAULT:!TLSv1.0:!AES256 aECDSA+HIGH:AES+aRSA:-AES256+SHA")
	for text := range texts {
		out, _ := exec.Command("openssl", "ciphers", "-s", "-tls1_2", text).Output() // fails when there is none
		var want []uint16
		for name := range strings.SplitSeq(strings.TrimSpace(string(out)), ":") {
			if id, ok := openSSLNames[name]; ok {
				want = append(want, id)
			}
		}
		if got, _ := CipherList(text); suiteNames(got) != suiteNames(want) {
			t.Errorf("CipherList(%q) = %s, want %s", text, suiteNames(got), suiteNames(want))
		}
	}
}
