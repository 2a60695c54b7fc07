package pipeline

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

// confOf makes options in a given order: key, value, key, value.
func confOf(words ...string) *paste.Conf {
	c := &paste.Conf{}
	for i := 0; i < len(words); i += 2 {
		c.Set(words[i], paste.Value{Text: words[i+1]})
	}
	return c
}

// fakeLoader stands for the loader of a composite: it knows the names of apps
// that do not begin with "bad".
type fakeLoader struct {
	loaded   []string // name and the global option g that it got
	warnings []string
}

func (l *fakeLoader) build(global *paste.Conf) *paste.Build {
	return paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: global}, paste.BuildConfig{
		App: func(name string, global *paste.Conf) (http.Handler, error) {
			g, _ := global.Get("g")
			l.loaded = append(l.loaded, name+" "+g)
			if strings.HasPrefix(name, "bad") {
				return nil, errors.New("no app " + name)
			}
			return tagApp(name), nil
		},
		Warn: func(e *paste.Error) { l.warnings = append(l.warnings, e.Error()) },
	})
}

func TestLoadURLMap(t *testing.T) { // MAP-01, MAP-02
	var l fakeLoader
	m, err := LoadURLMap(l.build(confOf("g", "1")), confOf("/b", "two", "/a", "one"), "fallback", false)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"fallback 1", "two 1", "one 1"}; !slices.Equal(l.loaded, want) {
		t.Errorf("loaded %q, want %q", l.loaded, want)
	}
	for path, want := range map[string]string{"/a": `one "/a" ""`, "/b/": `two "/b" "/"`, "/c": `fallback "" "/c"`} {
		if got := answer(m, request("x", path)).Body.String(); got != want {
			t.Errorf("%s = %s, want %s", path, got, want)
		}
	}
	if len(l.warnings) > 0 {
		t.Errorf("warnings %q, want none", l.warnings)
	}
}

func TestLoadURLMapCollectsErrors(t *testing.T) {
	var l fakeLoader
	_, err := LoadURLMap(l.build(nil), confOf("/a", "bad1", "debug", "true", "/b", "fine", "port 1", "bad2"), "bad0", false)
	want := "no app bad0\nno app bad1\n" +
		"debug: URL fragments must start with / or http:// (you gave 'debug')\n" +
		"port 1: If you give a port, you must also give a domain\nno app bad2"
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
	var option *paste.OptionError
	if !errors.As(err, &option) || option.Option != "debug" {
		t.Errorf("first option error %v, want one at debug", option)
	}
}

func TestLoadURLMapWarns(t *testing.T) {
	for _, test := range []struct {
		rule      string
		wildcards bool
		keys      []string
		want      []string
	}{
		{"MAP-06 twice the same", false, []string{"/a", "/a/", "//a"}, []string{
			`/a: is never reached, "//a" takes all its requests`, `/a/: is never reached, "//a" takes all its requests`}},
		{"MAP-06 http and https", false, []string{"http://a/x", "https://a/x"}, []string{
			`http://a/x: is never reached, "https://a/x" takes all its requests`}},
		{"MAP-12 capital letters", false, []string{"domain A.com port 80 /X"}, []string{
			`domain A.com port 80 /X: is never reached, a domain with capital letters matches no request: write "a.com:80"`}},
		{"MAP-13 any port before one port", false, []string{"domain a port 80 /x/y", "domain a /x", "domain a port 80 /z"}, []string{
			`domain a port 80 /x/y: is never reached, "domain a /x" takes all its requests`}},
		{"NMAP-02 a wildcard before a short name", true, []string{"/v2/+", "/v2/x", "/v2/!", "/v2/xy", "/v2"}, []string{
			`/v2/x: is never reached, "/v2/+" takes all its requests`}},
		{"NMAP-02 a wildcard below a domain", true, []string{"domain a port 1 /v2/+", "domain a /v2/+"}, []string{
			`domain a port 1 /v2/+: is never reached, "domain a /v2/+" takes all its requests`}},
		{"nothing", false, []string{"/", "/a", "/a/b", "domain a /a", "domain a port 80 /"}, nil},
	} {
		t.Run(test.rule, func(t *testing.T) {
			var l fakeLoader
			var mounts []string
			for _, key := range test.keys {
				mounts = append(mounts, key, "app")
			}
			if _, err := LoadURLMap(l.build(nil), confOf(mounts...), "", test.wildcards); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(l.warnings, test.want) {
				t.Errorf("warnings\n%s\nwant\n%s", strings.Join(l.warnings, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}
