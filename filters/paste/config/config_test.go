package config_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/paste/config"
	"github.com/wheatpaste/wheatpaste/filters/paste/pastetest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	paste.RegisterApp("egg:config-test#show", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, read(r)) }), nil
	})
}

// read gives the configuration that a request carries.
func read(r *http.Request) map[string]string {
	conf, ok := config.Key.Get(pipeline.FromRequest(r))
	if !ok {
		return nil
	}
	return conf.Map()
}

// wrap puts an app into a filter with these options.
func wrap(t *testing.T, global, local map[string]string, app http.HandlerFunc) http.Handler {
	t.Helper()
	b := paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: paste.NewConf(global)}, paste.BuildConfig{})
	f, err := config.New(b, config.Options{All: paste.NewConf(local)})
	if err != nil {
		t.Fatal(err)
	}
	return f(app)
}

type conf = map[string]string

func TestCFG01Nesting(t *testing.T) {
	var seen []string
	note := func(r *http.Request) { seen = append(seen, fmt.Sprint(read(r))) }
	inner := wrap(t, conf{"a": "1"}, conf{"b": "2"}, func(_ http.ResponseWriter, r *http.Request) { note(r) })
	outer := wrap(t, conf{"a": "3"}, conf{"c": "4"}, func(w http.ResponseWriter, r *http.Request) {
		note(r)
		inner.ServeHTTP(w, r)
		note(r)
	})
	_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	note(r)
	outer.ServeHTTP(w, r)
	note(r)
	want := "[map[] map[a:3 c:4] map[a:1 b:2] map[a:3 c:4] map[a:3 c:4]]"
	if got := fmt.Sprint(seen); got != want {
		t.Errorf("configurations = %s, want %s", got, want)
	}
}

func TestCFG02PanicsPassAndRestore(t *testing.T) {
	inner := wrap(t, nil, conf{"of": "inner"}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	outer := wrap(t, nil, conf{"of": "outer"}, func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p, _ := recover().(error); !errors.Is(p, http.ErrAbortHandler) {
				t.Errorf("panic = %v, want http.ErrAbortHandler", p)
			}
			if got := fmt.Sprint(read(r)); got != "map[of:outer]" {
				t.Errorf("configuration after a panic = %s, want map[of:outer]", got)
			}
		}()
		inner.ServeHTTP(w, r)
	})
	_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	outer.ServeHTTP(w, r)
}

func TestCFG01EachRequestHasACopy(t *testing.T) {
	h := wrap(t, conf{"a": "1"}, nil, func(_ http.ResponseWriter, r *http.Request) {
		c, _ := config.Key.Get(pipeline.FromRequest(r))
		if got := fmt.Sprint(c.Map()); got != "map[a:1]" {
			t.Errorf("configuration = %s, want map[a:1]", got)
		}
		c.Set("a", paste.Value{Text: "changed"})
	})
	for range 2 {
		_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		h.ServeHTTP(w, r)
	}
}

func TestSectionAndGlobals(t *testing.T) {
	for _, name := range []string{"egg:PasteDeploy#config", "egg:Paste#config", "egg:wheatpaste#config", "call:paste.config:make_config_filter"} {
		app := pipelinetest.Load(t, `
[DEFAULT]
debug = false
[app:main]
use = egg:config-test#show
filter-with = conf
[filter:conf]
use = `+name+`
set colour = red
greeting = hello
debug = true
`)
		rec := httptest.NewRecorder()
		app.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
		// GLB-03: an option that DEFAULT has, too, is not local.
		got := rec.Body.String()
		want := "colour:red debug:false greeting:hello here:"
		if !strings.HasPrefix(got, "map[__file__:") || !strings.Contains(got, want) {
			t.Errorf("%s: configuration = %s, want %s...", name, got, want)
		}
	}
}

func TestOriginal(t *testing.T) {
	var cases []pastetest.Case
	for _, factory := range []string{"paste.deploy.config:make_config_filter", "paste.config:make_config_filter"} {
		cases = append(cases, pastetest.Case{Factory: factory, Global: conf{"a": "1", "b": "2"}, Options: conf{"b": "3", "c": "4"}})
	}
	for i, original := range pastetest.Run(t, cases) {
		b := paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: paste.NewConf(cases[i].Global)}, paste.BuildConfig{})
		f, err := config.New(b, config.Options{All: paste.NewConf(cases[i].Options)})
		if err != nil {
			t.Fatal(err)
		}
		var got conf
		cases[i].Serve(f, func(r *http.Request) { got = read(r) })
		if want := original.Seen[0]["paste.config"]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: configuration %v, the original %v", cases[i].Factory, got, want)
		}
	}
}
