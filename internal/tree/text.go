package tree

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Text prints the tree of all sections of an open file, or of the application
// of one name.
func Text(w io.Writer, l *paste.Loader, name *string) error {
	t := &printer{out: bufio.NewWriter(w)}
	if name != nil {
		t.node("", "", Object(l, paste.App, name))
		return t.out.Flush()
	}
	for _, e := range File(l) {
		t.node("", "", e.Node, "["+e.Section.Name+"]")
	}
	return t.out.Flush()
}

type printer struct{ out *bufio.Writer }

// node prints one object: what it is called in its parent, its sections and its
// factory, then its options, then what it loads. The title is used where
// nothing could be loaded.
func (t *printer) node(indent, label string, n *Node, title ...string) {
	if label != "" {
		label += " "
	}
	if n.Err != nil {
		for i, e := range paste.AllErrors(n.Err) {
			if i == 0 {
				fmt.Fprintf(t.out, "%s%s%s! %s\n", indent, label, strings.Join(append(title, ""), " "), e)
			}
		}
		return
	}
	fmt.Fprintf(t.out, "%s%s%s%s\n", indent, label, heading(n), place(n))
	below := indent + "    "
	for k, v := range n.Local.All() {
		fmt.Fprintf(t.out, "%s%s = %s%s\n", below, k, OneLine(Masked(n.Context, k, v)), origin(n, v))
	}
	for k, v := range n.Global.All() {
		if v.Origin().Via != paste.ViaBuiltin && v.Origin().Via != paste.ViaDefault {
			fmt.Fprintf(t.out, "%sset %s = %s%s\n", below, k, OneLine(Masked(n.Context, k, v)), origin(n, v))
		}
	}
	t.children(below, n)
}

func (t *printer) children(indent string, n *Node) {
	for _, f := range n.Filters {
		t.node(indent, "filter", f)
	}
	if n.Filter != nil {
		t.node(indent, "filter", n.Filter)
	}
	if n.Next != nil {
		t.node(indent, "app", n.Next)
	}
	for _, m := range n.Mounts {
		t.node(indent, m.Key+" ->", m.Node)
	}
	for _, s := range n.Strategies {
		fmt.Fprintf(t.out, "%sstrategy %s\n", indent, s.Key)
		for _, f := range s.Filters {
			t.node(indent+"    ", "filter", f)
		}
		t.node(indent+"    ", "app", s.App)
	}
}

func heading(n *Node) string {
	var parts []string
	for _, s := range n.Sections {
		parts = append(parts, "["+s.Name+"]")
	}
	if n.Ref != nil {
		parts = append(parts, n.Ref.Text)
	} else {
		parts = append(parts, strings.ReplaceAll(string(n.Object), "_", "-"))
	}
	return strings.Join(parts, " > ")
}

func place(n *Node) string {
	if p := n.Pos(); p.File != "" {
		return "  (" + Place(p) + ")"
	}
	return ""
}

// origin tells where an option stands that is not of the node's own section.
func origin(n *Node, v paste.Value) string {
	if o := v.Origin(); o.Section == n.Section() && o.Via == paste.ViaSection {
		return ""
	}
	return "  (" + strings.TrimPrefix(Place(v.Origin().Pos)+", ", ", ") + Via(n.Context, v) + ")"
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

// OneLine writes the line breaks of a value as \n.
func OneLine(text string) string {
	return strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(text)
}
