package paste

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/justinas/alice"
)

type noOptions struct{}

func plainApp(*Build, noOptions) (http.Handler, error) { return http.NotFoundHandler(), nil }

func plainFilter(*Build, noOptions) (alice.Constructor, error) {
	return func(next http.Handler) http.Handler { return next }, nil
}

type fakeServer struct{}

func (fakeServer) Serve(context.Context, http.Handler) error { return nil }

func TestLookupOfNames(t *testing.T) {
	var reg Registry
	RegisterApp("egg:My-App#main", noOptions{}, plainApp, In(&reg), Alias("some.module:attr", "egg:Other#x"))
	for name, want := range map[string]bool{
		"egg:My-App#main": true, "egg:My-App": true, "egg:my_app": true, "egg:MY.APP": true, "egg:my--app": true, "egg:my._-app#main": true,
		"egg:MyApp": false, "egg:My-App#Main": false, "egg:My-App#": false, "egg: My-App": false, "egg:My-App==1.0": false,
		"egg:My-App # note": false, "egg:other#x": true, "egg:Other": false,
		"some.module:attr": true, "call:some.module:attr": true, "some.module : attr": true, "some_module:attr": false, "some.module:Attr": false,
		"some.module": false, "": false,
	} {
		if _, ok := reg.Lookup(App, name); ok != want {
			t.Errorf("EGG-05 EGG-06 GO-01 Lookup(%q) = %v, want %v", name, ok, want)
		}
	}
	if _, ok := reg.Lookup(Filter, "egg:My-App"); ok {
		t.Error("EGG-01 an app was found as a filter")
	}
	for dist, want := range map[string]bool{"My-App": true, "my_app": true, "other": true, "My": false, "My-App2": false, "some.module": false, "": false} {
		if got := reg.HasDist(dist); got != want {
			t.Errorf("GLB-12 HasDist(%q) = %v, want %v", dist, got, want)
		}
	}
}

func TestKindsOfFactories(t *testing.T) {
	var reg Registry
	RegisterServer("egg:S#http", noOptions{}, func(*Build, noOptions) (Server, error) { return fakeServer{}, nil }, In(&reg))
	RegisterFilterApp("egg:F#b", noOptions{}, func(_ *Build, next http.Handler, _ noOptions) (http.Handler, error) { return next, nil }, In(&reg))
	RegisterFilter("egg:F#a", noOptions{}, plainFilter, In(&reg), Help("makes nothing"), Example("\n[filter:a]\nuse = egg:F#a\n\n"))
	RegisterComposite("egg:C#c", noOptions{}, plainApp, In(&reg))
	RegisterApp("egg:F#a", noOptions{}, plainApp, In(&reg)) // another object may have the name
	var got []string
	for _, f := range reg.Factories() {
		got = append(got, string(f.Kind)+" "+f.Name)
	}
	if want := "app egg:F#a, composite egg:C#c, filter egg:F#a, filter-app egg:F#b, server egg:S#http"; strings.Join(got, ", ") != want {
		t.Errorf("factories = %s, want %s", strings.Join(got, ", "), want)
	}
	for object, name := range map[Object]string{App: "egg:C#c", Filter: "egg:F#b", ServerObject: "egg:S#http"} {
		if _, ok := reg.Lookup(object, name); !ok {
			t.Errorf("%s is not found as %s", name, object)
		}
	}
	f, _ := reg.Lookup(Filter, "egg:F#a")
	if f.Help != "makes nothing" || f.Example != "[filter:a]\nuse = egg:F#a\n" || !strings.Contains(f.Place(), "registry_test.go:") {
		t.Errorf("Help, Example, Place = %q, %q, %q", f.Help, f.Example, f.Place())
	}
}

// EGG-02: one name for two applications is ambiguous. Here it is a mistake of the
// program; both places are named.
func TestDoubleRegistrationPanics(t *testing.T) {
	var reg Registry
	RegisterApp("egg:My-App#main", noOptions{}, plainApp, In(&reg))
	defer func() {
		got, _ := recover().(string)
		if !strings.HasPrefix(got, `paste: composite "egg:my_app" (registered at `) || strings.Count(got, "registry_test.go:") != 2 ||
			!strings.Contains(got, `conflicts with "egg:My-App#main" (registered at `) {
			t.Errorf("panic = %q", got)
		}
	}()
	RegisterComposite("egg:my_app", noOptions{}, plainApp, In(&reg))
}

func TestFind(t *testing.T) {
	var reg Registry
	RegisterApp("egg:Paste#static", noOptions{}, plainApp, In(&reg))
	RegisterFilter("egg:Paste#gzip", noOptions{}, plainFilter, In(&reg), Alias("paste.gzipper:make_gzip_middleware"))
	Refuse(KindFilter, "it shows Python's own tracebacks; use egg:Paste#error_catcher", "egg:Paste#cgitb", In(&reg))
	dir := writeFiles(t, `
		[app:main]
		use = egg:Paste#static
		[app:near]
		use = egg:Paste#statik
		[app:kind]
		use = egg:Paste#gzip
		[pipeline:refused]
		pipeline = egg:Paste#gzip egg:Paste#cgitb egg:Paste#static
		[app:unknown]
		paste.app_factory = acme.web:App.factory
		[app:comment]
		use = egg:Paste#static  # files
		[app:entry]
		use = egg:Paste#entirely_other
		[app:outer]
		use = unknown
		[filter-app:fa]
		use = call:no.such:filter
		next = main
	`)
	const choices = "remove it, write and register it in Go (docs/plugins.md), or serve a stub with --missing stub"
	for _, tc := range []struct {
		name, app string
		part      func(*Context) *Context
		want      string
	}{
		{"EGG-01 a registered factory", "main", nil, ""},
		{"EGG-03 an unknown entry point with a near one", "near", nil, "D/paste.ini:4:7: [app:near] use: Entry point 'statik' not found in egg 'Paste': no Go factory is registered for egg:Paste#statik; did you mean egg:Paste#static?"},
		{"EGG-03 an unknown entry point", "entry", nil, "D/paste.ini:14:7: [app:entry] use: Entry point 'entirely_other' not found in egg 'Paste': no Go factory is registered for egg:Paste#entirely_other; " + choices},
		{"EGG-04 FAC-10 an unknown factory", "unknown", nil, "D/paste.ini:10:21: [app:unknown] paste.app_factory: no Go factory is registered for acme.web:App.factory; " + choices},
		{"FAC-08 a filter where an app is wanted", "kind", nil, "D/paste.ini:6:7: [app:kind] use: egg:Paste#gzip is registered as a filter, want an application; use it in a section [filter:...]"},
		{"an original that cannot exist in Go", "refused", func(c *Context) *Context { return c.Filters[1] }, "D/paste.ini:8:27: [pipeline:refused] pipeline: egg:Paste#cgitb cannot be served by Go: it shows Python's own tracebacks; use egg:Paste#error_catcher"},
		{"EGG-06 BUG-07 a comment behind the name", "comment", nil, "D/paste.ini:12:7: [app:comment] use: Entry point 'static  # files' not found in egg 'Paste': no Go factory is registered for egg:Paste#static  # files; a comment needs a line of its own"},
		{"the place is that of the section that names the factory", "outer", nil, "D/paste.ini:10:21: [app:unknown] paste.app_factory: no Go factory is registered for acme.web:App.factory; " + choices},
		{"CALL-01 an unknown callable", "fa", func(c *Context) *Context { return c.Filter }, "D/paste.ini:18:7: [filter-app:fa] use: no Go factory is registered for call:no.such:filter; " + choices},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := Load(App, "config:paste.ini#"+tc.app, RelativeTo(dir))
			if err != nil {
				t.Fatal(err)
			}
			if tc.part != nil {
				c = tc.part(c)
			}
			f, err := reg.Find(c)
			got := ""
			if err != nil {
				got = answer(nil, err, dir)
				if f != nil || !errors.Is(err, ErrUnknown) {
					t.Errorf("factory = %v, errors.Is(err, ErrUnknown) = %v", f, errors.Is(err, ErrUnknown))
				}
			}
			if got != tc.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tc.want)
			}
		})
	}
}
