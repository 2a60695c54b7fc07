package paste

import (
	"hash/maphash"
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
	byName   nameIndex
	padded   map[string][]*section // by kind and name: those with white space round the name, see sectionsNamed
	swallows []*swallowed

	// What the scanner finds is kept without pointers, so that a large file
	// costs the garbage collector nothing; sections that are looked into make
	// options of it.
	found []found
	multi []multiLine // values of several lines
}

// found is one option in the text: where its key and its value are.
type found struct {
	key, keyLen     int32
	value, valueLen int32
	line            int32
	multi           int32 // 1 + index in document.multi; 0 for a value of one line
}

// multiLine is a value of several lines.
type multiLine struct {
	raw   string
	lines []valueLine
}

// span is a run of options in document.found.
type span struct{ first, count int32 }

type section struct {
	name   string
	doc    *document
	line   int
	offset int // of the header in the text
	own    span
	more   []span // further blocks, of [DEFAULT] alone (INI-26)

	options []option           // made by all
	byKey   map[string]*option // only for large sections
}

type option struct {
	key     string
	raw     string // the value, lines joined, before interpolation
	section *section
	line    int
	offset  int         // of the key in the text
	value   int         // of the value in the text
	lines   []valueLine // of a value of several lines
}

// valueLine is a line of a value that has several.
type valueLine struct{ at, line, offset int } // at: index in the raw value

// swallowed is a line that continues a value and looks like an option of its
// own (INI-34).
type swallowed struct {
	section      *section
	key          string // of the option
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

func (o *option) pos() Pos { return o.section.doc.place(o.line, o.offset) }

// valuePos is where the value begins.
func (o *option) valuePos() Pos { return o.valueAt(0) }

// valueAt is the place of a byte of the raw value.
func (o *option) valueAt(i int) Pos {
	d := o.section.doc
	i = min(i, len(o.raw))
	if o.lines == nil {
		return d.place(o.line, o.value+i)
	}
	at := o.lines[0]
	for _, l := range o.lines {
		if l.at <= i {
			at = l
		}
	}
	return d.place(at.line, min(at.offset+i-at.at, len(d.text)))
}

// all gives the options of the section in order.
func (s *section) all() []option {
	if s.options != nil || s.own.count == 0 && len(s.more) == 0 {
		return s.options
	}
	for _, run := range append([]span{s.own}, s.more...) {
		for _, f := range s.doc.found[run.first : run.first+run.count] {
			o := option{
				key: s.doc.text[f.key : f.key+f.keyLen], raw: s.doc.text[f.value : f.value+f.valueLen],
				section: s, line: int(f.line), offset: int(f.key), value: int(f.value),
			}
			if f.multi > 0 {
				m := &s.doc.multi[f.multi-1]
				o.raw, o.lines = m.raw, m.lines
			}
			s.options = append(s.options, o)
		}
	}
	if len(s.options) >= indexFrom {
		s.byKey = make(map[string]*option, len(s.options))
		for i := range s.options {
			s.byKey[s.options[i].key] = &s.options[i]
		}
	}
	return s.options
}

func (s *section) option(key string) *option {
	options := s.all()
	if s.byKey != nil {
		return s.byKey[key]
	}
	for i := range options {
		if options[i].key == key {
			return &options[i]
		}
	}
	return nil
}

// nameIndex finds sections by name. It is a hash table of its own, because a map
// would take more time and memory than all else about a large file.
type nameIndex struct {
	slots []*section // a power of two, at most half of them in use
	used  int
	seed  maphash.Seed
}

func newNameIndex(sections int) nameIndex {
	size := 16
	for size < 2*sections {
		size *= 2
	}
	return nameIndex{slots: make([]*section, size), seed: maphash.MakeSeed()}
}

// slot is where the section of a name is, or would be.
func (x *nameIndex) slot(name string) int {
	mask := len(x.slots) - 1
	i := int(maphash.String(x.seed, name)) & mask
	for x.slots[i] != nil && x.slots[i].name != name {
		i = (i + 1) & mask
	}
	return i
}

func (x *nameIndex) find(name string) *section {
	if len(x.slots) == 0 {
		return nil
	}
	return x.slots[x.slot(name)]
}

func (x *nameIndex) add(s *section) {
	if 2*(x.used+1) > len(x.slots) {
		larger := newNameIndex(len(x.slots))
		for _, old := range x.slots {
			if old != nil {
				larger.add(old)
			}
		}
		*x = larger
	}
	x.slots[x.slot(s.name)] = s
	x.used++
}
