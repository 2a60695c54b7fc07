package prefix

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/paste/pastetest"
	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func build(warn func(*paste.Error)) *paste.Build {
	return paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{Warn: warn})
}

func proxies(t *testing.T, text string) forwarded.Proxies {
	t.Helper()
	var list forwarded.Proxies
	if err := list.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return list
}

// request makes a request that came to host in.test:81 with these headers
// ("Name: value").
func request(path string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://in.test:81"+path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// seen is what the application gets to see of a request.
func seen(r *http.Request) string {
	e := pipeline.FromRequest(r)
	s := fmt.Sprintf("%s|%s host=%s port=%s client=%s scheme=%s", e.ScriptName(), r.URL.Path, r.Host, e.ServerPort(), e.ClientAddr(), e.Scheme())
	for _, name := range append(xNames, "Forwarded") {
		if v, ok := r.Header[name]; ok {
			s += fmt.Sprintf(" %s=%q", name, v)
		}
	}
	return s
}

// through sends a request through the filter and gives what the application saw.
func through(t *testing.T, o Options, r *http.Request) string {
	t.Helper()
	f, err := New(build(nil), o)
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprint(r.URL, r.Host, r.Header)
	env, w, r := pipeline.Begin(httptest.NewRecorder(), r)
	env.SetScriptName("/old")
	got := ""
	f(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = seen(r) })).ServeHTTP(w, r)
	if after := fmt.Sprint(r.URL, r.Host, r.Header); after != before {
		t.Errorf("the request of the outer stages became %s, want %s", after, before)
	}
	return got
}

func TestPaths(t *testing.T) {
	tests := []struct{ rule, prefix, path, want string }{
		{"PFX-01 the default", "/", "/x", "|/x"},
		{"PFX-02 no prefix", "", "/x", "|/x"},
		{"PFX-02 SCRIPT_NAME is set", "/p", "/p/x", "/p|/x"},
		{"PFX-02 also without the prefix", "/p", "/q", "/p|/q"},
		{"PFX-02 slashes at the end", "/p//", "/p/x", "/p|/x"},
		{"PFX-03 an empty rest", "/p", "/p", "/p|/"},
		{"PFX-03 a slash", "/p", "/p/", "/p|/"},
		{"PFX-03 two slashes", "/p", "/p//x", "/p|//x"},
		{"PFX-03 two segments", "/a/b", "/a/b/c", "/a/b|/c"},
		{"PFX-03 once", "/p", "/p/p/x", "/p|/p/x"},
		{"PFX-04 bound to a segment", "/p", "/pfoo", "/p|/pfoo"},
		{"PFX-04 literal", "/a.c", "/abc", "/a.c|/abc"},
		{"PFX-04 not a regular expression", "/(", "/(/x", "/(|/x"},
		{"PFX-04 a path with a newline", "/p", "/p/a%0Ab", "/p|/a\nb"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			got, _, _ := strings.Cut(through(t, Options{Prefix: tt.prefix, XForwarded: true}, request(tt.path)), " ")
			if got != tt.want {
				t.Errorf("prefix %q, path %q: %q, want %q", tt.prefix, tt.path, got, tt.want)
			}
		})
	}
}

func TestEscapedPathStaysEscaped(t *testing.T) {
	f, err := New(build(nil), Options{Prefix: "/p"})
	if err != nil {
		t.Fatal(err)
	}
	_, w, r := pipeline.Begin(httptest.NewRecorder(), request("/p/a%2Fb"))
	f(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := r.URL.EscapedPath(); got != "/a%2Fb" {
			t.Errorf("escaped path = %q, want %q", got, "/a%2Fb")
		}
	})).ServeHTTP(w, r)
}

func TestXForwardedAsTheOriginal(t *testing.T) {
	tests := []struct {
		rule string
		o    Options
		r    *http.Request
		want string
	}{
		{"PFX-05 the first items, not trimmed", Options{XForwarded: true},
			request("/", "X-Forwarded-Server: srv , b", "X-Forwarded-For: 1.1.1.1 , 2.2.2.2"),
			"|/ host=srv  port=80 client=1.1.1.1  scheme=http"},
		{"PFX-05 Host wins over Server", Options{XForwarded: true},
			request("/", "X-Forwarded-Server: srv", "X-Forwarded-Host: out.test:444, c"),
			"|/ host=out.test:444 port=80 client=192.0.2.1 scheme=http"},
		{"PFX-05 several lines are one list", Options{XForwarded: true},
			request("/", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2"),
			"|/ host=in.test:81 port=80 client=1.1.1.1 scheme=http"},
		{"PFX-05 empty headers count", Options{XForwarded: true},
			request("/", "X-Forwarded-Host: ", "X-Forwarded-For: ,b"),
			"|/ host= port=80 client= scheme=http"},
		{"PFX-06 Scheme, whole; Proto stays", Options{XForwarded: true},
			request("/", "X-Forwarded-Scheme: https, http", "X-Forwarded-Proto: http"),
			`|/ host=in.test:81 port=80 client=192.0.2.1 scheme=https, http X-Forwarded-Proto=["http"]`},
		{"PFX-06 Proto", Options{XForwarded: true},
			request("/", "X-Forwarded-Proto: https"),
			"|/ host=in.test:81 port=80 client=192.0.2.1 scheme=https"},
		{"PFX-06 Port and Forwarded are not read", Options{XForwarded: true},
			request("/", "X-Forwarded-Port: 1", "Forwarded: for=3.3.3.3"),
			`|/ host=in.test:81 port=80 client=192.0.2.1 scheme=http Forwarded=["for=3.3.3.3"]`},
		{"PFX-01 switched off", Options{},
			request("/", "X-Forwarded-Host: out.test", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https"),
			`|/ host=in.test:81 port=80 client=192.0.2.1 scheme=http X-Forwarded-Host=["out.test"] X-Forwarded-For=["1.1.1.1"] X-Forwarded-Proto=["https"]`},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			if got := through(t, tt.o, tt.r); got != tt.want {
				t.Errorf("application saw %s\nwant            %s", got, tt.want)
			}
		})
	}
}

func TestPortAndScheme(t *testing.T) {
	host := func(h string) *http.Request {
		r := request("/")
		r.Host = h
		return r
	}
	tests := []struct {
		rule string
		o    Options
		r    *http.Request
		want string
	}{
		{"PFX-07 a port", Options{ForcePort: new("8443")}, request("/"), "host=in.test:8443 port=8443 client=192.0.2.1 scheme=http"},
		{"PFX-07 default ports too", Options{ForcePort: new("80")}, request("/"), "host=in.test:80 port=80 client=192.0.2.1 scheme=http"},
		{"PFX-07 empty for http", Options{ForcePort: new("")}, request("/"), "host=in.test port=80 client=192.0.2.1 scheme=http"},
		{"PFX-07 empty for https", Options{ForcePort: new(""), XForwarded: true}, request("/", "X-Forwarded-Proto: https"), "host=in.test port=443 client=192.0.2.1 scheme=https"},
		{"PFX-07 IPv6", Options{ForcePort: new("99")}, host("[::1]:80"), "host=[::1]:99 port=99 client=192.0.2.1 scheme=http"},
		{"PFX-07 IPv6 without a port", Options{ForcePort: new("")}, host("[::1]"), "host=[::1] port=80 client=192.0.2.1 scheme=http"},
		{"PFX-07 no Host", Options{ForcePort: new("99")}, host(""), "host=:99 port=99 client=192.0.2.1 scheme=http"},
		{"PFX-07 a broken Host", Options{ForcePort: new("99")}, host("[::1"), "host=[:99 port=99 client=192.0.2.1 scheme=http"},
		{"PFX-08 the scheme", Options{Scheme: new("https")}, request("/"), "host=in.test:81 port=80 client=192.0.2.1 scheme=https"},
		{"PFX-08 comes last", Options{Scheme: new("https"), ForcePort: new("")}, request("/"), "host=in.test port=80 client=192.0.2.1 scheme=https"},
		{"PFX-08 may be empty", Options{Scheme: new("")}, request("/"), "host=in.test:81 port=80 client=192.0.2.1 scheme="},
		{"PFX-09 headers come before the port", Options{ForcePort: new("99"), XForwarded: true}, request("/", "X-Forwarded-Host: out.test:1"), "host=out.test:99 port=99 client=192.0.2.1 scheme=http"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			if got := through(t, tt.o, tt.r); got != "|/ "+tt.want {
				t.Errorf("application saw %s\nwant            |/ %s", got, tt.want)
			}
		})
	}
}

// BUG-09: the original does not read Forwarded.
func TestForwardedHeader(t *testing.T) { // BUG-09
	tests := []struct{ name, header, want string }{
		{"all of it", `for=1.1.1.1;proto=https;host=out.test;by=9.9.9.9`, "host=out.test port=80 client=1.1.1.1 scheme=https"},
		{"the first item", `for=1.1.1.1, for=2.2.2.2;proto=https`, "host=in.test:81 port=80 client=1.1.1.1 scheme=http"},
		{"quoted, with a port", `For="[2001:db8::1]:4711";HOST="out.test:8443"`, "host=out.test:8443 port=80 client=2001:db8::1 scheme=http"},
		{"quoted pairs and separators", `for="1.1.\1.1";x="a,b;c\"",for=2.2.2.2`, "host=in.test:81 port=80 client=1.1.1.1 scheme=http"},
		{"a hidden client", `for=unknown;proto=https`, "host=in.test:81 port=80 client=192.0.2.1 scheme=https"},
		{"a name for the client", `for=_gazonk`, "host=in.test:81 port=80 client=192.0.2.1 scheme=http"},
		{"a scheme that is none of HTTP", `proto=javascript`, "host=in.test:81 port=80 client=192.0.2.1 scheme=http"},
		{"a host that is none", `host="a b/<c>"`, "host=in.test:81 port=80 client=192.0.2.1 scheme=http"},
		{"an open quote", `for="1.1.1.1, for=2.2.2.2`, "host=in.test:81 port=80 client=192.0.2.1 scheme=http"},
		{"nothing", ` , ;`, "host=in.test:81 port=80 client=192.0.2.1 scheme=http"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := through(t, Options{Forwarded: true}, request("/", "Forwarded: "+tt.header)); got != "|/ "+tt.want {
				t.Errorf("application saw %s\nwant            |/ %s", got, tt.want)
			}
		})
	}
	t.Run("it counts more than X-Forwarded", func(t *testing.T) {
		got := through(t, Options{Forwarded: true, XForwarded: true}, request("/", "Forwarded: for=1.1.1.1", "X-Forwarded-For: 2.2.2.2", "X-Forwarded-Proto: https"))
		if want := "|/ host=in.test:81 port=80 client=1.1.1.1 scheme=https"; got != want {
			t.Errorf("application saw %s\nwant            %s", got, want)
		}
	})
}

func TestTrustedProxies(t *testing.T) {
	all := Options{XForwarded: true, Forwarded: true}
	tests := []struct {
		name    string
		trusted string
		remote  string
		headers []string
		want    string
	}{
		{"a stranger's headers are dropped", "10.0.0.0/8", "192.0.2.1:1", []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-Host: evil.test", "X-Forwarded-Proto: https", "Forwarded: for=1.1.1.1"}, "host=in.test:81 port=80 client=192.0.2.1 scheme=http"},
		{"a proxy's are taken", "10.0.0.0/8", "10.1.1.1:1", []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-Host: out.test", "X-Forwarded-Proto: https"}, "host=out.test port=80 client=1.1.1.1 scheme=https"},
		{"what the client invented is not", "10.0.0.0/8", "10.1.1.1:1", []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1", "X-Forwarded-Proto: https, http"}, "host=in.test:81 port=80 client=1.1.1.1 scheme=http"},
		{"two proxies", "10.1.1.1 10.1.1.2", "10.1.1.1:1", []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.1.1.2", "X-Forwarded-Host: evil.test, out.test, mid.test"}, "host=out.test port=80 client=1.1.1.1 scheme=http"},
		{"only proxies", "10.0.0.0/8", "10.1.1.1:1", []string{"X-Forwarded-For: 10.2.2.2, 10.3.3.3"}, "host=in.test:81 port=80 client=10.2.2.2 scheme=http"},
		{"a client that is no address", "10.0.0.0/8", "10.1.1.1:1", []string{"X-Forwarded-For: 6.6.6.6, unknown"}, "host=in.test:81 port=80 client=10.1.1.1 scheme=http"},
		{"Server and Scheme", "10.0.0.0/8", "10.1.1.1:1", []string{"X-Forwarded-Server: out.test", "X-Forwarded-Scheme: HTTPS"}, "host=out.test port=80 client=10.1.1.1 scheme=https"},
		{"empty headers say nothing", "10.0.0.0/8", "10.1.1.1:1", []string{"X-Forwarded-Host: ", "X-Forwarded-For: "}, "host=in.test:81 port=80 client=10.1.1.1 scheme=http"},
		{"Forwarded, from its end", "10.0.0.0/8", "10.1.1.1:1", []string{"Forwarded: for=6.6.6.6;host=evil.test, for=1.1.1.1;host=out.test, for=10.2.2.2"}, "host=out.test port=80 client=1.1.1.1 scheme=http"},
		{"IPv6", "2001:db8::/32", "[2001:db8::5]:1", []string{"X-Forwarded-For: 2001:db9::1"}, "host=in.test:81 port=80 client=2001:db9::1 scheme=http"},
		{"IPv4 in IPv6", "::ffff:10.1.1.1", "[::ffff:10.1.1.1]:1", []string{"X-Forwarded-For: 1.1.1.1"}, "host=in.test:81 port=80 client=1.1.1.1 scheme=http"},
		{"a unix socket", "unix", "@", []string{"X-Forwarded-For: 1.1.1.1"}, "host=in.test:81 port=80 client=1.1.1.1 scheme=http"},
		{"a unix socket that is not trusted", "10.0.0.0/8", "@", []string{"X-Forwarded-For: 1.1.1.1"}, "host=in.test:81 port=80 client=@ scheme=http"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, r := all, request("/", tt.headers...)
			o.Trusted, r.RemoteAddr = proxies(t, tt.trusted), tt.remote
			if got := through(t, o, r); got != "|/ "+tt.want {
				t.Errorf("application saw %s\nwant            |/ %s", got, tt.want)
			}
		})
	}
}

func TestBadPorts(t *testing.T) {
	for _, port := range []string{"0", "65536", "-1", "abc", "80 "} {
		_, err := New(build(nil), Options{ForcePort: &port})
		want := fmt.Sprintf("force_port: invalid port %q, want 1 to 65535, or nothing for the scheme's default", port)
		if err == nil || err.Error() != want {
			t.Errorf("port %q: %v, want %q", port, err, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct {
		o    Options
		want string
	}{
		{Options{Prefix: "/p", Scheme: new("https")}, ""},
		{Options{Prefix: "p"}, "prefix: does not begin with a slash, so that no path begins with it"},
		{Options{Scheme: new("")}, "scheme: an empty scheme makes every URL of the application invalid"},
	}
	for _, tt := range tests {
		got := ""
		if _, err := New(build(func(e *paste.Error) { got += e.Error() }), tt.o); err != nil || got != tt.want {
			t.Errorf("New(%+v) warns %q, %v; want %q", tt.o, got, err, tt.want)
		}
	}
}

// TestOriginal compares what the application sees with the original where it is
// right: not in prefixes that are not literal (PFX-04) nor in IPv6 hosts.
func TestOriginal(t *testing.T) {
	host := [2]string{"Host", "in.test:81"}
	all := [][2]string{host, {"X-Forwarded-Server", "srv , b"}, {"X-Forwarded-Host", "out.test:444 , c"}, {"X-Forwarded-For", "1.1.1.1 , 2.2.2.2"},
		{"X-Forwarded-Scheme", "https, http"}, {"X-Forwarded-Proto", "http"}, {"Forwarded", "for=3.3.3.3"}}
	type options = map[string]string
	cases := []pastetest.Case{
		{Options: options{"prefix": "/p"}, Path: "/p/x", ScriptName: "/old"},
		{Options: options{"prefix": "/p/"}, Path: "/p"},
		{Options: options{"prefix": "/p"}, Path: "/q"},
		{Options: options{"prefix": "/p"}, Path: "/p//x"},
		{Options: options{"prefix": "p"}, Path: "/p/x"},
		{Options: options{"prefix": ""}, NoPath: true},
		{Headers: all},
		{Headers: all, Options: options{"translate_forwarded_server": "false"}},
		{Headers: all, Options: options{"force_port": "", "scheme": "https"}},
		{Headers: [][2]string{host, {"X-Forwarded-Proto", "https"}}, Options: options{"force_port": ""}},
		{Headers: [][2]string{host, {"X-Forwarded-Host", ""}, {"X-Forwarded-For", ",b"}}},
		{Headers: [][2]string{host}, Options: options{"force_port": "8443"}},
		{Headers: [][2]string{host}, Options: options{"force_port": ""}},
		{Headers: [][2]string{host}, Options: options{"scheme": ""}},
	}
	for i := range cases {
		cases[i].Factory = "paste.deploy.config:make_prefix_middleware"
		cases[i].Environ = map[string]string{"REMOTE_ADDR": "192.0.2.1"}
	}
	for i, original := range pastetest.Run(t, cases) {
		f, err := New(build(nil), fromTexts(cases[i].Options))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		cases[i].Serve(f, func(r *http.Request) { got = seen(r) })
		if want := originalSeen(original.Seen[0]); got != want {
			t.Errorf("case %d: application saw %s\nbelow the original          %s", i, got, want)
		}
	}
}

func fromTexts(m map[string]string) Options {
	o := Options{Prefix: "/", XForwarded: m["translate_forwarded_server"] != "false"}
	if v, ok := m["prefix"]; ok {
		o.Prefix = v
	}
	if v, ok := m["force_port"]; ok {
		o.ForcePort = &v
	}
	if v, ok := m["scheme"]; ok {
		o.Scheme = &v
	}
	return o
}

// originalSeen writes an environ of WSGI as seen does.
func originalSeen(env map[string]any) string {
	str := func(name string) string { s, _ := env[name].(string); return s }
	s := fmt.Sprintf("%s|%s host=%s port=%s client=%s scheme=%s", str("SCRIPT_NAME"), str("PATH_INFO"), str("HTTP_HOST"), str("SERVER_PORT"), str("REMOTE_ADDR"), str("wsgi.url_scheme"))
	for _, name := range append(xNames, "Forwarded") {
		if v, ok := env["HTTP_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))]; ok {
			s += fmt.Sprintf(" %s=%q", name, []any{v})
		}
	}
	return s
}
