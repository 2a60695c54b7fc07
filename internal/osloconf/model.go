package osloconf

import (
	"fmt"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/wheatpaste/wheatpaste/paste"
)

// dialect makes ini.v1 read values as they stand. Without these options it
//   - joins a line that ends with a backslash with the next one;
//   - cuts a value at # and ;;
//   - strips quotes by a rule of its own ("a" "b" keeps its quotes there and
//     loses the outer ones in oslo);
//   - keeps the last of several values, or, with AllowShadows alone, drops
//     repeated ones: multi-valued options want them all, in order;
//   - looks for an option of [a.b] in [a] too. No name holds a line break.
var dialect = ini.LoadOptions{
	IgnoreContinuation:         true,
	IgnoreInlineComment:        true,
	PreserveSurroundedQuote:    true,
	AllowShadows:               true,
	AllowDuplicateShadowValues: true,
	ChildSectionDelimiter:      "\n",
	KeyValueDelimiters:         "=",
}

// No option turns off the rest, so ini.v1 is given a clean copy of the
// options, one on a line, made from what the scan found:
//   - ini.v1 takes an indented line for an option of its own. Its
//     AllowPythonMultilineValues keeps the indentation and the comments in the
//     value, goes on after lines of white space, and copies the rest of the
//     file for each value. Here lineMark joins the lines;
//   - it takes names and values that begin with a back-quote or with quotes
//     for quoted ones that may go on over lines, the name - for a counter, and
//     leaves empty values out of the list of shadows. guard stands before each
//     name and value, so that none of them begins so and none is empty;
//   - it ignores what follows a ], lets options stand before any section,
//     and gives no line numbers: the scan reports the first two as oslo does,
//     and knows the places;
//   - InsensitiveSections loses [DEFAULT], and makes [default] the same as
//     [DEFAULT], which oslo does not. Sections are compared by normalGroup;
//   - it looks through all names of a section for each new one, so that a
//     large file would take hours. It gets the options chunk by chunk.
const (
	guard    = "|"
	lineMark = "\r" // no line of a file holds one
	chunk    = 128
)

// flush has ini.v1 read the pending options and puts them into the file.
func (s *scan) flush() {
	if len(s.pending) == 0 {
		return
	}
	values, err := readValues(s.pending)
	if err != nil {
		pos := s.file.pos(s.pending[0].entry)
		s.errs = append(s.errs, &paste.Error{Pos: pos, Problem: err.Error(), Kind: paste.ErrSyntax, Cause: err})
	}
	for i, value := range values {
		s.file.add(s.pending[i].entry, value)
	}
	clear(s.pending)
	s.pending = s.pending[:0]
}

// readValues gives the value of each option as ini.v1 reads it from the copy.
func readValues(list []assignment) ([]string, error) {
	doc, err := ini.LoadSources(dialect, []byte(cleanCopy(list)))
	if err != nil {
		return nil, err
	}
	values := make([]string, len(list))
	left := map[key][]string{}
	for i, a := range list {
		k := a.key()
		if _, seen := left[k]; !seen {
			left[k] = doc.Section(guard + k.group).Key(guard + k.name).ValueWithShadows()
		}
		if len(left[k]) == 0 { // FuzzLoad tries to get here
			return nil, fmt.Errorf("ini.v1 lost a value of %q, want a bug report", a.name)
		}
		values[i], left[k] = left[k][0], left[k][1:]
	}
	return values, nil
}

func cleanCopy(list []assignment) string {
	var b strings.Builder
	group := ""
	for _, a := range list {
		if g := normalGroup(a.group); g != group {
			group = g
			b.WriteString("[" + guard + g + "]\n")
		}
		b.WriteString(guard + a.name + "=" + guard + a.raw)
		for _, l := range a.more {
			b.WriteString(lineMark + l)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// add takes an option with the value as it stands in the copy.
func (f *file) add(e entry, value string) {
	value = strings.TrimPrefix(value, guard)
	first, rest, several := strings.Cut(value, lineMark)
	e.text = unquote(first)
	if several {
		e.text += "\n" + strings.ReplaceAll(rest, lineMark, "\n")
	}
	f.index[e.key()] = append(f.index[e.key()], len(f.entries))
	f.entries = append(f.entries, e)
}

// unquote takes away the quotes of a line that begins and ends with the same
// one. oslo does not mind what stands between, or that they are one (").
func unquote(s string) string {
	if s == "" || s[0] != '"' && s[0] != '\'' || s[len(s)-1] != s[0] {
		return s
	}
	if len(s) == 1 {
		return ""
	}
	return s[1 : len(s)-1]
}
