package graph

import "strings"

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
	if strings.TrimSpace(label) != e.label || e.kind == broken {
		b.WriteString(e.label)
		if e.kind == pipeline {
			b.WriteString(": ")
		}
	}
	for end.kind == pipeline {
		for _, f := range end.inner {
			b.WriteString(f.label)
			if f.kind == broken {
				b.WriteString(" (! " + f.detail + ")")
			}
			b.WriteString(" > ")
		}
		end = end.next
		b.WriteString(end.label)
		if end.kind == pipeline {
			b.WriteString(": ")
		}
	}
	switch end.kind {
	case broken:
		b.WriteString(" ! " + end.detail)
	default:
		if end.detail != "" && end.detail != end.label {
			b.WriteString("  " + end.detail)
		}
	}
	b.WriteByte('\n')
	width := 0
	for _, x := range end.edges {
		width = max(width, len([]rune(x.label)))
	}
	for i, x := range end.edges {
		branch, rest := "├─ ", "│  "
		if i == len(end.edges)-1 {
			branch, rest = "└─ ", "   "
		}
		padded := x.label + strings.Repeat(" ", width-len([]rune(x.label)))
		writeText(b, x.to, padded, below+branch, below+rest)
	}
}
