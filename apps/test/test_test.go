package test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func build(warnings *[]string) *paste.Build {
	return paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{
		Warn: func(e *paste.Error) { *warnings = append(*warnings, e.Option+": "+e.Problem) },
	})
}

func serve(h http.Handler, r *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	_, w, r := pipeline.Begin(rec, r)
	h.ServeHTTP(w, r)
	return rec.Result()
}

func TestEP09SimplePageForEveryRequest(t *testing.T) {
	h, err := New(nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
		resp := serve(h, httptest.NewRequest(method, "/any", nil))
		body, _ := io.ReadAll(resp.Body)
		want := "<html><body>simple</body></html>"
		if method == "HEAD" {
			want = ""
		}
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/html" ||
			resp.Header.Get("Content-Length") != "32" || string(body) != want {
			t.Errorf("%s: %d %v %q", method, resp.StatusCode, resp.Header, body)
		}
	}
}

func TestEP39EnvironPage(t *testing.T) {
	tests := []struct {
		name, target string
		options      EnvironOptions
		status       int
		contentType  string
		body         string
	}{
		{"text", "http://h:8/a?b=%3C", EnvironOptions{Text: true}, 200, "text/plain; charset=utf8", `HTTP_HOST: "h:8"
HTTP_X_AUTH_TOKEN: "*****"
HTTP_X_TAG: "<i>\""
PATH_INFO: "/a"
QUERY_STRING: "b=%3C"
REMOTE_ADDR: "192.0.2.1"
REQUEST_METHOD: "GET"
SCRIPT_NAME: ""
SERVER_NAME: "h"
SERVER_PORT: "80"
SERVER_PROTOCOL: "HTTP/1.1"
wsgi.url_scheme: "http"
`},
		{"html", "http://h:8/a", EnvironOptions{}, 200, "text/html; charset=utf8",
			"<tr><td><b>HTTP_X_TAG</b></td><td><tt>&#34;&lt;i&gt;\\&#34;&#34;</tt></td></tr>\n"},
		{"error", "http://h:8/a?error=true", EnvironOptions{}, 500, "text/plain; charset=utf8", "an error, as the query asked for\n"},
		{"error anywhere", "http://h:8/a?noerror=", EnvironOptions{Text: true}, 500, "text/plain; charset=utf8", "an error, as the query asked for\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := NewEnviron(build(new([]string)), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodGet, tt.target, nil)
			r.Header.Set("X-Tag", `<i>"`)
			r.Header.Set("X-Auth-Token", "s3cret")
			resp := serve(h, r)
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != tt.contentType {
				t.Errorf("got %d %v, want %d %s", resp.StatusCode, resp.Header, tt.status, tt.contentType)
			}
			if tt.contentType[:9] == "text/html" && strings.Contains(string(body), tt.body) {
				return
			}
			if string(body) != tt.body {
				t.Errorf("body %s\nwant %s", body, tt.body)
			}
		})
	}
}

func TestEP39LintIsANoticeOnly(t *testing.T) {
	var warnings []string
	if _, err := NewEnviron(build(&warnings), EnvironOptions{Lint: true}); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(warnings, "\n"), "lint: there is no WSGI to check here; it is ignored"; got != want {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

func TestFactoriesAreRegisteredUnderTheirNames(t *testing.T) {
	for _, name := range []string{
		"egg:Paste#test", "egg:paste#test", "egg:wheatpaste#test", "paste.debug.debugapp:make_test_app",
		"egg:PasteScript#test", "paste.script.testapp:make_test_application",
	} {
		if _, ok := paste.DefaultRegistry.Lookup(paste.App, name); !ok {
			t.Errorf("no app %s", name)
		}
	}
}
