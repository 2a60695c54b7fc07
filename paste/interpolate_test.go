package paste

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInterpolation(t *testing.T) {
	runRules(t, []ruleCase{
		{
			name: "INT-01 values only, neither keys nor names of sections",
			ini: `
				[app:main]
				use = egg:D
				x = 1
				y = %(x)s%%%(x)s
				%(x)s = key
				[app:%(x)s]
			`,
			want: `egg:D#main(x=1 y=1%1 "%(x)s"=key)`,
		},
		{
			name: "INT-02 the own section comes before DEFAULT",
			ini: `
				[DEFAULT]
				n = default
				m = other
				[app:main]
				use = egg:D
				n = own
				a = %(n)s %(m)s
			`,
			want: `egg:D#main(a="own other" | n=default m=other)`,
		},
		{
			name: "INT-02 INT-05 no other section can be reached",
			ini: `
				[app:main]
				use = egg:D
				a = %(n)s
				[app:other]
				n = 1
			`,
			want:   "D/paste.ini:3:5: [app:main] a: Bad value substitution: option 'a' in section 'app:main' contains an interpolation key 'n' which is not a valid option name. Raw value: '%(n)s'; want an option of this section or of [DEFAULT], or %% for a percent sign",
			python: "InterpolationMissingOptionError: Error in file D/paste.ini: Bad value substitution: option 'a' in section 'app:main' contains an interpolation key 'n' which is not a valid option name. Raw value: '%(n)s'",
		},
		{
			name: "INT-02 names are taken as they stand between the parentheses",
			ini: `
				[app:main]
				use = egg:D
				a b = 1
				N(x = 2
				c = %(a b)s %(N(x)s
				d = %( a b)s
			`,
			want:   "D/paste.ini:6:5: [app:main] d: Bad value substitution: option 'd' in section 'app:main' contains an interpolation key ' a b' which is not a valid option name. Raw value: '%( a b)s'; did you mean %(a b)s?",
			python: "InterpolationMissingOptionError: Error in file D/paste.ini: Bad value substitution: option 'd' in section 'app:main' contains an interpolation key ' a b' which is not a valid option name. Raw value: '%( a b)s'",
		},
		{
			name: "INT-03 a value of DEFAULT is evaluated in the section that uses it",
			ini: `
				[DEFAULT]
				base = root
				path = %(base)s/y
				[app:main]
				use = egg:D
				base = /over
				p = %(path)s
			`,
			want: "egg:D#main(p=/over/y | base=root path=root/y)",
			warn: "D/paste.ini:6:8: [app:main] base: the option is in [DEFAULT] too (line 2) and wins: this line has no effect; write set base = ... to change it here",
		},
		{
			name: "INT-04 ten levels work",
			ini:  chain(10, "end"),
			want: "egg:D#main(a0=end a1=end a2=end a3=end a4=end a5=end a6=end a7=end a8=end a9=end a10=end)",
		},
		{
			name:   "INT-04 eleven do not",
			ini:    chain(11, "end"),
			want:   "D/paste.ini:13:7: [app:main] a0: Recursion limit exceeded in value substitution: option 'a0' in section 'app:main' contains an interpolation key which cannot be substituted in 10 steps. Raw value: '%(a1)s'; values may refer to each other at most 10 levels deep, and never in a circle",
			python: "InterpolationDepthError: Error in file D/paste.ini: Recursion limit exceeded in value substitution: option 'a0' in section 'app:main' contains an interpolation key which cannot be substituted in 10 steps. Raw value: '%(a1)s'",
		},
		{
			name:   "INT-04 the tenth fails when its text has a percent sign itself",
			ini:    chain(10, "5%%"),
			want:   "D/paste.ini:13:7: [app:main] a0: Recursion limit exceeded in value substitution: option 'a0' in section 'app:main' contains an interpolation key which cannot be substituted in 10 steps. Raw value: '%(a1)s'; values may refer to each other at most 10 levels deep, and never in a circle",
			python: "InterpolationDepthError: Error in file D/paste.ini: Recursion limit exceeded in value substitution: option 'a0' in section 'app:main' contains an interpolation key which cannot be substituted in 10 steps. Raw value: '%(a1)s'",
		},
		{
			name: "INT-04 a reference to itself",
			ini: `
				[app:main]
				use = egg:D
				a = x%(a)s
			`,
			want:   "D/paste.ini:3:5: [app:main] a: Recursion limit exceeded in value substitution: option 'a' in section 'app:main' contains an interpolation key which cannot be substituted in 10 steps. Raw value: 'x%(a)s'; values may refer to each other at most 10 levels deep, and never in a circle",
			python: "InterpolationDepthError: Error in file D/paste.ini: Recursion limit exceeded in value substitution: option 'a' in section 'app:main' contains an interpolation key which cannot be substituted in 10 steps. Raw value: 'x%(a)s'",
		},
		{
			name: "INT-04 two that refer to each other",
			ini: `
				[app:main]
				use = egg:D
				a = %(b)s
				b = %(a)s
			`,
			want: `
				D/paste.ini:3:5: [app:main] a: Recursion limit exceeded in value substitution: option 'a' in section 'app:main' contains an interpolation key which cannot be substituted in 10 steps. Raw value: '%(b)s'; values may refer to each other at most 10 levels deep, and never in a circle
				D/paste.ini:4:5: [app:main] b: Recursion limit exceeded in value substitution: option 'b' in section 'app:main' contains an interpolation key which cannot be substituted in 10 steps. Raw value: '%(a)s'; values may refer to each other at most 10 levels deep, and never in a circle
			`,
			python: "InterpolationDepthError: Error in file D/paste.ini: Recursion limit exceeded in value substitution: option 'a' in section 'app:main' contains an interpolation key which cannot be substituted in 10 steps. Raw value: '%(b)s'",
		},
		{
			name: "INT-05 an unknown name, with a near one",
			ini: `
				[DEFAULT]
				log_dir = /var/log
				[app:main]
				use = egg:D
				a = one
				  %(logdir)s/x
			`,
			want:   `D/paste.ini:6:3: [app:main] a: Bad value substitution: option 'a' in section 'app:main' contains an interpolation key 'logdir' which is not a valid option name. Raw value: 'one\n%(logdir)s/x'; did you mean %(log_dir)s?`,
			python: `InterpolationMissingOptionError: Error in file D/paste.ini: Bad value substitution: option 'a' in section 'app:main' contains an interpolation key 'logdir' which is not a valid option name. Raw value: 'one\n%(logdir)s/x'`,
		},
		{
			name: "INT-05 an unknown name in a value that another one refers to",
			ini: `
				[app:main]
				use = egg:D
				a = %(b)s
				b = x %(c)s
			`,
			want:   "D/paste.ini:4:7: [app:main] a: Bad value substitution: option 'a' in section 'app:main' contains an interpolation key 'c' which is not a valid option name. Raw value: '%(b)s'; want an option of this section or of [DEFAULT], or %% for a percent sign",
			python: "InterpolationMissingOptionError: Error in file D/paste.ini: Bad value substitution: option 'a' in section 'app:main' contains an interpolation key 'c' which is not a valid option name. Raw value: '%(b)s'",
		},
		{
			name: "INT-06 BUG-05 a percent sign before anything else",
			ini: `
				[app:main]
				use = egg:D
				format = 100% sure
				end = 50%
				b = it's "50% or so
			`,
			want: `
				D/paste.ini:3:13: [app:main] format: '%' must be followed by '%' or '(', found: '% sure'; write %% for a percent sign
				D/paste.ini:4:9: [app:main] end: '%' must be followed by '%' or '(', found: '%'; write %% for a percent sign
				D/paste.ini:5:13: [app:main] b: '%' must be followed by '%' or '(', found: '% or so'; write %% for a percent sign
			`,
			python: "InterpolationSyntaxError: Error in file D/paste.ini: '%' must be followed by '%' or '(', found: '% sure'",
		},
		{
			name: "INT-07 a reference without its end",
			ini: `
				[app:main]
				use = egg:D
				a = %(here)d
				b = %(here
				c = %()s
			`,
			want: `
				D/paste.ini:3:5: [app:main] a: bad interpolation variable reference '%(here)d'; want %(NAME)s, or %% for a percent sign
				D/paste.ini:4:5: [app:main] b: bad interpolation variable reference '%(here'; want %(NAME)s, or %% for a percent sign
				D/paste.ini:5:5: [app:main] c: bad interpolation variable reference '%()s'; want %(NAME)s, or %% for a percent sign
			`,
			python: "InterpolationSyntaxError: Error in file D/paste.ini: bad interpolation variable reference '%(here)d'",
		},
		{
			name: "INT-09 a doubled percent sign is not expanded again",
			ini: `
				[app:main]
				use = egg:D
				a = %%(here)s
				b = %(a)s
			`,
			want: `egg:D#main(a="%(here)s" b="%(here)s")`,
		},
		{
			name:   "INT-11 passed globals do not override DEFAULT for interpolation, but in global_conf",
			global: map[string]string{"g": "G"},
			ini: `
				[DEFAULT]
				g = D
				[app:main]
				use = egg:D
				a = %(g)s
			`,
			want: "egg:D#main(a=D | g=G)",
		},
		{
			name: "INT-12 a set line is only visible under its literal key",
			ini: `
				[app:main]
				use = egg:D
				set x = v
				a = %(set x)s
				b = %(x)s
			`,
			want:   "D/paste.ini:5:5: [app:main] b: Bad value substitution: option 'b' in section 'app:main' contains an interpolation key 'x' which is not a valid option name. Raw value: '%(x)s'; set x is for factories only: write x = ... as well",
			python: "InterpolationMissingOptionError: Error in file D/paste.ini: Bad value substitution: option 'b' in section 'app:main' contains an interpolation key 'x' which is not a valid option name. Raw value: '%(x)s'",
		},
		{
			name: "INT-13 all values of DEFAULT are interpolated on each look-up",
			ini: `
				[DEFAULT]
				a = %(only_in_main)s
				b = 5%
				[app:main]
				use = egg:D
				only_in_main = 1
			`,
			want: `
				D/paste.ini:2:5: [DEFAULT] a: Bad value substitution: option 'a' in section 'DEFAULT' contains an interpolation key 'only_in_main' which is not a valid option name. Raw value: '%(only_in_main)s'; [DEFAULT] is expanded by itself: want one of its own options, or %% for a percent sign
				D/paste.ini:3:6: [DEFAULT] b: '%' must be followed by '%' or '(', found: '%'; write %% for a percent sign
			`,
			python: "InterpolationMissingOptionError: Error in file D/paste.ini: Bad value substitution: option 'a' in section 'DEFAULT' contains an interpolation key 'only_in_main' which is not a valid option name. Raw value: '%(only_in_main)s'",
		},
		{
			name: "INT-14 BUG-05 a DEFAULT value that expands to nothing keeps its raw text in global_conf",
			ini: `
				[DEFAULT]
				e =
				a = %(e)s
				[app:main]
				use = egg:D
				b = <%(a)s>
			`,
			want: `egg:D#main(b=<> | e="" a="%(e)s")`,
		},
		{
			name:   "INT-15 BUG-05 passed globals are raw text: a percent sign fails the load",
			global: map[string]string{"rate": "100%"},
			ini: `
				[app:main]
				use = egg:D
			`,
			want:   "D/paste.ini: [DEFAULT] rate: '%' must be followed by '%' or '(', found: '****'; the value was given by the caller; write %% for a percent sign",
			python: "InterpolationSyntaxError: Error in file D/paste.ini: '%' must be followed by '%' or '(', found: '%'",
		},
		{
			name:   "INT-15 sections see a passed text expanded, global_conf has it as it was passed",
			global: map[string]string{"g": "50%%", "h": "<%(x)s>"},
			ini: `
				[DEFAULT]
				x = X
				[app:main]
				use = egg:D
				a = %(g)s %(h)s
			`,
			want: `egg:D#main(a="50% <X>" | x=X g=50%% h="<%(x)s>")`,
		},
		{
			name: "INT-16 BUG-05 mended: what another file passes down is plain text",
			ini: `
				[DEFAULT]
				x = 50%%
				[app:main]
				use = config:other.ini
				set y = 60%%
				-- other.ini --
				[app:main]
				use = egg:D
				a = %(x)s %(y)s
			`,
			want: `egg:D#main(a="50% 60%" | x=50% y=60%)`,
		},
		{
			name: "INT-19 the section is looked up before DEFAULT is evaluated",
			ini: `
				[DEFAULT]
				bad = 5%
				[app:other]
				use = egg:D
			`,
			want:   "D/paste.ini: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [app:other]",
			python: "LookupError: No section 'main' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "INT-19 then come DEFAULT, the options of the section, its get lines and require; the first is Paste Deploy's",
			ini: `
				[app:main]
				use = egg:D
				get q = nowhere
				a = 5%
				b = %(missing)s
				c = 1
			`,
			want: `
				D/paste.ini:4:6: [app:main] a: '%' must be followed by '%' or '(', found: '%'; write %% for a percent sign
				D/paste.ini:5:5: [app:main] b: Bad value substitution: option 'b' in section 'app:main' contains an interpolation key 'missing' which is not a valid option name. Raw value: '%(missing)s'; want an option of this section or of [DEFAULT], or %% for a percent sign
				D/paste.ini:3:9: [app:main] get q: no global option 'nowhere'; want a name of [DEFAULT], of a set line or of var=value
			`,
			python: "InterpolationSyntaxError: Error in file D/paste.ini: '%' must be followed by '%' or '(', found: '%'",
		},
		{
			name: "INT-19 GLB-03 options that DEFAULT shadows are not interpolated",
			ini: `
				[DEFAULT]
				a = 1
				[app:main]
				use = egg:D
				a = 100%
			`,
			want: "egg:D#main(| a=1)",
		},
		{
			name: "GEN-05 sections that nothing reaches are not interpolated",
			ini: `
				[app:main]
				use = egg:D
				[app:other]
				a = 100%
			`,
			want: "egg:D#main()",
		},
	})
}

// chain is a file in which the value a0 reaches its text by n references.
func chain(n int, end string) string {
	var b strings.Builder
	b.WriteString("[app:main]\nuse = egg:D\n")
	for i := range n {
		fmt.Fprintf(&b, "a%d = %%(a%d)s\n", i, i+1)
	}
	fmt.Fprintf(&b, "a%d = %s\n", n, end)
	return b.String()
}

func TestTheDefaultSet(t *testing.T) {
	dir := writeFiles(t, `
		[DEFAULT]
		here = /elsewhere
		own = 1
		[app:main]
		use = egg:D
		h = %(here)s %(passed)s
		[app:file]
		use = egg:D
		f = %(__file__)s
	`)
	uri := "config:" + filepath.Join(dir, "paste.ini")
	t.Run("INT-10 here, __file__, DEFAULT, then the passed globals that are not there", func(t *testing.T) {
		c, err := Load(App, uri, GlobalConf(map[string]string{"here": "/passed", "own": "2", "passed": "p"}))
		if err != nil {
			t.Fatal(err)
		}
		if got := keys(c.Loader.rawDefaults); got != "here __file__ own passed" {
			t.Errorf("DEFAULT set = %s", got)
		}
		if got, _ := c.Local.Get("h"); got != "/elsewhere p" {
			t.Errorf("h = %q, want the file's here and the passed global", got)
		}
		if got, _ := c.Global.Get("here"); got != "/passed" {
			t.Errorf("global here = %q, want the passed one", got)
		}
	})
	t.Run("INT-10 __file__ is absolute and normal", func(t *testing.T) {
		t.Chdir(dir)
		if _, err := Load(App, "config:./paste.ini#file", RelativeTo("x/..")); err == nil {
			t.Fatal("x/.. does not exist, want an error")
		}
		c, err := Load(App, "config:./paste.ini#file", RelativeTo("."))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := text(c.Local, "f"), filepath.Join(dir, "paste.ini"); got != want {
			t.Errorf("__file__ = %q, want %q", got, want)
		}
	})
	t.Run("INT-10 symbolic links are not resolved", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "link.ini")
		if err := os.Symlink(filepath.Join(dir, "paste.ini"), link); err != nil {
			t.Skip(err)
		}
		c, err := Load(App, "config:"+link+"#file")
		if err != nil {
			t.Fatal(err)
		}
		if got := text(c.Local, "f"); got != link {
			t.Errorf("__file__ = %q, want %q", got, link)
		}
	})
}

func keys(c *Conf) string { return strings.Join(c.Keys(), " ") }

func text(c *Conf, key string) string {
	s, _ := c.Get(key)
	return s
}

func TestADirectoryWithAPercentSign(t *testing.T) {
	t.Run("INT-17 BUG-05 mended: here is plain text", func(t *testing.T) {
		dir := filepath.Join(writeFiles(t, "\n-- a%b/paste.ini --\n[app:main]\nuse = egg:D\nx = %(here)s/y\n"), "a%b")
		c, err := Load(App, FileURI(filepath.Join(dir, "paste.ini")))
		if err != nil {
			t.Fatal(err)
		}
		if got := text(c.Local, "x"); got != dir+"/y" {
			t.Errorf("x = %q, want %q", got, dir+"/y")
		}
		if got := text(c.Global, "here"); got != dir {
			t.Errorf("here = %q, want %q", got, dir)
		}
	})
}

// INT-08: the file is named as it was opened.
func TestInterpolationErrorsNameTheFile(t *testing.T) {
	dir := writeFiles(t, `
		[app:main]
		use = config:sub/../sub/other.ini
		-- sub/other.ini --
		[app:main]
		use = egg:D
		a = 5%
	`)
	_, err := Load(App, "config:paste.ini", RelativeTo(dir))
	want := "InterpolationSyntaxError: Error in file D/sub/../sub/other.ini: '%' must be followed by '%' or '(', found: '%'"
	if got := pythonText(err, dir); got != want {
		t.Errorf("INT-08\n got %s\nwant %s", got, want)
	}
	if got, want := relativeTo(err.Error(), dir), "D/sub/../sub/other.ini:3:6: [app:main] a: '%' must be followed by '%' or '(', found: '%'; write %% for a percent sign"; got != want {
		t.Errorf("INT-08\n got %s\nwant %s", got, want)
	}
}
