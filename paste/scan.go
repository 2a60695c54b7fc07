package paste

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// scanner holds the state of ConfigParser's reader between two lines.
type scanner struct {
	doc    *document
	source string // the path as messages show it
	cur    *section
	run    *span            // of cur, that grows
	keys   map[string]int32 // of cur: index in found; only for large sections
	opt    *open
	parts  []string // the lines of the value of opt
	places []valueLine
	length int // of the parts joined
	blanks int // blank lines behind the last part
	indent int

	fatal Errors // what stops Python at once
	bad   Errors // what it collects (INI-14)
	slips strings.Builder

	sections []section // made in blocks
	last     open      // what opt points to
}

// open is the option whose value may go on.
type open struct {
	key, raw    string
	line, value int
	index       int // in found; -1 when the option is not kept
}

// blockSize is how many sections are made at once.
const blockSize = 128

func (s *scanner) newSection() *section {
	if len(s.sections) == 0 {
		s.sections = make([]section, blockSize)
	}
	x := &s.sections[0]
	s.sections = s.sections[1:]
	return x
}

// enter makes a section the current one.
func (s *scanner) enter(next *section) {
	s.cur, s.keys = next, nil
	start := int32(len(s.doc.found))
	if next.own.count == 0 {
		next.own.first = start
		s.run = &next.own
		return
	}
	next.more = append(next.more, span{first: start})
	s.run = &next.more[len(next.more)-1]
	s.indexKeys()
}

// indexKeys makes the index of the current section's keys.
func (s *scanner) indexKeys() {
	s.keys = make(map[string]int32, 2*indexFrom)
	for _, run := range append([]span{s.cur.own}, s.cur.more...) {
		for i := run.first; i < run.first+run.count; i++ {
			s.keys[s.key(i)] = i
		}
	}
}

func (s *scanner) key(i int32) string {
	f := &s.doc.found[i]
	return s.doc.text[f.key : f.key+f.keyLen]
}

// first finds the option of the current section that has a key already.
func (s *scanner) first(key string) (found, bool) {
	if s.keys != nil {
		i, ok := s.keys[key]
		if !ok {
			return found{}, false
		}
		return s.doc.found[i], true
	}
	for i := s.run.first; i < s.run.first+s.run.count; i++ {
		if s.key(i) == key {
			return s.doc.found[i], true
		}
	}
	return found{}, false
}

// add puts an option behind the others of the current section.
func (s *scanner) add(f found, key string) {
	s.doc.found = append(s.doc.found, f)
	s.run.count++
	switch {
	case s.keys != nil:
		s.keys[key] = int32(len(s.doc.found) - 1)
	case s.run.count >= indexFrom:
		s.indexKeys()
	}
}

// parse reads a whole file. The first error is the one that stops Python.
func parse(file, text string) (*document, error) {
	d := &document{file: file, text: text, byName: newNameIndex(strings.Count(text, "\n["))}
	d.sections = make([]*section, 0, strings.Count(text, "\n[")+1)
	d.found = make([]found, 0, min(strings.Count(text, "="), strings.Count(text, "\n"))+8) // most have an equal sign
	d.defaults = &section{name: "DEFAULT", doc: d}
	s := &scanner{doc: d, source: repr(file)}
	if i := invalidUTF8(text); i >= 0 {
		s.scan(text[:decodedBefore(text, i)])
		return nil, collect(s.fatal, decodeError(d, i), s.slipsFound())
	}
	s.scan(text)
	return d, collect(s.fatal, s.slipsFound())
}

// scan takes all lines of a text.
func (s *scanner) scan(text string) {
	unixLines := strings.IndexByte(text, '\r') < 0
	for offset, line := 0, 1; offset < len(text); line++ {
		var raw string
		var next int
		if unixLines {
			raw, next = cutUnixLine(text, offset)
		} else {
			raw, next = cutLine(text, offset)
		}
		s.line(raw, line, offset, next-offset > len(raw))
		offset = next
	}
	s.endValue()
}

// slipsFound are the errors that Python collects, each with the text of all.
func (s *scanner) slipsFound() Errors {
	for _, e := range s.bad {
		e.text = "Source contains parsing errors: " + s.source + s.slips.String()
	}
	return s.bad
}

// decodedBefore tells how much of a text with an invalid byte Python has read
// line by line when it meets that byte: it decodes in blocks, and sees a
// sequence that is cut off only at the end of the file. What is wrong in the
// lines before comes first.
func decodedBefore(text string, at int) int {
	const block = 8192
	seen := at + 1
	for seen < len(text) && !utf8.FullRuneInString(text[at:seen]) {
		seen++
	}
	limit := (seen - 1) / block * block
	if !utf8.FullRuneInString(text[at:seen]) {
		limit = at
	}
	return strings.LastIndexAny(text[:limit], "\n\r") + 1
}

// cutUnixLine is cutLine for the many files without a carriage return.
func cutUnixLine(text string, offset int) (string, int) {
	end := strings.IndexByte(text[offset:], '\n')
	if end < 0 {
		return text[offset:], len(text)
	}
	return text[offset : offset+end], offset + end + 1
}

// cutLine gives the line at offset without its end (INI-03) and where the next
// one starts.
func cutLine(text string, offset int) (string, int) {
	rest := text[offset:]
	for i := range len(rest) {
		switch rest[i] {
		case '\n':
			return rest[:i], offset + i + 1
		case '\r':
			if strings.HasPrefix(rest[i+1:], "\n") {
				return rest[:i], offset + i + 2
			}
			return rest[:i], offset + i + 1
		}
	}
	return rest, len(text)
}

func invalidUTF8(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

func decodeError(d *document, at int) *Error {
	line := 1
	for offset := 0; offset <= at; line++ {
		_, next := cutLine(d.text, offset)
		if next > at {
			break
		}
		offset = next
	}
	start := strings.LastIndexAny(d.text[:at], "\n\r") + 1
	return &Error{
		Pos:     Pos{displayName(d.file), line, utf8.RuneCountInString(d.text[start:at]) + 1},
		Problem: fmt.Sprintf("byte 0x%02x is not valid UTF-8", d.text[at]),
		Hint:    "save the file as UTF-8",
		Kind:    ErrSyntax, class: "UnicodeDecodeError",
	}
}

// line takes one line of the file; ended tells whether a line end follows.
func (s *scanner) line(raw string, line, offset int, ended bool) {
	value := strip(raw)
	if value == "" {
		s.blanks++ // INI-08: they count when the value goes on behind them
		return
	}
	if value[0] == '#' || value[0] == ';' { // INI-05
		return
	}
	lead, indent := 0, 0
	if !isPlain(raw[0]) {
		lead = len(raw) - len(strings.TrimLeftFunc(raw, isSpace))
		indent = utf8.RuneCountInString(raw[:lead]) // INI-30
	}
	if s.opt != nil && s.opt.key != "" && indent > s.indent { // INI-31
		s.noteSwallowed(value, line, offset+lead)
		s.continueValue(value, line, offset+lead)
		return
	}
	s.indent = indent
	if name, ok := header(value); ok {
		s.section(name, line, offset+lead)
		return
	}
	if s.cur == nil {
		s.noHeader(raw, line, offset, ended)
		return
	}
	s.option(raw, value, line, offset+lead, ended)
}

// header finds the name in a section header (INI-22): all up to the last
// bracket, at least one character.
func header(value string) (string, bool) {
	if value[0] != '[' {
		return "", false
	}
	end := strings.LastIndexByte(value, ']')
	if end < 2 {
		return "", false
	}
	return value[1:end], true
}

func (s *scanner) section(name string, line, offset int) {
	s.endValue()
	s.opt = nil
	if name == "DEFAULT" {
		s.enter(s.doc.defaults)
		if s.cur.line == 0 {
			s.cur.line, s.cur.offset = line, offset
		}
		return
	}
	x := s.newSection()
	*x = section{name: name, doc: s.doc, line: line, offset: offset}
	s.enter(x)
	if first := s.doc.byName.find(name); first != nil { // INI-25
		e := s.slip(line, offset, "DuplicateSectionError",
			fmt.Sprintf("While reading from %s [line %2d]: section %s already exists", s.source, line, repr(name)))
		e.Section = name
		e.Problem = fmt.Sprintf("section %s already exists (line %d)", repr(name), first.line)
		e.Hint = "sections are not merged, rename or remove one"
		s.fatal = append(s.fatal, e)
		return
	}
	s.doc.byName.add(s.cur)
	s.doc.sections = append(s.doc.sections, s.cur)
	if prefix, rest, ok := strings.Cut(name, ":"); ok && strip(rest) != rest {
		if s.doc.padded == nil {
			s.doc.padded = map[string][]*section{}
		}
		key := prefix + ":" + strip(rest)
		s.doc.padded[key] = append(s.doc.padded[key], s.cur)
	}
}

func (s *scanner) option(raw, value string, line, offset int, ended bool) {
	delim := 0 // INI-10
	for delim < len(value) && value[delim] != '=' && value[delim] != ':' {
		delim++
	}
	if delim == len(value) {
		s.badLine(raw, line, offset, ended, "no \"=\" or \":\" in "+quoteLine(value))
		return
	}
	s.endValue()
	key := stripRight(value[:delim])
	if key == "" { // INI-15
		s.badLine(raw, line, offset, ended, "no name before \""+value[delim:delim+1]+"\"")
	}
	text := strip(value[delim+1:])
	at := offset + len(value) - len(text)
	s.last = open{key: key, raw: text, line: line, value: at, index: -1}
	s.opt = &s.last
	if first, twice := s.first(key); twice { // INI-18
		s.duplicate(key, int(first.line), line, offset)
		return
	}
	s.last.index = len(s.doc.found)
	s.add(found{
		key: int32(offset), keyLen: int32(len(key)),
		value: int32(at), valueLen: int32(len(text)), line: int32(line),
	}, key)
}

func (s *scanner) duplicate(key string, first, line, offset int) {
	e := s.slip(line, offset, "DuplicateOptionError", fmt.Sprintf(
		"While reading from %s [line %2d]: option %s in section %s already exists", s.source, line, repr(key), repr(s.cur.name)))
	e.Section, e.Option = s.cur.name, key
	e.Problem = fmt.Sprintf("option %s in section %s already exists (line %d)", repr(key), repr(s.cur.name), first)
	e.Hint = "remove one of the two"
	s.fatal = append(s.fatal, e)
}

// slip makes an error of the dialect.
func (s *scanner) slip(line, offset int, class, text string) *Error {
	return &Error{Pos: s.doc.place(line, offset), Kind: ErrSyntax, class: class, text: text}
}

func (s *scanner) badLine(raw string, line, offset int, ended bool, problem string) {
	fmt.Fprintf(&s.slips, "\n\t[line %2d]: %s", line, repr(lineText(raw, ended)))
	e := s.slip(line, offset, "ParsingError", "")
	e.Section = s.cur.name
	e.Problem = "Source contains parsing errors: " + problem
	e.Hint = "want NAME = value, [section], or # before a comment"
	s.bad = append(s.bad, e)
}

// noHeader is reported once, for the first line before any section (INI-20).
func (s *scanner) noHeader(raw string, line, offset int, ended bool) {
	for _, e := range s.fatal {
		if e.class == "MissingSectionHeaderError" {
			return
		}
	}
	e := s.slip(line, offset, "MissingSectionHeaderError",
		fmt.Sprintf("File contains no section headers.\nfile: %s, line: %d\n%s", s.source, line, repr(lineText(raw, ended))))
	e.Problem = "File contains no section headers: " + quoteLine(raw) + " stands before the first one"
	e.Hint = "want [app:main] or another section above it"
	if strings.HasPrefix(raw, "\ufeff") { // INI-02
		e.Hint = "the file starts with a byte order mark, save it as UTF-8 without one"
	}
	s.fatal = append(s.fatal, e)
}

// quoteLine shows a line that is wrong; one that may hold a secret is not shown.
func quoteLine(line string) string {
	if SecretName(line) {
		return "this line"
	}
	return repr(clip(line))
}

// clip keeps quotations short.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= 60 {
		return s
	}
	return string([]rune(s)[:60]) + "..."
}

func lineText(raw string, ended bool) string {
	if ended {
		return raw + "\n"
	}
	return raw
}

func (s *scanner) continueValue(text string, line, offset int) {
	if s.parts == nil {
		s.parts = append(s.parts, s.opt.raw)
		s.places = append(s.places, valueLine{0, s.opt.line, s.opt.value})
		s.length = len(s.opt.raw)
	}
	for ; s.blanks > 0; s.blanks-- {
		s.parts = append(s.parts, "")
		s.length++
	}
	s.parts = append(s.parts, text)
	s.places = append(s.places, valueLine{s.length + 1, line, offset})
	s.length += 1 + len(text)
}

// endValue joins the lines of a value (INI-36).
func (s *scanner) endValue() {
	s.blanks = 0
	if s.parts == nil {
		return
	}
	joined := stripRight(strings.Join(s.parts, "\n"))
	if joined != s.opt.raw && s.opt.index >= 0 {
		s.doc.multi = append(s.doc.multi, multiLine{joined, s.places})
		s.doc.found[s.opt.index].multi = int32(len(s.doc.multi))
	}
	s.parts, s.places = nil, nil
}

func (s *scanner) noteSwallowed(value string, line, offset int) {
	if looksLikeOption(value) || strings.HasPrefix(value, "[") && strings.HasSuffix(value, "]") {
		s.doc.swallows = append(s.doc.swallows, &swallowed{s.cur, s.opt.key, value, line, offset})
	}
}

// looksLikeOption reports whether a text reads NAME = value.
func looksLikeOption(text string) bool {
	name, _, ok := strings.Cut(text, " =")
	if !ok {
		return false
	}
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}
