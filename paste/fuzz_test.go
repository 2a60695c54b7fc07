package paste

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// wellFormed checks what every error of the loader keeps to: one line, without
// control characters, with a kind.
func wellFormed(t *testing.T, err error) {
	t.Helper()
	var list Errors
	if !errors.As(err, &list) || len(list) == 0 {
		t.Fatalf("error %T %v, want Errors", err, err)
	}
	for _, e := range list {
		if line := e.Error(); line == "" || strings.ContainsFunc(line, isControl) || e.Kind == nil {
			t.Fatalf("error %q of kind %v", line, e.Kind)
		}
	}
}

// offsetOf is the byte of a text at a place.
func offsetOf(t *testing.T, text string, p Pos) int {
	t.Helper()
	offset := 0
	for range p.Line - 1 {
		_, next := cutLine(text, offset)
		if next == offset {
			t.Fatalf("%v is behind the end of the file", p)
		}
		offset = next
	}
	for range p.Col - 1 {
		_, size := utf8.DecodeRuneInString(text[offset:])
		if size == 0 {
			t.Fatalf("%v is behind the end of the file", p)
		}
		offset += size
	}
	return offset
}

// FuzzDialect: no text makes the scanner panic; every place that it notes is
// the right one; and what it read, written down again, reads the same.
func FuzzDialect(f *testing.F) {
	for _, seed := range []string{
		"", "[a]\nb = 1\n", "[DEFAULT]\na=1\n[b]\nc:2\n  d = 3\n\n # x\n  [e]\n[DEFAULT]\nf=\n", "\ufeff[a]\n", "[a]\r\nb\r= 1\r\n\t2",
		"[x]y]z = 2\n[[a]]\n[x = 1\n", "[a]\nb = 1\n[a]\nb = 2\nb = 3\nfoo\n= v\n", "[a]\n\u3000é\x1c=\x1f ü \u2028 x\n  \x85y\x00\n", "a = 1\n[", "[a]\n b=\n\n  c\n\n d\n e\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parse("f.ini", text)
		if err != nil {
			wellFormed(t, err)
			return
		}
		all := append([]*section{d.defaults}, d.sections...)
		for _, s := range all {
			if s.line > 0 && !strings.HasPrefix(text[offsetOf(t, text, s.pos()):], "["+s.name+"]") {
				t.Errorf("place of [%s] is %v", s.name, s.pos())
			}
			for i := range s.all() {
				checkPlaces(t, text, &s.options[i])
			}
		}
		again, err := parse("f.ini", serialise(all))
		if err != nil {
			t.Fatalf("written down again: %v\n%q", err, serialise(all))
		}
		if first, second := dumpRaw(all), dumpRaw(append([]*section{again.defaults}, again.sections...)); first != second {
			t.Errorf("read  %s\nagain %s", first, second)
		}
	})
}

func checkPlaces(t *testing.T, text string, o *option) {
	t.Helper()
	if !strings.HasPrefix(text[offsetOf(t, text, o.pos()):], o.key) {
		t.Errorf("place of %q is %v", o.key, o.pos())
	}
	for i, r := range o.raw {
		if r != '\n' && i < 1000 && !strings.HasPrefix(text[offsetOf(t, text, o.valueAt(i)):], string(r)) {
			t.Errorf("place of byte %d of %q is %v", i, o.raw, o.valueAt(i))
		}
	}
}

func serialise(sections []*section) string {
	var b strings.Builder
	for i, s := range sections {
		if i == 0 && len(s.all()) == 0 {
			continue // no [DEFAULT]
		}
		b.WriteString("[" + s.name + "]\n")
		for _, o := range s.all() {
			b.WriteString(o.key + " = " + strings.ReplaceAll(o.raw, "\n", "\n ") + "\n")
		}
	}
	return b.String()
}

func dumpRaw(sections []*section) string {
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "[%q]", s.name)
		for _, o := range s.all() {
			fmt.Fprintf(&b, " %q=%q", o.key, o.raw)
		}
	}
	return b.String()
}

// FuzzInterpolation: no values make the interpolation panic, run without end or
// give more than it is allowed; doubled percent signs always give the text back;
// and a value of a secret option is not in its error.
func FuzzInterpolation(f *testing.F) {
	for _, seed := range [][3]string{
		{"x", "y", "z"}, {"%(b)s", "%(c)s", "end"}, {"%(b)s%(b)s", "%(c)s%(c)s", "%(d)s%(d)s%%"}, {"%(a)s", "", ""}, {"50%", "%(x)d", "%()s"},
		{"%(ENV:HOME)s", "%(ENV:NOPE:-x)s", "%(ENV:)s"}, {"%%(b)s", "%(password)s", "%"}, {"%(a\n)s", "%(b", "%(é)s%(\xff)s"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		l, s := loaderOf(a, b, c)
		in := scope{l, s}
		for i := range s.all() {
			o := &s.options[i]
			v, err := in.expand(o.key, Value{Text: o.raw, opt: o, raw: true})
			switch {
			case err != nil:
				wellFormed(t, Errors{err})
				if SecretName(o.key) && len(o.raw) > 20 && strings.Contains(err.Problem, repr(o.raw)) {
					t.Errorf("the secret %q is in %q", o.raw, err.Problem)
				}
			case len(v.Text) > maxExpansion+len(a)+len(b)+len(c):
				t.Errorf("%q gives %d bytes", o.raw, len(v.Text))
			case !strings.Contains(o.raw, "%") && v.Text != o.raw:
				t.Errorf("%q gives %q", o.raw, v.Text)
			}
		}
		doubled := strings.ReplaceAll(a, "%", "%%")
		if v, err := in.expand("a", Value{Text: doubled, opt: &s.options[0], raw: true}); err != nil || v.Text != a {
			t.Errorf("%q gives %q, %v", doubled, v.Text, err)
		}
	})
}

// loaderOf makes a file with the values as options of a section.
func loaderOf(a, b, c string) (*Loader, *section) {
	d := &document{file: "f.ini", text: a + b + c}
	d.defaults = &section{name: "DEFAULT", doc: d}
	s := &section{name: "app:main", doc: d, line: 1}
	s.options = []option{{key: "a", raw: a}, {key: "b", raw: b}, {key: "password", raw: c}}
	at := 0
	for i := range s.all() {
		o := &s.options[i]
		o.section, o.line, o.value = s, 1, at
		at += len(o.raw)
	}
	d.sections = []*section{s}
	l := &Loader{session: newSession(), filename: "f.ini", path: "/f.ini", doc: d}
	l.rawDefaults = l.defaultSet(NewConf(map[string]string{"c": c, "d": a}))
	return l, s
}

// FuzzReferences: no pair of files makes the loader panic or run without end,
// and what it finds it finds again.
func FuzzReferences(f *testing.F) {
	for _, seed := range [][2]string{
		{"[app:main]\nuse = config:b.ini\nset x = 1\n", "[app:main]\nuse = config:paste.ini\nset y = %(x)s\n"},
		{"[pipeline:main]\npipeline = f g egg:A#b a\nfilter-with = f\n[filter:f]\nuse = egg:F\nfilter-with = g\n[filter:g]\npaste.filter_factory = m:g\n[app:a]\nuse = call:m:a\nget k = here\n", ""},
		{"[composite:main]\nuse = egg:Paste#urlmap\n/ = a\n/b = config:b.ini#x\n/m = main\n[filter-app:a]\nnext = main\nuse = f\n[filter:f]\nuse = f\n", "[DEFAULT]\nuse = x\n[app:x]\nrequire = D\n"},
		{"[DEFAULT]\nset a = %(here)s\nget b = a\n[app:main]\nuse = \n[app:]\nuse = main\n[server:x]\nuse = egg:S\n", "[app]\n"},
		{"[filter:a]\nuse=b\nfilter-with=b\n[filter:b]\nuse=c\nfilter-with=c\n[filter:c]\nuse=d\nfilter-with=d\n[filter:d]\nuse=egg:F\n", "x"},
		{"[app:main]\nuse = config:b.ini#config:paste.ini#main\n[app:x]\nuse = egg:D#egg:E#call:x:y\n", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if strings.Contains(one+two, "/dev") || strings.Contains(one+two, "/proc") {
			t.Skip("files without an end are not the loader's trouble")
		}
		first := walk(t, one, two)
		if second := walk(t, one, two); first != second {
			t.Errorf("found %s\nthen  %s", first, second)
		}
	})
}

// walk loads every section of paste.ini and what their options name as children,
// and says what was found.
func walk(t *testing.T, one, two string) string {
	t.Helper()
	s := newSession()
	for name, text := range map[string]string{"/nowhere/paste.ini": one, "/nowhere/b.ini": two} {
		p := &parsed{}
		p.doc, p.err = parse(name, text)
		s.files[name] = p
	}
	l, err := s.open("/nowhere/paste.ini", nil)
	if err != nil {
		wellFormed(t, err)
		return err.Error()
	}
	var found strings.Builder
	for _, section := range l.Sections() {
		object, name, ok := ObjectOf(section.Name)
		if !ok {
			continue
		}
		c, err := l.Load(object, name)
		note(t, &found, c, err)
		if err != nil {
			continue
		}
		for _, v := range c.Local.All() {
			child, err := c.Child(App, v.Text, c.Global)
			note(t, &found, child, err)
		}
	}
	for _, e := range append(l.Warnings(), l.Slips()...) {
		fmt.Fprintln(&found, e.Error())
	}
	return found.String()
}

func note(t *testing.T, found *strings.Builder, c *Context, err error) {
	t.Helper()
	if err != nil {
		wellFormed(t, err)
		list := flatten(err)
		fmt.Fprintln(found, len(list), list[0])
		return
	}
	fmt.Fprintln(found, c.Label(), c.Object, c.Protocol, len(c.Filters), c.Local.Map(), c.Global.Len())
}

// Filters that name each other twice would double with each one.
func TestReferencesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("[pipeline:main]\npipeline = a0 egg:A\n")
	for i := range 60 {
		fmt.Fprintf(&b, "[filter:a%d]\nuse = a%d\nfilter-with = a%d\n", i, i+1, i+1)
	}
	b.WriteString("[filter:a60]\nuse = egg:F\n")
	dir := writeFiles(t, b.String())
	_, err := Load(App, "config:paste.ini", RelativeTo(dir))
	var list Errors
	if !errors.As(err, &list) || !strings.Contains(list[0].Error(), "the references lead to more than 200000 objects; sections may not multiply each other") {
		t.Errorf("error = %.200v", err)
	}
	dir = writeFiles(t, "[DEFAULT]\na = "+strings.Repeat("x ", 60_000)+"\n[pipeline:main]\npipeline = %(a)s %(a)s %(a)s %(a)s\n")
	_, err = Load(App, "config:paste.ini", RelativeTo(dir))
	if got, want := answer(nil, err, dir), "D/paste.ini:4:12: [pipeline:main] pipeline: the references lead to more than 200000 objects; sections may not multiply each other"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
