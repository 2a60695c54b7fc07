package osloconf

import (
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wheatpaste/wheatpaste/paste"
)

// scan is the state of the reading of one file between two lines. It decides
// for each line what it is, as oslo's parser does, keeps the places, and finds
// every error where oslo stops at the first. The text of the options goes to
// ini.v1 (model.go).
type scan struct {
	file    *file
	pending []assignment // not yet read by ini.v1
	group   string       // as written; "" before the first header
	open    bool         // the last of pending takes continuation lines
	dropped bool         // continuation lines belong to a line with an error
	lost    bool         // the header was wrong or missing: options are dropped
	errs    paste.Errors
}

// assignment is an option as it stands in the file.
type assignment struct {
	entry          // without its text
	raw   string   // the first line of the value, stripped
	more  []string // the lines that continue it, stripped
}

// parse reads the text of one file.
func parse(name, text string) (*file, paste.Errors) {
	s := &scan{file: &file{name: name, index: map[key][]int{}}}
	for l := range lines(text) {
		s.line(l)
	}
	s.flush()
	return s.file, s.errs
}

func (s *scan) line(l line) {
	text := strings.TrimRightFunc(l.text, isSpace)
	// White space ends the value too, so that an indented line below an empty
	// one is an error. So does a comment in the first column; an indented
	// "# text" is a part of the value.
	switch {
	case text == "":
		s.open, s.dropped = false, false
	case text[0] == ' ' || text[0] == '\t':
		s.continuation(l, strings.TrimLeftFunc(text, isSpace))
	case text[0] == '#' || text[0] == ';':
		s.open, s.dropped = false, false
	case text[0] == '[':
		s.header(l, text)
	default:
		s.option(l, text)
	}
}

func (s *scan) continuation(l line, text string) {
	switch {
	case s.open:
		last := &s.pending[len(s.pending)-1]
		last.more = append(last.more, text)
	case !s.dropped:
		s.dropped = true // one error for the block
		s.fail(l, len(l.text)-len(strings.TrimLeftFunc(l.text, isSpace)),
			"unexpected continuation line, want no white space before a name, a section or a comment")
	}
}

// header takes "[name]". The name is what stands between the brackets, white
// space too; nothing may follow, not even a comment.
func (s *scan) header(l line, text string) {
	s.open, s.dropped = false, true
	s.group, s.lost = "", true
	switch {
	case !strings.HasSuffix(text, "]"):
		s.fail(l, 0, fmt.Sprintf("invalid section %q (must end with ]), want [name] alone on its line", shorten(text)))
	case len(text) <= 2:
		s.fail(l, 0, "empty section name, want [name]")
	default:
		s.group, s.lost, s.dropped = text[1:len(text)-1], false, false
		s.file.groups = append(s.file.groups, s.group)
	}
}

// option takes "name = value" or "name: value", whichever sign comes first.
func (s *scan) option(l line, text string) {
	s.open, s.dropped = false, true
	at := strings.IndexAny(text, ":=")
	if at < 0 {
		s.fail(l, 0, fmt.Sprintf("no ':' or '=' found in assignment after %q, want name = value", firstWord(text)))
		return
	}
	name := strings.TrimFunc(text[:at], isSpace)
	if name == "" {
		s.fail(l, 0, "key cannot be empty, want name = value")
		return
	}
	if s.lost {
		return
	}
	if s.group == "" {
		s.lost = true // once is enough
		s.fail(l, 0, "section must be started before assignment, want [DEFAULT] or another section above the first option")
		return
	}
	value := strings.TrimFunc(text[at+1:], isSpace)
	col := utf8.RuneCountInString(l.text[:at+1]) + 1
	if value != "" {
		gap := strings.IndexFunc(text[at+1:], func(r rune) bool { return !isSpace(r) })
		col += utf8.RuneCountInString(text[at+1 : at+1+gap])
	}
	s.add(assignment{entry: entry{group: s.group, name: name, line: l.number, col: col}, raw: value})
	s.open, s.dropped = true, false
}

func (s *scan) add(a assignment) {
	if len(s.pending) == chunk {
		s.flush()
	}
	s.pending = append(s.pending, a)
}

// fail keeps an error about the byte at of a line.
func (s *scan) fail(l line, at int, problem string) {
	pos := paste.Pos{File: s.file.name, Line: l.number, Col: utf8.RuneCountInString(l.text[:at]) + 1}
	s.errs = append(s.errs, syntaxError(pos, s.group, problem))
}

// firstWord is what can be shown of a line that may hold a secret.
func firstWord(text string) string {
	return shorten(strings.FieldsFunc(text, isSpace)[0])
}

func shorten(text string) string {
	const most = 40
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "..."
}

// line is one line of a text without its end.
type line struct {
	text           string
	number, offset int // number from 1
}

// lines splits as Python's text files do: \n, \r\n and \r end a line, other
// separators (form feed, U+2028) do not. An empty last line is not given.
func lines(text string) iter.Seq[line] {
	return func(yield func(line) bool) {
		for number, start := 1, 0; start < len(text); number++ {
			end, next := len(text), len(text)
			if i := strings.IndexAny(text[start:], "\r\n"); i >= 0 {
				end, next = start+i, start+i+1
				if strings.HasPrefix(text[end:], "\r\n") {
					next++
				}
			}
			if !yield(line{text[start:end], number, start}) {
				return
			}
			start = next
		}
	}
}

// isSpace reports what Python's strip takes away: Unicode's white space and
// the separators U+001C to U+001F.
func isSpace(r rune) bool {
	return r >= 0x1c && r <= 0x1f || unicode.IsSpace(r)
}
