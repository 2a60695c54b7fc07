package tree

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Text prints the tree of all sections of an open file, or of the application
// of one name. A section that was shown above is not shown again in full.
func Text(w io.Writer, l *paste.Loader, name *string) error {
	t := &printer{out: bufio.NewWriter(w), file: l.Filename(), shown: map[string][]*Node{}}
	entries := Only(File(l), name)
	if name != nil && len(entries) == 0 { // a URI, or not there
		entries = []Entry{{Node: Object(l, paste.App, name), Section: paste.Section{Name: "app:" + *name}}}
	}
	fmt.Fprintln(t.out, Place(paste.Pos{File: displayName(l.Filename())}))
	t.defaults(entries)
	for _, e := range entries {
		t.node("", "", e.Node, nil, "["+e.Section.Name+"]")
	}
	return t.out.Flush()
}

// Only gives the applications of one name; all entries without a name.
func Only(entries []Entry, name *string) []Entry {
	if name == nil {
		return entries
	}
	var list []Entry
	for _, e := range entries {
		if e.Object == paste.App && e.Name != nil && *e.Name == *name {
			list = append(list, e)
		}
	}
	return list
}

func displayName(file string) string { return strings.TrimPrefix(file, "./") }

type printer struct {
	out   *bufio.Writer
	file  string             // whose positions are lines alone
	shown map[string][]*Node // by the heading
}

// defaults prints the options that every section has.
func (t *printer) defaults(entries []Entry) {
	for _, e := range entries {
		if e.Node.Err != nil {
			continue
		}
		n := e.Node
		for k, v := range n.Global.All() {
			switch v.Origin().Via {
			case paste.ViaDefault:
				fmt.Fprintf(t.out, "[DEFAULT] %s = %s  (%s)\n", k, OneLine(n.Masked(k, v)), t.place(v.Origin().Pos))
			case paste.ViaCaller:
				fmt.Fprintf(t.out, "var=value %s = %s\n", k, OneLine(n.Masked(k, v)))
			}
		}
		return
	}
}

// node prints one object: what it is called in its parent, its sections and its
// factory, then its options, then what it loads. The title is used where
// nothing could be loaded.
func (t *printer) node(indent, label string, n *Node, outer *paste.Conf, title string) {
	if label != "" {
		label += " "
	}
	if n.Err != nil {
		for _, e := range paste.AllErrors(n.Err) {
			fmt.Fprintf(t.out, "%s%s%s ! %s\n", indent, label, OneLine(title), e)
		}
		return
	}
	above := ""
	if t.repeats(n) {
		above = ", shown above"
	}
	fmt.Fprintf(t.out, "%s%s%s  (%s%s)\n", indent, OneLine(label), OneLine(heading(n)), t.place(n.Pos()), above)
	if above != "" {
		return
	}
	below := indent + "    "
	for k, v := range n.Local.All() {
		if !n.IsChildKey(k) {
			t.option(below, k, n, v)
		}
	}
	for k, v := range n.Global.All() {
		if via := v.Origin().Via; via == paste.ViaSet && !same(outer, k, v) {
			t.option(below+"set ", k, n, v)
		}
	}
	t.children(below, n)
}

func (t *printer) option(before, name string, n *Node, v paste.Value) {
	line := OneLine(name) + " = " + OneLine(n.Masked(name, v)) + t.origin(n, v)
	fmt.Fprintf(t.out, "%s%s\n", before, strings.TrimSuffix(line, " "))
}

// repeats reports whether an object with something below it was shown already,
// and notes it if not.
func (t *printer) repeats(n *Node) bool {
	if n.Local.Len() == 0 && len(n.Children()) == 0 || len(n.Sections) == 0 {
		return false
	}
	key := heading(n) + "\x00" + n.Sections[0].File
	for _, old := range t.shown[key] {
		if old.Global.Equal(n.Global) && old.Local.Equal(n.Local) {
			return true
		}
	}
	t.shown[key] = append(t.shown[key], n)
	return false
}

func same(outer *paste.Conf, key string, v paste.Value) bool {
	text, ok := outer.Get(key)
	return ok && text == v.Text
}

func (t *printer) children(indent string, n *Node) {
	for i, f := range n.Filters {
		t.node(indent, "filter", f, n.Global, n.Items[i])
	}
	if n.Filter != nil {
		t.node(indent, "filter", n.Filter, n.Global, "")
	}
	if n.Next != nil {
		what := "app"
		if n.Next.Err == nil && n.Next.Object == paste.Filter {
			what = "filter"
		}
		t.node(indent, what, n.Next, n.Global, "")
	}
	for _, m := range n.Mounts {
		t.node(indent, m.Key+" ->", m.Node, n.Global, m.Name)
	}
	for _, s := range n.Strategies {
		fmt.Fprintf(t.out, "%sstrategy %s\n", indent, OneLine(s.Key))
		for i, f := range s.Filters {
			t.node(indent+"    ", "filter", f, nil, s.Names[i])
		}
		t.node(indent+"    ", "app", s.App, nil, s.Names[len(s.Names)-1])
	}
}

// heading names an object by its sections, along the chain of use, and the
// factory at its end.
func heading(n *Node) string {
	var parts []string
	for _, s := range n.Sections {
		parts = append(parts, "["+s.Name+"]")
	}
	switch {
	case n.Ref != nil:
		parts = append(parts, n.Ref.Text)
	case n.Object != paste.Pipeline || len(n.Sections) == 0:
		parts = append(parts, strings.ReplaceAll(string(n.Object), "_", "-"))
	}
	return strings.Join(parts, " > ")
}

// place writes a position; of the file that is shown, the line alone.
func (t *printer) place(p paste.Pos) string {
	switch {
	case p.File == "":
		return "no file"
	case p.File == displayName(t.file):
		return fmt.Sprintf("line %d", p.Line)
	}
	return Place(p)
}

// origin tells where an option stands that is not of the node's own section.
func (t *printer) origin(n *Node, v paste.Value) string {
	o := v.Origin()
	if o.Section == n.Section() && o.Via == paste.ViaSection {
		return ""
	}
	if o.Pos.File == "" {
		return "  (" + Via(n.Context, v) + ")"
	}
	return "  (" + t.place(o.Pos) + ", " + Via(n.Context, v) + ")"
}

// Via says in words by which rule an option came to a context.
func Via(c *paste.Context, v paste.Value) string {
	o := v.Origin()
	switch {
	case o.Via == paste.ViaSection && o.Section != c.Section():
		return "use [" + o.Section + "]"
	case o.Via == paste.ViaSet, o.Via == paste.ViaGet:
		return string(o.Via) + " [" + o.Section + "]"
	}
	return string(o.Via)
}

// Place writes a position without the column.
func Place(p paste.Pos) string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// OneLine keeps a text on one line and control characters, which file contents
// can hold, out of terminals.
func OneLine(text string) string {
	if strings.IndexFunc(text, control) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case control(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func control(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }
