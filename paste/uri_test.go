package paste

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// URI-01: Load is the context of loadapp, loadfilter and loadserver.
func TestURIs(t *testing.T) {
	dir := writeFiles(t, `
		[app:main]
		use = egg:Main
		[app:other]
		use = egg:Other
		[app:]
		use = egg:Empty
		[app:a%20b]
		use = egg:Percent
		-- sub/p q.ini --
		[app:main]
		use = config:../paste.ini#other
		x = %(here)s
		[app:tilde]
		use = config:~/x.ini
		[app:dot]
		use = config:./p%%20q.ini
		-- sub/aA.ini --
		[app:main]
		use = egg:A
	`)
	main := "config:" + filepath.Join(dir, "paste.ini")
	name := func(s string) []LoadOption { return []LoadOption{Name(s)} }
	rel := func(dir string) []LoadOption { return []LoadOption{RelativeTo(dir)} }
	for _, tc := range []struct {
		name, uri string
		opts      []LoadOption
		want      string
	}{
		{"URI-02 the default name is main", main, nil, "egg:Main#main()"},
		{"URI-02 the fragment is the name", main + "#other", nil, "egg:Other#main()"},
		{"URI-02 a name wins over the fragment", main + "#ignored", name("other"), "egg:Other#main()"},
		{"URI-02 an empty fragment is the empty name", main + "#", nil, "egg:Empty#main()"},
		{"URI-02 the fragment is not URL-decoded", main + "#a%20b", nil, "egg:Percent#main()"},
		{"URI-03 no scheme", "paste.ini", rel(dir), "URI has no scheme: 'paste.ini'; want config:PATH or egg:DISTRIBUTION"},
		{"URI-03 an unknown scheme", "http://example.org/x.ini", nil, "URI scheme not known: 'http' (from config, egg, call)"},
		{"URI-03 BUG-10 another format's scheme", "config+yaml:x.yaml", rel(dir), "URI scheme not known: 'config+yaml' (from config, egg, call)"},
		{"URI-03 schemes are case-insensitive", strings.Replace(main, "config", "Config", 1), nil, "egg:Main#main()"},
		{"URI-03 leading white space makes an unknown one", " " + main, nil, "URI scheme not known: ' config' (from config, egg, call)"},
		{"URI-04 a name that is a URI is loaded instead", main, name("egg:Direct#x"), "egg:Direct#x()"},
		{"URI-04 relative to the file", main, name("config:sub/aA.ini"), "egg:A#main()"},
		{"URI-05 a relative path needs a base", "config:paste.ini", nil, "Cannot resolve relative uri 'config:paste.ini'; no relative_to keyword argument given; want an absolute path"},
		{"URI-05 an empty base is none", "config:paste.ini", rel(""), "Cannot resolve relative uri 'config:paste.ini'; no relative_to keyword argument given; want an absolute path"},
		{"URI-05 a relative path with a base", "config:paste.ini", rel(dir), "egg:Main#main()"},
		{"URI-05 a base with a slash at its end", "config:paste.ini", rel(dir + "/"), "egg:Main#main()"},
		{"URI-06 inside a file paths are relative to it", "config:sub/p%20q.ini", rel(dir), "egg:Other#main(x=D/sub)"},
		{"URI-06 no tilde is expanded", "config:sub/p%20q.ini#tilde", rel(dir), "D/sub/p q.ini:5:7: [app:tilde] use: No such file or directory: 'D/sub/~/x.ini'; a path is relative to the folder of the file it stands in"},
		{"URI-06 URI-07 in a file %%20 is a blank", "config:sub/p%20q.ini#dot", rel(dir), "egg:Other#main(x=D/sub)"},
		{"URI-07 backslashes become slashes", `config:sub\aA.ini`, rel(dir), "egg:A#main()"},
		{"URI-07 after the test for absolute paths", `config:\sub\aA.ini`, rel(dir), "egg:A#main()"},
		{"URI-07 three slashes lose two", "config://" + filepath.Join(dir, "paste.ini"), nil, "egg:Main#main()"},
		{"URI-07 the path is URL-decoded, the base too", "config:a%41.ini", rel(dir + "/s%75b"), "egg:A#main()"},
		{"URI-07 a malformed percent sign stays", "config:x%zz%4", rel(dir), "D/x%zz%4: No such file or directory"},
		{"URI-07 bytes that decode to no UTF-8 are replaced", "config:%ff.ini", rel(dir), "D/�.ini: No such file or directory"},
		{"URI-07 a plus sign stays", "config:sub/p+q.ini", rel(dir), "D/sub/p+q.ini: No such file or directory"},
		{"URI-07 blanks are stripped", "config:paste.ini ", rel(dir), "egg:Main#main()"},
		{"URI-07 one in front makes the path relative", "config: " + filepath.Join(dir, "paste.ini"), nil, "Cannot resolve relative uri 'config: D/paste.ini'; no relative_to keyword argument given; want an absolute path"},
		{"URI-08 error texts show the path as it was built", "config:sub/../paste.ini#nothing", rel(dir), "D/sub/../paste.ini: No section 'nothing' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/sub/../paste.ini; the file has [app:main], [app:other], [app:], [app:a%20b]"},
		{"URI-09 a missing file", "config:missing.ini", rel(dir), "D/missing.ini: No such file or directory"},
		{"URI-09 a directory", "config:sub", rel(dir), "D/sub: Is a directory"},
		{"URI-09 a file taken for a directory", "config:paste.ini/x.ini", rel(dir), "D/paste.ini/x.ini: Not a directory"},
		{"URI-09 a path with NUL", "config:a%00b", rel(dir), `D/a\x00b: embedded null byte`},
		{"URI-10 a second # belongs to the name", main + "#a#b", nil, "D/paste.ini: No section 'a#b' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [app:main], [app:other], [app:], [app:a%20b]"},
		{"URI-12 egg: ignores the base", "egg:Dist#x", rel(dir), "egg:Dist#x()"},
		{"URI-12 LDR-05 a name that is a URI, behind egg:", "egg:Dist#" + main, nil, "egg:Main#main()"},
		{"URI-12 LDR-05 which has no base", "egg:Dist#config:paste.ini", rel(dir), "Cannot resolve relative uri 'config:paste.ini'; no relative_to keyword argument given; want an absolute path"},
		{"CALL-03 call: at the top", "call:m:a", nil, "call:m:a()"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := Load(App, tc.uri, tc.opts...)
			if got := answer(c, err, dir); got != tc.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tc.want)
			}
		})
	}
}

func TestFileErrors(t *testing.T) {
	dir := writeFiles(t, `
		[pipeline:main]
		pipeline = config:sub/a.ini config:missing.ini
		[app:broken]
		use = config:broken.ini
		-- broken.ini --
		[app:main]
		use
		-- sub/x --
	`)
	t.Run("URI-09 BUG-15 a missing file, at the reference and in Paste Deploy's words", func(t *testing.T) {
		_, err := Load(App, "config:paste.ini", RelativeTo(dir))
		want := strings.Join([]string{
			"D/paste.ini:2:29: [pipeline:main] pipeline: No such file or directory: 'D/missing.ini'; a path is relative to the folder of the file it stands in",
			"D/paste.ini:2:12: [pipeline:main] pipeline: No such file or directory: 'D/sub/a.ini'; a path is relative to the folder of the file it stands in",
		}, "\n")
		if got := answer(nil, err, dir); got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
		if got, want := pythonText(err, dir), "FileNotFoundError: [Errno 2] No such file or directory: 'D/missing.ini'"; got != want {
			t.Errorf("Paste Deploy's error = %s, want %s", got, want)
		}
	})
	t.Run("GEN-03 a slip in the other file has its own place", func(t *testing.T) {
		_, err := Load(App, "config:paste.ini#broken", RelativeTo(dir))
		want := `D/broken.ini:2:1: [app:main] Source contains parsing errors: no "=" or ":" in 'use'; want NAME = value, [section], or # before a comment`
		if got := answer(nil, err, dir); got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	})
	t.Run("a file that may not be read", func(t *testing.T) {
		file := filepath.Join(dir, "locked.ini")
		writeOver(t, file, "[app:main]\n")
		if err := os.Chmod(file, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadFile(file); err == nil {
			t.Skip("this user may read everything")
		}
		_, err := Load(App, "config:locked.ini", RelativeTo(dir))
		if got, want := pythonText(err, dir), "PermissionError: [Errno 13] Permission denied: 'D/locked.ini'"; got != want {
			t.Errorf("Paste Deploy's error = %s, want %s", got, want)
		}
	})
	t.Run("a file of more than 16 MB is refused", func(t *testing.T) {
		file := filepath.Join(dir, "large.ini")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, MaxFileSize+1); err != nil {
			t.Fatal(err)
		}
		_, err := Load(App, "config:large.ini", RelativeTo(dir))
		if got, want := answer(nil, err, dir), "D/large.ini: the file is larger than 16 MB; is it a paste file?"; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
	t.Run("so is an endless one that says that it is empty", func(t *testing.T) {
		if _, err := os.Stat("/dev/zero"); err != nil {
			t.Skip(err)
		}
		_, err := Open("/dev/zero")
		if got, want := fmt.Sprint(err), "/dev/zero: the file is larger than 16 MB; is it a paste file?"; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
	t.Run("a file of exactly 16 MB is not", func(t *testing.T) {
		file := filepath.Join(dir, "fits.ini")
		text := "[app:main]\nuse = egg:A\n#"
		writeOver(t, file, text+strings.Repeat("x", MaxFileSize-len(text)))
		if _, err := Load(App, "config:fits.ini", RelativeTo(dir)); err != nil {
			t.Error(err)
		}
	})
}

func TestAppConfig(t *testing.T) {
	dir := writeFiles(t, `
		[DEFAULT]
		a = default
		b = default
		[app:main]
		use = inner
		set b = set
		get a = b
		c = local
		filter-with = egg:F
		[app:inner]
		use = egg:A
		d = inner
		set e = inner
		[app:plain]
		use = inner
		get a = b
		[pipeline:p]
		pipeline = egg:F plain
		set x = 1
		[filter-app:fa]
		use = egg:F
		next = plain
		y = 2
	`)
	load := func(t *testing.T, name string) *Config {
		t.Helper()
		c, err := AppConfig("config:paste.ini", RelativeTo(dir), Name(name))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, tc := range []struct{ name, app, want string }{
		{"URI-13 globals overlaid by locals", "plain", `a=default b=default e=inner d=inner`},
		{"URI-14 of a pipeline: globals only", "p", `a=default b=default x=1`},
		{"URI-14 of a filter-app: its own options", "fa", `a=default b=default y=2`},
		{"FWITH-07 with filter-with: its own options, nothing of what use would bring", "main", `a=set b=set c=local`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := showValues(load(t, tc.app).All()); got != tc.want {
				t.Errorf("config = %s, want %s", got, tc.want)
			}
		})
	}
	t.Run("URI-13 both parts and the context are there", func(t *testing.T) {
		c := load(t, "plain")
		if got := text(c.Global, "a") + " " + text(c.Local, "a") + " " + c.Context.Section(); got != "default default app:plain" {
			t.Errorf("global a, local a, section = %s", got)
		}
		if _, err := AppConfig("config:none.ini", RelativeTo(dir)); err == nil {
			t.Error("a missing file is no error")
		}
	})
	t.Run("URI-11 the caller's globals are not modified", func(t *testing.T) {
		passed := map[string]string{"q": "1"}
		for range 2 { // BUG-12: the same globals serve for every start
			c, err := AppConfig("config:paste.ini#plain", RelativeTo(dir), GlobalConf(passed))
			if err != nil {
				t.Fatal(err)
			}
			c.Global.Set("q", Value{Text: "2"})
			if len(passed) != 1 || passed["q"] != "1" {
				t.Errorf("passed globals = %v, want them unchanged", passed)
			}
		}
	})
	t.Run("BUG-13 a server is asked for apart from the app", func(t *testing.T) {
		writeOver(t, filepath.Join(dir, "s.ini"), "[app:main]\nuse = egg:A\n[server:main]\nuse = egg:S\n[server:other]\nuse = egg:T\n")
		c, err := Load(ServerObject, "config:s.ini#main", RelativeTo(dir), Name("other"))
		if err != nil {
			t.Fatal(err)
		}
		if got := show(c); got != "egg:T#main()" {
			t.Errorf("server = %s, want egg:T#main()", got)
		}
	})
}

func TestOpenURI(t *testing.T) {
	dir := writeFiles(t, "[app:main]\nuse = egg:A\n")
	for _, tc := range []struct{ uri, name, want string }{
		{"config:paste.ini", "", "D/paste.ini -"},
		{"CONFIG:paste.ini#x", "", "D/paste.ini x"},
		{"config:paste.ini#x", "y", "D/paste.ini y"},
		{"config:none.ini", "", "D/none.ini: No such file or directory"},
		{"egg:A#x", "", "'egg:A#x' names no file, want config:PATH"},
		{"paste.ini", "", "'paste.ini' names no file, want config:PATH"},
	} {
		opts := []LoadOption{RelativeTo(dir)}
		if tc.name != "" {
			opts = append(opts, Name(tc.name))
		}
		l, name, err := OpenURI(tc.uri, opts...)
		var got string
		switch {
		case err != nil:
			got = err.Error()
		case name == nil:
			got = l.Filename() + " -"
		default:
			got = l.Filename() + " " + *name
		}
		if got = relativeTo(got, dir); got != tc.want {
			t.Errorf("OpenURI(%q, %q) = %s, want %s", tc.uri, tc.name, got, tc.want)
		}
	}
	if _, _, err := OpenURI("config:paste.ini"); err == nil {
		t.Error("a relative path without a base is no error")
	}
}

func TestFileURI(t *testing.T) {
	for file, want := range map[string]string{"/a/b.ini": "config:/a/b.ini", "./a%20.ini": "config:a%2520.ini", "a//b/../c.ini": "config:a/c.ini"} {
		if got := FileURI(file); got != want {
			t.Errorf("FileURI(%q) = %q, want %q", file, got, want)
		}
	}
}

func TestPortablePaths(t *testing.T) {
	dir := writeFiles(t, `
		[app:main]
		use = config:%(here)s/sub/x.ini
		h = %(here)s
		[app:self]
		use = config:%(__file__)s
		-- sub/x.ini --
		[app:main]
		use = config:%(here)s/../y.ini
		x = %(here)s %(__file__)s
		-- y.ini --
		[app:main]
		use = egg:A
		y = %(here)s %(__file__)s
	`)
	l, err := Open(filepath.Join(dir, "paste.ini"), Portable())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"main": `here=<here> __file__=<file> | y="<here> <here>/y.ini" x="<here>/sub <here>/sub/x.ini" h=<here>`,
		"self": `here=<here> __file__=<file> | y="<here> <here>/y.ini" x="<here>/sub <here>/sub/x.ini" h=<here>`,
	} {
		c, err := l.Load(App, &name)
		if err != nil {
			t.Fatal(err)
		}
		var global []string
		for k, v := range c.Global.All() {
			global = append(global, k+"="+v.Text)
		}
		if got := strings.Join(global, " ") + " | " + showValues(c.Local); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	if got := len(l.Files()); got != 3 {
		t.Errorf("%d files were read, want 3", got)
	}
}
