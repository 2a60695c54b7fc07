package pipeline

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

// tagApp answers "name SCRIPT_NAME PATH_INFO".
func tagApp(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %q %q", name, FromRequest(r).ScriptName(), r.URL.Path)
	})
}

// request makes a request of which only host and path matter. The path goes in
// as it is, for paths that no client can send.
func request(host, path string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = host
	r.URL.Path = path
	return r
}

func answer(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// newMap mounts a tagApp under each key; its name is the key.
func newMap(tb testing.TB, keys ...string) *URLMap {
	tb.Helper()
	m := NewURLMap(tagApp("none"), false)
	for _, key := range keys {
		k, err := ParseMountKey(key)
		if err != nil {
			tb.Fatal(err)
		}
		m.Mount(k, tagApp(key))
	}
	return m
}

func TestParseMountKey(t *testing.T) {
	for _, test := range []struct {
		rule, text   string
		domain, path string
	}{
		{"MAP-03 path alone", "/a", "", "/a"},
		{"MAP-03 domain alone", "domain a.com", "a.com", ""},
		{"MAP-03 domain and path", "domain a.com /x", "a.com", "/x"},
		{"MAP-03 path first", "/x domain a.com", "a.com", "/x"},
		{"MAP-03 any order", "port 80 /x domain a.com", "a.com:80", "/x"},
		{"MAP-03 Python's white space", "domain\ta.com\u00a0/x\u2003port\v81", "a.com:81", "/x"},
		{"MAP-03 the port is any word", "domain a.com port http", "a.com:http", ""},
		{"MAP-03 nothing", "  ", "", ""},
		{"MAP-04 http", "http://a.com/x", "a.com", "/x"},
		{"MAP-04 https is the same", "https://a.com/x", "a.com", "/x"},
		{"MAP-04 port", "http://a.com:8080/x/", "a.com:8080", "/x"},
		{"MAP-04 without path", "http://a.com", "a.com", ""},
		{"MAP-05 a slash is added after a domain", "domain a.com x/y", "a.com", "/x/y"},
		{"MAP-05 a URL after a domain is a path", "domain a.com http://b/y", "a.com", "/http:/b/y"},
		{"MAP-05 the domain may hold a path", "domain a.com/x /y", "a.com", "/x/y"},
		{"MAP-06 root", "/", "", ""},
		{"MAP-06 trailing slash", "/a/", "", "/a"},
		{"MAP-06 runs of slashes", "//a///b//", "", "/a/b"},
		{"MAP-06 only slashes", "////", "", ""},
		{"MAP-12 capital letters", "domain A.Com port 80 /X", "A.Com:80", "/X"},
		{"MAP-19 IPv6", "http://[::1]:80/x", "[::1]:80", "/x"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			got, err := ParseMountKey(test.text)
			if want := (MountKey{test.domain, test.path}); got != want || err != nil {
				t.Errorf("ParseMountKey(%q) = %q, %v, want %q", test.text, got, err, want)
			}
		})
	}
}

func TestParseMountKeyErrors(t *testing.T) {
	for _, test := range []struct{ rule, text, want string }{
		{"MAP-03", "domain", "'domain' must be followed with a domain name"},
		{"MAP-03", "/x domain", "'domain' must be followed with a domain name"},
		{"MAP-03", "domain a domain b", "'domain' given twice"},
		{"MAP-03", "domain a domain", "'domain' must be followed with a domain name"},
		{"MAP-03", "domain a port", "'port' must be followed with a port number"},
		{"MAP-03", "domain a port 1 port 2", "'port' given twice"},
		{"MAP-03", "/a /b", "more than one path given (have '/a', got '/b')"},
		{"MAP-03", `/it's /b"\`, `more than one path given (have "/it's", got '/b"\\')`},
		{"MAP-03", "/a\x00\x7f /\u0085x\u200b\U000e0001é", `more than one path given (have '/a\x00\x7f', got '/')`},
		{"MAP-03", "port 80 /x", "If you give a port, you must also give a domain"},
		{"MAP-05", "debug", "URL fragments must start with / or http:// (you gave 'debug')"},
		{"MAP-05", "HTTP://a/x", "URL fragments must start with / or http:// (you gave 'HTTP://a/x')"},
	} {
		t.Run(test.rule+" "+test.text, func(t *testing.T) {
			got, err := ParseMountKey(test.text)
			if err == nil || err.Error() != test.want || got != (MountKey{}) {
				t.Errorf("ParseMountKey(%q) = %q, %v, want %s", test.text, got, err, test.want)
			}
		})
	}
}

func TestRepr(t *testing.T) {
	for text, want := range map[string]string{
		"":                      `''`,
		"it's":                  `"it's"`,
		`it's "`:                `'it\'s "'`,
		"\x01\u200b\U000e0001é": `'\x01\u200b\U000e0001é'`,
	} {
		if got := paste.Repr(text); got != want {
			t.Errorf("paste.Repr(%q) = %s, want %s (GEN-02)", text, got, want)
		}
	}
}

func TestURLMapDispatch(t *testing.T) {
	domains := []string{"/", "/long/path", "domain a.com", "domain b.com port 80 /x", "domain b.com port 8080", "http://[::1]/six", "http://[::1]:81/six"}
	plain := []string{"/foo", "/foo/bar", "/Case"}
	for _, test := range []struct {
		rule       string
		keys       []string
		host, path string
		want       string
	}{
		{"MAP-10 host in small letters", domains, "A.COM", "/x", `domain a.com "" "/x"`},
		{"MAP-10 split at the first colon", domains, "a.com:80:90", "/x", `domain a.com "" "/x"`},
		{"MAP-11 domain fits any port", domains, "a.com:1234", "/x", `domain a.com "" "/x"`},
		{"MAP-11 port 80 fits a host without port", domains, "b.com", "/x/y", `domain b.com port 80 /x "/x" "/y"`},
		{"MAP-11 other port", domains, "b.com:8080", "/x/y", `domain b.com port 8080 "" "/x/y"`},
		{"MAP-11 no subdomain", domains, "sub.a.com", "/x", `/ "" "/x"`},
		{"MAP-11 an empty port is no port 80", domains, "b.com:", "/x/y", `/ "" "/x/y"`},
		{"MAP-13 a domain wins over a longer path", domains, "a.com", "/long/path", `domain a.com "" "/long/path"`},
		{"MAP-13 longest path", domains, "x", "/long/path/z", `/long/path "/long/path" "/z"`},
		{"MAP-13 a host falls back path by path", domains, "b.com", "/y", `/ "" "/y"`},
		{"MAP-14 equal", plain, "x", "/foo", `/foo "/foo" ""`},
		{"MAP-14 not in the middle of a segment", plain, "x", "/foobar", `none "" "/foobar"`},
		{"MAP-14 case", plain, "x", "/case", `none "" "/case"`},
		{"MAP-14 decoded path", []string{"/caf\u00e9"}, "x", "/caf\u00e9/x", "/caf\u00e9 \"/caf\u00e9\" \"/x\""},
		{"MAP-14 runs of slashes", plain, "x", "//foo////bar//x", `/foo/bar "/foo/bar" "/x"`},
		{"MAP-14 longest first", plain, "x", "/foo/barn", `/foo "/foo" "/barn"`},
		{"MAP-15 slash stays", plain, "x", "/foo/", `/foo "/foo" "/"`},
		{"MAP-15 collapsed", []string{"/a"}, "x", "/a////b//", `/a "/a" "/b/"`},
		{"MAP-15 collapsed by the root, too", []string{"/"}, "x", "/a////b//", `/ "" "/a/b/"`},
		{"MAP-14 empty path", []string{"/"}, "x", "", `/ "" ""`},
		{"MAP-14 empty path without a root", plain, "x", "", `none "" ""`},
		{"MAP-16 a URL as path", []string{"/a"}, "x", "http://q/a/b", `/a "/a" "/b"`},
		{"MAP-16 a URL without path", []string{"/"}, "x", "https://q", `/ "" ""`},
		{"MAP-17 untouched", []string{"/a"}, "x", "//b//c", `none "" "//b//c"`},
		{"MAP-19 IPv6 fits any port", domains, "[::1]:80", "/six", `http://[::1]/six "/six" ""`},
		{"MAP-19 IPv6 without port", domains, "[::1]", "/six", `http://[::1]/six "/six" ""`},
		{"MAP-19 a broken host", domains, "[::1", "/six", `/ "" "/six"`},
		{"wildcards are nova's", []string{"/v2/+"}, "x", "/v2/x", `none "" "/v2/x"`},
	} {
		t.Run(test.rule, func(t *testing.T) {
			w := answer(newMap(t, test.keys...), request(test.host, test.path))
			if got := w.Body.String(); got != test.want || w.Code != 200 {
				t.Errorf("%q %q = %d %s, want %s", test.host, test.path, w.Code, got, test.want)
			}
		})
	}
}

func TestURLMapAppendsToScriptName(t *testing.T) { // MAP-15, MAP-18
	inner := newMap(t, "/c")
	outer := NewURLMap(nil, false)
	outer.Mount(MountKey{Path: "/a/b"}, inner)
	if got, want := answer(outer, request("x", "/a/b/c/d")).Body.String(), `/c "/a/b/c" "/d"`; got != want {
		t.Errorf("nested map = %s, want %s", got, want)
	}
	if got, want := answer(outer, request("x", "/a/b//z")).Body.String(), `none "/a/b" "/z"`; got != want {
		t.Errorf("nested map = %s, want %s", got, want)
	}
}

func TestURLMapDefaultPortFollowsTheScheme(t *testing.T) { // MAP-10
	m := newMap(t, "domain a.com port 443", "domain b.com port 80")
	for _, test := range []struct{ host, scheme, want string }{
		{"a.com", "https", `domain a.com port 443 "" "/"`},
		{"a.com", "http", `none "" "/"`},
		{"b.com", "http", `domain b.com port 80 "" "/"`},
		{"b.com", "https", `none "" "/"`},
	} {
		w := httptest.NewRecorder()
		e, _, r := Begin(w, request(test.host, "/"))
		e.SetScheme(test.scheme)
		m.ServeHTTP(w, r)
		if got := w.Body.String(); got != test.want {
			t.Errorf("%s by %s = %s, want %s", test.host, test.scheme, got, test.want)
		}
	}
}

func TestURLMapWithoutHostUsesTheServersAddress(t *testing.T) { // MAP-10
	m := newMap(t, "domain 127.0.0.1 /a")
	server := httptest.NewServer(m)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /a HTTP/1.0\r\n\r\n")
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if want := `domain 127.0.0.1 /a "/a" ""`; !strings.HasSuffix(string(got), want) {
		t.Errorf("answer %q, want %s at its end", got, want)
	}
}

func TestServerName(t *testing.T) { // MAP-10
	for _, test := range []struct {
		addr net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 80}, "[::1]"},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 80}, "10.0.0.1"},
		{&net.UnixAddr{Name: "/run/x.sock", Net: "unix"}, ""},
		{nil, ""},
	} {
		r := request("", "/")
		if test.addr != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, test.addr))
		}
		if got := requestHost(r); got != test.want {
			t.Errorf("host at %v = %q, want %q", test.addr, got, test.want)
		}
	}
}

func TestURLMapRefusesPathsWithoutSlash(t *testing.T) { // MAP-16
	w := answer(newMap(t, "/"), request("x", "*"))
	if want := "500 Internal Server Error\r\nThe path must start with a slash.\r\n*\r\n\r\n"; w.Code != 500 || w.Body.String() != want {
		t.Errorf("path * = %d %q, want %q", w.Code, w.Body, want)
	}
}

func TestURLMapDefaultNotFound(t *testing.T) {
	const page = "<html>\r\n  <head><title>Not Found</title></head>\r\n  <body>\r\n    <h1>Not Found</h1>\r\n" +
		"    <p>The resource could not be found.\r\n<br/>/no&lt;pe&gt;&amp;&quot;&#x27;</p>\r\n" +
		"    <hr noshade>\r\n    <div align=\"right\">WSGI Server</div>\r\n  </body>\r\n</html>\r\n"
	const plain = "404 Not Found\r\nThe resource could not be found.\r\n/no<pe>&\"'\r\n\r\n"
	for _, test := range []struct{ rule, accept, kind, body string }{
		{"MAP-21 no Accept", "", "text/plain", plain},
		{"MAP-21 plain", "text/plain", "text/plain", plain},
		{"MAP-22 html", "application/xhtml", "text/html", page},
		{"MAP-22 anything", "text/plain, */*;q=0.1", "text/html", page},
	} {
		t.Run(test.rule, func(t *testing.T) {
			m := NewURLMap(nil, false)
			m.Mount(MountKey{Path: "/secret"}, tagApp("x"))
			r := request("", `/no<pe>&"'`) // MAP-23: no Host, no crash
			if test.accept != "" {
				r.Header.Set("Accept", test.accept)
			}
			w := answer(m, r)
			if w.Code != 404 || w.Body.String() != test.body {
				t.Errorf("answer %d %q, want %q", w.Code, w.Body, test.body)
			}
			if got, want := w.Header().Get("Content-Type"), test.kind+"; charset=utf8"; got != want { // MAP-20
				t.Errorf("Content-Type %q, want %q", got, want)
			}
		})
	}
}

func TestWildcardMounts(t *testing.T) { // NMAP-02
	m := NewURLMap(tagApp("none"), true)
	for _, key := range []string{"/v2", "/v2/+", "/v2/x/y", "/v2/a", "/v2/!", "/v2/word"} {
		m.Mount(MountKey{Path: key}, tagApp(key))
	}
	for path, want := range map[string]string{
		"/v2":        `/v2 "/v2" ""`,
		"/v2/":       `/v2 "/v2" "/"`,
		"/v2/z":      `/v2/+ "/v2" "/z"`,
		"/v2/z/":     `/v2/+ "/v2" "/z/"`,
		"/v2/x":      `/v2/+ "/v2" "/x"`,
		"/v2/x/y/z":  `/v2/x/y "/v2/x/y" "/z"`,
		"/v2/a/b":    `/v2/+ "/v2" "/a/b"`, // equally long, "+" sorts before "a"
		"/v2/!/b":    `/v2/! "/v2/!" "/b"`,
		"/v2/word/b": `/v2/word "/v2/word" "/b"`,
		"/v2/+":      `/v2/+ "/v2" "/+"`,
		"/v22":       `none "" "/v22"`,
	} {
		if got := answer(m, request("x", path)).Body.String(); got != want {
			t.Errorf("%s = %s, want %s", path, got, want)
		}
	}
}

// naive is the ordered scan of MAP-13 and MAP-14, to compare with.
type naive struct {
	mounts    []naiveMount
	wildcards bool
}

type naiveMount struct {
	key  MountKey
	name string
}

func (n *naive) mount(key MountKey, name string) {
	n.mounts = slices.DeleteFunc(n.mounts, func(m naiveMount) bool { return m.key == key })
	n.mounts = append(n.mounts, naiveMount{key, name})
	sort.Slice(n.mounts, func(i, j int) bool {
		a, b := n.mounts[i].key, n.mounts[j].key
		if da, db := naiveDomain(a), naiveDomain(b); da != db {
			return da < db
		}
		if len(a.Path) != len(b.Path) {
			return len(a.Path) > len(b.Path)
		}
		return a.Path < b.Path
	})
}

func naiveDomain(k MountKey) string {
	if k.Domain == "" {
		return "\xff"
	}
	return k.Domain
}

func (n *naive) match(host, port, path string) (name, script string) {
	for _, m := range n.mounts {
		if d := m.key.Domain; d != "" && d != host && d != host+":"+port {
			continue
		}
		if n.wildcards && strings.HasSuffix(m.key.Path, "/+") {
			start := strings.TrimSuffix(m.key.Path, "+")
			if strings.HasPrefix(path, start) && len(path) > len(start) {
				return m.name, strings.TrimSuffix(start, "/")
			}
			continue
		}
		if path == m.key.Path || strings.HasPrefix(path, m.key.Path+"/") {
			return m.name, m.key.Path
		}
	}
	return "", ""
}

// randomPath gives paths of few different segments, so that prefixes collide.
func randomPath(rnd *rand.Rand) string {
	var b strings.Builder
	for range rnd.IntN(5) {
		b.WriteString([]string{"/", "/", "/a", "/b", "/ab", "/+", "/!", "/é", "//"}[rnd.IntN(9)])
		b.WriteString([]string{"", "", "a", "b"}[rnd.IntN(4)])
	}
	if s := b.String(); s == "" || s[0] == '/' {
		return s
	}
	return ""
}

func TestURLMapEqualsOrderedScan(t *testing.T) { // MAP-10 to MAP-15, NMAP-02
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	domains := []string{"", "", "a", "b", "a:80", "a:81", "b:443", "a.b"}
	hosts := []string{"a", "b", "A", "a:80", "a:81", "b:443", "a.b", "c", "a:"}
	for range 3000 {
		n := &naive{wildcards: rnd.IntN(2) == 0}
		m := NewURLMap(nil, n.wildcards)
		for i := range rnd.IntN(12) {
			path, _ := CollapsePath(randomPath(rnd))
			key := MountKey{domains[rnd.IntN(len(domains))], strings.TrimRight(path, "/")}
			name := fmt.Sprint(i)
			n.mount(key, name)
			m.Mount(key, tagApp(name))
		}
		for range 20 {
			host, path := hosts[rnd.IntN(len(hosts))], randomPath(rnd)
			collapsed, _ := CollapsePath(path)
			name, port, hasPort := strings.Cut(strings.ToLower(host), ":")
			if !hasPort {
				port = "80"
			}
			want, script := n.match(name, port, collapsed)
			text := "404"
			if want != "" {
				text = fmt.Sprintf("%s %q %q", want, script, collapsed[len(script):])
			}
			w := answer(m, request(host, path))
			got := w.Body.String()
			if w.Code == 404 {
				got = "404"
			}
			if got != text {
				t.Fatalf("seed %d: %q %q = %s, want %s; mounts %q", seed, host, path, got, text, n.mounts)
			}
		}
	}
}

func TestCollapsePath(t *testing.T) { // MAP-14
	for path, want := range map[string]string{"": "", "/": "/", "//": "/", "///a//b/c////": "/a/b/c/", "/a/b": "/a/b", "/a//": "/a/"} {
		if got, ok := CollapsePath(path); got != want || !ok {
			t.Errorf("CollapsePath(%q) = %q, %v, want %q", path, got, ok, want)
		}
	}
}

func TestURLMapKeepsTheRequest(t *testing.T) {
	m := newMap(t, "/a")
	r := request("x", "/a/b")
	answer(m, r)
	if r.URL.Path != "/a/b" {
		t.Errorf("the caller's path became %q", r.URL.Path)
	}
}

func TestMAP12ADomainWithCapitalLettersMatchesNoRequest(t *testing.T) {
	m := NewURLMap(tagApp("none"), false)
	for _, text := range []string{"domain A.com /x", "domain b.com /x"} {
		key, err := ParseMountKey(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Mount(key, tagApp(text))
	}
	for host, want := range map[string]string{"A.com": "none", "a.com": "none", "B.COM": "domain b.com /x"} {
		r := httptest.NewRequest(http.MethodGet, "/x", nil)
		r.Host = host
		rec := httptest.NewRecorder()
		m.ServeHTTP(rec, r)
		if got := rec.Body.String(); !strings.HasPrefix(got, want+" ") {
			t.Errorf("Host %s: %s, want %s", host, got, want)
		}
	}
}
