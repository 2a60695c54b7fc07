package redirect

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const use = "use = egg:wheatpaste#redirect\n"

func request(url, scheme, script string) *http.Request {
	_, _, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest("GET", url, nil))
	pipeline.FromRequest(r).SetScheme(scheme)
	pipeline.FromRequest(r).SetScriptName(script)
	return r
}

func TestRedirect(t *testing.T) {
	const https = "https = on\n"
	tests := []struct{ name, lines, url, scheme, script, want string }{
		{"no rule matches", "rule a = ^/x$ -> /y", "/a", "http", "", "200 "},
		{"a path", "rule a = ^/old/(.*)$ -> /new/$1", "/old/a%20b?q=1", "http", "", "302 /new/a%20b?q=1"},
		{"below a mount", "rule a = ^/s/old$ -> /new", "/old", "http", "/s", "302 /new"},
		{"another host", "rule a = ^/docs/(.*)$ -> https://docs.test/x/$1?from=$1\nstatus = 301", "/docs/a?q", "http", "", "301 https://docs.test/x/a?from=a&q"},
		{"a host alone", "rule a = ^/docs -> https://docs.test\nkeep_query = off", "/docs/a?q", "http", "", "302 https://docs.test/"},
		{"no open redirect", "rule a = ^/go/(.*)$ -> /$1", "/go//evil.test/x", "http", "", "302 /evil.test/x"},
		{"no open redirect by a backslash", "rule a = ^/go/(.*)$ -> /$1", "/go/%5cevil.test", "http", "", "400 "},
		{"no open redirect behind a host", "rule a = ^/go(.*)$ -> https://docs.test$1", "/go@evil.test", "http", "", "load"},
		{"no host by a group", "rule a = ^/go/(.*)$ -> https://$1/x", "/go/evil.test", "http", "", "load"},
		{"a line break", "rule a = ^/go/((?s).*)$ -> /$1", "/go/%0d%0aSet-Cookie:a", "http", "", "400 "},
		{"dots", "rule a = ^/go/(.*)$ -> /public/$1", "/go/%2e%2e/secret", "http", "", "400 "},
		{"a hash", "rule a = ^/go/(.*)$ -> /public/$1", "/go/a%23b", "http", "", "302 /public/a%23b"},
		{"https", https, "http://in.test:8080/a%2Fb?q=1", "http", "/s t", "308 https://in.test/s%20t/a%2Fb?q=1"},
		{"https already", https, "http://in.test/a", "https", "", "200 "},
		{"https before the rules", https + "rule a = ^/a$ -> /b", "http://in.test/a", "http", "", "308 https://in.test/a"},
		{"and then the rules", https + "rule a = ^/a$ -> /b", "http://in.test/a", "https", "", "302 /b"},
		{"https on a port", https + "https_port = 8443", "http://in.test/", "http", "", "308 https://in.test:8443/"},
		{"https by IPv6", https + "https_port = 8443", "http://[::1]:80/", "http", "", "308 https://[::1]:8443/"},
		{"https by IPv6 on the usual port", https, "http://[::1]:80/", "http", "", "308 https://[::1]/"},
		{"https on a host", https + "host = out.test:1", "http://evil.test/", "http", "", "308 https://out.test:1/"},
		{"a host of the list", https + "hosts = a.test in.test", "http://IN.test/", "http", "", "308 https://IN.test/"},
		{"a host that is not", https + "hosts = a.test", "http://evil.test/", "http", "", "400 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := filtertest.Try(t, use+tt.lines, func(http.ResponseWriter, *http.Request) {})
			if err != nil {
				if tt.want != "load" {
					t.Error(err)
				}
				return
			}
			rec := s.Do(request(tt.url, tt.scheme, tt.script))
			if got := fmt.Sprintf("%d %s", rec.Code, rec.Header().Get("Location")); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAForgedHostIsRefused(t *testing.T) {
	s := filtertest.Load(t, use+"https = on", func(http.ResponseWriter, *http.Request) {})
	for _, host := range []string{"", "a/b", "a@evil.test", `a\b`, "a b", "a?b", "a\r\nX: y", "a#b", "<a>"} {
		r := request("/", "http", "")
		r.Host = host
		if rec := s.Do(r); rec.Code != 400 || rec.Header().Get("Location") != "" {
			t.Errorf("%q: %d %v, want 400", host, rec.Code, rec.Header())
		}
	}
}

func TestOptions(t *testing.T) {
	const target = "want a path that begins with one slash, or https://host/path with the host as it is"
	for lines, want := range map[string]string{
		"rule a = /x -> //y":              `paste.ini:3:10: [filter:f] rule a: invalid target "//y", ` + target,
		"rule a = /x -> https://$1/y":     `paste.ini:3:10: [filter:f] rule a: invalid target "https://$1/y", ` + target,
		"rule a = /x -> https://h$1":      `paste.ini:3:10: [filter:f] rule a: invalid target "https://h$1", ` + target,
		"rule a = /x -> https://u@h/":     `paste.ini:3:10: [filter:f] rule a: invalid target "https://u@h/", ` + target,
		"rule a = /x -> javascript:x":     `paste.ini:3:10: [filter:f] rule a: invalid target "javascript:x", ` + target,
		"rule a = /x -> /y\nstatus = 200": "paste.ini:4:10: [filter:f] status: invalid status 200, want 301, 302, 303, 307 or 308",
		"https = on\nhttps_port = 0":      "paste.ini:4:14: [filter:f] https_port: invalid port 0, want 1 to 65535",
		"https = on\nhost = a/b":          `paste.ini:4:8: [filter:f] host: invalid host "a/b", want host or host:port`,
		"":                                ": it has no rules, so that it does nothing",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#redirect")
}

func BenchmarkRedirect(b *testing.B) {
	wrap, err := New(filtertest.Build(), Options{Status: 302, HTTPS: true, HTTPSPort: 443})
	if err != nil {
		b.Fatal(err)
	}
	h := wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Run("passes", func(b *testing.B) { filtertest.Bench(b, h, request("/", "https", "")) })
	b.Run("redirects", func(b *testing.B) { filtertest.Bench(b, h, request("/", "http", "")) })
}
