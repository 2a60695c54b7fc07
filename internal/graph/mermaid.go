package graph

import (
	"fmt"
	"strings"
)

// mermaid writes the graph for Mermaid, which Markdown pages show.
func mermaid(roots []*element) string {
	g := &mermaidWriter{}
	g.printf("flowchart LR\n")
	for _, r := range roots {
		g.element(r)
	}
	g.printf("  classDef composite fill:#dbe9ff,stroke:#5b7fb5\n  classDef filter fill:#fff3d6,stroke:#b08d3c\n  classDef app fill:#def5e1,stroke:#4f9a5b\n  classDef error fill:#ffdcdc,stroke:#b04a4a\n")
	return g.b.String()
}

type mermaidWriter struct {
	b strings.Builder
	n int
}

func (g *mermaidWriter) printf(format string, args ...any) { fmt.Fprintf(&g.b, format, args...) }

func (g *mermaidWriter) element(e *element) string {
	if e.kind != pipeline {
		id := g.node(e)
		for _, x := range e.edges {
			g.printf("  %s -->|%s| %s\n", id, mermaidQuote(x.label), g.element(x.to))
		}
		return id
	}
	first, last := "", ""
	if len(e.inner) > 0 {
		g.n++
		g.printf("  subgraph p%d[%s]\n  direction LR\n", g.n, mermaidQuote(e.label))
		for _, f := range e.inner {
			id := g.node(f)
			if last != "" {
				g.printf("  %s --> %s\n", last, id)
			} else {
				first = id
			}
			last = id
		}
		g.printf("  end\n")
	}
	next := g.element(e.next)
	if last == "" {
		return next
	}
	g.printf("  %s --> %s\n", last, next)
	return first
}

func (g *mermaidWriter) node(e *element) string {
	g.n++
	id := fmt.Sprintf("n%d", g.n)
	label := e.label
	if e.detail != "" && e.detail != e.label {
		label += "\n" + e.detail
	}
	g.printf("  %s[%s]:::%s\n", id, mermaidQuote(label), e.kind)
	return id
}

// mermaidQuote writes what Mermaid would read as markup by its code points.
func mermaidQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString("<br/>")
		case strings.ContainsRune("\"#<>&`\\", r) || r < ' ':
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
