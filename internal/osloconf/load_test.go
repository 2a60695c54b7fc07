package osloconf

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

// load loads texts as the files 0.conf, 1.conf and so on.
func load(t *testing.T, texts ...string) *Config {
	t.Helper()
	c, err := try(t, texts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func try(t *testing.T, texts ...string) (*Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	var names []string
	for i, text := range texts {
		name := fmt.Sprintf("%d.conf", i)
		write(t, name, text)
		names = append(names, name)
	}
	return Load(names, nil)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// settings writes what was read as "line:col group/name=text".
func settings(c *Config) []string {
	var list []string
	for s := range c.All() {
		list = append(list, fmt.Sprintf("%d:%d %s/%s=%q", s.Pos.Line, s.Pos.Col, s.Group, s.Name, s.Text))
	}
	return list
}

func TestDialect(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"only comments", "# a\n; b = c\n\n", nil},
		{"equals sign and colon, whichever is first", "[DEFAULT]\na = x:y=z\nb: x=y:z\nc=\nd:\n",
			[]string{`2:5 DEFAULT/a="x:y=z"`, `3:4 DEFAULT/b="x=y:z"`, `4:3 DEFAULT/c=""`, `5:3 DEFAULT/d=""`}},
		{"white space around name and value", "[g]\na  \t=\t x y \t\n", []string{`2:8 g/a="x y"`}},
		{"name with white space, quotes and hyphens", "[g]\n\"a b\" = 1\n`q` = 2\n- = 3\n\"\"\"k\"\"\" = 4\na-b = 5\nc # d = 6\n",
			[]string{`2:9 g/"a b"="1"`, "3:7 g/`q`=\"2\"", `4:5 g/-="3"`, `5:11 g/"""k"""="4"`, `6:7 g/a-b="5"`, `7:9 g/c # d="6"`}},
		{"comment signs inside a value stay", "[g]\na = 1 # one\nb = 2 ; two\nc = #\n",
			[]string{`2:5 g/a="1 # one"`, `3:5 g/b="2 ; two"`, `4:5 g/c="#"`}},
		{"matching quotes go", "[g]\na = \"x\"\nb = 'x'\nc = \"x'\nd = \"x\nf = x\"\ng = \" x \"\nh = \"x\" \"y\"\n",
			[]string{`2:5 g/a="x"`, `3:5 g/b="x"`, `4:5 g/c="\"x'"`, `5:5 g/d="\"x"`, `6:5 g/f="x\""`, `7:5 g/g=" x "`, `8:5 g/h="x\" \"y"`}},
		{"quotes of ini.v1", "[g]\na = `x`\nb = `x\nc = \"\"\"x\"\"\"\nd = \"\"\"\ne = \"\nf = \"\"\n",
			[]string{"2:5 g/a=\"`x`\"", "3:5 g/b=\"`x\"", `4:5 g/c="\"\"x\"\""`, `5:5 g/d="\""`, `6:5 g/e=""`, `7:5 g/f=""`}},
		{"backslash and percent signs mean nothing", "[g]\na = x\\\nb = %(a)s %%\n", []string{`2:5 g/a="x\\"`, `3:5 g/b="%(a)s %%"`}},
		{"continuation", "[g]\na = x\n  y  \n\tz\nb =\n  1\n  2\n", []string{`2:5 g/a="x\ny\nz"`, `5:4 g/b="\n1\n2"`}},
		{"indented comment belongs to the value", "[g]\na = x\n  # y\n  ; z\n  b = 1\n", []string{`2:5 g/a="x\n# y\n; z\nb = 1"`}},
		{"quotes of continued lines", "[g]\na = \"x\"\n  \"y\"\nb = \"x\n  y\"\n", []string{`2:5 g/a="x\n\"y\""`, `4:5 g/b="\"x\ny\""`}},
		{"line ends", "[g]\r\na = 1\rb = 2\nc = 3\r\n  4\r\n", []string{`2:5 g/a="1"`, `3:5 g/b="2"`, `4:5 g/c="3\n4"`}},
		{"other separators are white space, not line ends", "[g]\n\x0ba = x\x1c\n\u00a0b = y\u2028z\x0cq\n",
			[]string{`2:6 g/a="x"`, `3:6 g/b="y\u2028z\fq"`}},
		{"columns count characters", "[g]\nä = ö\n", []string{`2:5 g/ä="ö"`}},
		{"NUL", "[g]\na = x\x00y\n", []string{`2:5 g/a="x\x00y"`}},
		{"sections merge, in any case but DEFAULT", "[g]\na=1\n[DEFAULT]\nb=2\n[G]\nc=3\n[default]\nd=4\n",
			[]string{`2:3 g/a="1"`, `4:3 DEFAULT/b="2"`, `6:3 G/c="3"`, `8:3 default/d="4"`}},
		{"section names are taken as they are", "[ g ]\na=1\n[a.b]\nb=2\n[x]y]  \t\nc=3\n[#]\nd=4\n",
			[]string{`2:3  g /a="1"`, `4:3 a.b/b="2"`, `6:3 x]y/c="3"`, `8:3 #/d="4"`}},
		{"repeated options stay, equal and empty ones too", "[g]\na=1\na=\na=1\n", []string{`2:3 g/a="1"`, `3:3 g/a=""`, `4:3 g/a="1"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := settings(load(t, test.text)); !reflect.DeepEqual(got, test.want) {
				t.Errorf("settings of %q:\n%s\nwant\n%s", test.text, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"option before any section, once", "# c\na = 1\nb = 2\n  3\n[g]\nc=1\n",
			"0.conf:2:1: section must be started before assignment, want [DEFAULT] or another section above the first option"},
		{"no sign", "[g]\npassword hunter2\n  more\n", `0.conf:2:1: [g] no ':' or '=' found in assignment after "password", want name = value`},
		{"no sign in a long line", "[g]\n" + strings.Repeat("ä", 60) + "\n",
			`0.conf:2:1: [g] no ':' or '=' found in assignment after "` + strings.Repeat("ä", 40) + `...", want name = value`},
		{"no name", "[g]\n = 1\n= 1\n", "0.conf:2:2: [g] unexpected continuation line, want no white space before a name, a section or a comment\n" +
			"0.conf:3:1: [g] key cannot be empty, want name = value"},
		{"indented section", "\t[g]\n", "0.conf:1:2: unexpected continuation line, want no white space before a name, a section or a comment"},
		{"continuation after a comment, once for the block", "[g]\na = 1\n# c\n  2\n  3\nb = 1\n",
			"0.conf:4:3: [g] unexpected continuation line, want no white space before a name, a section or a comment"},
		{"continuation after an empty line", "[g]\na = 1\n \t\n  2\n",
			"0.conf:4:3: [g] unexpected continuation line, want no white space before a name, a section or a comment"},
		{"text after a section", "[g] # c\na = 1\n", `0.conf:1:1: invalid section "[g] # c" (must end with ]), want [name] alone on its line`},
		{"section without end", "[g\na = 1\n[h]\nb\n", "0.conf:1:1: invalid section \"[g\" (must end with ]), want [name] alone on its line\n" +
			`0.conf:4:1: [h] no ':' or '=' found in assignment after "b", want name = value`},
		{"section without name", "[]\na = 1\n", "0.conf:1:1: empty section name, want [name]"},
		{"control characters stay out of the terminal", "[g]\n\x1b[31mred\n", `0.conf:2:1: [g] no ':' or '=' found in assignment after "\x1b[31mred", want name = value`},
		{"byte order mark", "\ufeff[g]\n", "0.conf:1:1: byte order mark before the first line, want UTF-8 without one"},
		{"not UTF-8", "[g]\r\nä = \xe9\n", "0.conf:2:5: byte 0xe9 is not UTF-8, want UTF-8 text"},
		{"not UTF-8, first byte", "\xff", "0.conf:1:1: byte 0xff is not UTF-8, want UTF-8 text"},
		{"not UTF-8, first of a line", "[g]\r\xff", "0.conf:2:1: byte 0xff is not UTF-8, want UTF-8 text"},
		{"half a surrogate", "[g]\na=\xed\xa0\x80", "0.conf:2:3: byte 0xed is not UTF-8, want UTF-8 text"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := try(t, test.text)
			if err == nil || err.Error() != test.want || c != nil {
				t.Errorf("Load(%q) = %v, %v, want nil and\n%s", test.text, c, err, test.want)
			}
		})
	}
}

func TestFilesAndDirectoriesInOrder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("d", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"one.conf":         "[DEFAULT]\na=one\nb=one\nc=one\n[empty]\n",
		"two.conf":         "[default]\na=no\n[DEFAULT]\nb=two\nc=two\n[Empty]\n",
		"d/10-x.conf":      "[DEFAULT]\nc=10\nd=10\n",
		"d/9-y.conf":       "[DEFAULT]\nd=9\n",
		"d/.hidden.conf":   "nonsense",
		"d/README":         "nonsense",
		"d/z.conf.rpmsave": "nonsense",
	} {
		write(t, name, text)
	}
	c, err := Load([]string{"one.conf", "two.conf"}, []string{"d"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "one", "b": "two", "c": "10", "d": "9", "e": ""} {
		if got, err := c.String(Option{Name: name}); got != want || err != nil {
			t.Errorf("String(%s) = %q, %v, want %q", name, got, err, want)
		}
	}
	if got, want := c.Files(), []string{"one.conf", "two.conf", "d/10-x.conf", "d/9-y.conf"}; !slices.Equal(got, want) {
		t.Errorf("Files() = %q, want %q", got, want)
	}
	if got, want := c.Groups(), []string{"DEFAULT", "empty", "default"}; !slices.Equal(got, want) {
		t.Errorf("Groups() = %q, want %q", got, want)
	}
	s, ok := c.Find(Option{Name: "d"})
	if want := (Setting{Group: "DEFAULT", Name: "d", Text: "9", Pos: paste.Pos{File: "d/9-y.conf", Line: 2, Col: 3}}); s != want || !ok {
		t.Errorf("Find(d) = %+v, %v, want %+v", s, ok, want)
	}
	if c.Has(Option{Name: "e"}) || !c.Has(Option{Name: "d"}) {
		t.Error("Has wants d and no e")
	}
}

func TestNothingToLoadIsAnEmptyConfig(t *testing.T) {
	c, err := Load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Int(Option{Name: "workers", Default: "4"}); got != 4 || err != nil {
		t.Errorf("Int = %d, %v, want the default 4", got, err)
	}
}

func TestFileErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("d/x.conf", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, "bad.conf", "a\n")
	write(t, "large.conf", "")
	if err := os.Truncate("large.conf", 100<<20); err != nil {
		t.Fatal(err)
	}
	_, err := Load([]string{"none.conf", "large.conf", "bad.conf"}, []string{"d", "nodir", "bad.conf"})
	want := strings.Join([]string{
		"none.conf: no such file or directory, want a readable file",
		"large.conf: the file has more than 16777216 bytes, want at most 16777216",
		"bad.conf:1:1: no ':' or '=' found in assignment after \"a\", want name = value",
		"d/x.conf: is a directory, want a readable file",
		"nodir: no such file or directory, want a readable directory",
		"bad.conf: not a directory, want a readable directory",
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("Load:\n%v\nwant\n%s", err, want)
	}
}

func TestEndlessFileIsRefused(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("no /dev/zero here")
	}
	_, err := Load([]string{"/dev/zero"}, nil)
	want := "/dev/zero: the file has more than 16777216 bytes, want at most 16777216"
	if err == nil || err.Error() != want {
		t.Errorf("Load = %v, want %s", err, want)
	}
}

// ini.v1 alone needs time with the square of the options of a section: minutes
// for this file.
func TestTimeGrowsWithTheSize(t *testing.T) {
	var b strings.Builder
	b.WriteString("[g]\n")
	const n = 300_000
	for i := range n {
		fmt.Fprintf(&b, "o%d=%d\n", i, i)
	}
	c := load(t, b.String())
	for _, i := range []int{0, 1, chunk - 1, chunk, chunk + 1, n - 1} {
		if got, err := c.Int(Option{Group: "g", Name: fmt.Sprintf("o%d", i)}); got != i || err != nil {
			t.Errorf("o%d = %d, %v", i, got, err)
		}
	}
}

func TestDumpMasksSecrets(t *testing.T) {
	c := load(t, "[database]\nconnection = mysql://n:pw@db/n\nurl = amqp://n:p@w@mq:5672/ and http://h/x@y\nplain = 1\n"+
		"[g]\ncode = 0000\nold_code = 1111\nadmin_password = x\n")
	c.Declare(Option{Group: "G", Name: "code", Secret: true, Deprecated: []Name{{Name: "old-code"}}})
	var got []string
	for s := range c.All() {
		got = append(got, s.Name+"="+s.Masked())
	}
	want := []string{"connection=****", "url=amqp://n:****@mq:5672/ and http://h/x@y", "plain=1", "code=****", "old_code=****", "admin_password=****"}
	if !slices.Equal(got, want) {
		t.Errorf("masked: %q, want %q", got, want)
	}
}

func TestAllStops(t *testing.T) {
	c := load(t, "[g]\na=1\nb=2\n", "[g]\nc=3\n")
	n := 0
	for range c.All() {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d settings after break, want 1", n)
	}
}
