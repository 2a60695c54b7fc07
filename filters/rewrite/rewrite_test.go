package rewrite

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
	"github.com/wheatpaste/wheatpaste/filters/internal/rules"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const use = "use = egg:wheatpaste#rewrite\n"

func show(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s %s", r.URL.Path, r.URL.EscapedPath(), r.URL.RawQuery)
}

func TestRewrite(t *testing.T) {
	tests := []struct{ name, lines, url, want string }{
		{"no rule matches", "rule a = ^/x$ -> /y", "/a%2Fb?q", "200 /a/b /a%2Fb q"},
		{"a group", "rule a = ^/v1/(.*)$ -> /v2/$1", "/v1/a%20b?q=1", "200 /v2/a b /v2/a%20b q=1"},
		{"a named group", "rule a = ^/(?P<who>[a-z]+)/x$ -> /users/${who}/x", "/bob/x", "200 /users/bob/x /users/bob/x "},
		{"the first counts", "rule a = ^/a$ -> /b\nrule b = ^/b$ -> /c", "/a", "200 /b /b "},
		{"a chain", "rule a = ^/a$ -> /b\nrule b = ^/b$ -> /a\nchain = on", "/a", "200 /a /a "},
		{"a query", "rule a = ^/find/(.*)$ -> /search?q=$1", "/find/x?page=2", "200 /search /search q=x&page=2"},
		{"a query alone", "rule a = ^/find/(.*)$ -> /search?q=$1\nkeep_query = off", "/find/x?page=2", "200 /search /search q=x"},
		{"no parameters come out of a path", "rule a = ^/find/(.*)$ -> /search?q=$1&safe=1", "/find/x%26safe=0%23", "200 /search /search q=x%26safe%3D0%23&safe=1"},
		{"a question mark in a path", "rule a = ^/a/(.*)$ -> /b/$1", "/a/x%3Fy=1", "200 /b/x?y=1 /b/x%3Fy=1 "},
		{"no other host", "rule a = ^/go(.*)$ -> /$1", "/go//evil.test", "200 /evil.test /evil.test "},
		{"dots", "rule a = ^/files/(.*)$ -> /data/$1", "/files/../../etc/passwd", "400"},
		{"encoded dots", "rule a = ^/files/(.*)$ -> /data/$1", "/files/%2e%2e/etc/passwd", "400"},
		{"encoded slashes", "rule a = ^/files/(.*)$ -> /data/$1", "/files/..%2f..%2fetc/passwd", "400"},
		{"dots that come together", "rule a = ^/(.)/(.)$ -> /data/$1$2/x", "/./.", "400"},
		{"a line break", "rule a = ^/a/((?s).*)$ -> /b/$1", "/a/%0d%0aX:1", "400"},
		{"a backslash", "rule a = ^/a/(.*)$ -> /b/$1", "/a/..%5cx", "400"},
		{"too long", "rule a = ^/x$ -> /y", "/" + strings.Repeat("a", rules.MaxLength), "400"},
		{"too long by the rule", "rule a = ^/(.*)$ -> /$1$1$1$1", "/" + strings.Repeat("a", rules.MaxLength/2), "400"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := filtertest.Load(t, use+tt.lines, show).Do(httptest.NewRequest("GET", tt.url, nil))
			got := fmt.Sprint(rec.Code)
			if rec.Code == 200 {
				got += " " + rec.Body.String()
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestOuterStagesKeepTheirRequest: an access log shows what the client asked.
func TestOuterStagesKeepTheirRequest(t *testing.T) {
	list, err := rules.Parse(paste.NewConf(map[string]string{"a": "^/a$ -> /b?x"}), false)
	if err != nil {
		t.Fatal(err)
	}
	_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest("GET", "/a?q", nil))
	pipeline.FromRequest(r).SetScriptName("/s")
	(&filter{rules: list}).wrap(http.HandlerFunc(func(_ http.ResponseWriter, inner *http.Request) {
		if got := pipeline.FromRequest(inner).ScriptName() + inner.URL.String(); got != "/shttp://example.com/b?x" && got != "/s/b?x" {
			t.Errorf("inside: %s", got)
		}
	})).ServeHTTP(w, r)
	if r.URL.Path != "/a" || r.URL.RawQuery != "q" {
		t.Errorf("outside: %s", r.URL)
	}
}

func TestOptions(t *testing.T) {
	for lines, want := range map[string]string{
		"rule a = /x /y":          `paste.ini:3:10: [filter:f] rule a: invalid rule "/x /y", want REGEXP -> TARGET such as ^/old/(.*)$ -> /new/$1`,
		"rule a = ( -> /y":        `paste.ini:3:10: [filter:f] rule a: invalid regular expression "(": missing closing ), want Go's syntax`,
		"rule a = /x -> y":        `paste.ini:3:10: [filter:f] rule a: invalid target "y", want a path that begins with one slash`,
		"rule a = /x -> //y":      `paste.ini:3:10: [filter:f] rule a: invalid target "//y", want a path that begins with one slash`,
		"rule a = /x -> http://y": `paste.ini:3:10: [filter:f] rule a: invalid target "http://y", want a path that begins with one slash`,
		"rule a = /x -> $1":       `paste.ini:3:10: [filter:f] rule a: invalid target "$1", want a path that begins with one slash`,
		"":                        ": it has no rules, so that it does nothing",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#rewrite")
}

func FuzzRewrite(f *testing.F) {
	f.Add("^/(.*)/(.*)$", "/a/$1?x=$2", "/../b/c")
	f.Add("(.)", "/$1$1", "/..\r\n")
	f.Fuzz(func(t *testing.T, expr, target, path string) {
		list, err := rules.Parse(paste.NewConf(map[string]string{"a": expr + " -> " + target}), true)
		if err != nil || len(list) == 0 {
			return
		}
		got, matched, safe := list[0].Apply(path)
		if matched && safe && (!strings.HasPrefix(got.Path, "/") || strings.HasPrefix(got.Path, "//") || strings.ContainsAny(got.Path+got.Query, "\r\n\\") ||
			strings.Contains(got.Path+"/", "/../")) {
			t.Errorf("%s -> %s makes %+v of %q", expr, target, got, path)
		}
	})
}

func BenchmarkRewrite(b *testing.B) {
	list, err := rules.Parse(paste.NewConf(map[string]string{"a": "^/v1/(.*)$ -> /v2/$1"}), false)
	if err != nil {
		b.Fatal(err)
	}
	h := (&filter{rules: list}).wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Run("match", func(b *testing.B) { filtertest.Bench(b, h, httptest.NewRequest("GET", "/v1/x", nil)) })
	b.Run("none", func(b *testing.B) { filtertest.Bench(b, h, httptest.NewRequest("GET", "/v3/x", nil)) })
}
