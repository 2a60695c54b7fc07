package paste

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// USE-08: here and __file__ are those of the file that refers to the object;
// only interpolation inside the inner file sees its own.
func TestPathsOfTheOuterFile(t *testing.T) {
	dir := writeFiles(t, `
		[app:used]
		use = config:sub/inner.ini
		[pipeline:piped]
		pipeline = config:sub/inner.ini
		[filter-app:next]
		use = egg:F
		next = config:sub/inner.ini
		-- sub/inner.ini --
		[app:main]
		use = egg:A
		x = %(here)s %(__file__)s
		get h = here
	`)
	for name, find := range map[string]func(*Context) *Context{
		"used":  func(c *Context) *Context { return c },
		"piped": func(c *Context) *Context { return c.Next },
		"next":  func(c *Context) *Context { return c.Next },
	} {
		t.Run("USE-08 "+name, func(t *testing.T) {
			c, err := Load(App, "config:paste.ini#"+name, RelativeTo(dir))
			if err != nil {
				t.Fatal(err)
			}
			c = find(c)
			got := relativeTo(strings.Join([]string{text(c.Global, "here"), text(c.Global, "__file__"), text(c.Local, "x"), text(c.Local, "h")}, ", "), dir)
			if want := "D, D/paste.ini, D/sub D/sub/inner.ini, D"; got != want {
				t.Errorf("here, __file__, x, h = %s, want %s", got, want)
			}
		})
	}
}

// USE-16: the names of a composite are looked up in the file that uses it.
func TestLoaderOfAComposite(t *testing.T) {
	dir := writeFiles(t, `
		[composite:main]
		use = config:oc.ini
		[pipeline:piped]
		pipeline = config:oc.ini
		[composite:mounts]
		use = egg:Paste#urlmap
		/ = config:oc.ini
		[app:both]
		use = egg:Outer
		-- oc.ini --
		[composite:main]
		use = egg:Paste#urlmap
		/a = both
		/b = inner
		[app:inner]
		use = egg:Inner
		[app:both]
		use = egg:Inner
	`)
	load := func(t *testing.T, name string) *Context {
		t.Helper()
		c, err := Load(App, "config:paste.ini#"+name, RelativeTo(dir))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	child := func(c *Context, name string) string {
		x, err := c.Child(App, name, c.Global)
		return answer(x, err, dir)
	}
	t.Run("USE-16 BUG-03 by use: the using file", func(t *testing.T) {
		c := load(t, "main")
		if got, want := child(c, "both"), "egg:Outer#main()"; got != want {
			t.Errorf("both = %s, want %s", got, want)
		}
		want := "D/oc.ini:4:6: [composite:main] /b: No section 'inner' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; [app:inner] of D/oc.ini is not meant: a composite that another file uses looks its names up in that file"
		if got := child(c, "inner"); got != want {
			t.Errorf("inner\n got %s\nwant %s", got, want)
		}
	})
	t.Run("USE-16 LDR-02 by pipeline and by another composite: its own", func(t *testing.T) {
		c := load(t, "piped").Next
		if got, want := child(c, "inner"), "egg:Inner#main()"; got != want {
			t.Errorf("inner = %s, want %s", got, want)
		}
		mounted, err := load(t, "mounts").Child(App, "config:oc.ini", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := child(mounted, "both"), "egg:Inner#main()"; got != want {
			t.Errorf("both = %s, want %s", got, want)
		}
	})
	t.Run("GO-06 USE-15 a chain of 300 sections works", func(t *testing.T) {
		var b strings.Builder
		for i := range 300 {
			fmt.Fprintf(&b, "[app:a%d]\nuse = a%d\nk%d = 1\n", i, i+1, i)
		}
		b.WriteString("[app:a300]\nuse = egg:A\n")
		writeOver(t, filepath.Join(dir, "deep.ini"), b.String())
		c, err := Load(App, "config:deep.ini#a0", RelativeTo(dir))
		if err != nil {
			t.Fatal(err)
		}
		if c.Local.Len() != 300 || len(c.Uses) != 301 || len(c.Sections) != 301 {
			t.Errorf("%d options, %d uses, %d sections; want 300, 301, 301", c.Local.Len(), len(c.Uses), len(c.Sections))
		}
	})
	t.Run("USE-15 references deeper than the bound end", func(t *testing.T) {
		var b strings.Builder
		for i := range maxDepth + 1 {
			fmt.Fprintf(&b, "[app:a%d]\nuse = a%d\n", i, i+1)
		}
		fmt.Fprintf(&b, "[app:a%d]\nuse = egg:A\n", maxDepth+1)
		writeOver(t, filepath.Join(dir, "deep.ini"), b.String())
		_, err := Load(App, "config:deep.ini#a0", RelativeTo(dir))
		want := "D/deep.ini:4000:7: [app:a1999] use: more than 2000 references lie inside each other; they begin with [app:a0] -(use)-> [app:a1] -(use)-> [app:a2] -(use)-> [app:a3] -(use)-> [app:a4]"
		if got := answer(nil, err, dir); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// LDR: what a composite's loader does with names and globals.
func TestChildrenOfComposites(t *testing.T) {
	c, dir := contextOf(t, `
		[DEFAULT]
		d = default
		[composite:main]
		use = egg:Paste#urlmap
		set g = composite
		/ = x
		/b = missing
		/c = a missing two
		[app:x]
		use = egg:A
		i = %(d)s
		g = local
		[app:]
		use = egg:Empty
		[app]
		use = egg:Bare
		-- other.ini --
		[app:main]
		use = egg:O
		o = %(here)s
		g = dropped
	`)
	for _, tc := range []struct {
		name, child string
		global      *Conf
		want        string
	}{
		{"LDR-03 globals that are passed on overlay the child's", "x", c.Global, "egg:A#main(i=default g=local | d=default g=composite)"},
		{"LDR-04 without them it has its file's own", "x", nil, "egg:A#main(i=default g=local | d=default)"},
		{"LDR-03 in another file they drop locals", "config:other.ini", c.Global, "egg:O#main(o=D | d=default g=composite)"},
		{"LDR-04 without them another file has only its own", "config:other.ini", nil, "egg:O#main(o=D g=dropped)"},
		{"LDR-01 a URI", "egg:E#x", nil, "egg:E#x()"},
		{"LDR-02 a name that is not there is placed where the composite names it", "missing", c.Global,
			"D/paste.ini:7:6: [composite:main] /b: No section 'missing' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [composite:main], [app:x], [app:]"},
		{"LDR-02 in a list, at its word", "two", c.Global,
			"D/paste.ini:8:16: [composite:main] /c: No section 'two' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [composite:main], [app:x], [app:]"},
		{"LDR-02 one that stands nowhere, at the factory", "other", c.Global,
			"D/paste.ini:4:7: [composite:main] use: No section 'other' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [composite:main], [app:x], [app:]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			child, err := c.Child(App, tc.child, tc.global)
			if got := answer(child, err, dir); got != tc.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tc.want)
			}
		})
	}
	t.Run("LDR-04 the caller's globals that the file's DEFAULT lacks arrive", func(t *testing.T) {
		c, err := Load(App, "config:paste.ini", RelativeTo(dir), GlobalConf(map[string]string{"d": "caller", "n": "new"}))
		if err != nil {
			t.Fatal(err)
		}
		child, err := c.Child(App, "x", nil)
		if got, want := answer(child, err, dir), "egg:A#main(i=default g=local | d=default n=new)"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("LDR-05 LDR-02 of an egg: names are entry points of its distribution", func(t *testing.T) {
		c, err := Load(App, "egg:Dist#comp")
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"other": "egg:Dist#other()",
			"config:" + filepath.Join(dir, "other.ini"): "egg:O#main(o=D g=dropped)",
			"config:other.ini":                          "Cannot resolve relative uri 'config:other.ini'; no relative_to keyword argument given; want an absolute path",
		} {
			child, err := c.Child(App, name, nil)
			if got := answer(child, err, dir); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
	})
	t.Run("LDR-06 SEC-08 a loader without a name", func(t *testing.T) {
		x, err := c.Loader.Load(App, nil)
		if got, want := answer(x, err, dir), "Ambiguous section names ['app', 'composite:main'] for section None"; !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
		x, err = c.Loader.Get(App, "x", nil)
		if got, want := answer(x, err, dir), "egg:A#main(i=default g=local | d=default)"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestCirclesOfComposites(t *testing.T) {
	c, dir := contextOf(t, `
		[composite:main]
		use = egg:Paste#urlmap
		/ = main
	`)
	if got, want := answer(nil, Circle(c, "main"), dir), "D/paste.ini:3:5: [composite:main] /: the composite contains itself by 'main'; remove one of the references"; got != want {
		t.Errorf("USE-15 got %s, want %s", got, want)
	}
	child, err := c.Child(App, "main", c.Global)
	if err != nil {
		t.Fatal(err)
	}
	if !c.SameAs(child) {
		t.Error("USE-15 a composite is not the same as itself")
	}
	again, err := Load(App, "config:./paste.ini", RelativeTo(dir))
	if err != nil || !c.SameAs(again) {
		t.Errorf("nor when it is read again (%v)", err)
	}
	other, err := c.Child(App, "main", confOf("x", "1"))
	if err != nil || c.SameAs(other) {
		t.Errorf("with other globals it is another one (%v)", err)
	}
	egg, err := c.Child(App, "egg:A", nil)
	if err != nil || c.SameAs(egg) || egg.SameAs(c) || egg.SameAs(egg) {
		t.Errorf("a URI is never the same (%v)", err)
	}
}
