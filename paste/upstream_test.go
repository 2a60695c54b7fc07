package paste

import (
	"path/filepath"
	"strings"
	"testing"
)

const upstream = "testdata/upstream"

func upstreamConfig(t *testing.T, uri string, opts ...LoadOption) *Config {
	t.Helper()
	c, err := AppConfig(uri, append([]LoadOption{RelativeTo(upstream)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantConf(t *testing.T, what string, c *Conf, want string) {
	t.Helper()
	if got := showValues(c); got != want {
		t.Errorf("%s = %s, want %s", what, got, want)
	}
}

// The tests of Paste Deploy itself that need no application to be built, with
// files of our own. The others are in package pipeline.
func TestUpstream(t *testing.T) {
	t.Run("TST-01 test_basic_app test_main: three ways to ask for main", func(t *testing.T) {
		for _, tc := range []struct {
			uri  string
			opts []LoadOption
		}{
			{"config:basic.ini", nil}, {"config:basic.ini#main", nil},
			{"config:basic.ini", []LoadOption{Name("main")}}, {"config:basic.ini#ignored", []LoadOption{Name("main")}},
		} {
			if c := upstreamConfig(t, tc.uri, tc.opts...); c.Context.Ref.Text != "egg:Fake#first" || c.Context.Section() != "application:main" {
				t.Errorf("%s is %s of [%s]", tc.uri, c.Context.Ref.Text, c.Context.Section())
			}
		}
	})
	t.Run("TST-02 test_basic_app test_other: the fragment selects", func(t *testing.T) {
		if c := upstreamConfig(t, "config:basic.ini#other"); c.Context.Ref.Text != "egg:Fake#second" {
			t.Errorf("#other is %s", c.Context.Ref.Text)
		}
	})
	t.Run("TST-05 test_config test_config1: exact locals and globals", testConfig1)
	t.Run("TST-06 test_config test_config2: set lines do not leak", func(t *testing.T) {
		c := upstreamConfig(t, "config:config.ini#sets")
		wantConf(t, "local", c.Local, `"key with blanks"=yes`)
		wantConf(t, "global", c.Global, `colour=green shape=round root=`+abs(t, upstream)+` taste=sweet`)
		testConfig1(t)
	})
	t.Run("TST-07 test_config test_config3: use of a section", func(t *testing.T) {
		c := upstreamConfig(t, "config:config.ini#uses")
		wantConf(t, "local", c.Local, `"key with blanks"=yes story="once upon a time\nthere was\na file"`)
		wantConf(t, "global", c.Global, `colour=blue shape=round root=`+abs(t, upstream)+` taste=sweet`)
		testConfig1(t)
	})
	t.Run("TST-09 test_config test_foreign_config: use of another file", func(t *testing.T) {
		c := upstreamConfig(t, "config:config.ini#foreign")
		wantConf(t, "local", c.Local, `uncle=yours story=OUTER`)
		wantConf(t, "global", c.Global, `shape=round smell=good colour=red root=`+abs(t, upstream)+` weight=heavy`)
		if got := text(c.Global, "__file__"); got != abs(t, filepath.Join(upstream, "config.ini")) {
			t.Errorf("__file__ = %s, want the outer file", got)
		}
		if got := text(c.Global, "here"); got != abs(t, upstream) {
			t.Errorf("here = %s, want that of the outer file", got)
		}
		if got := c.Context.Ref.Text; got != "fake.shows:Shows.make" {
			t.Errorf("factory = %s", got)
		}
	})
	t.Run("TST-10 test_config test_config_get: get after set, and of DEFAULT", func(t *testing.T) {
		c := upstreamConfig(t, "config:config.ini#gets")
		wantConf(t, "local", c.Local, `colour=red form=square`)
		wantConf(t, "global", c.Global, `colour=red shape=square root=`+abs(t, upstream))
	})
	t.Run("TST-11 test_config test_appconfig: the merged map and its parts", func(t *testing.T) {
		c := upstreamConfig(t, "config:config.ini#sets")
		wantConf(t, "all", c.All(), `colour=green shape=round root=`+abs(t, upstream)+` taste=sweet "key with blanks"=yes`)
		if c.Context.Local != c.Local || c.Context.Global != c.Global {
			t.Error("the parts are not those of the context")
		}
	})
	t.Run("TST-12 test_config test_appconfig_filter_with", func(t *testing.T) {
		wantConf(t, "local", upstreamConfig(t, "config:config.ini#filtered").Local, `size=1`)
	})
	t.Run("TST-13 test_config test_global_conf: passed globals", func(t *testing.T) {
		c := upstreamConfig(t, "config:config.ini#inherits", GlobalConf(map[string]string{"colour": "passed", "new": "passed too", "outside": "rain"}))
		wantConf(t, "local", c.Local, `text="from outside: rain"`)
		wantConf(t, "global", c.Global, `colour=passed shape=round root=`+abs(t, upstream)+` new="passed too" outside=rain`)
	})
	t.Run("TST-14 test_config test_interpolate_exception: the file is named", func(t *testing.T) {
		_, err := AppConfig("config:broken.ini", RelativeTo(upstream))
		if got := pythonText(err, upstream); !strings.HasPrefix(got, "InterpolationSyntaxError: Error in file D/broken.ini: ") {
			t.Errorf("error = %s", got)
		}
	})
	t.Run("TST-16 test_converters: six true and six false words", func(t *testing.T) {
		for words, want := range map[string]bool{"true yes on y t 1": true, "false no off n f 0": false} {
			for _, word := range Words(words) {
				if got, err := AsBool(word); err != nil || got != want {
					t.Errorf("AsBool(%q) = %v, %v", word, got, err)
				}
			}
		}
	})
	t.Run("TST-21 test_filter test_bad_pipeline: an extra option", func(t *testing.T) {
		_, err := Load(App, "config:filters.ini#bad", RelativeTo(upstream))
		want := "testdata/upstream/filters.ini:37:1: [pipeline:bad] how: The [pipeline:bad] pipeline section in testdata/upstream/filters.ini has extra (disallowed) settings: how; a pipeline takes only pipeline, set ..., filter-with and require; options belong to its filters and its app"
		if err == nil || err.Error() != want {
			t.Errorf("error\n got %v\nwant %s", err, want)
		}
	})
	t.Run("TST-23 executable.ini: bare sections and a first line for the shell", func(t *testing.T) {
		l, err := Open(filepath.Join(upstream, "executable.ini"))
		if err != nil {
			t.Fatal(err)
		}
		for object, want := range map[Object]string{
			App: `egg:Fake#first(words="one\ntwo\nthree")`, ServerObject: `egg:Fake#server(port=8080)`,
		} {
			c, err := l.Load(object, nil)
			if got := answer(c, err, upstream); got != want {
				t.Errorf("%s = %s, want %s", object, got, want)
			}
		}
		if _, err := Load(App, "config:executable.ini", RelativeTo(upstream)); err == nil {
			t.Error("SEC-08 main matches a bare [app]")
		}
	})
}

func testConfig1(t *testing.T) {
	t.Helper()
	c := upstreamConfig(t, "config:config.ini#plain")
	here := abs(t, upstream)
	wantConf(t, "local", c.Local, `one=1 two=2 path=`+here+`/plain`)
	wantConf(t, "global", c.Global, `colour=red shape=round root=`+here)
	if got := text(c.Global, "here") + " " + text(c.Global, "__file__"); got != here+" "+filepath.Join(here, "config.ini") {
		t.Errorf("here and __file__ = %s", got)
	}
}

func abs(t *testing.T, path string) string {
	t.Helper()
	a, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
