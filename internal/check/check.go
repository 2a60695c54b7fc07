// Package check finds every problem of a paste file in one run, as serve would
// meet them, short of opening anything.
package check

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/plan"
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

// Run checks the file that a URI names; see Request.
func Run(l *pipeline.Loader, uri string, opts ...paste.LoadOption) Report {
	r, err := Request(plan.Request{Loader: l, URI: uri, Options: opts})
	if err != nil {
		r.Errors = append(r.Errors, paste.AllErrors(err)...)
	}
	return r
}

// Request checks what a request would serve, by building it. Errors are what the
// named application reaches (the name of the request or the URI's fragment,
// else main, else every application that no section uses), and what the servers
// do. What nothing reaches gives warnings (GEN-05). The error is one of the
// command line.
func Request(q plan.Request) (Report, error) {
	q.All = true
	made, err := plan.Make(q)
	if errors.Is(err, plan.ErrUsage) {
		return Report{}, err
	}
	if err != nil {
		return Report{Errors: paste.AllErrors(err)}, nil
	}
	r := Report{Errors: append(made.Errors, made.Expired...), Warnings: made.Warnings}
	if made.File != nil {
		s := newSurvey(q.Loader, made.File)
		r.Errors = paste.AllErrors(append(r.Errors, s.reached(made)...))
		r.Warnings = append(r.Warnings, s.unreached()...)
		r.Warnings = append(r.Warnings, made.File.Warnings()...)
		r.Warnings = append(r.Warnings, made.File.Slips()...)
	}
	r.Warnings = without(paste.AllErrors(r.Warnings), r.Errors)
	return r, nil
}

// Plan makes what is to be served, or gives all errors that check would find.
func Plan(q plan.Request) (*plan.Plan, error) {
	made, err := plan.Make(q)
	switch {
	case err != nil:
		return nil, err
	case len(made.Errors) == 0:
		made.Warnings = append(made.Warnings, made.Expired...)
		return &made.Plan, nil
	case made.File == nil:
		return nil, made.Errors
	}
	return nil, paste.AllErrors(append(made.Errors, newSurvey(q.Loader, made.File).reached(made)...))
}

// without leaves out the warnings about places that have an error anyway.
func without(warnings, errs paste.Errors) paste.Errors {
	type place struct {
		pos    paste.Pos
		option string
	}
	taken := map[place]bool{}
	for _, e := range errs {
		taken[place{e.Pos, e.Option}] = true
	}
	return slices.DeleteFunc(warnings, func(w *paste.Error) bool { return taken[place{w.Pos, w.Option}] })
}
