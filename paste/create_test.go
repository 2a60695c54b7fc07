package paste

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"
)

type greeting struct {
	Word  string `paste:"word" help:"what to say"`
	Times int    `paste:"times,global" help:"how often"`
	Must  string `paste:"must,required" help:"a must"`
}

// contextOf loads the application main of a file.
func contextOf(t *testing.T, ini string) (c *Context, dir string) {
	t.Helper()
	dir = writeFiles(t, ini)
	c, err := Load(App, "config:paste.ini", RelativeTo(dir))
	if err != nil {
		t.Fatal(err)
	}
	return c, dir
}

// FAC-15: the loader adds the place of the option that an error is about, whatever
// form the factory gave it.
func TestErrorsOfFactoriesGetTheirPlace(t *testing.T) {
	const ini = `
		[DEFAULT]
		times = many
		[app:main]
		use = inner
		must = 1
		[app:inner]
		use = egg:G
		word =
		  hello
	`
	boom := errors.New("boom")
	for _, tc := range []struct {
		name string
		ini  string
		err  error
		want string
	}{
		{"an option of an inner section", "", BadOption("word", "no %q today", "hello"), `D/paste.ini:8:7: [app:inner] word: no "hello" today`},
		{"an option of the globals", "", BadOption("times", "never"), "D/paste.ini:2:9: [DEFAULT] times: never"},
		{"an option that is not there", "", BadOption("colour", "missing"), "D/paste.ini:3:1: [app:main] colour: missing"},
		{"an option error with more around it", "", fmt.Errorf("in vain: %w", BadOption("must", "bad")), "D/paste.ini:5:8: [app:main] must: bad"},
		{"a secret by its name", strings.Replace(ini, "must = 1", "must = 1\n		set my_password = hunter2", 1), BadOption("my_password", "bad word %q", "hunter2"), `D/paste.ini:6:19: [app:main] my_password: bad word "****"`},
		{"a secret by its origin", strings.Replace(ini, "must = 1", "must = %(ENV:WP_SECRET)s", 1), BadOption("must", "bad word %q", "hunter2"), `D/paste.ini:5:8: [app:main] must: bad word "****"`},
		{"an error without an option", "", boom, "D/paste.ini:3:1: [app:main] boom"},
		{"several at once", "", errors.Join(BadOption("must", "bad"), boom), "D/paste.ini:5:8: [app:main] must: bad\nD/paste.ini:3:1: [app:main] boom"},
		{"one that has a place keeps it", "", &Error{Pos: Pos{"x", 1, 2}, Problem: "placed"}, "x:1:2: placed"},
		{"all problems of the options come before the factory is called", strings.Replace(ini, "must = 1", "mist = 1", 1), nil, strings.Join([]string{
			"D/paste.ini:2:9: [DEFAULT] times: Bad integer value: 'many', want a whole number",
			"D/paste.ini:3:1: [app:main] must: missing, want must = text (a must)",
			"D/paste.ini:5:8: [app:main] mist: unknown option, did you mean must?",
		}, "\n")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("WP_SECRET", "hunter2")
			text := tc.ini
			if text == "" {
				text = ini
			}
			if tc.err != nil {
				text = strings.Replace(text, "times = many", "times = 3", 1)
			}
			c, dir := contextOf(t, text)
			var reg Registry
			RegisterApp("egg:G", greeting{Word: "hi"}, func(_ *Build, o greeting) (http.Handler, error) {
				if o.Times != 3 || o.Word != "\nhello" {
					t.Errorf("options = %+v", o)
				}
				return nil, tc.err
			}, In(&reg))
			f, err := reg.Find(c)
			if err != nil {
				t.Fatal(err)
			}
			made, err := f.Create(NewBuild(c, BuildConfig{}), nil)
			if made != nil || err == nil {
				t.Fatalf("made %v, error %v", made, err)
			}
			if got := relativeTo(err.Error(), dir); got != tc.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tc.want)
			}
		})
	}
}

func TestFactoriesThatReturnNothing(t *testing.T) {
	c, dir := contextOf(t, "[app:main]\nuse = egg:X\n")
	var reg Registry
	RegisterApp("egg:X", noOptions{}, func(*Build, noOptions) (http.Handler, error) { return nil, nil }, In(&reg))
	RegisterFilter("egg:X", noOptions{}, func(*Build, noOptions) (alice.Constructor, error) { return nil, nil }, In(&reg))
	RegisterServer("egg:X", noOptions{}, func(*Build, noOptions) (Server, error) { return nil, nil }, In(&reg))
	for _, f := range reg.Factories() {
		_, err := f.Create(NewBuild(c, BuildConfig{}), nil)
		if got, want := answer(nil, err, dir), "D/paste.ini:1:1: [app:main] the factory returned nothing (a defect of the plugin)"; got != want {
			t.Errorf("%s: got %s, want %s", f.Kind, got, want)
		}
	}
}

func TestAFactoryThatPanics(t *testing.T) {
	c, dir := contextOf(t, "[app:main]\nuse = egg:X\n")
	var reg Registry
	RegisterApp("egg:X", noOptions{}, func(*Build, noOptions) (http.Handler, error) { panic("ouch") }, In(&reg))
	var log bytes.Buffer
	_, err := reg.Factories()[0].Create(NewBuild(c, BuildConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))}), nil)
	if got, want := answer(nil, err, dir), "D/paste.ini:1:1: [app:main] the factory egg:X ended in a panic, which is a defect of the plugin: ouch"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.Contains(log.String(), "factory=egg:X panic=ouch stack=") {
		t.Errorf("log = %s, want the stack", log.String())
	}
}

// FAC-04: the factory of a filter-app is called with the app that it wraps.
func TestCreateOfAFilterApp(t *testing.T) {
	c, _ := contextOf(t, "[app:main]\nuse = egg:X\n")
	var reg Registry
	RegisterFilterApp("egg:X", noOptions{}, func(_ *Build, next http.Handler, _ noOptions) (http.Handler, error) { return next, nil }, In(&reg))
	next := http.NotFoundHandler()
	made, err := reg.Factories()[0].Create(NewBuild(c, BuildConfig{}), next)
	if err != nil || fmt.Sprintf("%p", made) != fmt.Sprintf("%p", next) {
		t.Errorf("made %v, %v, want the app itself", made, err)
	}
	t.Run("Check decodes only", func(t *testing.T) {
		c, dir := contextOf(t, "[app:main]\nuse = egg:X\nx = 1\n")
		err := reg.Factories()[0].Check(NewBuild(c, BuildConfig{}))
		if got, want := answer(nil, err, dir), "D/paste.ini:3:5: [app:main] x: unknown option, egg:X takes none"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestLooseAliasesWarn(t *testing.T) {
	c, dir := contextOf(t, "[app:main]\npaste.app_factory = old.module : factory\nx = 1\n")
	var reg Registry
	RegisterApp("egg:X", noOptions{}, plainApp, In(&reg), LooseAlias("old.module:factory"))
	f, err := reg.Find(c)
	if err != nil {
		t.Fatal(err)
	}
	var notes Errors
	if _, err := f.Create(NewBuild(c, BuildConfig{Warn: func(e *Error) { notes = append(notes, e) }}), nil); err != nil {
		t.Fatal(err)
	}
	if got, want := answer(nil, notes, dir), "D/paste.ini:3:5: [app:main] x: unknown option, egg:X takes none; it is ignored"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := f.Create(NewBuild(c, BuildConfig{}), nil); err != nil {
		t.Errorf("without a taker of warnings: %v", err)
	}
}

func TestBuild(t *testing.T) {
	c, dir := contextOf(t, "[app:main]\nuse = egg:X\nb = 1\nset g = 2\n")
	var calls []string
	note := func(s string) { calls = append(calls, s) }
	reg := prometheus.NewRegistry()
	b := NewBuild(c, BuildConfig{
		Registerer: reg, Gatherer: reg, AuthStrategy: "keystone",
		App:    func(name string, _ *Conf) (http.Handler, error) { note("app " + name); return nil, nil },
		Filter: func(name string, _ *Conf) (alice.Constructor, error) { note("filter " + name); return nil, nil },
		Pipeline: func(items []string, _ *Conf) (http.Handler, error) {
			note(fmt.Sprint("pipeline ", items))
			return nil, nil
		},
		OnStart: func(func(context.Context) error) { note("start") },
		OnClose: func(func(context.Context) error) { note("close") },
		Go:      func(func(context.Context)) { note("go") },
	})
	got := strings.Join([]string{b.Name(), b.Section(), relativeTo(b.Pos().String(), dir), showValues(b.LocalConf()), showValues(b.GlobalConf()), b.AuthStrategy()}, ", ")
	if want := "main, app:main, D/paste.ini:1:1, b=1, g=2, keystone"; got != want {
		t.Errorf("name, section, place, conf, strategy = %s, want %s", got, want)
	}
	if b.Context() != c || b.Logger() == nil || b.Registerer() != reg || b.Gatherer() != reg {
		t.Error("the Build has not what it was made of")
	}
	b.LocalConf().Set("b", Value{})
	if text(c.Local, "b") != "1" {
		t.Error("a change of LocalConf is a change of the context")
	}
	_, _ = b.App("a", nil)
	_, _ = b.Filter("f", nil)
	_, _ = b.Pipeline([]string{"p"}, nil)
	b.OnStart(nil)
	b.OnClose(nil)
	b.Go(nil)
	if got, want := strings.Join(calls, ", "), "app a, filter f, pipeline [p], start, close, go"; got != want {
		t.Errorf("calls = %s, want %s", got, want)
	}
}

func TestNamesAndPlacesOfContexts(t *testing.T) {
	c, dir := contextOf(t, `
		[pipeline:main]
		pipeline = egg:F#x fw
		  call:m:a
		filter-with = w
		[filter: w ]
		use = egg:W
		[filter:fw]
		use = egg:F
		filter-with = egg:V
	`)
	pipe := c.Next
	for _, tc := range []struct {
		what, got, want string
	}{
		{"label", c.Label(), "main"},
		{"item of filter-with", c.FilterItem(), "w"},
		{"label of a name with blanks", c.Filter.Label(), "w"},
		{"section of it", c.Filter.Section(), "filter: w "},
		{"label of a URI", pipe.Filters[0].Label(), "egg:F#x"},
		{"section of a URI", pipe.Filters[0].Section(), ""},
		{"place of a section", c.Filter.Pos().String(), dir + "/paste.ini:5:1"},
		{"place of a URI", pipe.Next.Pos().String(), dir + "/paste.ini:2:12"},
		{"an empty context", (&Context{}).Pos().String(), ""},
		{"item of a filter with filter-with", pipe.Filters[1].FilterItem(), "egg:V"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s = %q, want %q", tc.what, tc.got, tc.want)
		}
	}
	fa, _ := contextOf(t, "[filter-app:main]\nuse = egg:F\nnext = a\n[app:a]\npaste.app_factory = m:a\n")
	if got := fa.FilterItem(); got != "egg:F" {
		t.Errorf("item of a filter-app = %q, want egg:F", got)
	}
	explicit, _ := contextOf(t, "[filter-app:main]\npaste.filter_factory = m:f\nnext = egg:A\n")
	if got := explicit.FilterItem(); got != "m:f" {
		t.Errorf("item of a filter-app = %q, want m:f", got)
	}
	bare := &Context{Sections: []Section{{Name: "app"}}}
	if bare.Label() != "app" {
		t.Errorf("label of a bare section = %q, want app", bare.Label())
	}
}

func TestRequired(t *testing.T) {
	c, dir := contextOf(t, "[app:main]\nuse = inner\nrequire = A\n[app:inner]\nuse = egg:X\nrequire =\n  B C\n")
	var got []string
	for _, r := range c.Requires {
		got = append(got, r.Dist+" "+relativeTo(r.Error("not there", "install it").Error(), dir))
	}
	want := []string{
		"B D/paste.ini:6:10: [app:inner] require: not there; install it",
		"C D/paste.ini:6:10: [app:inner] require: not there; install it",
		"A D/paste.ini:3:11: [app:main] require: not there; install it",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("GLB-12\n got %q\nwant %q", got, want)
	}
}
