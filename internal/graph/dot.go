package graph

import (
	"fmt"
	"strings"
)

// dot writes the graph for Graphviz.
func dot(roots []*element) string {
	g := &dotWriter{}
	g.printf("digraph wheatpaste {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\", fontsize=11];\n  edge [fontname=\"sans-serif\", fontsize=10];\n")
	for _, r := range roots {
		g.element(r)
	}
	g.printf("}\n")
	return g.b.String()
}

type dotWriter struct {
	b strings.Builder
	n int
}

func (g *dotWriter) printf(format string, args ...any) { fmt.Fprintf(&g.b, format, args...) }

var dotColors = map[string]string{composite: "#dbe9ff", filter: "#fff3d6", app: "#def5e1", broken: "#ffdcdc"}

// element writes a node, or a cluster for a pipeline, and gives the node at
// which a request comes in.
func (g *dotWriter) element(e *element) string {
	if e.kind != pipeline {
		id := g.node(e)
		for _, x := range e.edges {
			to := g.element(x.to)
			g.printf("  %s -> %s [label=%s];\n", id, to, dotQuote(x.label))
		}
		return id
	}
	g.n++
	first, last := "", ""
	if len(e.inner) > 0 {
		g.printf("  subgraph cluster_%d {\n  label=%s; style=\"rounded,dashed\"; fontname=\"sans-serif\"; fontsize=10;\n", g.n, dotQuote(e.label))
		for _, f := range e.inner {
			id := g.node(f)
			if last != "" {
				g.printf("  %s -> %s;\n", last, id)
			} else {
				first = id
			}
			last = id
		}
		g.printf("  }\n")
	}
	next := g.element(e.next)
	if last == "" {
		return next
	}
	g.printf("  %s -> %s;\n", last, next)
	return first
}

func (g *dotWriter) node(e *element) string {
	g.n++
	id := fmt.Sprintf("n%d", g.n)
	g.printf("  %s [label=%s, tooltip=%s, fillcolor=%q];\n", id, dotQuote(e.lines()), dotQuote(e.label+"\n"+e.detail), dotColors[e.kind])
	return id
}

// dotQuote writes a text as a string, in which Graphviz reads escapes and the
// entities of HTML.
func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;", "\n", `\n`).Replace(s) + `"`
}
