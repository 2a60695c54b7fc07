package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/justinas/alice"

	pasteconfig "github.com/wheatpaste/wheatpaste/filters/paste/config"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// fakes is the distribution Fake that the tests of this file load: its
// factories note when they are called and when requests pass.
type fakes struct {
	paste.Registry
	made   []string
	passed []string
}

type caseOptions struct {
	How string `paste:"how" help:"upper or lower"`
}

type tagOptions struct {
	Name string `paste:"name,required" help:"the tag"`
}

type restOptions struct {
	Rest *paste.Conf `paste:",rest" help:"anything"`
}

func newFakes() *fakes {
	f := &fakes{}
	in := paste.In(&f.Registry)
	for _, name := range []string{"first", "second"} {
		paste.RegisterApp("egg:Fake#"+name, none{}, f.page(name), in, paste.Alias("fake.apps:"+name))
	}
	paste.RegisterApp("egg:Fake#shows", restOptions{}, f.shows, in, paste.Alias("fake.shows:Shows.make"))
	paste.RegisterComposite("egg:Fake#by_address", restOptions{}, f.byAddress, in, paste.Alias("fake.apps:by_address"))
	paste.RegisterFilter("egg:Fake#case", caseOptions{How: "upper"}, func(_ *paste.Build, o caseOptions) (alice.Constructor, error) {
		return func(next http.Handler) http.Handler { return changeCase(o.How, next) }, nil
	}, in)
	paste.RegisterFilterApp("egg:Fake#case_app", caseOptions{How: "upper"}, func(_ *paste.Build, next http.Handler, o caseOptions) (http.Handler, error) {
		return changeCase(o.How, next), nil
	}, in)
	paste.RegisterFilter("egg:Fake#tag", tagOptions{}, f.tag, in)
	paste.RegisterFilter("egg:PasteDeploy#config", pasteconfig.Options{}, pasteconfig.New, in)
	paste.RegisterServer("egg:Fake#server", restOptions{}, func(*paste.Build, restOptions) (paste.Server, error) { return idle{}, nil }, in)
	return f
}

type idle struct{}

func (idle) Serve(context.Context, http.Handler) error { return nil }

// page answers with its name.
func (f *fakes) page(name string) func(*paste.Build, none) (http.Handler, error) {
	return func(*paste.Build, none) (http.Handler, error) {
		f.made = append(f.made, name)
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			f.passed = append(f.passed, name)
			_, _ = io.WriteString(w, name+" App")
		}), nil
	}
}

// shows answers with its options.
func (f *fakes) shows(b *paste.Build, o restOptions) (http.Handler, error) {
	f.made = append(f.made, b.Name())
	text := words(o.Rest) + " | " + words(b.GlobalConf())
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }), nil
}

func words(c *paste.Conf) string {
	var list []string
	for k, v := range c.All() {
		if k != "here" && k != "__file__" && k != "root" {
			list = append(list, k+"="+v.Text)
		}
	}
	return strings.Join(list, " ")
}

// byAddress is a composite of apps, each for the clients of an address.
func (f *fakes) byAddress(b *paste.Build, o restOptions) (http.Handler, error) {
	apps := map[string]http.Handler{}
	for key, v := range o.Rest.All() {
		number, ok := strings.CutPrefix(key, "app.")
		if !ok {
			continue
		}
		app, err := b.App(v.Text, b.GlobalConf())
		if err != nil {
			return nil, err
		}
		address, _ := o.Rest.Get("addr." + number)
		apps[address] = app
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		apps[host].ServeHTTP(w, r)
	}), nil
}

// tag notes when it is made and when a request passes.
func (f *fakes) tag(_ *paste.Build, o tagOptions) (alice.Constructor, error) {
	f.made = append(f.made, o.Name)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.passed = append(f.passed, o.Name)
			next.ServeHTTP(w, r)
		})
	}, nil
}

func changeCase(how string, next http.Handler) http.Handler {
	change := map[string]func(string) string{"upper": strings.ToUpper, "lower": strings.ToLower}[how]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		_, _ = io.WriteString(w, change(rec.Body.String()))
	})
}

func (f *fakes) loader() *pipeline.Loader {
	return &pipeline.Loader{Factories: &f.Registry, Logger: slog.New(slog.DiscardHandler)}
}

// app builds an application of a file in the upstream folder.
func (f *fakes) app(t *testing.T, uri string, opts ...paste.LoadOption) *pipeline.App {
	t.Helper()
	app, err := f.loader().LoadApp(uri, append([]paste.LoadOption{paste.RelativeTo("../paste/testdata/upstream")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func body(h http.Handler, remote string) string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Body.String()
}

// The tests of Paste Deploy itself that build applications, with files and
// factories of our own.
func TestUpstream(t *testing.T) {
	for _, tc := range []struct{ name, uri, remote, want string }{
		{"TST-01 test_basic_app test_main", "config:basic.ini", "", "first App"},
		{"TST-02 test_basic_app test_other", "config:basic.ini#other", "", "second App"},
		{"TST-03 test_basic_app test_composit: the first address", "config:basic.ini#by_address", "127.0.0.1:1", "first App"},
		{"TST-03 test_basic_app test_composit: the second address", "config:basic.ini#by_address", "10.0.0.1:1", "second App"},
		{"TST-04 URI-12 test_config test_config_egg", "egg:Fake#shows", "", " | "},
		{"TST-05 test_config test_config1", "config:config.ini#uses", "", "key with blanks=yes story=once upon a time\nthere was\na file | colour=blue shape=round taste=sweet"},
		{"TST-08 CALL-02 test_config test_main", "config:callables.ini", "", "first App"},
		{"TST-08 test_config test_other", "config:callables.ini#other", "", "second App"},
		{"TST-08 CALL-02 test_config test_composit", "config:callables.ini#by_address", "10.0.0.1:1", "second App"},
		{"TST-09 test_config test_foreign_config", "config:config.ini#foreign", "", "uncle=yours story=OUTER | shape=round smell=good colour=red weight=heavy"},
		{"TST-17 FAC-03 test_filter test_filter_app", "config:filters.ini#over", "", "first app"},
		{"TST-17 FAC-04 test_filter test_filter_app2", "config:filters.ini#over_app", "", "first app"},
		{"TST-18 FAC-03 test_filter test_pipeline", "config:filters.ini#piped", "", "FIRST APP"},
		{"TST-18 FAC-04 test_filter test_pipeline2", "config:filters.ini#piped_app", "", "FIRST APP"},
		{"TST-19 FWITH-01 test_filter test_filter_app_inverted", "config:filters.ini#inverted", "", "FIRST APP"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := body(newFakes().app(t, tc.uri), tc.remote); got != tc.want {
				t.Errorf("answer = %q, want %q", got, tc.want)
			}
		})
	}
	t.Run("TST-20 FWITH-02 FAC-13 test_filter test_filter_with_filter_with: two layers, the outer one made first", func(t *testing.T) {
		f := newFakes()
		body(f.app(t, "config:filters.ini#layers"), "")
		wantOrder(t, f, "outer inner first", "outer inner first")
	})
	t.Run("TST-15 CFG-02 test_config_middleware test_error: a failure passes through the config filter", func(t *testing.T) {
		wrap, err := newFakes().loader().LoadFilter("egg:PasteDeploy#config")
		if err != nil {
			t.Fatal(err)
		}
		boom := errors.New("boom")
		filtered := wrap.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			panic(boom)
		}))
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, boom) {
				t.Errorf("panic = %v, want the application's", err)
			}
		}()
		body(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, w, r = pipeline.Begin(w, r)
			filtered.ServeHTTP(w, r)
		}), "")
	})
	t.Run("TST-22 EGG-04 test_load_package: the distribution is there", func(t *testing.T) {
		if f := newFakes(); !f.HasDist("fake") || f.HasDist("Other") {
			t.Error("HasDist is wrong")
		}
	})
}

func wantOrder(t *testing.T, f *fakes, made, passed string) {
	t.Helper()
	if got := strings.Join(f.made, " "); got != made {
		t.Errorf("made in the order %s, want %s", got, made)
	}
	if got := strings.Join(f.passed, " "); got != passed {
		t.Errorf("a request passed %s, want %s", got, passed)
	}
}

// buildIni builds the application main of a text with fakes.
func buildIni(t *testing.T, f *fakes, ini string) (*pipeline.App, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "paste.ini")
	if err := os.WriteFile(file, []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	app, err := f.loader().LoadApp("config:" + file)
	if err != nil {
		err = errors.New(strings.ReplaceAll(err.Error(), filepath.Dir(file)+"/", ""))
	}
	return app, err
}

func tagged(names ...string) string {
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "[filter:%s]\nuse = egg:Fake#tag\nname = %s\n", n, n)
	}
	return b.String()
}

func TestOrderOfCreationAndOfRequests(t *testing.T) {
	for _, tc := range []struct{ name, ini, made, passed string }{
		{"FAC-13 PIPE-01 pipeline: the app, then the filters from left to right", "[pipeline:main]\npipeline = a b egg:Fake#first\n", "first a b", "a b first"},
		{"FAC-13 filter-app: the next app, then the filter", "[filter-app:main]\nuse = a\nnext = egg:Fake#first\n", "first a", "a first"},
		{"FAC-13 filter-with: the filter first", "[app:main]\nuse = egg:Fake#first\nfilter-with = a\n", "a first", "a first"},
		{"GEN-06 PIPE-01 the same filter twice is two filters", "[pipeline:main]\npipeline = a a egg:Fake#first\n", "first a a", "a a first"},
		{"PIPE-05 one item is that app", "[pipeline:main]\npipeline = egg:Fake#first\n", "first", "first"},
		{"PIPE-04 a pipeline in a pipeline", "[pipeline:main]\npipeline = a p\n[pipeline:p]\npipeline = b egg:Fake#first\n", "first b a", "a b first"},
		{"BUG-01 FWITH-06 filter-with on a pipeline wraps it", "[pipeline:main]\npipeline = b egg:Fake#first\nfilter-with = a\n", "a first b", "a b first"},
		{"BUG-01 FWITH-06 filter-with on a filter-app wraps it", "[filter-app:main]\nuse = b\nnext = egg:Fake#first\nfilter-with = a\n", "a first b", "a b first"},
		{"BUG-01 FWITH-06 filter-with on an app that uses a pipeline", "[app:main]\nuse = p\nfilter-with = a\n[pipeline:p]\npipeline = b egg:Fake#first\n", "a first b", "a b first"},
		{"BUG-01 FWITH-06 filter-with on an app that uses one with filter-with", "[app:main]\nuse = x\nfilter-with = a\n[app:x]\nuse = egg:Fake#first\nfilter-with = b\n", "a b first", "a b first"},
		{"BUG-18 CALL-03 call: directly in a pipeline", "[pipeline:main]\npipeline = a call:fake.apps:first\n", "first a", "a first"},
		{"BUG-18 CALL-03 call: as next", "[filter-app:main]\nuse = a\nnext = call:fake.apps:first\n", "first a", "a first"},
		{"EGG-07 a composite in an app section", "[app:main]\nuse = egg:Fake#by_address\napp.1 = x\naddr.1 = 192.0.2.1\n[app:x]\nuse = egg:Fake#first\n", "first", "first"},
		{"EGG-07 an app in a composite section", "[composite:main]\nuse = egg:Fake#first\n", "first", "first"},
		{"FAC-02 FAC-08 paste.composite_factory in an app section", "[app:main]\npaste.composite_factory = fake.apps:by_address\napp.1 = x\naddr.1 = 192.0.2.1\n[app:x]\nuse = egg:Fake#first\n", "first", "first"},
		{"FAC-01 paste.app_factory", "[app:main]\npaste.app_factory = fake.apps : first\n", "first", "first"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFakes()
			app, err := buildIni(t, f, tc.ini+tagged("a", "b"))
			if err != nil {
				t.Fatal(err)
			}
			body(app, "192.0.2.1:1")
			wantOrder(t, f, tc.made, tc.passed)
		})
	}
}

func TestCallDirectlyAtTheTop(t *testing.T) {
	f := newFakes()
	app, err := f.loader().LoadApp("call:fake.apps:first")
	if err != nil {
		t.Fatalf("BUG-18 %v", err)
	}
	if got := body(app, ""); got != "first App" {
		t.Errorf("BUG-18 answer = %q", got)
	}
}

// GEN-03: names are resolved before the first factory is called.
func TestNothingIsCreatedWhenANameIsWrong(t *testing.T) {
	for _, tc := range []struct{ name, ini, want, made string }{
		{
			"GEN-03 in a pipeline", "[pipeline:main]\npipeline = a nope egg:Fake#first\n",
			"paste.ini:2:14: [pipeline:main] pipeline: No section 'nope' (prefixed by 'filter') found in config paste.ini; the file has [filter:a]", "",
		},
		{
			"GEN-04 a composite resolves its children when it is made", "[pipeline:main]\npipeline = a m\n[composite:m]\nuse = egg:Fake#by_address\napp.1 = egg:Fake#first\napp.2 = nope\n",
			"paste.ini:6:9: [composite:m] app.2: No section 'nope' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config paste.ini; the file has [pipeline:main], [composite:m]", "first a",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFakes()
			_, err := buildIni(t, f, tc.ini+tagged("a"))
			if err == nil || err.Error() != tc.want {
				t.Errorf("error\n got %v\nwant %s", err, tc.want)
			}
			if got := strings.Join(f.made, " "); got != tc.made {
				t.Errorf("made %q, want %q", got, tc.made)
			}
		})
	}
}

func TestBuildErrors(t *testing.T) {
	for _, tc := range []struct{ name, ini, want string }{
		{"FAC-11 GO-02 an option that nobody knows", "[pipeline:main]\npipeline = a egg:Fake#first\n[filter:a]\nuse = egg:Fake#tag\nnaem = x\n",
			"paste.ini:3:1: [filter:a] name: missing, want name = text (the tag)\npaste.ini:5:8: [filter:a] naem: unknown option, did you mean name?"},
		{"FAC-11 the option of a filter_app_factory", "[pipeline:main]\npipeline = a egg:Fake#first\n[filter:a]\nuse = egg:Fake#case_app\nhwo = x\n",
			"paste.ini:5:7: [filter:a] hwo: unknown option, did you mean how?"},
		{"GLB-12 a distribution that is not there", "[app:main]\nuse = egg:Fake#first\nrequire = Fake Nope\n",
			"paste.ini:3:11: [app:main] require: no Go factory of the distribution Nope is registered; remove the line, or import the plugin"},
		{"GLB-12 of a filter", "[pipeline:main]\npipeline = a egg:Fake#first\n[filter:a]\nuse = egg:Fake#tag\nname = a\nrequire = Nope\n",
			"paste.ini:6:11: [filter:a] require: no Go factory of the distribution Nope is registered; remove the line, or import the plugin"},
		{"EGG-03 BUG-15 all that are missing, in one run", "[pipeline:main]\npipeline = egg:Fake#tga egg:Nope egg:Fake#frist\n",
			"paste.ini:2:34: [pipeline:main] pipeline: Entry point 'frist' not found in egg 'Fake': no Go factory is registered for egg:Fake#frist; did you mean egg:Fake#first?\n" +
				"paste.ini:2:12: [pipeline:main] pipeline: Entry point 'tga' not found in egg 'Fake': no Go factory is registered for egg:Fake#tga; did you mean egg:Fake#tag?\n" +
				"paste.ini:2:25: [pipeline:main] pipeline: no Go factory is registered for egg:Nope#main; remove it, write and register it in Go (docs/plugins.md), or serve a stub with --missing stub"},
		{"USE-15 a composite that mounts itself", "[composite:main]\nuse = egg:Fake#by_address\napp.1 = main\n",
			"paste.ini:3:9: [composite:main] app.1: the application contains itself: [composite:main] > [composite:main]; remove one of the references"},
		{"USE-15 two composites that mount each other", "[composite:main]\nuse = egg:Fake#by_address\napp.1 = b\n[composite:b]\nuse = egg:Fake#by_address\napp.1 = main\n",
			"paste.ini:6:9: [composite:b] app.1: the application contains itself: [composite:main] > [composite:b] > [composite:main]; remove one of the references"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := buildIni(t, newFakes(), tc.ini)
			if err == nil || err.Error() != tc.want {
				t.Errorf("error\n got %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestLoadersOfFiltersAndServers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "paste.ini")
	ini := "[filter:main]\nuse = egg:Fake#tag\nname = inner\nfilter-with = outer\n[filter:outer]\nuse = egg:Fake#tag\nname = outer\n" +
		"[filter:upper]\nuse = egg:Fake#case_app\n[server:main]\nuse = egg:Fake#server\nfilter-with = kept\n[server:bad]\nuse = egg:Fake#first\n[filter:bad]\nuse = egg:Fake#tag\n"
	if err := os.WriteFile(file, []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFakes()
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Answer") })
	t.Run("FWITH-02 LDR-07 loadfilter with filter-with", func(t *testing.T) {
		filter, err := f.loader().LoadFilter("config:" + file)
		if err != nil {
			t.Fatal(err)
		}
		body(filter.Wrap(answer), "")
		if got := strings.Join(f.passed, " "); got != "outer inner" {
			t.Errorf("passed %s, want outer inner", got)
		}
	})
	t.Run("FAC-04 LDR-07 a filter_app_factory is a filter too", func(t *testing.T) {
		filter, err := f.loader().LoadFilter("config:" + file + "#upper")
		if err != nil {
			t.Fatal(err)
		}
		if got := body(filter.Wrap(answer), ""); got != "ANSWER" {
			t.Errorf("answer = %q", got)
		}
	})
	t.Run("FAC-05 GLB-13 loadserver", func(t *testing.T) {
		server, err := f.loader().LoadServer("config:" + file)
		if err != nil {
			t.Fatal(err)
		}
		if kept, _ := server.Context.Local.Get("filter-with"); server.Server == nil || kept != "kept" {
			t.Errorf("server %v, filter-with = %q", server.Server, kept)
		}
	})
	for name, load := range map[string]func() error{
		"a server of an app":   func() error { _, err := f.loader().LoadServer("config:" + file + "#bad"); return err },
		"a filter without":     func() error { _, err := f.loader().LoadFilter("config:" + file + "#bad"); return err },
		"no such filter":       func() error { _, err := f.loader().LoadFilter("config:" + file + "#none"); return err },
		"no such server":       func() error { _, err := f.loader().LoadServer("config:" + file + "#none"); return err },
		"no such app":          func() error { _, err := f.loader().LoadApp("config:" + file + "#none"); return err },
		"of the default: app":  func() error { _, err := pipeline.LoadApp("egg:NoSuchDist"); return err },
		"of the default: filt": func() error { _, err := pipeline.LoadFilter("egg:NoSuchDist"); return err },
		"of the default: serv": func() error { _, err := pipeline.LoadServer("egg:NoSuchDist"); return err },
	} {
		var list paste.Errors
		if err := load(); !errors.As(err, &list) || len(list) == 0 {
			t.Errorf("%s: error = %v, want paste.Errors", name, err)
		}
	}
}

// MissingStub builds what is not registered as stubs; each is named in a
// warning.
func TestStubs(t *testing.T) {
	f := newFakes()
	l := f.loader()
	l.Missing = pipeline.MissingStub
	file := filepath.Join(t.TempDir(), "paste.ini")
	ini := "[pipeline:main]\npipeline = nope b app\nrequire = Nope\n[filter:nope]\nuse = egg:Nope#filter\n[app:app]\npaste.app_factory = nope.app:App\n" + tagged("b")
	if err := os.WriteFile(file, []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	app, err := l.LoadApp("config:" + file)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	if want := `{"error":{"app":"app","code":501,"factory":"nope.app:App","message":"no Go factory is registered for this application","title":"Not Implemented"}}` + "\n"; rec.Code != http.StatusNotImplemented || rec.Body.String() != want {
		t.Errorf("answer = %d %s", rec.Code, rec.Body)
	}
	if !slices.Equal(f.passed, []string{"b"}) {
		t.Errorf("passed %v, want the registered filter", f.passed)
	}
	var got []string
	for _, w := range app.Warnings() {
		got = append(got, strings.ReplaceAll(w.Error(), filepath.Dir(file)+"/", ""))
	}
	want := []string{
		"paste.ini:3:11: [pipeline:main] require: no Go factory of the distribution Nope is registered; remove the line, or import the plugin",
		"paste.ini:7:21: [app:app] paste.app_factory: no Go factory is registered for nope.app:App; a stub answers 501",
		"paste.ini:5:7: [filter:nope] use: no Go factory is registered for egg:Nope#filter; a stub passes the requests through",
	}
	if !slices.Equal(got, want) {
		t.Errorf("warnings\n got %q\nwant %q", got, want)
	}
}

// GO-12 FAC-14: a factory that writes to its globals changes its own copy.
func TestGlobalsOfAFactoryAreItsOwn(t *testing.T) {
	f := newFakes()
	paste.RegisterFilter("egg:Fake#writes", none{}, func(b *paste.Build, _ none) (alice.Constructor, error) {
		b.GlobalConf().Set("written", paste.Value{Text: "1"})
		return func(next http.Handler) http.Handler { return next }, nil
	}, paste.In(&f.Registry))
	app, err := buildIni(t, f, "[pipeline:main]\npipeline = egg:Fake#writes egg:Fake#shows\nset g = 1\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := body(app, ""); got != " | g=1" {
		t.Errorf("globals of the app =%q, want those of the file", got)
	}
}

// LDR-03, LDR-04: what a composite passes on.
func TestGlobalsOfChildren(t *testing.T) {
	f := newFakes()
	for name, pass := range map[string]bool{"passes": true, "keeps": false} {
		paste.RegisterComposite("egg:Fake#"+name, struct{}{}, func(b *paste.Build, _ struct{}) (http.Handler, error) {
			var global *paste.Conf
			if pass {
				global = b.GlobalConf()
			}
			return b.Pipeline([]string{"a", "x"}, global)
		}, paste.In(&f.Registry))
	}
	for name, want := range map[string]string{"passes": " | d=default g=1", "keeps": " | d=default"} {
		t.Run("LDR-03 LDR-04 a composite that "+name+" its globals", func(t *testing.T) {
			f.made, f.passed = nil, nil
			app, err := buildIni(t, f, "[DEFAULT]\nd = default\n[composite:main]\nuse = egg:Fake#"+name+"\nset g = 1\n[app:x]\nuse = egg:Fake#shows\n"+tagged("a"))
			if err != nil {
				t.Fatal(err)
			}
			if got := body(app, ""); got != want {
				t.Errorf("the child has %q, want %q", got, want)
			}
			wantOrder(t, f, "a x", "a")
		})
	}
}
