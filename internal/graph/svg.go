package graph

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// Measures of the picture, in pixels. Texts are set in a fixed-width face, so
// that their width is known without a font.
const (
	margin    = 20
	charWide  = 7.25
	smallWide = 6.05
	boxHigh   = 36
	gapX      = 30 // between an element and the next
	gapFilter = 16 // between two filters
	gapY      = 16
	gapRow    = 18   // between two rows of filters
	rowWide   = 1000 // from which the filters of a pipeline go on in a new row
	padX      = 10
	frame     = 10 // round the filters of a pipeline
	labelHigh = 18
	maxText   = 44 // characters of a name that are shown
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
<defs><marker id="arrow" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 0 L6 3 L0 6 z"/></marker></defs>
<rect class="page" width="100%%" height="100%%"/>
%s%s%s</svg>
`, width, height, width, height, svgStyle, d.frames.String(), d.lines.String(), d.boxes.String())
}

// svgStyle names every colour twice in place of using CSS variables, which
// several viewers (librsvg, Inkscape) do not know.
const svgStyle = `
text { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 12px; fill: #1c2430; } .detail, .edge, .frame-label { fill: #5a6675; font-size: 10px; }
.page { fill: #ffffff; } .box { stroke: #8a97a8; } .composite { fill: #dbe9ff; } .filter { fill: #fff3d6; } .app { fill: #def5e1; } .error { fill: #ffdcdc; }
.frame { fill: none; stroke: #8a97a8; stroke-dasharray: 4 3; } .line { fill: none; stroke: #8a97a8; stroke-width: 1.5; } .tip { fill: #8a97a8; }
@media (prefers-color-scheme: dark) { text { fill: #e8edf4; } .detail, .edge, .frame-label { fill: #a3afbf; } .page { fill: #14181f; } .box, .frame, .line { stroke: #6c7a8c; } .tip { fill: #6c7a8c; }
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
	wide := d.box(e, x, y+labelHigh)
	w, h = wide, labelHigh+boxHigh
	if len(e.edges) == 0 {
		return w, h
	}
	longest := 0.0
	for _, edge := range e.edges {
		longest = max(longest, textWide(clip(edge.label), smallWide))
	}
	childX := x + wide + gapX + longest + gapX/2
	childY := y
	for _, edge := range e.edges {
		cw, ch := d.element(edge.to, childX, childY)
		d.edge(x+wide, y+labelHigh+boxHigh/2, childX, childY+labelHigh+boxHigh/2, edge.label)
		w = max(w, childX-x+cw)
		childY += ch + gapY
	}
	return w, max(h, childY-gapY-y)
}

// pipeline draws the filters in a frame that bears the pipeline's name, in
// several rows if they are many, and behind it what they wrap.
func (d *drawing) pipeline(e *element, x, y float64) (w, h float64) {
	if len(e.inner) == 0 {
		return d.element(e.next, x, y)
	}
	first, limit := y+labelHigh, rowLimit(e.inner)
	row, at, right := first, x+frame, 0.0
	for i, f := range e.inner {
		switch wide := boxWide(f); {
		case i == 0:
		case at+wide-x > limit:
			d.newRow(at-gapFilter, x, row+boxHigh/2)
			row, at = row+boxHigh+gapRow, x+frame
		default:
			d.line(at-gapFilter, row+boxHigh/2, at, row+boxHigh/2)
		}
		at += d.box(f, at, row) + gapFilter
		right = max(right, at-gapFilter)
	}
	end := max(right+frame, x+textWide(e.label, smallWide)+padX)
	fmt.Fprintf(&d.frames, `<rect class="frame" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="8"/>`, x, first-frame/2, end-x, row-first+boxHigh+frame)
	if e.label != "" {
		fmt.Fprintf(&d.frames, `<text class="frame-label" x="%.1f" y="%.1f">%s</text>`, x+4, first-frame/2-4, escape(clip(e.label)))
	}
	d.frames.WriteByte('\n')
	d.line(at-gapFilter, row+boxHigh/2, end+gapX, row+boxHigh/2)
	nw, nh := d.element(e.next, end+gapX, row-labelHigh)
	return end + gapX - x + nw, max(row-y+boxHigh+frame/2, row-labelHigh-y+nh)
}

// rowLimit is the width of a row of filters: all in one, or in rows of about the
// same width.
func rowLimit(filters []*element) float64 {
	total, widest := 2.0*frame, 0.0
	for _, f := range filters {
		total += boxWide(f) + gapFilter
		widest = max(widest, boxWide(f))
	}
	if total <= rowWide {
		return total
	}
	rows := math.Ceil(total / (rowWide * 0.8))
	return total/rows + widest/2
}

// newRow draws the way from the end of a row of filters to the beginning of the
// next.
func (d *drawing) newRow(fromX, x, y float64) {
	between := y + boxHigh/2 + gapRow/2
	next := y + boxHigh + gapRow
	d.path(fmt.Sprintf("M%.1f %.1f h5 V%.1f H%.1f V%.1f H%.1f", fromX, y, between, x+frame/2-1, next, x+frame))
}

func boxWide(e *element) float64 {
	return max(textWide(clip(e.label), charWide), textWide(clip(e.second()), smallWide)) + 2*padX
}

// box draws one box and gives its width.
func (d *drawing) box(e *element, x, y float64) float64 {
	detail, w := clip(e.second()), boxWide(e)
	textY := y + boxHigh/2 + 4
	if detail != "" {
		textY = y + 16
	}
	fmt.Fprintf(&d.boxes, `<g><title>%s</title><rect class="box %s" x="%.1f" y="%.1f" width="%.1f" height="%d" rx="5"/><text x="%.1f" y="%.1f">%s</text>`,
		escape(strings.TrimSuffix(e.label+"\n"+e.detail, "\n")), e.kind, x, y, w, boxHigh, x+padX, textY, escape(clip(e.label)))
	if detail != "" {
		fmt.Fprintf(&d.boxes, `<text class="detail" x="%.1f" y="%.1f">%s</text>`, x+padX, y+29, escape(detail))
	}
	d.boxes.WriteString("</g>\n")
	return w
}

func (d *drawing) path(way string) {
	fmt.Fprintf(&d.lines, `<path class="line" marker-end="url(#arrow)" d="%s"/>`+"\n", way)
}

func (d *drawing) line(x1, y1, x2, y2 float64) {
	d.path(fmt.Sprintf("M%.1f %.1f L%.1f %.1f", x1, y1, x2, y2))
}

// edge draws the way from a composite to one of its applications, with its
// label in front of the application.
func (d *drawing) edge(x1, y1, x2, y2 float64, label string) {
	bend := x1 + gapX/2
	d.path(fmt.Sprintf("M%.1f %.1f H%.1f V%.1f H%.1f", x1, y1, bend, y2, x2))
	fmt.Fprintf(&d.lines, `<text class="edge" x="%.1f" y="%.1f">%s</text>`+"\n", bend+6, y2-5, escape(clip(label)))
}

// textWide is the width of a text; letters of East Asia and pictures are two
// columns wide.
func textWide(s string, char float64) float64 {
	columns := 0
	for _, r := range s {
		columns++
		if r >= 0x1100 {
			columns++
		}
	}
	return float64(columns) * char
}

// clip shortens a long name in its middle, where it tells least.
func clip(s string) string {
	runes := []rune(s)
	if len(runes) <= maxText {
		return s
	}
	half := maxText / 2
	return string(runes[:half]) + "…" + string(runes[len(runes)-half:])
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
