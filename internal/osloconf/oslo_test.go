package osloconf

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

var (
	osloSeed  = flag.Uint64("oslo.seed", 0, "seed of TestSameAsOslo; 0 takes a new one")
	osloCases = flag.Int("oslo.cases", 500, "random files that TestSameAsOslo compares")
)

// testOption is an option for both sides.
type testOption struct {
	Group      string    `json:"group"`
	Name       string    `json:"name"`
	Type       string    `json:"type"`
	Default    string    `json:"default"`
	Deprecated []oldName `json:"deprecated"`
}

type oldName struct {
	Group string `json:"group"`
	Name  string `json:"name"`
}

func (o testOption) option() Option {
	types := map[string]Type{"int": Int, "port": Int, "float": Float, "bool": Bool, "list": List, "multi": Multi}
	out := Option{Group: o.Group, Name: o.Name, Type: types[o.Type], Default: o.Default}
	for _, d := range o.Deprecated {
		out.Deprecated = append(out.Deprecated, Name(d))
	}
	return out
}

type osloCase struct {
	Files   []string     `json:"files"`
	Options []testOption `json:"options"`
}

type osloAnswer struct {
	Load   string `json:"load"`
	Line   int    `json:"line"`
	Values []any  `json:"values"`
}

// oslo is a running oslo.config.
type oslo struct {
	in  io.Writer
	out *bufio.Reader
}

func startOslo(t *testing.T) *oslo {
	t.Helper()
	const python = "/usr/bin/python3"
	if out, err := exec.Command(python, "-c", "import oslo_config.cfg").CombinedOutput(); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatalf("no oslo.config: %v\n%s", err, out)
		}
		t.Skip("needs python3-oslo.config")
	}
	cmd := exec.Command(python, "testdata/oslo.py")
	cmd.Env = append(os.Environ(), "PYTHONUTF8=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &oslo{in, bufio.NewReader(out)}
}

func (o *oslo) ask(t *testing.T, c osloCase) osloAnswer {
	t.Helper()
	if err := json.NewEncoder(o.in).Encode(c); err != nil {
		t.Fatal(err)
	}
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var a osloAnswer
	if err := json.Unmarshal(line, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// ours answers a case as testdata/oslo.py does.
func ours(c osloCase) osloAnswer {
	conf := newConfig()
	for i, text := range c.Files {
		f, errs := parse(fmt.Sprintf("%d.conf", i), text)
		if len(errs) > 0 {
			return osloAnswer{Load: errs[0].Error(), Line: errs[0].Pos.Line}
		}
		conf.files = append(conf.files, f)
	}
	for _, o := range c.Options {
		conf.Declare(o.option())
	}
	var a osloAnswer
	for _, o := range c.Options {
		a.Values = append(a.Values, ourValue(conf, o))
	}
	return a
}

func ourValue(conf *Config, o testOption) any {
	got, err := byKind(conf, o.Type, o.option())
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	switch v := got.(type) {
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return list
	case float64:
		return reprFloat(v)
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	}
	return fmt.Sprint(got)
}

// same compares the answers. None is the zero value with us, and the texts of
// errors are our own; their lines are not, but for an option above any section,
// of which oslo speaks when it comes to the next line.
func same(a, b osloAnswer, options []testOption) string {
	if (a.Load == "") != (b.Load == "") {
		return fmt.Sprintf("load: oslo %q, ours %q", a.Load, b.Load)
	}
	if a.Line != b.Line && !strings.Contains(a.Load, "Section must be started") {
		return fmt.Sprintf("line: oslo %q, ours %q", a.Load, b.Load)
	}
	for i, v := range a.Values {
		if v == nil {
			v = map[string]any{"text": "", "int": "0", "port": "0", "float": "0.0", "bool": "False", "list": []any{}, "multi": []any{}}[options[i].Type]
		}
		if isError(v) && isError(b.Values[i]) || refused(b.Values[i]) {
			continue
		}
		if !reflect.DeepEqual(v, b.Values[i]) {
			return fmt.Sprintf("[%s] %s (%s): oslo %#v, ours %#v", options[i].Group, options[i].Name, options[i].Type, v, b.Values[i])
		}
	}
	return ""
}

// refused reports the case in which we are stricter: an option of a group whose
// value names an unknown option makes oslo take the option of the same name in
// DEFAULT, because its fallback catches the error of the inner name.
func refused(v any) bool {
	m, ok := v.(map[string]any)
	text, trail, reached := strings.Cut(fmt.Sprint(m["error"]), "; reached by ")
	return ok && reached && strings.Contains(text, "unknown name") && strings.Contains(trail, ".")
}

func isError(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// osloOptions declares every name that the random files can hold in a group
// of whose options one is read, so that both sides know the same ones. Nothing
// sets an option of [k].
var osloOptions = []testOption{
	{Name: "a", Type: "text"}, {Name: "b", Type: "text", Default: "<$i>"}, {Name: "i", Type: "int", Default: "5"},
	{Name: "f", Type: "float"}, {Name: "t", Type: "bool", Default: "no"}, {Name: "l", Type: "list"},
	{Name: "m", Type: "multi", Default: "one\n$a", Deprecated: []oldName{{"g", "old-m"}, {"H", "m0"}}},
	{Name: "with-hyphen", Type: "text"}, {Name: "p", Type: "port"}, {Name: "only_g", Type: "text"},
	{Group: "g", Name: "a", Type: "text", Deprecated: []oldName{{"DEFAULT", "old_a"}, {"h", "a-h"}}},
	{Group: "g", Name: "b", Type: "list", Default: "p,q ,"}, {Group: "g", Name: "i", Type: "text"},
	{Group: "g", Name: "f", Type: "float"}, {Group: "g", Name: "t", Type: "text"}, {Group: "g", Name: "p", Type: "text"},
	{Group: "g", Name: "l", Type: "multi"}, {Group: "g", Name: "m", Type: "text"}, {Group: "g", Name: "only_g", Type: "text", Default: "$a"},
	{Group: "H", Name: "a", Type: "int"}, {Group: "H", Name: "b", Type: "text", Default: "${g.a}"}, {Group: "H", Name: "t", Type: "float"},
	{Group: "H", Name: "i", Type: "text"}, {Group: "H", Name: "f", Type: "list"}, {Group: "H", Name: "l", Type: "text"},
	{Group: "H", Name: "m", Type: "multi"}, {Group: "H", Name: "p", Type: "text"}, {Group: "H", Name: "only_g", Type: "text"},
	{Group: "k", Name: "x", Type: "text", Default: "$a|$i|${g.i}"}, {Group: "k", Name: "y", Type: "list", Default: "$x,$f,$$"},
}

func TestSameAsOslo(t *testing.T) {
	o := startOslo(t)
	for _, text := range handCases {
		compare(t, o, osloCase{[]string{text}, osloOptions})
	}
	seed := *osloSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-oslo.seed=%d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	for range *osloCases {
		compare(t, o, g.osloCase())
		if t.Failed() {
			return
		}
	}
}

func compare(t *testing.T, o *oslo, c osloCase) {
	t.Helper()
	if diff := same(o.ask(t, c), ours(c), c.Options); diff != "" {
		t.Errorf("%s\nfiles %q", diff, c.Files)
	}
}

// handCases are values that chance seldom makes.
var handCases = func() []string {
	var list []string
	for name, values := range map[string][]string{
		"a": {`""`, `"`, `'"`, "`x`", `"""x"""`, `"x" "y"`, `x\`, "$$b", `\$b`, `$\$b`, `\\$b`, "$$$b", "$b.", "${b", "${b }", "$1", "$bſ", "$bK",
			"$bä", "$İ", "${DEFAULT.b}", "${g.b}", "${G.b}", "${H.b}", "${h.b}", "$nope", "${nope.x}", "$g", "$old_a", "${g.only_g}", "$a",
			"$i $f $t $l $m $p", "x\n # y\n y", "\n y", "\x1cx\x1f", "$m0", "%(b)s", "$with_hyphen", "${g.i}"},
		"i": {"0x10", "1_0", "_1", "1__0", " +08", "-0", "1.0", `""`, `" 7 "`, "$p", "\"7\x1d\"", "\"7\x1d\u00a0\"", "\"\x1d\"", "+ 1", "1e3"},
		"f": {"1e16", "1e400", ".5", "5.", ".", "nan", "-inf", "infinity", "0x1p3", "1_0.5", "1e1_0", "1e", "0.00001", "123456789012345678", `" 1 "`, "\"1\x1d\"", "\"\u20031\x1d\""},
		"t": {"TRUE", "y", `" true"`, "2", "On", "oFF", `""`, "$i"},
		"l": {"a,,b,,", ", ,", `"a","b"`, "[a, b]", "x\n y,\n z", "a, ,", "$b,c", "$l", "\x1fa,b\x1f"},
		"m": {"x\nm=\nm = x", "$l", "a,b", `"a" `},
		"p": {"65536", "-1", "65535", `""`, "0080", "http"},
	} {
		for _, v := range values {
			list = append(list, fmt.Sprintf("[DEFAULT]\n%s = %s\n[g]\na=ga\nold-m=om\nold_m=om2\n[h]\nt=1\n", name, v))
		}
	}
	for _, line := range []string{"a", "=x", ":x", " a=1", "[]", "[g", "[g] # c", "[g]]", "[ g ]", "\ufeff", "a=1\n\n b", "a=1\n#c\n b", "a=1\n \n b",
		"a=1\n[g]\n b", "with-hyphen=1", "with_hyphen=1", "A=1", "a=x\rb=y\r\n", "\x0ba=1", "\u00a0a=1", "\u2028a=1", "a=\x00", "\x0b", "[a:b]\nc=1", "a#b=1", "-=1", "\"a\"=1"} {
		list = append(list, "[DEFAULT]\n"+line+"\n", line+"\n[DEFAULT]\na=2\n")
	}
	return list
}()

// generator makes random files, most of them without an error.
type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g generator) osloCase() osloCase {
	c := osloCase{Options: osloOptions}
	for range 1 + g.IntN(3) {
		c.Files = append(c.Files, g.file())
	}
	return c
}

func (g generator) file() string {
	var b strings.Builder
	if g.IntN(40) > 0 {
		b.WriteString("[DEFAULT]\n")
	}
	for range g.IntN(30) {
		b.WriteString(g.line())
	}
	return b.String()
}

func (g generator) line() string {
	end := g.pick("\n", "\n", "\n", "\n", "\r\n", "\r", "  \n", "\t\n")
	switch n := g.IntN(100); {
	case n < 12:
		return g.pick("[g]", "[h]", "[DEFAULT]", "[G]", "[H]", "[default]", "[g ]", "[a.b]", "[g]]") + end
	case n < 20:
		return g.pick("# c", ";", "#a=b", "") + end
	case n < 22:
		return g.pick("a", "= x", "[g] x", "[]", "[g", "  indented", "\u2028") + end
	}
	text := g.pick("a", "a", "b", "i", "f", "t", "l", "m", "p", "old_a", "old-m", "old_m", "m0", "a-h", "a_h", "with_hyphen", "with-hyphen", "only_g", "A") +
		g.pick("=", " = ", ": ", "\t:\t", " =") + g.value()
	for g.IntN(6) == 0 {
		text += g.pick("\n", "\r\n") + g.pick(" ", "\t", " \t ") + g.pick("x", "", "#", `"`, "=") + g.value()
		if strings.HasSuffix(strings.TrimRight(text, " \t"), "\n") {
			break // an empty line ends the value
		}
	}
	return text + end
}

func (g generator) value() string {
	if g.IntN(3) == 0 {
		return strconv.Itoa(g.IntN(3))
	}
	var b strings.Builder
	for range g.IntN(4) {
		b.WriteString(g.pick("$a", "${b}", "$i", "${g.a}", "$l", "$m", "$f", "$t", "${H.a}", "$only_g", "$nope", "$$", `\$`, "$", "\\",
			"x", "1", "yes", "off", ",", ",", " ", `"`, "'", "`", "#", ";", "=", ":", "%", "[", "]", "ä", "\u00a0", "\x1d", "_", ".", "-", "{", "}"))
	}
	if g.IntN(4) == 0 {
		q := g.pick(`"`, "'")
		return q + b.String() + q
	}
	return b.String()
}

func TestGeneratedFilesAreMostlyGood(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 0))}
	good, errors := 0, paste.Errors{}
	for range 300 {
		if _, errs := parse("f", g.file()); len(errs) == 0 {
			good++
		} else {
			errors = append(errors, errs...)
		}
	}
	if good < 100 || len(errors) == 0 {
		t.Errorf("%d of 300 files are good, %d errors: the comparison with oslo would show nothing", good, len(errors))
	}
}
