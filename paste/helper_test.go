package paste

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// ruleCase is one question about a paste file and its exact answer. Its name
// begins with the ids of the rules that it pins.
type ruleCase struct {
	name string
	ini  string // see writeFiles
	// ask is the object to load: "app NAME", "filter NAME", "server NAME", or
	// "app" alone for Python's None; without it "app main".
	ask    string
	global map[string]string
	// want is what show writes of the context, or the lines of the errors.
	want string
	// python is the exception of Paste Deploy, "Class: text", where it says
	// something else than the line of the error.
	python string
	// warn are the lines of the warnings, "none" for none.
	warn string
}

func runRules(t *testing.T, cases []ruleCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dir := writeFiles(t, tc.ini)
			c, l, err := tc.load(dir)
			got := answer(c, err, dir)
			if want := strings.TrimSuffix(dedent(tc.want), "\n"); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if python, want := pythonText(err, dir), strings.TrimSuffix(dedent(tc.python), "\n"); want != "" && python != want {
				t.Errorf("Paste Deploy's error\n got %q\nwant %q", python, want)
			}
			if tc.warn == "" || l == nil {
				return
			}
			want := strings.TrimPrefix(strings.TrimSuffix(dedent(tc.warn), "\n"), "none")
			if got := relativeTo(l.Warnings().Error(), dir); got != want {
				t.Errorf("warnings\n got %s\nwant %s", got, want)
			}
		})
	}
}

func (tc ruleCase) load(dir string) (*Context, *Loader, error) {
	ask := tc.ask
	if ask == "" {
		ask = "app main"
	}
	l, err := Open(filepath.Join(dir, "paste.ini"), GlobalConf(tc.global))
	if err != nil {
		return nil, nil, err
	}
	kind, name, named := strings.Cut(ask, " ")
	object := map[string]Object{"app": App, "filter": Filter, "server": ServerObject}[kind]
	if !named {
		c, err := l.Load(object, nil)
		return c, l, err
	}
	c, err := l.Load(object, &name)
	return c, l, err
}

func answer(c *Context, err error, dir string) string {
	if err != nil {
		return relativeTo(AllErrors(err).Error(), dir)
	}
	return relativeTo(show(c), dir)
}

func pythonText(err error, dir string) string {
	var list Errors
	if !errors.As(err, &list) {
		return ""
	}
	return relativeTo(list[0].PythonClass()+": "+list[0].PasteText(), dir)
}

// relativeTo writes D for the folder of the test.
func relativeTo(text, dir string) string { return strings.ReplaceAll(text, dir, "D") }

// show writes a context in short: NAME(locals | globals)[filters and app].
func show(c *Context) string {
	head := string(c.Object)
	if c.Ref != nil {
		head = c.Ref.Text
	}
	var parts []string
	for _, f := range c.Filters {
		parts = append(parts, show(f))
	}
	if c.Filter != nil {
		parts = append(parts, show(c.Filter))
	}
	if c.Next != nil {
		parts = append(parts, show(c.Next))
	}
	children := ""
	if len(parts) > 0 {
		children = "[" + strings.Join(parts, " ") + "]"
	}
	return head + "(" + showConf(c.Local, c.Global) + ")" + children
}

func showConf(local, global *Conf) string {
	text := showValues(local)
	if g := showValues(global); g != "" {
		text = strings.TrimPrefix(text+" | ", " ") + g
	}
	return text
}

// showValues leaves the paths out that the loader sets.
func showValues(c *Conf) string {
	var parts []string
	for k, v := range c.All() {
		if v.via != ViaBuiltin {
			parts = append(parts, showWord(k)+"="+showWord(v.Text))
		}
	}
	return strings.Join(parts, " ")
}

func showWord(s string) string {
	if s == "" || strings.ContainsAny(s, " \"\n\t\r|=()[]\\") || strconv.Quote(s) != `"`+s+`"` {
		return strconv.Quote(s)
	}
	return s
}

// writeFiles writes a text as files into a folder of its own: a line
// "-- NAME --" begins a file, what stands before the first one is paste.ini.
func writeFiles(tb testing.TB, text string) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	name, body := "paste.ini", ""
	flush := func() {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			tb.Fatal(err)
		}
		body = ""
	}
	for line := range strings.SplitAfterSeq(dedent(text), "\n") {
		next, marked := strings.CutPrefix(line, "-- ")
		next, ends := strings.CutSuffix(next, " --\n")
		if !marked || !ends {
			body += line
			continue
		}
		flush()
		name = next
	}
	flush()
	return dir
}

// dedent removes the tabs by which a text in a table is indented.
func dedent(text string) string {
	rest, ok := strings.CutPrefix(text, "\n")
	if !ok {
		return text
	}
	tabs := rest[:len(rest)-len(strings.TrimLeft(rest, "\t"))]
	var b strings.Builder
	for line := range strings.SplitAfterSeq(rest, "\n") {
		if strings.Trim(line, "\t") != "" || strings.HasSuffix(line, "\n") {
			b.WriteString(strings.TrimPrefix(line, tabs))
		}
	}
	return b.String()
}

func writeOver(tb testing.TB, file, text string) {
	tb.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}
