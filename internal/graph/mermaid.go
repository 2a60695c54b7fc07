package graph

import (
	"fmt"
	"strings"
	"unicode"
)

// mermaid writes the graph for Mermaid, which Markdown pages show.
func mermaid(roots []*element) string {
	g := &mermaidWriter{}
	g.printf("flowchart LR\n")
	for _, r := range roots {
		g.element(r)
	}
	if g.edges > maxEdges {
		g.printf("  %%%% %d edges: initialize Mermaid with a maxEdges above that\n", g.edges)
	}
	g.printf("  classDef composite fill:#dbe9ff,stroke:#5b7fb5\n  classDef filter fill:#fff3d6,stroke:#b08d3c\n  classDef app fill:#def5e1,stroke:#4f9a5b\n  classDef error fill:#ffdcdc,stroke:#b04a4a\n")
	return g.b.String()
}

// maxEdges is what Mermaid draws without being told to draw more.
const maxEdges = 500

type mermaidWriter struct {
	b        strings.Builder
	n, edges int
}

func (g *mermaidWriter) edge(from, label, to string) {
	g.edges++
	if label != "" {
		label = "|" + mermaidQuote(label) + "|"
	}
	g.printf("  %s -->%s %s\n", from, label, to)
}

func (g *mermaidWriter) printf(format string, args ...any) { fmt.Fprintf(&g.b, format, args...) }

func (g *mermaidWriter) element(e *element) string {
	if e.kind != pipeline {
		id := g.node(e)
		for _, x := range e.edges {
			g.edge(id, x.label, g.element(x.to))
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
				g.edge(last, "", id)
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
	g.edge(last, "", next)
	return first
}

func (g *mermaidWriter) node(e *element) string {
	g.n++
	id := fmt.Sprintf("n%d", g.n)
	g.printf("  %s[%s]:::%s\n", id, mermaidQuote(e.lines()), e.kind)
	return id
}

// mermaidQuote writes a text so that Mermaid shows it as it is: what it would
// read as its own syntax, as HTML, as an entity or as Markdown stands as #CODE;.
func mermaidQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	if s == "" {
		b.WriteByte(' ') // Mermaid wants a text
	}
	special := "\"<>&`\\;%|{}*~"
	// Mermaid cuts the last semicolon of what looks like a style with a colour,
	// and with it an entity.
	if strings.Contains(s, "style") || strings.Contains(s, "classDef") {
		special += ":"
	}
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case r == '\n':
			b.WriteString("<br/>")
		case strings.ContainsRune(special, r) || r < ' ' || markdown(runes, i):
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// markdown reports whether a character of a label would be read as Markdown: an
// underscore at the edge of a word, or what begins a list, a heading or a quote.
func markdown(s []rune, i int) bool {
	switch s[i] {
	case '_':
		return i == 0 || i == len(s)-1 || !wordRune(s[i-1]) || !wordRune(s[i+1])
	case '-', '+', '=', '#':
		return i == 0 || s[i-1] == '\n'
	case '.', ')':
		start := i
		for start > 0 && unicode.IsDigit(s[start-1]) {
			start--
		}
		return start < i && (start == 0 || s[start-1] == '\n')
	}
	return false
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
