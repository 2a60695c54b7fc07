package paste

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

func TestErrorLines(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  *Error
		want string
	}{
		{"all parts", &Error{Pos: Pos{"f.ini", 3, 7}, Section: "app:main", Option: "use", Problem: "wrong", Hint: "want right"}, "f.ini:3:7: [app:main] use: wrong; want right"},
		{"a line", &Error{Pos: Pos{File: "f.ini", Line: 3}, Problem: "wrong"}, "f.ini:3: wrong"},
		{"a file", &Error{Pos: Pos{File: "f.ini"}, Problem: "wrong"}, "f.ini: wrong"},
		{"no place", &Error{Problem: "wrong", Hint: "want right"}, "wrong; want right"},
		{"a full stop before a hint goes", &Error{Problem: "wrong.", Hint: "want right"}, "wrong; want right"},
		{"a full stop stays otherwise", &Error{Problem: "wrong."}, "wrong."},
		{"always one line without control characters", &Error{Pos: Pos{File: "a\nb"}, Section: "s\x1b[31m", Option: "o\r", Problem: "p\tq\u0085", Hint: "h\x00"}, `a b: [s\x1b[31m] o\x0d: p q\x85; h\x00`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.err.Error(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// GO-03: typed errors.
func TestErrorsIsAndAs(t *testing.T) {
	cause := errors.New("cause")
	var err error = Errors{{Kind: ErrSyntax}, {Kind: ErrFactory, Cause: cause}, {}}
	for _, target := range []error{ErrSyntax, ErrFactory, cause} {
		if !errors.Is(err, target) {
			t.Errorf("errors.Is(err, %v) = false", target)
		}
	}
	if errors.Is(err, ErrLookup) {
		t.Error("errors.Is(err, ErrLookup) = true")
	}
	var first *Error
	if !errors.As(err, &first) || !errors.Is(first.Kind, ErrSyntax) {
		t.Errorf("errors.As gives %v, want the first", first)
	}
	_, err = Open(filepath.Join(t.TempDir(), "none.ini"))
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrFile) {
		t.Errorf("a missing file is %v, want fs.ErrNotExist and ErrFile", err)
	}
	if got := (&Error{}).PythonClass(); got != "LookupError" {
		t.Errorf("PythonClass without one = %s", got)
	}
	if got := (&Error{Problem: "p", text: "t"}).PasteText(); got != "t" {
		t.Errorf("PasteText = %s, want t", got)
	}
	option := BadOption("x", "%w", cause)
	if option.Error() != "x: cause" || !errors.Is(option, cause) {
		t.Errorf("BadOption = %v", option)
	}
}

func TestAllErrors(t *testing.T) {
	a := &Error{Pos: Pos{"f", 1, 1}, Section: "s", Problem: "a"}
	b := &Error{Pos: Pos{"f", 1, 1}, Section: "s", Problem: "b"}
	interpolated := func(option string) *Error {
		return &Error{Pos: Pos{"f", 2, 2}, Option: option, Problem: option, Kind: ErrInterpolation, class: "x"}
	}
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"nothing", nil, ""},
		{"each once, in order", Errors{b, a, {Pos: a.Pos, Section: "s", Problem: "a", Hint: "another way"}}, "f:1:1: [s] b|f:1:1: [s] a"},
		{"joined errors", errors.Join(a, Errors{b}), "f:1:1: [s] a|f:1:1: [s] b"},
		{"wrapped ones", fmt.Errorf("while loading: %w", a), "f:1:1: [s] a"},
		{"two wrapped ones are one text", fmt.Errorf("%w and %w", a, b), "f:1:1: [s] a"},
		{"errors of another type", errors.Join(errors.New("x"), a), "x|f:1:1: [s] a"},
		{"one slip found through two values", Errors{interpolated("a"), interpolated("b")}, "f:2:2: a: a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var lines []string
			for _, e := range AllErrors(tc.err) {
				lines = append(lines, e.Error())
			}
			if got := strings.Join(lines, "|"); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	if collect(nil, nil) != nil {
		t.Error("collect of nothing is an error")
	}
}

func TestNearest(t *testing.T) {
	known := []string{"main", "osapi_compute", "authtoken", "cors", "x", "Healthcheck"}
	for name, want := range map[string]string{
		"mian": "main", "MAIN": "main", "cros": "cors", "auth_token": "authtoken", "healthcheck": "Healthcheck", "osapi_computer": "osapi_compute",
		"main": "", "y": "", "X": "x", "zzzz": "", "": "", "authentication": "", strings.Repeat("m", 200): "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
	if got := Nearest("ab1c", []string{"abxc", "abyc"}); got != "abxc" {
		t.Errorf("of two as near the first is %q, want abxc", got)
	}
}

// Searching for near names in a large file takes time, so it is bounded.
func TestHintsAreBounded(t *testing.T) {
	s := newSession()
	for range maxHints {
		if s.nearest("mian", []string{"main"}) != "main" {
			t.Fatal("no hint within the bound")
		}
	}
	if got := s.nearest("mian", []string{"main"}); got != "" {
		t.Errorf("hint behind the bound = %q", got)
	}
}

func TestSlips(t *testing.T) {
	dir := writeFiles(t, `
		[app:main]
		use = egg:A
		a = 1
		  db_password = hunter2
		  [app:other]
		  free text = no, two words
		  more
	`)
	l, err := Open(filepath.Join(dir, "paste.ini"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`D/paste.ini:4:3: [app:main] a: the line that begins with "db_password" continues the value, because it is indented more than "a"; begin it in the column of the option before, if it is one of its own`,
		`D/paste.ini:5:3: [app:main] a: the line that begins with "[app:other]" continues the value, because it is indented more than "a"; begin it in the column of the option before, if it is one of its own`,
	}, "\n")
	if got := answer(nil, l.Slips(), dir); got != want {
		t.Errorf("INI-34 INI-24\n got %s\nwant %s", got, want)
	}
}
