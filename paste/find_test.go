package paste

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestLookUp(t *testing.T) {
	runRules(t, []ruleCase{
		{
			name: "SEC-01 an application may be an app, application, composite, composit, pipeline or filter-app",
			ini: `
				[pipeline:main]
				pipeline = a
				[app:a]
				use = b
				[application:b]
				use = c
				[composite:c]
				use = d
				[composit:d]
				use = e
				[filter-app:e]
				use = egg:F
				next = f
				[pipeline:f]
				pipeline = egg:A
			`,
			want: "pipeline()[filter_app()[egg:F#main() pipeline()[egg:A#main()]]]",
		},
		{
			name: "SEC-02 a filter is a filter section",
			ask:  "filter main",
			ini: `
				[app:main]
				use = egg:A
				[filter:main]
				use = egg:F
				x = 1
			`,
			want: "egg:F#main(x=1)",
		},
		{
			name: "SEC-03 a server is a server section",
			ask:  "server main",
			ini: `
				[app:main]
				use = egg:A
				[server:main]
				use = egg:S#http
				port = 80
			`,
			want: "egg:S#http(port=80)",
		},
		{
			name: "SEC-04 the name behind the colon is stripped",
			ini: `
				[app: main ]
				use = other
				[app:	other]
				use = egg:A
			`,
			want: "egg:A#main()",
		},
		{
			name: "SEC-04 INI-23 nothing else is forgiven: blanks before the colon",
			ini: `
				[app : main]
				use = egg:A
			`,
			want:   "D/paste.ini:1:1: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; [app : main] at line 1 must be written [app:main]",
			python: "LookupError: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "SEC-04 INI-23 nor blanks before the prefix",
			ini: `
				[ app:main]
				use = egg:A
			`,
			want: "D/paste.ini:1:1: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; [ app:main] at line 1 must be written [app:main]",
		},
		{
			name: "SEC-04 nor another case of the prefix",
			ini: `
				[App:main]
				use = egg:A
			`,
			want: "D/paste.ini:1:1: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; [App:main] at line 1 must be written [app:main]",
		},
		{
			name: "SEC-04 nor another case of the name",
			ini: `
				[app:Main]
				use = egg:A
			`,
			want: "D/paste.ini:1:1: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; did you mean Main ([app:Main] at line 1)?",
		},
		{
			name: "SEC-04 the name asked for is not stripped",
			ask:  "app  main",
			ini: `
				[app:main]
				use = egg:A
			`,
			want: "D/paste.ini:1:1: No section ' main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; did you mean main ([app:main] at line 1)?",
		},
		{
			name: "SEC-05 the first synonym hides the others, in any order",
			ini: `
				[application:main]
				use = egg:Hidden
				[app:main]
				use = egg:Taken
			`,
			want: "egg:Taken#main()",
		},
		{
			name: "SEC-05 composite hides composit",
			ini: `
				[composit:main]
				use = egg:Hidden
				[composite:main]
				use = egg:Taken
			`,
			want: "egg:Taken#main()",
		},
		{
			name: "SEC-06 no match, with a near name",
			ask:  "app osapi_compute",
			ini: `
				[composite:osapi_computer]
				use = egg:A
			`,
			want:   "D/paste.ini:1:1: No section 'osapi_compute' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; did you mean osapi_computer ([composite:osapi_computer] at line 1)?",
			python: "LookupError: No section 'osapi_compute' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "SEC-06 BUG-14 no match for a filter, where an app has the name",
			ini: `
				[pipeline:main]
				pipeline = a a
				[app:a]
				use = egg:A
			`,
			want:   "D/paste.ini:2:12: [pipeline:main] pipeline: No section 'a' (prefixed by 'filter') found in config D/paste.ini; [app:a] at line 3 is no filter; all words of a pipeline but the last are filters",
			python: "LookupError: No section 'a' (prefixed by 'filter') found in config D/paste.ini",
		},
		{
			name: "SEC-06 no match for a server",
			ask:  "server main",
			ini: `
				[app:main]
				use = egg:A
			`,
			want:   "D/paste.ini:1:1: No section 'main' (prefixed by 'server') found in config D/paste.ini; [app:main] at line 1 is no server",
			python: "LookupError: No section 'main' (prefixed by 'server') found in config D/paste.ini",
		},
		{
			name: "SEC-06 many sections are not all listed",
			ask:  "app zzzzzz",
			ini:  "\n[app:a]\n[app:b]\n[app:c]\n[app:d]\n[app:e]\n[app:f]\n[app:g]\n[app:h]\n[app:i]\n[app:j]\n[app:k]\n[app:l]\n[app:m]\n[app:n]\n",
			want: "D/paste.ini: No section 'zzzzzz' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [app:a], [app:b], [app:c], [app:d], [app:e], [app:f], [app:g], [app:h], [app:i], [app:j], [app:k], [app:l] and 2 more",
		},
		{
			name: "SEC-07 two groups that match are ambiguous, in the order of the groups",
			ini: `
				[pipeline:main]
				pipeline = x
				[composite:main]
				use = egg:A
				[app:main]
				use = egg:A
			`,
			want:   "D/paste.ini:5:1: [app:main] Ambiguous section names ['app:main', 'composite:main', 'pipeline:main'] for section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; rename one of [app:main] at line 5, [composite:main] at line 3, [pipeline:main] at line 1",
			python: "LookupError: Ambiguous section names ['app:main', 'composite:main', 'pipeline:main'] for section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "SEC-07 two names that strip to one are ambiguous",
			ini: `
				[app:main]
				use = x
				[app: x]
				use = egg:A
				[app:x]
				use = egg:A
			`,
			want:   "D/paste.ini:5:1: [app:x] Ambiguous section names ['app: x', 'app:x'] for section 'x' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; rename one of [app: x] at line 3, [app:x] at line 5",
			python: "LookupError: Ambiguous section names ['app: x', 'app:x'] for section 'x' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "SEC-07 kinds of different objects are not",
			ini: `
				[app:main]
				use = egg:A
				[filter:main]
				use = egg:F
				[server:main]
				use = egg:S
			`,
			want: "egg:A#main()",
		},
		{
			name: "SEC-08 BUG-06 main never matches a bare [app]",
			ini: `
				[app]
				use = egg:A
			`,
			want:   "D/paste.ini:1:1: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; [app] at line 1 has no name, write [app:main]",
			python: "LookupError: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "SEC-08 without a name the bare section matches",
			ask:  "app",
			ini: `
				[app]
				use = egg:A
			`,
			want: "egg:A#main()",
		},
		{
			name: "SEC-08 without a name [app:main] matches too",
			ask:  "filter",
			ini: `
				[filter:main]
				use = egg:F
			`,
			want: "egg:F#main()",
		},
		{
			name: "SEC-08 both are ambiguous then",
			ask:  "app",
			ini: `
				[app:main]
				use = egg:A
				[app]
				use = egg:A
			`,
			want:   "D/paste.ini:3:1: [app] Ambiguous section names ['app', 'app:main'] for section None (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; rename one of [app] at line 3, [app:main] at line 1",
			python: "LookupError: Ambiguous section names ['app', 'app:main'] for section None (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "SEC-08 LDR-06 without a name and a match the text shows None",
			ask:  "app",
			ini: `
				[app:other]
				use = egg:A
			`,
			want:   "D/paste.ini: No section None (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [app:other]",
			python: "LookupError: No section None (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "SEC-09 a bare [pipeline] is no pipeline",
			ask:  "app",
			ini: `
				[pipeline]
				pipeline = egg:A
			`,
			want:   "D/paste.ini:1:1: [pipeline] No loader given in section 'pipeline'; write [pipeline:main]",
			python: "LookupError: No loader given in section 'pipeline'",
		},
		{
			name: "SEC-09 a bare [filter-app] is no filter-app",
			ask:  "app",
			ini: `
				[filter-app]
				use = egg:F
				next = egg:A
			`,
			want: "egg:F#main(next=egg:A)",
		},
		{
			name: "SEC-10 an empty name matches [app:] and [app: ]",
			ask:  "app ",
			ini: `
				[app: ]
				use = egg:A
			`,
			want: "egg:A#main()",
		},
		{
			name: "SEC-11 a name with a scheme is a URI, so [app:my:app] cannot be reached",
			ini: `
				[app:main]
				use = my:app
				[app:my:app]
				use = egg:A
			`,
			want:   "D/paste.ini:2:7: [app:main] use: URI scheme not known: 'my' (from config, egg, call); a name with a colon is taken for a URI",
			python: "LookupError: URI scheme not known: 'my' (from config, egg, call)",
		},
		{
			name: "SEC-11 a scheme has letters only",
			ini: `
				[pipeline:main]
				pipeline = foo2:x 1:app
				[app:1:app]
				use = egg:A
				[filter:foo2:x]
				use = egg:F
			`,
			want: "pipeline()[egg:F#main() egg:A#main()]",
		},
		{
			name: "SEC-12 names may hold spaces, except in a pipeline",
			ini: `
				[app:main]
				use = my app
				filter-with = my filter
				[app:my app]
				use = egg:A
				[filter:my filter]
				use = egg:F
			`,
			want: "filtered_with()[egg:F#main() egg:A#main()]",
		},
		{
			name: "SEC-12 next takes a name with spaces",
			ini: `
				[filter-app:main]
				use = egg:F
				next = my app
				[app:my app]
				use = egg:A
			`,
			want: "filter_app()[egg:F#main() egg:A#main()]",
		},
		{
			name: "SEC-13 DEFAULT is never a candidate",
			ini: `
				[DEFAULT]
				use = egg:A
			`,
			want: "D/paste.ini: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has no sections",
		},
		{
			name: "SEC-14 with a bare [app] too, main is [app:main]",
			ini: `
				[app]
				use = egg:Bare
				[app:main]
				use = egg:A
			`,
			want: "egg:A#main()",
		},
		{
			name: "GEN-08 sections without a known prefix are ignored",
			ini: `
				[loggers]
				keys = root
				[exe]
				command = serve
				[main]
				x = 50%
				[applet:main]
				use = egg:Wrong
				[app:main]
				use = egg:A
			`,
			want: "egg:A#main()",
		},
		{
			name: "INI-21 SEC-06 an empty file has nothing",
			ini:  "",
			want: "D/paste.ini: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has no sections",
		},
		{
			name: "BUG-07 a comment behind a pipeline",
			ini: `
				[pipeline:main]
				pipeline = a # the app
				[app:a]
				use = egg:A
			`,
			want:   "D/paste.ini:2:14: [pipeline:main] pipeline: No section 'app' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; a comment needs a line of its own",
			python: "LookupError: No section 'app' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
	})
}

func TestObjectOf(t *testing.T) {
	for section, want := range map[string]string{
		"app:main": "application main", "application: x ": "application x", "composite:a:b": "application a:b",
		"composit:": "application ", "pipeline:p": "application p", "filter-app:f": "application f", "app": "application -",
		"filter:f": "filter f", "server:main": "server main", "filter": "filter -",
		"DEFAULT": "", "loggers": "", " app:main": "", "App:main": "", "app :main": "", "logger:app": "",
	} {
		object, name, ok := ObjectOf(section)
		got := ""
		if ok {
			got = string(object) + " -"
			if name != nil {
				got = string(object) + " " + *name
			}
		}
		if got != want {
			t.Errorf("ObjectOf(%q) = %q, want %q", section, got, want)
		}
	}
}

// GEN-06: nothing is cached between references.
func TestEachReferenceIsAnObjectOfItsOwn(t *testing.T) {
	dir := writeFiles(t, `
		[pipeline:main]
		pipeline = f f a
		[filter:f]
		use = egg:F
		x = 1
		[app:a]
		use = egg:A
	`)
	c, err := Load(App, "config:paste.ini", RelativeTo(dir))
	if err != nil {
		t.Fatal(err)
	}
	if c.Filters[0] == c.Filters[1] || c.Filters[0].Local == c.Filters[1].Local {
		t.Error("GEN-06 two references share a context, want two")
	}
	t.Run("GEN-06 a file is read on each load", func(t *testing.T) {
		writeOver(t, filepath.Join(dir, "paste.ini"), "[app:main]\nuse = egg:B\n")
		c, err := Load(App, "config:paste.ini", RelativeTo(dir))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Ref.Text; got != "egg:B#main" {
			t.Errorf("factory = %s, want the changed one", got)
		}
	})
}

func TestSectionsOfAFile(t *testing.T) {
	dir := writeFiles(t, `
		[DEFAULT]
		a = 1
		[server:main]
		use = egg:S
		  [swallowed]
		[app:x]
	`)
	l, err := Open(filepath.Join(dir, "paste.ini"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range l.Sections() {
		got = append(got, relativeTo(s.Pos.String(), dir)+" "+s.Name)
	}
	if want := "D/paste.ini:3:1 server:main, D/paste.ini:6:1 app:x"; strings.Join(got, ", ") != want {
		t.Errorf("sections = %s, want %s", strings.Join(got, ", "), want)
	}
	if l.Path() != l.Filename() || l.FileToken(l.Path()) != "<file>" || l.FileToken(filepath.Join(dir, "sub/x.ini")) != "<here>/sub/x.ini" {
		t.Errorf("Path = %q, tokens %q and %q", l.Path(), l.FileToken(l.Path()), l.FileToken(filepath.Join(dir, "sub/x.ini")))
	}
}
