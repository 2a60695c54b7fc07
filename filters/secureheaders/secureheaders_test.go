package secureheaders

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const use = "use = egg:wheatpaste#secure_headers\n"

func over(scheme string) *http.Request {
	_, _, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	pipeline.FromRequest(r).SetScheme(scheme)
	return r
}

func lines(h http.Header) string {
	var out []string
	for name := range h {
		out = append(out, name+": "+strings.Join(h[name], " | "))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func TestHeaders(t *testing.T) {
	const none = "nosniff = off\npermissions =\n"
	const all = "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\nPermissions-Policy: camera=(), geolocation=(), microphone=()\n" +
		"Referrer-Policy: no-referrer\n"
	const rest = "X-Content-Type-Options: nosniff\nX-Frame-Options: DENY"
	tests := []struct{ name, lines, scheme, want string }{
		{"defaults over http", "", "http", all + rest},
		{"defaults over https", "", "https", all + "Strict-Transport-Security: max-age=31536000\n" + rest},
		{"none", none + "csp =\nframe =\nreferrer =\nhsts = 0", "https", ""},
		{"HSTS", none + "csp =\nframe =\nreferrer =\nhsts = 1h\nhsts_subdomains = on\nhsts_preload = on", "https", "Strict-Transport-Security: max-age=3600; includeSubDomains; preload"},
		{"CSP over lines", none + "frame =\nreferrer =\ncsp = default-src 'self';\n  img-src data:\ncsp_report_only = on", "http", "Content-Security-Policy-Report-Only: default-src 'self'; img-src data:"},
		{"the others", none + "csp =\nframe = sameorigin\nreferrer = same-origin\nopener = same-origin\nresource = same-site", "http",
			"Cross-Origin-Opener-Policy: same-origin\nCross-Origin-Resource-Policy: same-site\nReferrer-Policy: same-origin\nX-Frame-Options: SAMEORIGIN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := filtertest.Load(t, use+tt.lines, func(http.ResponseWriter, *http.Request) {}).Do(over(tt.scheme))
			if got := lines(rec.Header()); got != tt.want {
				t.Errorf("headers\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestTheApplicationsOwnValueStands, and none of it gets into other answers.
func TestTheApplicationsOwnValueStands(t *testing.T) {
	s := filtertest.Load(t, use, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set("Content-Security-Policy", "own")
			w.Header().Add("Permissions-Policy", "own")
			w.Header().Del("X-Frame-Options")
		}
	})
	for range 2 {
		h := s.Do(httptest.NewRequest("GET", "/own", nil)).Header()
		if got := fmt.Sprint(h["Content-Security-Policy"], len(h["Permissions-Policy"]), h["X-Frame-Options"]); got != "[own] 2 []" {
			t.Errorf("own headers: %s", got)
		}
		h = s.Do(httptest.NewRequest("GET", "/", nil)).Header()
		if got := fmt.Sprint(len(h["Content-Security-Policy"]), len(h["Permissions-Policy"]), h["X-Frame-Options"]); got != "1 1 [DENY]" {
			t.Errorf("another answer: %s", got)
		}
	}
}

func TestOptions(t *testing.T) {
	for lines, want := range map[string]string{
		"frame = ALLOW":       `paste.ini:3:9: [filter:f] frame: invalid value "ALLOW", want DENY, SAMEORIGIN or nothing`,
		"csp = a\x01b":        `paste.ini:3:7: [filter:f] csp: invalid value "a\x01b", want printable ASCII`,
		"hsts_preload = true": "hsts_preload: the lists of browsers take hosts with hsts_subdomains and an hsts of a year or more only",
		"":                    "",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#secure_headers")
}

func BenchmarkSecureHeaders(b *testing.B) {
	wrap, err := New(filtertest.Build(), Options{CSP: "a", NoSniff: true, Frame: "DENY", Referrer: "no-referrer", HSTS: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	filtertest.Bench(b, wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), over("https"))
}
