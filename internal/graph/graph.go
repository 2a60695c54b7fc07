// Package graph draws the composition of a paste file: composites with their
// mounts, pipelines with their filters in order, applications.
package graph

import (
	"fmt"
	"io"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Formats are what Write can draw.
var Formats = []string{"text", "dot", "svg", "mermaid"}

// Write draws the applications of an open file in one of the formats: the one
// that is named, else those that tree.Roots gives.
func Write(w io.Writer, format string, file *paste.Loader, name *string) error {
	draw, ok := map[string]func([]*element) string{"text": text, "dot": dot, "svg": svg, "mermaid": mermaid}[format]
	if !ok {
		return fmt.Errorf("unknown format %q, want %s", format, strings.Join(Formats, ", "))
	}
	var roots []*element
	for _, root := range tree.Roots(file, tree.File(file), name) {
		node := tree.Object(file, paste.App, &root)
		if node.Err != nil && name != nil {
			return node.Err
		}
		roots = append(roots, build(node, root))
	}
	_, err := io.WriteString(w, draw(roots))
	return err
}

// Kinds of element.
const (
	composite = "composite"
	pipeline  = "pipeline"
	filter    = "filter"
	app       = "app"
	broken    = "error"
)

// element is one thing to draw. A request comes to it, goes through its
// filters in order and then on: to the next element, or down one of the edges.
type element struct {
	kind   string
	label  string // the section's name or the reference; "" for a strategy, which its edge names
	detail string // the factory, or the problem
	inner  []*element
	next   *element // behind the filters of a pipeline
	edges  []edge   // of a composite
}

type edge struct {
	label string // the path, or the strategy
	to    *element
}

// second is the second line of a box, if it has one. A filter has none: pipelines
// would grow too wide.
func (e *element) second() string {
	if e.detail == e.label || e.kind == filter {
		return ""
	}
	return e.detail
}

// lines are the texts of a box, one below the other.
func (e *element) lines() string { return strings.TrimSuffix(e.label+"\n"+e.second(), "\n") }

func build(n *tree.Node, label string) *element {
	if n.Err != nil {
		problem := n.Err.Error()
		if e := tree.FirstError(n.Err); e != nil {
			problem = e.Problem
		}
		return &element{kind: broken, label: tree.OneLine(label), detail: tree.OneLine(problem)}
	}
	e := &element{label: tree.OneLine(n.Label())}
	switch n.Object {
	case paste.Pipeline:
		e.kind = pipeline
		for i, f := range n.Filters {
			e.inner = append(e.inner, filters(f, n.Items[i])...)
		}
		e.next = build(n.Next, n.Items[len(n.Items)-1])
		return e
	case paste.FilterApp, paste.FilterWith:
		e.kind = pipeline
		e.inner = filters(n.Filter, n.FilterItem())
		e.next = named(build(n.Next, e.label), n.Next, e.label)
		return e
	}
	e.kind, e.detail = app, tree.OneLine(n.Ref.Text)
	if n.Kind == "" {
		return e
	}
	e.kind = composite
	for _, m := range n.Mounts {
		e.edges = append(e.edges, edge{tree.OneLine(m.Key), build(m.Node, m.Name)})
	}
	for _, s := range n.Strategies {
		e.edges = append(e.edges, edge{tree.OneLine(s.Key), strategy(s)})
	}
	return e
}

func strategy(s tree.Strategy) *element {
	e := &element{kind: pipeline, next: build(s.App, s.Names[len(s.Names)-1])}
	for i, f := range s.Filters {
		e.inner = append(e.inner, filters(f, s.Names[i])...)
	}
	return e
}

// filters draws a filter; one with filter-with is two, the outer one first.
func filters(n *tree.Node, item string) []*element {
	if n.Err == nil && n.Object == paste.FilterWith {
		return append(filters(n.Filter, n.FilterItem()), filters(n.Next, item)...)
	}
	e := named(build(n, item), n, item)
	if e.kind == app {
		e.kind = filter
	}
	return []*element{e}
}

// named gives what filter-with wraps, which has no section of its own, the name
// of the section that it is written in.
func named(e *element, n *tree.Node, name string) *element {
	if n.Err == nil && len(n.Sections) == 0 && e.kind != pipeline {
		e.label = tree.OneLine(name)
	}
	return e
}
