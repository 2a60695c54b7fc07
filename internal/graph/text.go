package graph

import (
	"strings"
	"unicode/utf8"
)

// text draws a tree for terminals.
func text(roots []*element) string {
	var b strings.Builder
	for _, r := range roots {
		writeText(&b, r, "", "", "")
	}
	return b.String()
}

// writeText prints an element in one line, with what it leads to below. The
// first prefix is for the line itself, the second for those below.
func writeText(b *strings.Builder, e *element, label, first, below string) {
	b.WriteString(first)
	if label != "" {
		b.WriteString(label + " ")
	}
	end := e
	for ; end.kind == pipeline; end = end.next {
		if end.label != "" {
			b.WriteString(end.label + ": ")
		}
		for _, f := range end.inner {
			b.WriteString(f.label)
			if f.kind == broken {
				b.WriteString(" (! " + f.detail + ")")
			}
			b.WriteString(" > ")
		}
	}
	b.WriteString(end.label)
	switch {
	case end.kind == broken:
		b.WriteString(" ! " + end.detail)
	case end.detail != "" && end.detail != end.label:
		b.WriteString("  " + end.detail)
	}
	b.WriteByte('\n')
	writeEdges(b, end.edges, below)
}

func writeEdges(b *strings.Builder, edges []edge, below string) {
	width := 0
	for _, x := range edges {
		width = max(width, utf8.RuneCountInString(x.label))
	}
	for i, x := range edges {
		branch, rest := "├─ ", "│  "
		if i == len(edges)-1 {
			branch, rest = "└─ ", "   "
		}
		padded := x.label + strings.Repeat(" ", width-utf8.RuneCountInString(x.label))
		writeText(b, x.to, padded, below+branch, below+rest)
	}
}
