package graph

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Measures of the picture, in pixels. Texts are set in a fixed-width face, so
// that their width is known without a font.
const (
	margin    = 20
	charWide  = 7.2
	smallWide = 6.0
	boxHigh   = 36
	gapX      = 26
	gapY      = 16
	padX      = 10
	labelHigh = 18
	maxDetail = 44 // characters of a factory's name that are shown
)

// svg draws the graph as a picture: from left to right as a request runs, the
// mounts of a composite below each other. It needs no library and no outside
// resource, and follows the viewer's light or dark scheme.
func svg(roots []*element) string {
	d := &drawing{}
	y, width := float64(margin), 0.0
	for _, r := range roots {
		w, h := d.element(r, margin, y)
		y += h + 2*gapY
		width = max(width, w)
	}
	height := max(y-2*gapY+margin, 2*margin)
	width += 2 * margin
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img" aria-label="Composition of the paste file">
<style>%s</style>
<rect class="page" width="100%%" height="100%%"/>
%s%s%s</svg>
`, width, height, width, height, svgStyle, d.frames.String(), d.lines.String(), d.boxes.String())
}

// svgStyle names every colour twice in place of using CSS variables, which
// several viewers (librsvg, Inkscape) do not know.
const svgStyle = `
text { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 12px; fill: #1c2430; } .detail, .edge, .frame-label { fill: #5a6675; font-size: 10px; }
.page { fill: #ffffff; } .box { stroke: #8a97a8; } .composite { fill: #dbe9ff; } .filter { fill: #fff3d6; } .app { fill: #def5e1; } .error { fill: #ffdcdc; }
.frame { fill: none; stroke: #8a97a8; stroke-dasharray: 4 3; } .line { fill: none; stroke: #8a97a8; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) { text { fill: #e8edf4; } .detail, .edge, .frame-label { fill: #a3afbf; } .page { fill: #14181f; } .box, .frame, .line { stroke: #6c7a8c; }
.composite { fill: #20395f; } .filter { fill: #4a3c17; } .app { fill: #1d4527; } .error { fill: #5c2323; } }
`

type drawing struct {
	frames, lines, boxes strings.Builder
}

// element draws an element with all that it leads to, its upper left corner at
// x, y, and gives the size of the whole. A request comes in at the middle of
// the first row.
func (d *drawing) element(e *element, x, y float64) (w, h float64) {
	if e.kind == pipeline {
		return d.pipeline(e, x, y)
	}
	boxWide := d.box(e, x, y+labelHigh)
	w, h = boxWide, labelHigh+boxHigh
	if len(e.edges) == 0 {
		return w, h
	}
	longest := 0.0
	for _, edge := range e.edges {
		longest = max(longest, textWide(edge.label, smallWide))
	}
	childX := x + boxWide + gapX + longest + gapX
	childY := y
	for _, edge := range e.edges {
		cw, ch := d.element(edge.to, childX, childY)
		d.edge(x+boxWide, y+labelHigh+boxHigh/2, childX, childY+labelHigh+boxHigh/2, edge.label)
		w = max(w, childX-x+cw)
		childY += ch + gapY
	}
	return w, max(h, childY-gapY-y)
}

// pipeline draws the filters in a frame that bears the pipeline's name, and
// behind it what they wrap.
func (d *drawing) pipeline(e *element, x, y float64) (w, h float64) {
	if len(e.inner) == 0 {
		return d.element(e.next, x, y)
	}
	row := y + labelHigh
	at := x + padX/2
	for i, f := range e.inner {
		if i > 0 {
			d.line(at-gapX/2, row+boxHigh/2, at, row+boxHigh/2)
		}
		at += d.box(f, at, row) + gapX/2
	}
	end := at - gapX/2 + padX/2
	end = max(end, x+textWide(e.label, smallWide)+2*padX)
	fmt.Fprintf(&d.frames, `<rect class="frame" x="%.1f" y="%.1f" width="%.1f" height="%d" rx="8"/><text class="frame-label" x="%.1f" y="%.1f">%s</text>`+"\n",
		x, row-padX/2, end-x, boxHigh+padX, x+4, row-padX/2-4, escape(e.label))
	d.line(end, row+boxHigh/2, end+gapX, row+boxHigh/2)
	nw, nh := d.element(e.next, end+gapX, y)
	return end + gapX - x + nw, max(labelHigh+boxHigh+padX/2, nh)
}

// box draws one box and gives its width.
func (d *drawing) box(e *element, x, y float64) float64 {
	detail := e.detail
	if detail == e.label || e.kind == filter { // a pipeline would grow too wide
		detail = ""
	}
	short := clip(detail)
	label := clip(e.label)
	w := max(textWide(label, charWide), textWide(short, smallWide)) + 2*padX
	textY := y + boxHigh/2 + 4
	if short != "" {
		textY = y + 16
	}
	fmt.Fprintf(&d.boxes, `<g><title>%s</title><rect class="box %s" x="%.1f" y="%.1f" width="%.1f" height="%d" rx="5"/><text x="%.1f" y="%.1f">%s</text>`,
		escape(strings.TrimSuffix(e.label+"\n"+e.detail, "\n")), e.kind, x, y, w, boxHigh, x+padX, textY, escape(label))
	if short != "" {
		fmt.Fprintf(&d.boxes, `<text class="detail" x="%.1f" y="%.1f">%s</text>`, x+padX, y+29, escape(short))
	}
	d.boxes.WriteString("</g>\n")
	return w
}

func (d *drawing) line(x1, y1, x2, y2 float64) {
	fmt.Fprintf(&d.lines, `<path class="line" d="M%.1f %.1f L%.1f %.1f"/>`+"\n", x1, y1, x2, y2)
}

// edge draws the way from a composite to one of its applications, with its
// label in front of the application.
func (d *drawing) edge(x1, y1, x2, y2 float64, label string) {
	bend := x1 + gapX/2
	fmt.Fprintf(&d.lines, `<path class="line" d="M%.1f %.1f L%.1f %.1f L%.1f %.1f L%.1f %.1f"/>`+"\n", x1, y1, bend, y1, bend, y2, x2, y2)
	fmt.Fprintf(&d.lines, `<text class="edge" x="%.1f" y="%.1f">%s</text>`+"\n", bend+6, y2-5, escape(clip(label)))
}

func textWide(s string, char float64) float64 {
	return float64(min(utf8.RuneCountInString(s), maxDetail+1)) * char
}

// clip shortens a long name in its middle, where it tells least.
func clip(s string) string {
	s = strings.ReplaceAll(s, "\n", " ")
	runes := []rune(s)
	if len(runes) <= maxDetail {
		return s
	}
	half := maxDetail / 2
	return string(runes[:half]) + "…" + string(runes[len(runes)-half:])
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
