package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

// open opens a file of this text under the name paste.ini.
func open(t *testing.T, text string, opts ...paste.LoadOption) *paste.Loader {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("paste.ini", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := paste.Open("paste.ini", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func text(t *testing.T, l *paste.Loader, name *string) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, l, name); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a chain of use tells where each option stands", `
[app:main]
use = base
size = 2
[app:base]
use = egg:x
size = 1
set zone = a
color = red
`, `paste.ini
[app:main] > [app:base] > egg:x#main  (line 2)
    size = 2
    color = red  (line 9, use [app:base])
    set zone = a  (line 8, set [app:base])
[app:base] > egg:x#main  (line 5)
    size = 1
    color = red
    set zone = a  (line 8, set [app:base])
`},
		{"what was shown is not shown again, unless its globals differ", `
[composite:main]
use = egg:Paste#urlmap
/ = a
/x = a
/deep = deeper
[composite:deeper]
use = egg:Paste#urlmap
set zone = b
/ = a
[app:a]
use = egg:x
k = v
`, `paste.ini
[composite:main] > egg:Paste#urlmap  (line 2)
    / -> [app:a] > egg:x#main  (line 11)
        k = v
    /x -> [app:a] > egg:x#main  (line 11, shown above)
    /deep -> [composite:deeper] > egg:Paste#urlmap  (line 7)
        set zone = b  (line 9, set [composite:deeper])
        / -> [app:a] > egg:x#main  (line 11)
            k = v
[composite:deeper] > egg:Paste#urlmap  (line 7, shown above)
[app:a] > egg:x#main  (line 11, shown above)
`},
		{"DEFAULT stands once, at the top", `
[DEFAULT]
zone = a
token = t0ps3cret
[app:main]
use = egg:x
[filter:f]
use = egg:y
`, `paste.ini
[DEFAULT] zone = a  (line 3)
[DEFAULT] token = ****  (line 4)
[app:main] > egg:x#main  (line 5)
[filter:f] > egg:y#main  (line 7)
`},
		{"filters of all kinds", `
[filter-app:main]
use = egg:f
next = p
[pipeline:p]
pipeline = f g a
filter-with = f
[filter:f]
use = egg:f
[filter:g]
use = egg:g
filter-with = f
[app:a]
use = egg:a
`, `paste.ini
[filter-app:main] > filter-app  (line 2)
    filter egg:f#main  (line 3)
    app [pipeline:p] > filtered-with  (line 5)
        filter [filter:f] > egg:f#main  (line 8)
        app pipeline  (line 6)
            filter [filter:f] > egg:f#main  (line 8)
            filter [filter:g] > filtered-with  (line 10)
                filter [filter:f] > egg:f#main  (line 8)
                filter egg:g#main  (line 11)
            app [app:a] > egg:a#main  (line 13)
[pipeline:p] > filtered-with  (line 5, shown above)
[filter:f] > egg:f#main  (line 8)
[filter:g] > filtered-with  (line 10, shown above)
[app:a] > egg:a#main  (line 13)
`},
		{"a cascade is in the order of its keys", `
[composite:main]
use = egg:Paste#cascade
catch = 404
app2 = a
app1 = b
[app:a]
use = egg:a
[app:b]
use = egg:b
`, `paste.ini
[composite:main] > egg:Paste#cascade  (line 2)
    catch = 404
    app1 -> [app:b] > egg:b#main  (line 9)
    app2 -> [app:a] > egg:a#main  (line 7)
[app:a] > egg:a#main  (line 7)
[app:b] > egg:b#main  (line 9)
`},
		{"errors stand in the place of what does not load", `
[composite:main]
use = egg:Paste#urlmap
/ = main
/x = lost
[composite:c]
use = call:m:pipeline_factory
one = lost a
empty =
[app:a]
use = egg:a
note = a%%b
`, `paste.ini
[composite:main] > egg:Paste#urlmap  (line 2)
    / -> main ! paste.ini:4:5: [composite:main] /: the composite contains itself by 'main'; remove one of the references
    /x -> lost ! paste.ini:5:6: [composite:main] /x: No section 'lost' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config paste.ini; the file has [composite:main], [composite:c], [app:a]
[composite:c] > call:m:pipeline_factory  (line 6)
    empty =
    strategy one
        filter lost ! paste.ini:8:7: [composite:c] one: No section 'lost' (prefixed by 'filter') found in config paste.ini; the file has no section for a filter
        app [app:a] > egg:a#main  (line 10)
            note = a%b
[app:a] > egg:a#main  (line 10, shown above)
`},
		{"control characters do not reach the terminal", "\n[app:main]\nuse = egg:x\nesc = a\x1b[31m\u0085b\tc\n", `paste.ini
[app:main] > egg:x#main  (line 2)
    esc = a\x1b[31m\x85b\tc
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := text(t, open(t, tt.in), nil); got != tt.want {
				t.Errorf("the tree is\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestTextOfOneApplication(t *testing.T) {
	l := open(t, "[app:main]\nuse = egg:x\n[app:b]\nuse = egg:y\nk = v\n", paste.GlobalConf(map[string]string{"debug": "on"}))
	if got, want := text(t, l, new("b")), "paste.ini\nvar=value debug = ****\n[app:b] > egg:y#main  (line 3)\n    k = v\n"; got != want {
		t.Errorf("the tree is\n%swant\n%s", got, want)
	}
	if got, want := text(t, l, new("egg:z")), "paste.ini\nvar=value debug = ****\negg:z#main  (no file)\n"; got != want {
		t.Errorf("the tree is\n%swant\n%s", got, want)
	}
	if got := text(t, l, new("c")); !strings.HasPrefix(got, "paste.ini\n[app:c] ! paste.ini: No section 'c' ") {
		t.Errorf("the tree is\n%s", got)
	}
}

func TestRoots(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		asked    *string
		want     []string
	}{
		{"the one that is asked for", "[app:main]\nuse = egg:x\n", new("other"), []string{"other"}},
		{"main", "[app:a]\nuse = egg:x\n[app:main]\nuse = egg:x\n", nil, []string{"main"}},
		{"main, also when it is broken", "[app:a]\nuse = egg:x\n[app:main]\nuse = lost\n", nil, []string{"main"}},
		{"those that nothing uses", "[pipeline:p]\npipeline = f a\n[app:a]\nuse = egg:x\n[filter:f]\nuse = egg:x\n[app:b]\nuse = egg:x\n[app:c]\nuse = b\n", nil, []string{"p", "c"}},
		{"all, when they are in a circle", "[app:a]\nuse = b\n[app:b]\nuse = a\n", nil, []string{"a", "b"}},
		{"main, when there is none", "[filter:f]\nuse = egg:x\n", nil, []string{"main"}},
		{"main, when the only one has no name", "[app]\nuse = egg:x\n", nil, []string{"main"}},
		{"strategies count as used", "[composite:c]\npaste.composite_factory = m:pipeline_factory\nk = a\n[app:a]\nuse = egg:x\n", nil, []string{"c"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := open(t, tt.in)
			if got := Roots(l, File(l), tt.asked); !slices.Equal(got, tt.want) {
				t.Errorf("Roots = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMark(t *testing.T) {
	l := open(t, `
[pipeline:main]
pipeline = f strategies
[filter:f]
use = base
[filter:base]
use = egg:x
[composite:strategies]
paste.composite_factory = m:pipeline_factory
k = g a
[filter:g]
use = egg:x
[app:a]
use = egg:x
[app:unused]
use = egg:x
`)
	all, certain := map[string]bool{}, map[string]bool{}
	n := Object(l, paste.App, new("main"))
	n.Mark(l, all)
	n.MarkCertain(l, certain)
	if got, want := fmt.Sprint(certain), "map[composite:strategies:true filter:base:true filter:f:true pipeline:main:true]"; got != want {
		t.Errorf("MarkCertain = %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(all), "map[app:a:true composite:strategies:true filter:base:true filter:f:true filter:g:true pipeline:main:true]"; got != want {
		t.Errorf("Mark = %s, want %s", got, want)
	}
}

// Composites that load each other several times grow exponentially.
func TestTreeIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 20 {
		fmt.Fprintf(&b, "[composite:c%d]\nuse = egg:Paste#urlmap\n/a = c%d\n/b = c%d\n", i, i+1, i+1)
	}
	b.WriteString("[app:c20]\nuse = egg:x\n")
	c, err := open(t, b.String()).Load(paste.App, new("c0"))
	if err != nil {
		t.Fatal(err)
	}
	n := (&describer{left: 100}).node(c, nil)
	for n.Err == nil && len(n.Mounts) > 0 {
		n = n.Mounts[len(n.Mounts)-1].Node
	}
	if want := "the tree has more than 200000 objects"; n.Err == nil || n.Err.Error() != want {
		t.Errorf("the last object has the error %v, want %s", n.Err, want)
	}
}

func TestIsChildKey(t *testing.T) {
	l := open(t, `
[composite:map]
use = egg:Paste#urlmap
/ = a
domain x.example = a
not_found_app = a
other = 1
[composite:cascade]
use = egg:Paste#cascade
app1 = a
catch = 404
[composite:strategies]
paste.composite_factory = m:pipeline_factory
k = a
empty =
[app:a]
use = egg:x
/ = b
`)
	for _, tt := range []struct {
		app, key string
		want     bool
	}{
		{"map", "/", true}, {"map", "domain x.example", true}, {"map", "not_found_app", true}, {"map", "other", false},
		{"cascade", "app1", true}, {"cascade", "catch", false},
		{"strategies", "k", true}, {"strategies", "empty", false}, {"strategies", "none", false},
		{"a", "/", false},
	} {
		if got := Object(l, paste.App, &tt.app).IsChildKey(tt.key); got != tt.want {
			t.Errorf("IsChildKey(%q) of %s = %v, want %v", tt.key, tt.app, got, tt.want)
		}
	}
}

func TestVia(t *testing.T) {
	l := open(t, `
[DEFAULT]
d = 1
[app:main]
use = base
own = 1
get g = d
[app:base]
use = egg:x
inner = 1
set s = 1
`, paste.GlobalConf(map[string]string{"c": "1"}))
	n := Object(l, paste.App, new("main"))
	all := n.Global.Clone()
	all.Update(n.Local)
	for key, want := range map[string]string{
		"own": "section", "inner": "use [app:base]", "g": "get [app:main]", "s": "set [app:base]",
		"d": "DEFAULT", "c": "var=value", "here": "built-in",
	} {
		v, _ := all.Value(key)
		if got := Via(n.Context, v); got != want {
			t.Errorf("%s came by %q, want %q", key, got, want)
		}
	}
}

func TestPlace(t *testing.T) {
	for want, p := range map[string]paste.Pos{"": {}, "a.ini": {File: "a.ini"}, "a.ini:3": {File: "a.ini", Line: 3, Col: 4}} {
		if got := Place(p); got != want {
			t.Errorf("Place(%v) = %q, want %q", p, got, want)
		}
	}
}

func TestFirstError(t *testing.T) {
	one := &paste.Error{Problem: "one"}
	for _, err := range []error{one, paste.Errors{one, {Problem: "two"}}, fmt.Errorf("wrapped: %w", paste.Errors{one})} {
		if got := FirstError(err); got != one {
			t.Errorf("FirstError(%v) = %v", err, got)
		}
	}
	if got := FirstError(errors.New("other")); got != nil {
		t.Errorf("FirstError of another error = %v", got)
	}
}

func TestContextIsDescribedWithoutItsFile(t *testing.T) {
	c, err := paste.Load(paste.App, "egg:Paste#test")
	if err != nil {
		t.Fatal(err)
	}
	if n := Context(c); n.Err != nil || n.Ref.Text != "egg:Paste#test" || len(n.Children()) != 0 {
		t.Errorf("Context = %+v", n)
	}
}

func TestJSONHasPlacesAndMasks(t *testing.T) {
	l := open(t, "[app:main]\nuse = egg:x\npassword = geheim\nsize = 1\n[app:lost]\nuse = nowhere\n")
	out, err := JSON(l, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Apps map[string]struct {
			Error     string
			LocalConf map[string]string `json:"local_conf"`
			Source    struct {
				File      string
				Line, Col int
				Options   map[string]struct {
					File, Section, Via string
					Line, Col          int
				}
			}
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	want := `{Error: LocalConf:map[password:**** size:1] Source:{File:paste.ini Line:1 Col:1 Options:map[password:{File:paste.ini Section:app:main Via:section Line:3 Col:12} size:{File:paste.ini Section:app:main Via:section Line:4 Col:8}]}}`
	if s := fmt.Sprintf("%+v", got.Apps["app:main"]); s != want {
		t.Errorf("app:main is\n%s\nwant\n%s", s, want)
	}
	if lost := got.Apps["app:lost"]; lost.Error != "LookupError" || lost.Source.Line != 6 || lost.Source.Col != 7 {
		t.Errorf("app:lost is %+v", lost)
	}
	one, err := JSON(l, nil, new("lost"))
	if err != nil || strings.Contains(string(one), "app:main") || !strings.Contains(string(one), "app:lost") {
		t.Errorf("the tree of one application is %s, error %v", one, err)
	}
}

func TestPortable(t *testing.T) {
	l := open(t, "[DEFAULT]\nhome = %(here)s\n[app:main]\nuse = config:sub/other.ini\npassword = geheim\n")
	if err := os.Mkdir("sub", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("sub/other.ini", []byte("[app:main]\nuse = egg:x\nfile = %(__file__)s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := `{
 "apps": {
  "app:main": {
   "factory": "egg:x#main",
   "factory_kind": "egg",
   "global_conf": {
    "__file__": "<file>",
    "here": "<here>",
    "home": "<here>"
   },
   "local_conf": {
    "file": "<here>/sub/other.ini",
    "password": "geheim"
   },
   "local_conf_order": [
    "file",
    "password"
   ],
   "name": "main",
   "object_type": "application",
   "protocol": "paste.app_factory",
   "sections": [
    "app:main",
    "config:<here>/sub/other.ini app:main"
   ],
   "uses": [
    "config:sub/other.ini",
    "egg:x"
   ]
  }
 },
 "filters": {},
 "servers": {}
}
`
	for _, path := range []string{"paste.ini", l.Path(), "sub/../paste.ini"} {
		got, err := Portable(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("Portable(%s) is\n%swant\n%s", path, got, want)
		}
	}
	got, err := Portable("missing.ini")
	if err != nil {
		t.Fatal(err)
	}
	if want := "{\n \"file_error\": {\n  \"error\": \"FileNotFoundError\",\n  \"message\": \"[Errno 2] No such file or directory: '<file>'\"\n }\n}\n"; string(got) != want {
		t.Errorf("Portable(missing.ini) is\n%swant\n%s", got, want)
	}
}

func TestErrorsOfNoFile(t *testing.T) {
	got, err := JSON(nil, errors.New("something else"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "{\n \"file_error\": {\n  \"error\": \"Exception\",\n  \"message\": \"something else\"\n }\n}\n"; string(got) != want {
		t.Errorf("JSON is\n%swant\n%s", got, want)
	}
}
