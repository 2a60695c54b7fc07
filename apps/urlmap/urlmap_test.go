package urlmap

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestMain(m *testing.M) {
	type options struct {
		Name string `paste:"name,required" help:"what it answers"`
		Flag string `paste:"flag,global" help:"what it answers, too"`
	}
	paste.RegisterApp("egg:test#tag", options{}, func(_ *paste.Build, o options) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s%s %q %q", o.Name, o.Flag, pipeline.FromRequest(r).ScriptName(), r.URL.Path)
		}), nil
	})
	os.Exit(m.Run())
}

// apps are the sections a, b and none.
const apps = `
[app:a]
use = egg:test#tag
name = a
[app:b]
use = egg:test#tag
name = b
[app:none]
use = egg:test#tag
name = none
`

func get(h http.Handler, host, path string) string {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return fmt.Sprint(w.Code)
	}
	return w.Body.String()
}

// names are all names under which the plain map is known.
var names = []string{
	"use = egg:Paste#urlmap", "use = egg:paste#urlmap", "use = egg:wheatpaste#urlmap", "use = egg:rutter#urlmap",
	"use = call:paste.urlmap:urlmap_factory", "use = call:manila.api:root_app_factory", "use = call:meteos.api:root_app_factory",
	"use = call:dolphin.api:root_app_factory", "paste.composite_factory = magnum.api:root_app_factory",
	"paste.composite_factory = glance.api:root_app_factory", "paste.composite_factory = glance.sync.api:root_app_factory",
	"paste.composite_factory = heat.api:root_app_factory", "paste.composite_factory = searchlight.api:root_app_factory",
	"paste.composite_factory = subject.api:root_app_factory",
}

func TestNames(t *testing.T) { // OSP-03
	for _, name := range names {
		t.Run(strings.ReplaceAll(name, "#", " "), func(t *testing.T) { // no # in the folder of the test
			h := pipelinetest.Load(t, "[composite:main]\n"+name+"\n/v1: a\n/: b\n"+apps)
			if got, want := get(h, "x", "/v1/p")+", "+get(h, "x", "/v2"), `a "/v1" "/p", b "" "/v2"`; got != want {
				t.Errorf("answers %s, want %s", got, want)
			}
		})
	}
}

func TestMounts(t *testing.T) {
	for _, test := range []struct {
		rule, section, host, path, want string
	}{
		{"MAP-01 globals are passed on", "set flag = !\n/ = a", "x", "/p", `a! "" "/p"`},
		{"MAP-02 not_found_app", "not_found_app = none\n/a = a", "x", "/p", `none "" "/p"`},
		{"MAP-02 not_found_app from the globals", "set not_found_app = none\n/a = a", "x", "/p", `none "" "/p"`},
		{"MAP-02 an empty one is none", "set not_found_app = none\nnot_found_app =\n/a = a", "x", "/p", "404"},
		{"MAP-03 domain", "domain a.com = a\n/ = b", "a.com:8080", "/p", `a "" "/p"`},
		{"MAP-03 domain and port", "domain a.com port 81 /x = a\n/ = b", "a.com:81", "/x/p", `a "/x" "/p"`},
		{"MAP-20 not found", "/a = a", "x", "/p", "404"},
		{"MAP-01 a URI", "/b = config:paste.ini#b", "x", "/b/p", `b "/b" "/p"`},
	} {
		t.Run(test.rule, func(t *testing.T) {
			h := pipelinetest.Load(t, "[composite:main]\nuse = egg:Paste#urlmap\n"+test.section+"\n"+apps)
			if got := get(h, test.host, test.path); got != test.want {
				t.Errorf("answer %s, want %s", got, test.want)
			}
		})
	}
}

func TestAllErrorsAreReported(t *testing.T) {
	_, err := pipelinetest.Try(t, `[composite:main]
use = egg:Paste#urlmap
/a = missing
debug = true
/b = c
port 80 = a
[app:c]
use = egg:test#tag
`+apps)
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		"paste.ini:3:6: [composite:main] /a: No section 'missing'",
		"paste.ini:4:9: [composite:main] debug: URL fragments must start with / or http:// (you gave 'debug')",
		"paste.ini:7:1: [app:c] name: missing",
		"paste.ini:6:11: [composite:main] port 80: If you give a port, you must also give a domain",
	}
	for _, line := range want {
		if !strings.Contains(err.Error(), line) {
			t.Errorf("error\n%v\nwant in it %s", err, line)
		}
	}
}

func TestWarnings(t *testing.T) { // MAP-06, MAP-12
	app := pipelinetest.Load(t, "[composite:main]\nuse = egg:Paste#urlmap\n/a = a\n/a/ = b\ndomain A.com = a\n"+apps)
	want := []string{
		`[composite:main] domain A.com: is never reached, a domain with capital letters matches no request: write "a.com"`,
		`[composite:main] /a: is never reached, "/a/" takes all its requests`,
	}
	var got []string
	for _, e := range app.Warnings() {
		_, text, _ := strings.Cut(e.Error(), ": ")
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		t.Errorf("warnings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCinderDropsRemovedVersions(t *testing.T) { // OSP-03
	app := pipelinetest.Load(t, `[composite:main]
use = call:cinder.api:root_app_factory
not_found_app = none
/v1: does not exist
/v2: neither
/v3: a
`+apps)
	for path, want := range map[string]string{"/v1": `none "" "/v1"`, "/v2/p": `none "" "/v2/p"`, "/v3/p": `a "/v3" "/p"`} {
		if got := get(app, "x", path); got != want {
			t.Errorf("%s = %s, want %s", path, got, want)
		}
	}
	var got []string
	for _, e := range app.Warnings() {
		got = append(got, e.Option+" "+e.Problem)
	}
	const why = " cinder has removed this version of the API, the mount is left out"
	if want := []string{"/v1" + why, "/v2" + why}; !slices.Equal(got, want) {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

func TestFreezerServesOneVersion(t *testing.T) {
	for _, test := range []struct{ options, mounts, v1, v2 string }{
		{"", "/v1: a\n/v2: b", "404", `b "/v2" ""`},
		{"enable_v1_api = true", "/v1: a\n/v2: b", `a "/v1" ""`, "404"},
		{"set enable_v1_api = true", "/v1: a\n/v2: b", `a "/v1" ""`, "404"},
		{"enable_v1_api = true", "/v2: b", "404", `b "/v2" ""`},
		{"", "/v2: b", "404", `b "/v2" ""`},
	} {
		h := pipelinetest.Load(t, "[composite:main]\npaste.composite_factory = freezer_api.service:root_app_factory\n"+
			test.options+"\n"+test.mounts+"\n"+apps)
		if v1, v2 := get(h, "x", "/v1"), get(h, "x", "/v2"); v1 != test.v1 || v2 != test.v2 {
			t.Errorf("%s with %q: /v1 = %s, /v2 = %s, want %s, %s", test.options, test.mounts, v1, v2, test.v1, test.v2)
		}
	}
}
