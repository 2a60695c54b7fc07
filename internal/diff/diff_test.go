package diff

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/wheatpaste/wheatpaste/apps/all"
	_ "github.com/wheatpaste/wheatpaste/filters/all"
	"github.com/wheatpaste/wheatpaste/paste"
)

// side opens a file of this text in a folder of its own.
func side(t *testing.T, text string) Side {
	t.Helper()
	path := filepath.Join(t.TempDir(), "paste.ini")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := paste.Open(path, paste.Portable())
	if err != nil {
		t.Fatal(err)
	}
	return Side{File: l}
}

// changes compares two texts; the folders are taken out of the places.
func changes(t *testing.T, before, after string) []string {
	t.Helper()
	a, b := side(t, before), side(t, after)
	lines, err := Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], filepath.Dir(b.File.Path())+"/", "")
	}
	return lines
}

const base = `
[DEFAULT]
zone = a
[composite:main]
use = egg:Paste#urlmap
/ = p
/x = a
[pipeline:p]
pipeline = f g a
[filter:f]
use = egg:f
[filter:g]
use = egg:g
size = 1
[app:a]
use = egg:a
k = v
password = one
home = %(here)s/x
`

// swap replaces parts of base.
func swap(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(base) }

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		name, before, after string
		want                []string
	}{
		{"the same in another folder", base, base, nil},
		{"option changes", base, swap("k = v", "k = w"), []string{"~ app a: option k: v -> w (paste.ini:17)"}},
		{"option goes", base, swap("k = v\n", ""), []string{"- app a: option k = v"}},
		{"option comes", base, swap("k = v", "k = v\nl = 1"), []string{"+ app a: option l = 1 (paste.ini:18)"}},
		{"secrets change unseen", base, swap("= one", "= two"), []string{"~ app a: option password: **** -> **** (paste.ini:18)"}},
		{"a change of DEFAULT is told once", base, swap("zone = a", "zone = b"), []string{"~ [DEFAULT]: option zone: a -> b (paste.ini:3)"}},
		{"an option of DEFAULT comes", base, swap("zone = a", "zone = a\ny = 1"), []string{"+ [DEFAULT]: option y = 1 (paste.ini:4)"}},
		{"an option of DEFAULT goes", swap("zone = a", "zone = a\ny = 1"), base, []string{"- [DEFAULT]: option y = 1"}},
		{"set is told where it stands", base, swap("/ = p", "/ = p\nset zone = b"), []string{
			"~ app main: global option zone: a -> b (paste.ini:7)",
		}},
		{"mounts", base, swap("/x = a", "/y = a"), []string{"- app main: mount /x = a", "+ app main: mount /y = a (paste.ini:7)"}},
		{"another app at a mount", base, swap("/x = a", "/x = p"), []string{"~ app main: mount /x: a -> p (paste.ini:8)"}},
		{"an app that is mounted twice changes once", swap("/ = p", "/ = a"), swap("/ = p", "/ = a", "k = v", "k = w"), []string{"~ app a: option k: v -> w (paste.ini:17)"}},
		{"filters come, go and move", swap("f g a", "f g h a\n[filter:h]\nuse = egg:h"), swap("f g a", "g i f a\n[filter:i]\nuse = egg:i"), []string{
			"~ app p: filter f moves", "- app p: filter h", "+ app p: filter i, behind g",
		}},
		{"a filter at the front", base, swap("f g a", "g f g a"), []string{"+ app p: filter g, first"}},
		{"another app behind the filters", base, swap("f g a", "f g b\n[app:b]\nuse = egg:b"), []string{"~ app p: its app a -> b (paste.ini:10)"}},
		{"another factory", base, swap("egg:g", "egg:h"), []string{"~ filter g: egg:g#main -> egg:h#main (paste.ini:12)"}},
		{"a section of another kind", base, swap("[pipeline:p]\npipeline = f g a", "[app:p]\nuse = a"), []string{"~ app p: pipeline -> egg:a#main (paste.ini:8)"}},
		{"filter-with comes", base, swap("size = 1", "size = 1\nfilter-with = f"), []string{"~ filter g: egg:g#main -> filtered-with (paste.ini:12)"}},
		{"filter-with changes", swap("size = 1", "size = 1\nfilter-with = f"), swap("size = 1", "size = 1\nfilter-with = x\n[filter:x]\nuse = egg:x"), []string{
			"~ filter g: its filter f -> x (paste.ini:16)",
		}},
		{"below filter-with", swap("size = 1", "size = 1\nfilter-with = f"), swap("size = 1", "size = 2\nfilter-with = f"), []string{
			"~ filter g: option size: 1 -> 2 (paste.ini:14)",
		}},
		{"roots", "[app:a]\nuse = egg:x\n[app:b]\nuse = egg:x\n", "[app:b]\nuse = egg:x\n[app:c]\nuse = egg:x\n", []string{"- app a", "+ app c (paste.ini:3)"}},
		{"servers", base + "[server:main]\nuse = egg:s\nport = 1\n[server:old]\nuse = egg:s\n[server:broken]\nuse = lost\n", base + "[server:main]\nuse = egg:s\nport = 2\n", []string{
			"~ server main: option port: 1 -> 2 (paste.ini:22)", "- server old",
		}},
		{"strategies", "[composite:main]\nuse = call:m:pipeline_factory\n[app:a]\nuse = egg:x\n", "[app:main]\nuse = call:m:pipeline_factory\n", nil},
		{"line breaks stay in one line", base, swap("k = v", "k = v\n  w"), []string{`~ app a: option k: v -> v\nw (paste.ini:17)`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := changes(t, tt.before, tt.after); !slices.Equal(got, tt.want) {
				t.Errorf("Compare gives\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

const strategies = `
[composite:main]
paste.composite_factory = nova.api.auth:pipeline_factory
keystone = f g a
noauth = a
auth_strategy = keystone
[filter:f]
use = egg:f
[filter:g]
use = egg:g
[app:a]
use = egg:a
[app:b]
use = egg:b
`

func TestStrategies(t *testing.T) {
	for _, tt := range []struct {
		name, from, to string
		want           []string
	}{
		{"the same, with what only looks like a strategy", "", "", nil},
		{"goes and comes", "noauth = a", "noauth2 = a", []string{"- app main: strategy noauth", "+ app main: strategy noauth2"}},
		{"becomes empty", "noauth = a", "noauth =", []string{"- app main: strategy noauth"}},
		{"filters", "f g a", "g a", []string{"- app main strategy keystone: filter f"}},
		{"app", "f g a", "f g b", []string{"~ app main strategy keystone: its app a -> b (paste.ini:13)"}},
		{"a name that is wrong now", "[filter:g]\nuse = egg:g", "[filter:g]\nuse = lost", []string{"~ filter g: it loads in only one of the files"}},
		{"an alias", "nova.api.auth:pipeline_factory", "cinder.api.middleware.auth:pipeline_factory", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := changes(t, strategies, strings.Replace(strategies, tt.from, tt.to, 1))
			for i := range got {
				got[i] = strings.TrimSuffix(strings.ReplaceAll(got[i], " (paste.ini:5)", ""), " ")
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("Compare gives\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestWhatDoesNotLoadIsAnError(t *testing.T) {
	good := side(t, base)
	for name, text := range map[string]string{
		"the app itself":     "[app:main]\nuse = lost\n",
		"a mount":            "[composite:main]\nuse = egg:Paste#urlmap\n/ = lost\n",
		"a mount of a mount": "[composite:main]\nuse = egg:Paste#urlmap\n/ = b\n[composite:b]\nuse = egg:Paste#cascade\napp1 = lost\n",
	} {
		_, err := Compare(good, side(t, text))
		var list paste.Errors
		if !errors.As(err, &list) || len(list) != 1 || !strings.Contains(list[0].Problem, "No section 'lost'") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	missing := "nowhere"
	if _, err := Compare(Side{good.File, &missing}, good); err == nil {
		t.Error("an application that is not there is compared")
	}
}

// An option that only looks like a mount is compared as a text.
func TestGuessesAreNoErrors(t *testing.T) {
	text := "[composite:main]\nuse = egg:somebody#else\nhttp_timeout = %d\n/ = a\n[app:a]\nuse = egg:a\n"
	got := changes(t, fmt.Sprintf(text, 1), fmt.Sprintf(text, 2))
	if want := []string{"~ app main: mount http_timeout: 1 -> 2"}; !slices.Equal(got, want) {
		t.Errorf("Compare gives %q, want %q", got, want)
	}
}

func TestCommon(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{"", "", ""}, {"a", "", ""}, {"abc", "abc", "abc"}, {"abcd", "acd", "acd"}, {"axbyc", "abzc", "abc"}, {"ab", "ba", "b"},
	} {
		a, b := strings.Split(tt.a, ""), strings.Split(tt.b, "")
		got := ""
		for _, k := range common(a, b) {
			if a[k[0]] != b[k[1]] {
				t.Fatalf("common(%s, %s) pairs %q with %q", tt.a, tt.b, a[k[0]], b[k[1]])
			}
			got += a[k[0]]
		}
		if got != tt.want {
			t.Errorf("common(%s, %s) = %q, want %q", tt.a, tt.b, got, tt.want)
		}
	}
}

// Lists that are too long for the table still keep their ends.
func TestCommonOfLongLists(t *testing.T) {
	a, b := []string{"first"}, []string{"first"}
	for i := range 3000 {
		a, b = append(a, fmt.Sprintf("a%d", i)), append(b, fmt.Sprintf("b%d", i))
	}
	a, b = append(a, "last"), append(b, "new", "last")
	if got, want := common(a, b), [][2]int{{0, 0}, {3001, 3002}}; !slices.Equal(got, want) {
		t.Errorf("common = %v, want %v", got, want)
	}
}

// The work grows with the file, not with its square: what takes a tenth of a
// second would take a minute.
func TestTenThousandMounts(t *testing.T) {
	text := func(changed int) string {
		var b strings.Builder
		b.WriteString("[composite:main]\nuse = egg:Paste#urlmap\n")
		for i := range 10_000 {
			fmt.Fprintf(&b, "/p%d = a%d\n", i, i)
		}
		for i := range 10_000 {
			value := 0
			if i == changed {
				value = 1
			}
			fmt.Fprintf(&b, "[app:a%d]\nuse = egg:x\nk = %d\n", i, value)
		}
		return b.String()
	}
	a, b := side(t, text(-1)), side(t, text(9_999))
	begin := time.Now()
	lines, err := Compare(a, b)
	if err != nil || len(lines) != 1 || !strings.HasPrefix(lines[0], "~ app a9999: option k: 0 -> 1 ") {
		t.Errorf("Compare = %q, error %v", lines, err)
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}
