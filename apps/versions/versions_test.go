package versions

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func conf(pairs ...string) *paste.Conf {
	c := &paste.Conf{}
	for i := 0; i < len(pairs); i += 2 {
		c.Set(pairs[i], paste.Value{Text: pairs[i+1]})
	}
	return c
}

// two versions as nova has them.
func two() Options {
	return Options{Status: 200, Other: 404, Versions: conf(
		"v2.0", "status=SUPPORTED path=/v2/ updated=2011-01-21T11:33:21Z",
		"v2.1", "version=2.90 min_version=2.1 updated=2013-07-23T11:33:21Z\nmedia_type=application/vnd.x+json;version=2.1 docs=https://docs.test/",
	)}
}

func ask(t *testing.T, o Options, method, script, path string, prepare func(*pipeline.Environ, *http.Request)) (*http.Response, string) {
	t.Helper()
	h, err := New(nil, o)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	env, w, r := pipeline.Begin(rec, httptest.NewRequest(method, "http://api.test:8774/", nil))
	r = pipeline.Rebase(r, script, path)
	if prepare != nil {
		prepare(env, r)
	}
	h.ServeHTTP(w, r)
	body, _ := io.ReadAll(rec.Result().Body)
	return rec.Result(), string(body)
}

const (
	v20      = `{"id":"v2.0","status":"SUPPORTED","updated":"2011-01-21T11:33:21Z","links":[{"rel":"self","href":"http://api.test:8774/v2/"}]}`
	v21start = `{"id":"v2.1","status":"CURRENT","version":"2.90","min_version":"2.1","updated":"2013-07-23T11:33:21Z","links":[{"rel":"self","href":"`
	v21end   = `"},{"rel":"describedby","type":"text/html","href":"https://docs.test/"}],"media-types":[{"base":"application/json","type":"application/vnd.x+json;version=2.1"}]}`
	v21      = v21start + "http://api.test:8774/v2.1/" + v21end
)

func TestDocuments(t *testing.T) {
	with := func(change func(*Options)) Options {
		o := two()
		change(&o)
		return o
	}
	tests := []struct {
		name, script, path string
		options            Options
		status             int
		body               string
	}{
		{"list", "", "/", two(), 200, `{"versions":[` + v20 + `,` + v21 + `]}`},
		{"list at the mount itself", "", "", two(), 200, `{"versions":[` + v20 + `,` + v21 + `]}`},
		{"list with 300", "", "/", with(func(o *Options) { o.Status = 300 }), 300, `{"versions":[` + v20 + `,` + v21 + `]}`},
		{"list below a mount", "/compute x", "/", Options{Status: 200, Other: 404, Versions: conf("v1", "path=/v1")}, 200,
			`{"versions":[{"id":"v1","status":"CURRENT","links":[{"rel":"self","href":"http://api.test:8774/compute%20x/v1"}]}]}`},
		{"one version", "", "/v2.1/", two(), 200, `{"version":` + v21 + `}`},
		{"one version without its slash", "", "/v2.1", two(), 200, `{"version":` + v21 + `}`},
		{"unknown", "", "/v3/<x>", two(), 404, `{"error":{"code":404,"title":"Not Found","message":"there is no version at /v3/<x>"}}`},
		{"below a version", "", "/v2.1/servers", two(), 404, `{"error":{"code":404,"title":"Not Found","message":"there is no version at /v2.1/servers"}}`},
		{"choices", "", "/servers/a b", with(func(o *Options) { o.Other = 300 }), 300,
			`{"choices":[{"id":"v2.0","status":"SUPPORTED","updated":"2011-01-21T11:33:21Z","links":[{"rel":"self","href":"http://api.test:8774/v2/servers/a%20b"}]},` +
				v21start + "http://api.test:8774/v2.1/servers/a%20b" + v21end + `]}`},
		{"single", "/v2.1", "/", with(func(o *Options) { o.Single = "v2.1" }), 200, `{"version":` + v21 + `}`},
		{"single without a slash", "/v2.1", "", with(func(o *Options) { o.Single = "v2.1" }), 200, `{"version":` + v21 + `}`},
		{"nothing below a single", "/v2.1", "/v2/", with(func(o *Options) { o.Single = "v2.1" }), 404,
			`{"error":{"code":404,"title":"Not Found","message":"there is no version at /v2/"}}`},
		{"public endpoint", "/m", "/v2/", with(func(o *Options) { o.PublicEndpoint = "https://cloud.test/compute/" }), 200,
			`{"version":{"id":"v2.0","status":"SUPPORTED","updated":"2011-01-21T11:33:21Z","links":[{"rel":"self","href":"https://cloud.test/compute/m/v2/"}]}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := ask(t, tt.options, "GET", tt.script, tt.path, nil)
			if resp.StatusCode != tt.status || body != tt.body+"\n" {
				t.Errorf("got %d %s\nwant %d %s", resp.StatusCode, body, tt.status, tt.body)
			}
			if resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("Content-Length") != strconv.Itoa(len(body)) {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
}

func TestLinksFollowSchemeAndHostOfTheRequest(t *testing.T) {
	o := Options{Status: 200, Other: 404, Versions: conf("v1", "path=/v1/")}
	_, body := ask(t, o, "GET", "", "/", func(env *pipeline.Environ, r *http.Request) {
		env.SetScheme("https")
		r.Host = "cloud.test"
	})
	want := `{"versions":[{"id":"v1","status":"CURRENT","links":[{"rel":"self","href":"https://cloud.test/v1/"}]}]}` + "\n"
	if body != want {
		t.Errorf("got %s, want %s", body, want)
	}
}

func TestMethods(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		resp, body := ask(t, two(), method, "", "/", nil)
		want := `{"error":{"code":405,"title":"Method Not Allowed","message":"want GET or HEAD"}}` + "\n"
		if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" || body != want {
			t.Errorf("%s: %d %v %s", method, resp.StatusCode, resp.Header, body)
		}
	}
	resp, body := ask(t, two(), "HEAD", "", "/v2/", nil)
	if want := strconv.Itoa(len(`{"version":`+v20+`}`) + 1); resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Length") != want || body != "" {
		t.Errorf("HEAD: %d %v %q, want length %s", resp.StatusCode, resp.Header, body, want)
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	one := func(text string) Options { return Options{Status: 200, Other: 404, Versions: conf("v1", text)} }
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"none", Options{Status: 200, Other: 404}, "version: missing, want at least one such as version v1 = status=CURRENT path=/v1/"},
		{"status of the list", Options{Status: 201, Other: 404, Versions: conf("v1", "")}, "status: invalid status 201, want 200 or 300"},
		{"status of others", Options{Status: 200, Other: 500, Versions: conf("v1", "")}, "other: invalid status 500, want 404 or 300"},
		{"single unknown", Options{Status: 200, Other: 404, Single: "v2", Versions: conf("v1", "", "v3", "")}, `single: unknown version "v2", want one of v1, v3`},
		{"single with 300", Options{Status: 200, Other: 300, Single: "v1", Versions: conf("v1", "")},
			"other: 300 leads to versions below this application, want 404 together with single"},
		{"endpoint", Options{Status: 200, Other: 404, PublicEndpoint: "api.test", Versions: conf("v1", "")},
			`public_endpoint: invalid URL "api.test", want one such as https://api.example.org/compute`},
		{"endpoint with a query", Options{Status: 200, Other: 404, PublicEndpoint: "http://h/?x", Versions: conf("v1", "")},
			`public_endpoint: invalid URL "http://h/?x", want one such as https://api.example.org/compute`},
		{"name", Options{Status: 200, Other: 404, Versions: conf("v 1", "")}, `version v 1: invalid version name "v 1", want one word such as v2.1`},
		{"name with a slash", Options{Status: 200, Other: 404, Versions: conf("/v1", "")}, `version /v1: invalid version name "/v1", want one word such as v2.1`},
		{"word", one("CURRENT"), `version v1: invalid word "CURRENT", want name=value`},
		{"empty value", one("path="), `version v1: invalid word "path=", want name=value`},
		{"unknown word", one("href=/"), `version v1: unknown word "href", want status, path, version, min_version, updated, docs or media_type`},
		{"status", one("status=current"), `version v1: invalid status "current", want CURRENT, SUPPORTED, DEPRECATED or EXPERIMENTAL`},
		{"version", one("version=latest"), `version v1: invalid version "latest", want one such as 2.90`},
		{"min_version", one("min_version=2."), `version v1: invalid min_version "2.", want one such as 2.1`},
		{"order", one("min_version=2.10 version=2.9"), "version v1: min_version 2.10 is above version 2.9"},
		{"path", one("path=v1/"), `version v1: invalid path "v1/", want one such as /v2.1/`},
		{"root path", one("path=/"), `version v1: invalid path "/", want one such as /v2.1/`},
		{"path with a query", one("path=/v1?x"), `version v1: invalid path "/v1?x", want one such as /v2.1/`},
		{"time", one("updated=2013-07-23"), `version v1: invalid time "2013-07-23", want one such as 2013-07-23T11:33:21Z`},
		{"docs", one("docs=/docs"), `version v1: invalid URL "/docs", want one such as https://docs.example.org/`},
		{"all at once", one("path=x status=y"), "version v1: invalid path \"x\", want one such as /v2.1/\n" +
			`version v1: invalid status "y", want CURRENT, SUPPORTED, DEPRECATED or EXPERIMENTAL`},
		{"same path", Options{Status: 200, Other: 404, Versions: conf("v1", "path=/v/", "v2", "path=/v/")}, `version v2: path "/v/" is the one of version v1, want another`},
		{"same path but for a slash", Options{Status: 200, Other: 404, Versions: conf("v1", "path=/v/", "v2", "path=/v")},
			`version v2: path "/v" is the one of version v1, want another`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(nil, tt.options)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestVersionsCompareNumberByNumber(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{{"2.9", "2.10", true}, {"2.10", "2.9", false}, {"2.1", "2.1", false}, {"2", "2.0", false}, {"2", "2.1", true}, {"3", "2.99", false}}
	for _, tt := range tests {
		if got := less(tt.a, tt.b); got != tt.want {
			t.Errorf("less(%s, %s) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
