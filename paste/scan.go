package paste

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// document is one file as Python's ConfigParser reads it (section 1 of the
// semantics): sections and options in order, values raw, every one with its
// place. gopkg.in/ini.v1 is not the model here, because its dialect is another
// one and NewKey looks through all keys of a section for each new one.
type document struct {
	file     string // the path as opened (URI-08)
	text     string
	sections []*section
	defaults *section // all [DEFAULT] blocks together (INI-26)
	byName   map[string]*section
	padded   []*section // those with white space round their name, see sectionsNamed
	swallows []*swallowed
}

type section struct {
	name    string
	doc     *document
	line    int
	offset  int // of the header in the text
	options []*option
	byKey   map[string]*option // only for large sections
}

type option struct {
	key     string
	raw     string // the value, lines joined, before interpolation
	section *section
	lines   *[]valueLine // nil for a value of one line
	line    int32
	offset  int32 // of the key in the text; a file is smaller than 2 GB
	value   int32 // of the value in the text
}

// valueLine is a line of a value that has several.
type valueLine struct{ at, line, offset int } // at: index in the raw value

// swallowed is a line that continues a value and looks like an option of its
// own (INI-34).
type swallowed struct {
	option       *option
	text         string
	line, offset int
}

// place is the position of an offset in the text, which stands on line.
func (d *document) place(line, offset int) Pos {
	start := strings.LastIndexAny(d.text[:offset], "\n\r") + 1
	return Pos{displayName(d.file), line, utf8.RuneCountInString(d.text[start:offset]) + 1}
}

// displayName is how messages name a file: as the operator would.
func displayName(file string) string { return strings.TrimPrefix(file, "./") }

func (s *section) pos() Pos { return s.doc.place(s.line, s.offset) }

func (o *option) pos() Pos { return o.section.doc.place(int(o.line), int(o.offset)) }

// valuePos is where the value begins.
func (o *option) valuePos() Pos { return o.valueAt(0) }

// valueAt is the place of a byte of the raw value.
func (o *option) valueAt(i int) Pos {
	d := o.section.doc
	i = min(i, len(o.raw))
	if o.lines == nil {
		return d.place(int(o.line), int(o.value)+i)
	}
	at := (*o.lines)[0]
	for _, l := range *o.lines {
		if l.at <= i {
			at = l
		}
	}
	return d.place(at.line, min(at.offset+i-at.at, len(d.text)))
}

func (s *section) option(key string) *option {
	if s.byKey != nil {
		return s.byKey[key]
	}
	for _, o := range s.options {
		if o.key == key {
			return o
		}
	}
	return nil
}

func (s *section) add(o *option) {
	s.options = append(s.options, o)
	switch {
	case s.byKey != nil:
		s.byKey[o.key] = o
	case len(s.options) >= indexFrom:
		s.byKey = make(map[string]*option, 2*indexFrom)
		for _, x := range s.options {
			s.byKey[x.key] = x
		}
	}
}

// scanner holds the state of ConfigParser's reader between two lines.
type scanner struct {
	doc    *document
	source string // the path as messages show it
	cur    *section
	opt    *option
	parts  []string // the lines of the value of opt
	places []valueLine
	length int // of the parts joined
	blanks int // blank lines behind the last part
	indent int

	fatal Errors // what stops Python at once
	bad   Errors // what it collects (INI-14)
	slips strings.Builder

	// Sections and options are made in blocks, and lists of options cut from
	// one list: a large file is read without an allocation for each of them.
	sections []section
	options  []option
	list     []*option
}

// blockSize is how many sections or options are made at once.
const blockSize = 128

func (s *scanner) newSection() *section {
	if len(s.sections) == 0 {
		s.sections = make([]section, blockSize)
	}
	x := &s.sections[0]
	s.sections = s.sections[1:]
	return x
}

// usualOptions is how many options a section has room for from the start.
const usualOptions = 6

// newList makes an empty list of options; a longer one grows away.
func (s *scanner) newList() []*option {
	if len(s.list) < usualOptions {
		s.list = make([]*option, blockSize*usualOptions)
	}
	list := s.list[:0:usualOptions]
	s.list = s.list[usualOptions:]
	return list
}

func (s *scanner) newOption() *option {
	if len(s.options) == 0 {
		s.options = make([]option, blockSize)
	}
	x := &s.options[0]
	s.options = s.options[1:]
	return x
}

// parse reads a whole file. The first error is the one that stops Python.
func parse(file, text string) (*document, error) {
	d := &document{file: file, text: text, byName: make(map[string]*section, strings.Count(text, "\n["))}
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
		s.cur = s.doc.defaults
		if s.cur.line == 0 {
			s.cur.line, s.cur.offset = line, offset
		}
		return
	}
	s.cur = s.newSection()
	*s.cur = section{name: name, doc: s.doc, line: line, offset: offset, options: s.newList()}
	if first := s.doc.byName[name]; first != nil { // INI-25
		e := s.slip(line, offset, "DuplicateSectionError",
			fmt.Sprintf("While reading from %s [line %2d]: section %s already exists", s.source, line, repr(name)))
		e.Section = name
		e.Problem = fmt.Sprintf("section %s already exists (line %d)", repr(name), first.line)
		e.Hint = "sections are not merged, rename or remove one"
		s.fatal = append(s.fatal, e)
		return
	}
	s.doc.byName[name] = s.cur
	s.doc.sections = append(s.doc.sections, s.cur)
	if _, rest, ok := strings.Cut(name, ":"); ok && strip(rest) != rest {
		s.doc.padded = append(s.doc.padded, s.cur)
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
	o := s.newOption()
	*o = option{
		key: key, raw: text, section: s.cur, line: int32(line), //nolint:gosec // MaxFileSize
		offset: int32(offset), value: int32(offset + len(value) - len(text)), //nolint:gosec // MaxFileSize
	}
	s.opt = o
	if first := s.cur.option(key); first != nil { // INI-18
		s.duplicate(first, o)
		return
	}
	s.cur.add(o)
}

func (s *scanner) duplicate(first, o *option) {
	e := s.slip(int(o.line), int(o.offset), "DuplicateOptionError", fmt.Sprintf(
		"While reading from %s [line %2d]: option %s in section %s already exists", s.source, o.line, repr(o.key), repr(s.cur.name)))
	e.Section, e.Option = s.cur.name, o.key
	e.Problem = fmt.Sprintf("option %s in section %s already exists (line %d)", repr(o.key), repr(s.cur.name), first.line)
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
		s.places = append(s.places, valueLine{0, int(s.opt.line), int(s.opt.value)})
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
	if joined != s.opt.raw {
		places := s.places
		s.opt.raw, s.opt.lines = joined, &places
	}
	s.parts, s.places = nil, nil
}

func (s *scanner) noteSwallowed(value string, line, offset int) {
	if looksLikeOption(value) || strings.HasPrefix(value, "[") && strings.HasSuffix(value, "]") {
		s.doc.swallows = append(s.doc.swallows, &swallowed{s.opt, value, line, offset})
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
