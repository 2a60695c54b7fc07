package plan

import (
	"crypto/tls"
	"strings"
	"testing"
)

// OPT-12, HTTP-06: version and ciphers of [ssl], told once although two APIs
// have them.
func TestNovaVersionAndCiphers(t *testing.T) {
	const (
		gcm    = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
		suites = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
	)
	for _, tt := range []struct {
		name, lines     string
		version, suites string
		warning, err    string
	}{
		{"neither", "", "0", "", "", ""},
		{"the newest of both", "version = SSLv23", "0", "", "", ""},
		{"1.2 alone", "version = TLSv1_2", "0", "", "[ssl] version: TLSv1_2: TLS 1.3 is spoken as well as 1.2", ""},
		{"1.3", "version = TLSv1_3", "1.3", "", "", ""},
		{"1.0", "version = TLSv1", "0", "", "[ssl] version: TLSv1 is not spoken any more (RFC 8996): TLS 1.2 and 1.3 are", ""},
		{"1.1", "version = tlsv1_1", "0", "", "[ssl] version: tlsv1_1 is not spoken any more (RFC 8996): TLS 1.2 and 1.3 are", ""},
		{"no version", "version = 1.2", "0", "", "", `[ssl] version: unknown version "1.2", want SSLv23, TLSv1_2 or TLSv1_3`},
		{"a cipher", "ciphers = ECDHE-RSA-AES128-GCM-SHA256", "0", gcm, "", ""},
		{"an expression", "ciphers = HIGH:!SHA:!AESGCM:!aNULL", "0", suites, "", ""},
		{"ciphers that are not here", "ciphers = DHE+AES:CHACHA20:AES128-SHA", "0", suites,
			"[ssl] ciphers: without effect here: DHE+AES, AES128-SHA; the others are taken; those of TLS 1.3 are always spoken", ""},
		{"none that is here", "ciphers = kRSA", "0", "", "",
			`[ssl] ciphers: no cipher suite of TLS 1.2 that there is here in "kRSA", want names such as ECDHE-RSA-AES128-GCM-SHA256, or HIGH`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made := makeNova(t, novaRequest(t, "[DEFAULT]\nenabled_ssl_apis = osapi_compute,metadata\n[ssl]\ncert_file = *\n"+tt.lines+"\n"))
			if got := withoutPlaces(made.Warnings.Error()); got != tt.warning {
				t.Errorf("warnings\n%s\nwant\n%s", got, tt.warning)
			}
			if got := withoutPlaces(made.Errors.Error()); got != tt.err {
				t.Errorf("errors\n%s\nwant\n%s", got, tt.err)
			}
			for _, g := range made.Groups {
				var names []string
				for _, id := range g.TLSCiphers {
					names = append(names, tls.CipherSuiteName(id))
				}
				version := "0"
				if g.TLSMinVersion != 0 {
					version = g.TLSMinVersion.String()
				}
				if got := strings.Join(names, " "); version != tt.version || got != tt.suites {
					t.Errorf("%s: version %s and suites %s, want %s and %s", g.Name, version, got, tt.version, tt.suites)
				}
			}
		})
	}
}

// withoutPlaces takes the file's name and the position, which all stand in the
// same line, off one error.
func withoutPlaces(text string) string {
	if _, rest, ok := strings.Cut(text, ": "); ok {
		return rest
	}
	return text
}

// Without an API with TLS they mean nothing, as the files do.
func TestNovaVersionWithoutTLS(t *testing.T) {
	made := makeNova(t, novaRequest(t, "[ssl]\nversion = TLSv1\nciphers = kRSA\n"))
	if len(made.Warnings) > 0 || len(made.Errors) > 0 {
		t.Errorf("warnings %v, errors %v, want none", made.Warnings, made.Errors)
	}
}
