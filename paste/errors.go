package paste

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What an error is about, for errors.Is. Each Error is one of these.
var (
	ErrSyntax        = errors.New("syntax error")              // section 1: dialect, duplicates, decoding
	ErrInterpolation = errors.New("interpolation error")       // section 2
	ErrLookup        = errors.New("no such section")           // section 3: missing or ambiguous sections
	ErrReference     = errors.New("bad reference")             // use, egg:, call:, config: texts, cycles
	ErrFile          = errors.New("file error")                // missing, unreadable, too large
	ErrUnknown       = errors.New("unknown factory")           // no Go factory is registered
	ErrOption        = errors.New("bad option")                // a factory refused its options
	ErrFactory       = errors.New("factory error")             // a factory refused for another reason
	ErrSettings      = errors.New("missing or extra settings") // pipeline, next, two protocols
)

// Error is one problem of a paste file, with its place. Its text is one line,
//
//	file:line:col: [section] option: problem; hint
//
// and the problem holds Paste Deploy's own text where there is one, because
// that is what operators search for.
type Error struct {
	Pos     Pos
	Section string // as written, without brackets; may be empty
	Option  string // may be empty
	Problem string
	Hint    string // what to do; may be empty
	Kind    error  // one of the Err values of this package
	Cause   error  // what a factory or the system said; may be nil

	class string // Python's class for tree --json, see PythonClass
	text  string // Paste Deploy's text where it differs from Problem
}

// Error gives the whole line.
func (e *Error) Error() string {
	var b strings.Builder
	if p := e.Pos.String(); p != "" {
		b.WriteString(oneLine(p) + ": ")
	}
	if e.Section != "" {
		b.WriteString("[" + oneLine(e.Section) + "] ")
	}
	if e.Option != "" {
		b.WriteString(oneLine(e.Option) + ": ")
	}
	if e.Hint == "" {
		b.WriteString(oneLine(e.Problem))
		return b.String()
	}
	b.WriteString(oneLine(strings.TrimSuffix(e.Problem, ".")) + "; " + oneLine(e.Hint))
	return b.String()
}

// Unwrap gives the kind and the cause.
func (e *Error) Unwrap() []error {
	list := make([]error, 0, 2)
	if e.Kind != nil {
		list = append(list, e.Kind)
	}
	if e.Cause != nil {
		list = append(list, e.Cause)
	}
	return list
}

// PythonClass names the exception that Paste Deploy raises here, for
// tree --json, which speaks Python's names.
func (e *Error) PythonClass() string {
	if e.class == "" {
		return "LookupError"
	}
	return e.class
}

// PasteText is the text that Paste Deploy gives, as far as it has one.
func (e *Error) PasteText() string {
	if e.text != "" {
		return e.text
	}
	return e.Problem
}

// oneLine keeps control characters, which file contents can hold, out of
// terminals and logs, and every error on one line.
func oneLine(s string) string {
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case isControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }

// Errors are all problems that were found, the one that Paste Deploy would
// have stopped at first.
type Errors []*Error

// Error gives one line per problem.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, x := range e {
		lines[i] = x.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each problem to errors.Is and errors.As.
func (e Errors) Unwrap() []error {
	list := make([]error, len(e))
	for i, x := range e {
		list[i] = x
	}
	return list
}

// AllErrors gives every problem that err holds, each once, in the order in
// which they were found. An error of another type becomes an Error without a
// place.
func AllErrors(err error) Errors {
	var list Errors
	seen := map[string]bool{}
	for _, e := range flatten(err) {
		// The way that led to a problem does not make it another one.
		key := e.Pos.String() + "\x00" + e.Section + "\x00" + e.Option + "\x00" + e.Problem
		again := errors.Is(e.Kind, ErrInterpolation) || e.class == "RecursionError"
		if again && e.Pos.Line > 0 { // it is found again through all that refers to it
			key = e.Pos.String() + "\x00" + e.class
		}
		if !seen[key] {
			seen[key] = true
			list = append(list, e)
		}
	}
	return list
}

func flatten(err error) Errors {
	switch x := err.(type) { //nolint:errorlint // a wrapped one says more than its parts
	case nil:
		return nil
	case *Error:
		return Errors{x}
	case Errors:
		return x
	}
	if list, ok := joined(err); ok {
		var all Errors
		for _, sub := range list {
			all = append(all, flatten(sub)...)
		}
		return all
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return Errors{e}
	}
	return Errors{{Problem: err.Error(), Kind: ErrFactory, Cause: err}}
}

// joined gives the parts of an error that errors.Join made: one that says no
// more than its parts do.
func joined(err error) ([]error, bool) {
	parts, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil, false
	}
	list := slices.Clone(parts.Unwrap())
	return list, errors.Join(list...).Error() == err.Error()
}

// collect joins errors; nil if there are none.
func collect(errs ...error) error {
	var list Errors
	for _, err := range errs {
		list = append(list, flatten(err)...)
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// OptionError is what a factory returns when one option of its section is at
// fault. The loader adds file, line, section and the name of the option.
type OptionError struct {
	Option string // the name as written in the section
	Err    error
}

// Error gives the option and the problem.
func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap gives the problem.
func (e *OptionError) Unwrap() error { return e.Err }

// BadOption makes an OptionError as fmt.Errorf makes an error. Say what is
// wrong and what is wanted:
//
//	return nil, paste.BadOption("address", "invalid URL %q, want http://host[:port]", o.Address)
func BadOption(option, format string, args ...any) error {
	return &OptionError{Option: option, Err: fmt.Errorf(format, args...)}
}

// Nearest gives the name among known that is most probably meant by name, or
// "" if none is near.
func Nearest(name string, known []string) string { return nearest(name, known) }

// maxEdits is how many slips a name may have and still be guessed.
const maxEdits = 3

// nearest gives the name among known that is most probably meant by name, or
// "" if none is near.
func nearest(name string, known []string) string {
	if len(name) > 100 { // nobody typed that; and the comparison is quadratic
		return ""
	}
	best, bestDistance := "", min(len(name)/3, maxEdits)
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := distance(strings.ToLower(name), strings.ToLower(k), bestDistance); d <= bestDistance && k != name {
			if d < bestDistance || best == "" {
				best, bestDistance = k, d
			}
		}
	}
	return best
}

// distance is the number of edits (a transposition counts as one) between two
// names, or more than limit when it is larger than that.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d > limit || -d > limit {
		return limit + 1
	}
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
