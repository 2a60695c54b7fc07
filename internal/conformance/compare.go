package conformance

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// loose are the classes of Python's internal slips (RecursionError and the
// like): where Paste Deploy fails with one of them, ours may fail with any error.
var loose = []string{
	"AttributeError", "ValueError", "KeyError", "IndexError", "RecursionError", "TypeError",
	"AssertionError", "UnicodeDecodeError", "IsADirectoryError", "PermissionError",
}

// ignored are the keys that only one side has to print.
var ignored = []string{"oracle", "source", "ini"}

// Diff lists where got, our tree of a file, parts from want, Paste Deploy's;
// nothing when they agree. Both are JSON as encoding/json decodes it into any.
// ini is the text of the file: where it refers to other files, a syntax error
// of interpolation may be missing in ours (INT-16, INT-17).
func Diff(want, got any, ini []byte) []Difference {
	d := differ{excuseSyntax: bytes.Contains(bytes.ToLower(ini), []byte("config:"))}
	d.value("", want, got)
	return d.found
}

// Difference is one place where two trees part.
type Difference struct {
	Path, Problem string
	// Shape is the same for differences that are likely to have one cause.
	Shape string
}

// String gives place and problem in one line.
func (d Difference) String() string {
	if d.Path == "" {
		return ".: " + d.Problem
	}
	return d.Path + ": " + d.Problem
}

type differ struct {
	excuseSyntax bool
	found        []Difference
}

func (d *differ) add(path, shape, format string, args ...any) {
	d.found = append(d.found, Difference{path, fmt.Sprintf(format, args...), shape})
}

// leaf names what a path leads to: the key of a context, or the conf map that
// holds the option.
func leaf(path string) string {
	for _, conf := range []string{"global_conf", "local_conf"} {
		if strings.Contains(path, "."+conf+".") {
			return conf
		}
	}
	if i := strings.LastIndexByte(path, '['); i > 0 && strings.HasSuffix(path, "]") {
		path = path[:i]
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}

func (d *differ) value(path string, want, got any) {
	switch w := want.(type) {
	case map[string]any:
		if isError(path, w) {
			d.failure(path, w, got)
			return
		}
		d.object(path, w, got)
	case []any:
		d.list(path, w, got)
	default:
		if want != got {
			d.add(path, "value of "+leaf(path), "want %s, got %s", brief(want), brief(got))
		}
	}
}

// isError tells the record of an error from a map whose keys are options or
// strategies, which may have any names.
func isError(path string, m map[string]any) bool {
	_, class := m["error"].(string)
	_, message := m["message"].(string)
	return class && message && !isConf(path)
}

func isConf(path string) bool { return strings.HasSuffix(path, "_conf") }

func has(m map[string]any, key string) bool {
	_, ok := m[key]
	return ok
}

// excused tells whether ours may load where Paste Deploy fails with this class.
func (d *differ) excused(class any) bool {
	return d.excuseSyntax && class == "InterpolationSyntaxError"
}

func (d *differ) failure(path string, want map[string]any, got any) {
	if d.excused(want["error"]) {
		return
	}
	g, ok := got.(map[string]any)
	if !ok || !has(g, "error") {
		d.add(path, fmt.Sprint("no error ", want["error"]), "want error %v %s, got none", want["error"], brief(want["message"]))
		return
	}
	class, _ := want["error"].(string)
	if slices.Contains(loose, class) {
		return
	}
	wantText, _ := want["message"].(string)
	gotText, _ := g["message"].(string)
	switch {
	case g["error"] != class:
		d.add(path, fmt.Sprintf("%v for %s", g["error"], class), "want error %s %q, got error %v %q", class, wantText, g["error"], gotText)
	case !strings.Contains(gotText, wantText):
		d.add(path, "text of "+class, "want error text %q in %q", wantText, gotText)
	}
}

func (d *differ) object(path string, want map[string]any, got any) {
	g, ok := got.(map[string]any)
	if !ok {
		d.add(path, "no map", "want a map, got %s", brief(got))
		return
	}
	if has(g, "error") && !has(want, "error") {
		d.add(path, fmt.Sprint("unexpected ", g["error"]), "unexpected error %v %s", g["error"], brief(g["message"]))
		return
	}
	keys := slices.AppendSeq(slices.Collect(maps.Keys(want)), maps.Keys(g))
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		d.member(path, k, want, g)
	}
}

func (d *differ) member(path, key string, want, got map[string]any) {
	if slices.Contains(ignored, key) && !isConf(path) {
		return
	}
	at := path + "." + key
	switch {
	case !has(got, key):
		d.add(at, "missing "+leaf(at), "missing, want %s", brief(want[key]))
	case !has(want, key):
		d.add(at, "extra "+leaf(at), "extra %s", brief(got[key]))
	default:
		d.value(at, want[key], got[key])
	}
}

func (d *differ) list(path string, want []any, got any) {
	g, ok := got.([]any)
	if !ok || len(g) != len(want) {
		d.add(path, "list "+leaf(path), "want %s, got %s", brief(want), brief(got))
		return
	}
	for i := range want {
		d.value(fmt.Sprintf("%s[%d]", path, i), want[i], g[i])
	}
}

// brief shows a value in one line of bearable length.
func brief(v any) string {
	const most = 200
	text := fmt.Sprintf("%v", v)
	if s, ok := v.(string); ok {
		text = fmt.Sprintf("%q", s)
	}
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "..."
	}
	return text
}
