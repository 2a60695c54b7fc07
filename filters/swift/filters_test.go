package swift_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/filters/swift/healthcheck"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/refused"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/xprofile"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

var served = []string{"catch_errors", "gatekeeper", "healthcheck", "proxy_logging", "memcache", "ratelimit", "tempauth", "keystoneauth", "name_check",
	"read_only", "crossdomain", "domain_remap", "xprofile", "tempurl", "etag_quoter", "cname_lookup"}

// refused are all other entry points of python3-swift, and what newer versions
// have in addition.
var refused = map[string]string{"account_quotas": "", "bulk": "", "container_quotas": "", "container_sync": "", "copy": "", "dlo": "", "encryption": "crypto",
	"formpost": "", "keymaster": "crypto.keymaster", "kmip_keymaster": "crypto.kmip_keymaster", "kms_keymaster": "crypto.kms_keymaster", "list_endpoints": "",
	"listing_formats": "", "recon": "", "s3api": "s3api.s3api", "s3token": "s3api.s3token", "slo": "", "staticweb": "", "symlink": "", "versioned_writes": "", "backend_ratelimit": ""}

func TestFactoriesAreRegisteredUnderTheirNames(t *testing.T) {
	for _, name := range served {
		for _, ref := range []string{"egg:swift#" + name, "egg:wheatpaste#swift_" + name, "swift.common.middleware." + name + ":filter_factory"} {
			if f, ok := paste.DefaultRegistry.Lookup(paste.Filter, ref); !ok || f.Refusal != "" {
				t.Errorf("no filter %s", ref)
			}
		}
	}
	for name, module := range refused {
		if module == "" {
			module = name
		}
		for _, ref := range []string{"egg:swift#" + name, "swift.common.middleware." + module + ":filter_factory"} {
			if f, ok := paste.DefaultRegistry.Lookup(paste.Filter, ref); !ok || f.Refusal == "" {
				t.Errorf("%s is not refused", ref)
			}
		}
	}
}

func TestRefusedFilterSaysWhy(t *testing.T) {
	ini := "[pipeline:main]\npipeline = slo app\n[filter:slo]\nuse = egg:swift#slo\n[app:app]\npaste.app_factory = oracle:app_factory\n"
	_, err := pipelinetest.Try(t, ini)
	want := "paste.ini:4:7: [filter:slo] use: egg:swift#slo cannot be served by Go: it joins segments with Swift's own app; " +
		"keep it in the pipeline of the Swift proxy, and let wheatpaste proxy to that"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	app, err := pipelinetest.TryWith(t, &pipeline.Loader{Missing: pipeline.MissingStub, Logger: slog.New(slog.DiscardHandler)}, ini)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if rec.Code != 200 {
		t.Errorf("a stub gives %d, want the app's 200", rec.Code)
	}
}

// TestExamplesOfTheREADMEsLoad loads each section [filter:...] of the READMEs.
func TestExamplesOfTheREADMEsLoad(t *testing.T) {
	files, err := filepath.Glob("*/README.md")
	if err != nil || len(files) < len(served) {
		t.Fatalf("%d READMEs: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(text), "```ini\n")[1:]
		if len(blocks) == 0 && filepath.Dir(file) != "refused" {
			t.Errorf("%s has no example", file)
		}
		for _, block := range blocks {
			ini, _, _ := strings.Cut(block, "```")
			c := conformance{filters: ini}
			if _, err := pipelinetest.Try(t, c.ini("127.0.0.1:1")); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

func TestWrongOptionsAreErrors(t *testing.T) {
	tests := []struct{ name, options, want string }{
		{"proxy_logging", "log_anonymization_method = rot13", `log_anonymization_method: unsupported hashing method "rot13", want md5, sha1, sha224, sha256, sha384, sha512 or sha3_256`},
		{"proxy_logging", "log_msg_template = {client_ip", `log_msg_template: invalid template, want {FIELD}, and {{ or }} for a brace`},
		{"proxy_logging", "log_msg_template = }", `log_msg_template: invalid template, want {FIELD}, and {{ or }} for a brace`},
		{"proxy_logging", "log_msg_template = {method.anonymized}", `log_msg_template: unknown field "method.anonymized", want method alone`},
		{"proxy_logging", "log_msg_template = {path.x}", `log_msg_template: unknown field "path.x", want path alone or with .anonymized`},
		{"proxy_logging", "log_msg_template = {end_time.Q}", `log_msg_template: unknown field "end_time.Q", want end_time alone or with .datetime, .iso8601, .asctime, .ms, .us, .ns or a letter of strftime`},
		{"proxy_logging", "reveal_sensitive_prefix = -1", `reveal_sensitive_prefix: invalid length -1, want 0 or more`},
		{"proxy_logging", "access_log_facility = LOG_X", `access_log_facility: unknown facility "LOG_X", want one such as LOG_LOCAL0`},
		{"proxy_logging", "log_level = LOUD", `log_level: unknown level "LOUD", want DEBUG, INFO, NOTICE, WARNING, ERROR or CRITICAL`},
		{"proxy_logging", "log_udp_host = h\nlog_udp_port = x", `log_udp_port: invalid port "x", want a number`},
		{"proxy_logging", "log_statsd_host = h\nlog_statsd_default_sample_rate = x", `log_statsd_default_sample_rate: invalid rate "x", want a number such as 0.5`},
		{"memcache", "memcache_servers = a:b:c", `memcache_servers: invalid server "a:b:c", want IPv6 addresses between [ and ]`},
		{"memcache", "tries = 0", `tries: invalid number 0, want 1 or more`},
		{"ratelimit", "clock_accuracy = 0", `clock_accuracy: invalid number 0, want 1 or more`},
		{"ratelimit", "account_ratelimit = -1", `account_ratelimit: invalid rate -1, want 0 or more`},
		{"ratelimit", "container_ratelimit_x = 1", `container_ratelimit_x: invalid size "x", want a number of objects`},
		{"ratelimit", "container_listing_ratelimit_1 = x", `container_listing_ratelimit_1: invalid rate "x", want requests a second`},
		{"tempauth", "token_life = 0", `token_life: invalid time 0, want seconds`},
		{"tempauth", "user_a = k", `user_a: invalid name, want user_ACCOUNT_USER, or user64_ACCOUNT_USER in base64 for names with an underscore`},
		{"tempauth", "user_a_b =", `user_a_b: it has no key, want KEY GROUP ... URL`},
		{"tempauth", "user64_a!_b = k", `user64_a!_b: invalid name, want account and user in base64 without padding`},
		{"xprofile", "path = //", `path: invalid path "//", want one such as /__profile__`},
		{"tempurl", "allowed_digests = md5", `allowed_digests: no valid digest algorithms, want sha1, sha256 or sha512`},
		{"cname_lookup", "lookup_depth = 0", "lookup_depth: invalid number 0, want 1 or more"},
		{"cname_lookup", "nameservers = ns.example.com", `nameservers: invalid address "ns.example.com", want one such as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53`},
		{"name_check", "forbidden_regexp = (", "forbidden_regexp: error parsing regexp: missing closing ): `(`; look-around and back references do not exist in Go"},
	}
	for _, tt := range tests {
		c := conformance{filters: filter(tt.name, tt.options)}
		_, err := pipelinetest.Try(t, c.ini(""))
		text := ""
		if err != nil {
			_, text, _ = strings.Cut(strings.Split(err.Error(), "\n")[0], "] ")
		}
		if text != tt.want {
			t.Errorf("%s %s\n got %s\nwant %s", tt.name, tt.options, text, tt.want)
		}
	}
}

func TestXprofileServesProfiles(t *testing.T) {
	app := pipelinetest.Load(t, conformance{filters: filter("xprofile", "path = /__prof__/\ndump_interval = 3")}.ini(""))
	tests := []struct {
		method, path string
		status       int
		holds        string
	}{
		{"GET", "/__prof__/", 200, "goroutine"}, {"GET", "/__prof__", 302, ""}, {"GET", "/__prof__/goroutine?debug=1", 200, "goroutine profile: total"},
		{"GET", "/__prof__/heap", 200, ""}, {"GET", "/__prof__/cmdline", 200, "test"}, {"GET", "/__prof__/none", 404, "Unknown profile"}, {"PUT", "/__prof__/", 405, ""},
		{"GET", "/favicon.ico", 200, ""}, {"GET", "/__profile__/", 200, ""}, {"GET", "/v1", 200, ""},
	}
	for _, tt := range tests {
		rec := httptest.NewRecorder()
		app.ServeHTTP(rec, httptest.NewRequest(tt.method, tt.path, nil))
		if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.holds) {
			t.Errorf("%s %s = %d %.80q, want %d with %q", tt.method, tt.path, rec.Code, rec.Body, tt.status, tt.holds)
		}
	}
}

// BenchmarkFilters measures each filter before an app that does nothing.
func BenchmarkFilters(b *testing.B) {
	for _, bench := range []struct{ name, options string }{
		{"catch_errors", ""}, {"gatekeeper", ""}, {"healthcheck", ""}, {"proxy_logging", "access_log_udp_host = 127.0.0.1\naccess_log_udp_port = 9"}, {"memcache", ""}, {"ratelimit", ""},
		{"tempauth", ""}, {"keystoneauth", ""}, {"name_check", ""}, {"read_only", ""}, {"crossdomain", ""}, {"domain_remap", ""}, {"xprofile", ""}, {"tempurl", ""}, {"etag_quoter", ""}, {"cname_lookup", ""},
	} {
		b.Run(bench.name, func(b *testing.B) {
			app := pipelinetest.Load(b, strings.Replace(conformance{filters: filter(bench.name, bench.options)}.ini(""), "oracle:app_factory", "oracle:nothing", 1))
			r := httptest.NewRequest("GET", "/info", nil)
			w := discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				app.ServeHTTP(w, r)
			}
		})
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func init() {
	paste.RegisterApp("oracle:slow", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) { return http.HandlerFunc(slow), nil })
	paste.RegisterApp("oracle:nothing", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }), nil
	})
}
