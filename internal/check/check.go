// Package check finds every problem of a paste file in one run, as serve would
// meet them, short of opening anything.
package check

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Report is what was found.
type Report struct {
	Errors   paste.Errors // serve would refuse to start
	Warnings paste.Errors // loads, but is probably not meant, or is not reached
}

// Write prints one problem a line, in the order of the file.
func (r Report) Write(w io.Writer) error {
	type line struct {
		pos  paste.Pos
		text string
	}
	var lines []line
	for _, e := range r.Errors {
		lines = append(lines, line{e.Pos, e.Error()})
	}
	for _, e := range r.Warnings {
		lines = append(lines, line{e.Pos, Warning(e)})
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.pos.File, b.pos.File), cmp.Compare(a.pos.Line, b.pos.Line), cmp.Compare(a.pos.Col, b.pos.Col))
	})
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, l.text); err != nil {
			return err
		}
	}
	return nil
}

// Warning writes a problem as file:line:col: warning: ...
func Warning(e *paste.Error) string {
	text := e.Error()
	if place := e.Pos.String(); place != "" {
		return place + ": warning:" + strings.TrimPrefix(text, place+":")
	}
	return "warning: " + text
}

// Run checks the file that a URI names. Errors are what the named application
// reaches: the name of the options or the URI's fragment, else main, else every
// application that no section uses. What nothing reaches gives warnings
// (GEN-05).
func Run(l *pipeline.Loader, uri string, opts ...paste.LoadOption) Report {
	var r Report
	file, name, err := paste.OpenURI(uri, opts...)
	if err != nil {
		return Report{Errors: paste.AllErrors(err)}
	}
	entries := tree.File(file)
	roots := tree.Roots(file, entries, name)
	reached := map[string]bool{}
	for _, e := range entries {
		if e.Object == paste.App && e.Name != nil && slices.Contains(roots, *e.Name) {
			e.Node.Mark(file, reached)
			reached[e.Section.Name] = true
		}
	}
	for _, root := range roots {
		errs, warnings := build(l, file, &root)
		r.Errors = append(r.Errors, errs...)
		r.Warnings = append(r.Warnings, warnings...)
	}
	for _, e := range entries {
		if !reached[e.Section.Name] && e.Object != paste.ServerObject {
			r.Warnings = append(r.Warnings, unreached(e)...)
		}
	}
	r.Warnings = append(r.Warnings, file.Warnings()...)
	r.Warnings = append(r.Warnings, file.Slips()...)
	r.Errors = paste.AllErrors(r.Errors)
	r.Warnings = without(paste.AllErrors(r.Warnings), r.Errors)
	return r
}

func build(l *pipeline.Loader, file *paste.Loader, name *string) (errs, warnings paste.Errors) {
	c, err := file.Load(paste.App, name)
	if err != nil {
		return paste.AllErrors(err), nil
	}
	app, err := l.BuildApp(c)
	if err != nil {
		return paste.AllErrors(err), nil
	}
	return nil, app.Warnings()
}

// unreached tells of the sections that would not load if something reached
// them.
func unreached(e tree.Entry) paste.Errors {
	if e.Node.Err == nil {
		return nil
	}
	var notes paste.Errors
	for _, problem := range paste.AllErrors(e.Node.Err) {
		note := *problem
		note.Problem += " (nothing that is checked uses this section)"
		notes = append(notes, &note)
	}
	return notes
}

// without leaves out the warnings about places that have an error anyway.
func without(warnings, errs paste.Errors) paste.Errors {
	return slices.DeleteFunc(warnings, func(w *paste.Error) bool {
		return slices.ContainsFunc(errs, func(e *paste.Error) bool {
			return e.Pos == w.Pos && e.Option == w.Option
		})
	})
}
