package prefix

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	paste.RegisterApp("egg:prefix-test#show", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, seen(r)) }), nil
	})
}

// section is a paste file with one filter of these lines.
func section(lines string) string {
	return "[app:main]\nuse = egg:prefix-test#show\nfilter-with = prefix\n[filter:prefix]\n" + lines + "\n"
}

func TestSection(t *testing.T) {
	headers := []string{"X-Forwarded-Host: out.test", "Forwarded: for=1.1.1.1"}
	tests := []struct{ lines, want string }{
		{"use = egg:PasteDeploy#prefix",
			`|/p/x host=out.test port=80 client=192.0.2.1 scheme=http Forwarded=["for=1.1.1.1"]`},
		{"use = egg:pastedeploy#prefix\nprefix = /p\nforce_port =\nscheme = https",
			`/p|/x host=out.test port=80 client=192.0.2.1 scheme=https Forwarded=["for=1.1.1.1"]`},
		{"use = egg:wheatpaste#prefix\ntranslate_forwarded_server = off\ntranslate_forwarded = on\ntrusted_proxies = unix, 192.0.2.0/24",
			`|/p/x host=in.test:81 port=80 client=1.1.1.1 scheme=http X-Forwarded-Host=["out.test"]`},
		{"paste.filter_app_factory = paste.deploy.config:make_prefix_middleware\nforce_port = 8443",
			`|/p/x host=out.test:8443 port=8443 client=192.0.2.1 scheme=http Forwarded=["for=1.1.1.1"]`},
	}
	for _, tt := range tests {
		rec := httptest.NewRecorder()
		pipelinetest.Load(t, section(tt.lines)).ServeHTTP(rec, request("/p/x", headers...))
		if got := rec.Body.String(); got != tt.want {
			t.Errorf("%q: application saw %s\nwant %s", tt.lines, got, tt.want)
		}
	}
}

func TestSectionErrors(t *testing.T) {
	const takes = "unknown option, egg:PasteDeploy#prefix takes prefix, translate_forwarded_server, force_port, scheme, translate_forwarded, trusted_proxies"
	tests := []struct{ option, want string }{
		{"force_port = http", `paste.ini:6:14: [filter:prefix] force_port: invalid port "http", want 1 to 65535, or nothing for the scheme's default`},
		{"translate_forwarded_server = ", "paste.ini:6:29: [filter:prefix] translate_forwarded_server: String is not true/false: '', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"trusted_proxies = 10.0.0.0/33", `paste.ini:6:19: [filter:prefix] trusted_proxies: invalid network "10.0.0.0/33", want an address, a network such as 10.0.0.0/8, or unix`},
		{"port = 80", "paste.ini:6:8: [filter:prefix] port: " + takes},
		{"prefx = /p", "paste.ini:6:9: [filter:prefix] prefx: unknown option, did you mean prefix?"},
	}
	for _, tt := range tests {
		_, err := pipelinetest.Try(t, section("use = egg:PasteDeploy#prefix\n"+tt.option))
		if fmt.Sprint(err) != tt.want {
			t.Errorf("%s: %v\nwant %s", tt.option, err, tt.want)
		}
	}
}
