package conformance

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// writer turns a plan into lines, with the noise that people and editors add.
type writer struct {
	dice
	lines []string
	noisy bool // comments, blank lines and odd white space come often
}

// render gives the text of p.
func (m *maker) render(p *plan) []byte {
	w := &writer{dice: m.dice, noisy: m.chance(30)}
	w.noise()
	if m.chance(1) { // line numbers of three digits
		w.lines = append(w.lines, slices.Repeat([]string{m.pick(comments)}, m.between(90, 120))...)
	}
	if m.chance(0.3) { // INI-21
		return m.encode(w.lines)
	}
	if m.chance(1) { // INI-20
		w.lines = append(w.lines, w.pick([]string{"a = 1", "x", " [app:main", "\ufeff", "it's"}))
	}
	blocks := m.defaultBlocks(p)
	for i, s := range p.sections {
		for len(blocks) > 0 && m.IntN(len(p.sections)-i+1) == 0 {
			w.section(blocks[0])
			blocks = blocks[1:]
		}
		w.section(s)
	}
	for _, b := range blocks {
		w.section(b)
	}
	if m.chance(0.8) && len(p.sections) > 0 { // INI-25
		w.section(p.sections[m.IntN(len(p.sections))])
	}
	return m.encode(w.lines)
}

// defaultBlocks deals the DEFAULT options over one to three blocks (INI-26).
func (m *maker) defaultBlocks(p *plan) []*section {
	if len(p.defaults) == 0 {
		return nil
	}
	blocks := make([]*section, m.between(1, 3))
	for i := range blocks {
		blocks[i] = &section{name: "DEFAULT"}
	}
	for _, o := range p.defaults {
		b := blocks[m.IntN(len(blocks))]
		b.items = append(b.items, o)
	}
	return blocks
}

// encode joins lines by one of the line ends of INI-03 and spoils some files.
func (m *maker) encode(lines []string) []byte {
	end := m.oneText(text{88, always("\n")}, text{6, always("\r\n")}, text{2, always("\r")}, text{4, always("")})
	var b bytes.Buffer
	if m.chance(0.6) {
		b.WriteString("\ufeff") // INI-02
	}
	for i, line := range lines {
		b.WriteString(line)
		if i == len(lines)-1 && m.chance(20) {
			break
		}
		if end == "" {
			b.WriteString(m.pick([]string{"\n", "\r\n", "\r"}))
			continue
		}
		b.WriteString(end)
	}
	data := b.Bytes()
	if m.chance(10) {
		data = mutate(m.dice, data)
	}
	if m.chance(0.6) { // INI-01
		at := m.IntN(len(data) + 1)
		data = append(append(bytes.Clone(data[:at]), m.pick([]string{"\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"})...), data[at:]...)
	}
	return data
}

func (w *writer) section(s *section) {
	w.noise()
	w.lines = append(w.lines, w.header(s))
	indent := ""
	if w.chance(12) { // INI-33
		indent = w.pick([]string{"  ", "    ", "\t", " \t ", "\u00a0"})
	}
	for _, o := range s.items {
		w.noise()
		w.option(indent, o)
		if indent != "" && w.chance(10) { // less deep than before
			_, size := utf8.DecodeRuneInString(indent)
			indent = indent[size:]
		}
	}
	if w.chance(0.45) && len(s.items) > 0 { // INI-18
		w.option(indent, s.items[w.IntN(len(s.items))])
	}
	if w.chance(0.35) { // INI-14, INI-15
		w.lines = append(w.lines, w.pick(junkLines))
	}
	if w.chance(0.15) {
		w.lines = append(w.lines, "= 1", ": 2")
	}
}

// header writes the line of INI-22 and its bad forms.
func (w *writer) header(s *section) string {
	title := s.name
	if s.prefix != "" {
		title = s.prefix + ":" + w.blankAround(s.name)
	}
	line := "[" + title + "]"
	return w.oneText(
		text{940, always(line)},
		text{15, always(line + w.pick([]string{" # comment", " ; c", "junk", " x = 1", "  "}))},
		text{5, always(line + " ]")},
		text{3, always("[" + title + " ")},
		text{5, always("[" + line + "]")},
		text{10, always(w.pick(blanks) + line)}, // INI-24
		text{5, always("[ " + title + "]")},
		text{5, always("[" + strings.ToUpper(title) + "]")},
		text{3, always("[" + strings.Replace(title, ":", " :", 1) + "]")},
	)
}

// blankAround puts white space round a name, which SEC-04 strips.
func (w *writer) blankAround(name string) string {
	if !w.chance(6) {
		return name
	}
	return w.oneText(
		text{2, always(w.pick(blanks) + name)},
		text{2, always(name + w.pick(blanks))},
		text{1, always(w.pick(blanks) + name + w.pick(blanks))},
	)
}

func (w *writer) option(indent string, o item) {
	if w.chance(0.7) { // INI-34: swallowed by the option before
		indent += w.pick(blanks)
	}
	delimiter := w.pick(usualDelimiters)
	if w.chance(4) {
		delimiter = w.pick(oddDelimiters)
	}
	first, rest, many := strings.Cut(o.value, "\n")
	line := indent + o.key + delimiter + first
	if w.chance(3) {
		line += w.pick(blanks)
	}
	w.lines = append(w.lines, line)
	if many {
		w.continuation(indent, strings.Split(rest, "\n"))
	}
}

// continuation writes lines deeper than the option's, each by its own measure (INI-32).
func (w *writer) continuation(indent string, rest []string) {
	deeper := w.pick([]string{"  ", "    ", "\t"})
	for _, line := range rest {
		if w.chance(15) {
			w.lines = append(w.lines, w.comment())
		}
		switch {
		case line == "":
			w.lines = append(w.lines, w.pick([]string{"", "", "  ", "\u00a0"}))
		case w.chance(20):
			w.lines = append(w.lines, indent+strings.Repeat(w.pick(blanks), w.between(1, 4))+line)
		default:
			w.lines = append(w.lines, indent+deeper+line)
		}
	}
}

// noise writes comments and blank lines, none in most places.
func (w *writer) noise() {
	percent := 4.0
	if w.noisy {
		percent = 25
	}
	for w.chance(percent) {
		if w.chance(50) {
			w.lines = append(w.lines, w.comment())
			continue
		}
		w.lines = append(w.lines, w.pick([]string{"", "", "", "  ", "\t", "\f", "\u00a0\u2028", "\x1c"}))
	}
}

// comment stands at any indentation (INI-05).
func (w *writer) comment() string {
	line := w.pick(comments)
	if w.chance(40) {
		line = strings.Repeat(w.pick(blanks), w.between(1, 5)) + line
	}
	return line
}
