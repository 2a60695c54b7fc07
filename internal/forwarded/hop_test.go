package forwarded

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

func TestParse(t *testing.T) {
	tests := []struct {
		header string
		want   []Hop
	}{
		{"", nil},
		{" , ;", []Hop{{}}},
		{`for=1.1.1.1;proto=https;host=h;by=9.9.9.9`, []Hop{{Client: "1.1.1.1", Proto: "https", Host: "h"}}},
		{` For = a ; HOST = b ,proto=c`, []Hop{{Client: "a", Host: "b"}, {Proto: "c"}}},
		{`for="[::1]:80";x="a,b;c\"",for=d`, []Hop{{Client: "[::1]:80"}, {Client: "d"}}},
		{`host="a\\\"b\c"`, []Hop{{Host: `a\"bc`}}},
		{`for="1.1.1.1, for=2.2.2.2`, []Hop{{Client: `"1.1.1.1, for=2.2.2.2`}}},
		{`for="a\`, []Hop{{Client: `"a\`}}},
		{`for="a\"`, []Hop{{Client: `a\`}}},
		{`for=";for=a`, []Hop{{Client: `";for=a`}}},
		{`for;=b;for=a=b`, []Hop{{Client: "a=b"}}},
	}
	for _, tt := range tests {
		if got := Parse(tt.header); !slices.Equal(got, tt.want) {
			t.Errorf("Parse(%q) = %q, want %q", tt.header, got, tt.want)
		}
	}
}

func TestParseFirst(t *testing.T) {
	tests := []struct {
		header string
		want   Hop
	}{
		{"", Hop{}},
		{`For="[::1]";host=h; proto = https, for=1.2.3.4`, Hop{Client: `"[::1]"`, Host: "h", Proto: "https"}},
		{`host="a,b";proto=https`, Hop{Host: `"a`}},
		{`host="a;proto=b"`, Hop{Host: `"a`, Proto: `b"`}},
		{`,for=1.2.3.4`, Hop{}},
	}
	for _, tt := range tests {
		if got := ParseFirst(tt.header); got != tt.want {
			t.Errorf("ParseFirst(%q) = %q, want %q", tt.header, got, tt.want)
		}
	}
}

func TestElementNamesNodesAsRFC7239Has(t *testing.T) {
	tests := []struct{ client, host, proto, want string }{
		{"192.0.2.1", "h", "http", "for=192.0.2.1;host=h;proto=http"},
		{"2001:db8::1", "[::1]:80", "http", `for="[2001:db8::1]";host="[::1]:80";proto=http`},
		{"fe80::1%eth0", "h", "http", `for="[fe80::1]";host=h;proto=http`},
		{"", "", "", `for=unknown;host="";proto=""`},
		{"@", "h", "http", "for=unknown;host=h;proto=http"},
		// What a filter took from a header is not to become an element.
		{"a, b", `h,for=6.6.6.6`, "https, http", `for=unknown;host="h,for=6.6.6.6";proto="https, http"`},
		{"", `a"b\c`, "http", `for=unknown;host="a\"b\\c";proto=http`},
	}
	for _, tt := range tests {
		if got := (Hop{Client: tt.client, Host: tt.host, Proto: tt.proto}).Element(); got != tt.want {
			t.Errorf("Element of %q, %q, %q = %s, want %s", tt.client, tt.host, tt.proto, got, tt.want)
		}
	}
}

func TestApply(t *testing.T) {
	tests := []struct {
		hop  Hop
		want string
	}{
		{Hop{}, "http in.test 192.0.2.1 /old|/x"},
		{Hop{Client: "1.2.3.4"}, "http in.test 1.2.3.4 /old|/x"},
		{Hop{Proto: "https"}, "https in.test 192.0.2.1 /old|/x"},
		{Hop{Host: "out.test:1"}, "http out.test:1 192.0.2.1 /old|/x"},
		{Hop{Prefix: "/p"}, "http in.test 192.0.2.1 /p/old|/x"},
	}
	for _, tt := range tests {
		env, _, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://in.test/x", nil))
		env.SetScriptName("/old")
		after := tt.hop.Apply(r)
		env = pipeline.FromRequest(after)
		got := fmt.Sprintf("%s %s %s %s|%s", env.Scheme(), after.Host, env.ClientAddr(), env.ScriptName(), after.URL.Path)
		if got != tt.want {
			t.Errorf("%+v makes %q, want %q", tt.hop, got, tt.want)
		}
		if r.Host != "in.test" {
			t.Errorf("%+v makes the Host of the outer stages %q", tt.hop, r.Host)
		}
	}
}

func TestValidHost(t *testing.T) {
	for host, want := range map[string]bool{
		"out.test": true, "out.test:8443": true, "[::1]:80": true, "a_b-c~d": true,
		"": false, "a b": false, "a,b": false, "a/b": false, `a"b`: false, "<a>": false, "a@b": false, "ä": false, "a\n": false,
	} {
		if got := ValidHost(host); got != want {
			t.Errorf("ValidHost(%q) = %v, want %v", host, got, want)
		}
	}
}

func FuzzElement(f *testing.F) {
	f.Add("h", "http")
	f.Add(`a"b\`, "https, http")
	f.Add(",;=", `"`)
	f.Fuzz(func(t *testing.T, host, proto string) {
		want := Hop{Client: "[::1]", Host: host, Proto: proto}
		header := Hop{Client: "::1", Host: host, Proto: proto}.Element()
		if got := Parse(header + ", " + header); !slices.Equal(got, []Hop{want, want}) {
			t.Errorf("%s is read as %q, want %q twice", header, got, want)
		}
	})
}

func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{`for=1.1.1.1;proto=https, for="[::1]:1"`, `"\`, `for="a\",`, ",;=", `host="\"`, `for="[::1]:80";host="a\`, "1.2.3.4, unknown"} {
		f.Add(seed, seed)
	}
	f.Add(`;,=",";`, ",")
	f.Fuzz(func(t *testing.T, rfc7239, x string) {
		h := http.Header{"Forwarded": {rfc7239}, "X-Forwarded-For": {x}, "X-Forwarded-Proto": {x}, "X-Forwarded-Host": {x}, "X-Forwarded-Prefix": {x}}
		ParseFirst(rfc7239)
		for _, proxies := range []Proxies{nil, proxies(t, "192.0.2.1 unix ::/0")} {
			for hops := range 3 {
				d := reader(proxies, hops)
				mustBeClean(t, d.Forwarded(h))
				mustBeClean(t, d.XForwarded(h))
			}
		}
	})
}

func mustBeClean(t *testing.T, h Hop) {
	t.Helper()
	addr, ok := Address(h.Client)
	if h.Client != "" && (!ok || addr.String() != h.Client) {
		t.Errorf("client %q", h.Client)
	}
	if h.Proto != "" && h.Proto != "http" && h.Proto != "https" {
		t.Errorf("proto %q", h.Proto)
	}
	if h.Prefix != "" && (h.Prefix[0] != '/' || strings.HasSuffix(h.Prefix, "/")) {
		t.Errorf("prefix %q", h.Prefix)
	}
	if ValidHost(h.Host) && strings.ContainsAny(h.Host, "\r\n\"<> ,;") {
		t.Errorf("host %q", h.Host)
	}
}
