// Package plan decides what to serve where: which applications of a paste file,
// on which servers (design.md 7).
package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
)

// Request is what the operator asks for.
type Request struct {
	Loader  *pipeline.Loader
	URI     string // config:PATH, or the URI of an application without a file
	Name    *string
	Options []paste.LoadOption // relative_to, the globals and what reads the files

	Conf *osloconf.Config // --config-file; nil without any
	Nova bool             // Conf says what is served, see NovaMode
	// Source is where the files come from, nil for the disk. With it the plan
	// lists the conf files too.
	Source *snapshot.Files

	Servers []string         // --server-name; "all" for all
	Listen  []string         // --listen: in place of the only group's
	Workers *service.Workers // --workers: in place of the groups'

	// Only builds the group of that name and its application alone: what a
	// worker of it needs. All else is resolved as without it.
	Only string

	// All goes on where it would have to be said what is meant: without a name,
	// and without an application main, it takes every application that no
	// section uses; without a server main, every server.
	All bool
}

// Plan is what will be served.
type Plan struct {
	Groups   []Group
	Files    []paste.FileInfo
	Warnings paste.Errors
	// File is the paste file; nil for an application without one.
	File *paste.Loader
}

// Group is one server with its application.
type Group struct {
	*service.Group
	Application *pipeline.App
	// LogFormat is that of the access log; nil for the combined format.
	LogFormat *accesslog.Format
}

// Rehearsal is a plan with everything that is wrong with it.
type Rehearsal struct {
	Plan
	Errors  paste.Errors
	Expired paste.Errors // certificates: no reason not to serve
	Apps    []string     // the applications that were built, or should have been
	Servers []string     // and the server sections, without their kind
}

// ErrUsage marks errors of the command line, as against those of files.
var ErrUsage = errors.New("usage")

// usageError is an error of the command line.
type usageError struct{ error }

func (usageError) Is(target error) bool { return target == ErrUsage }
func (e usageError) Unwrap() error      { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Make resolves and builds everything, and opens nothing. What is wrong with the
// files is in the rehearsal; the error is one of the command line, or of opening
// the file.
func Make(q Request) (*Rehearsal, error) {
	m := &maker{Request: q, sections: map[string]*paste.Context{}, formats: map[string]*accesslog.Format{}}
	if err := m.run(); err != nil {
		return nil, err
	}
	return &m.made, nil
}

type maker struct {
	Request
	made     Rehearsal
	file     *paste.Loader
	name     *string
	sections map[string]*paste.Context    // of the servers, by name
	formats  map[string]*accesslog.Format // of nova's groups, by name
}

// appOption is the option of a server section that says what it serves.
const appOption = "wheatpaste.app"

func (m *maker) run() error {
	if !strings.HasPrefix(m.URI, "config:") {
		if m.Nova {
			m.warn(paste.AllErrors(m.Conf.Bad(enabledAPIs, "not used: %s is one application, not a paste file", m.URI))...)
		}
		return m.withoutFile()
	}
	file, name, err := paste.OpenURI(m.URI, m.options()...)
	if err != nil {
		return err
	}
	m.file, m.name, m.made.File = file, name, file
	groups, err := m.groups()
	if err != nil {
		return err
	}
	if err := m.override(groups); err != nil {
		return err
	}
	m.programWide(groups)
	if groups, err = m.only(groups); err != nil {
		return err
	}
	m.applications(groups)
	m.made.Files = m.files()
	m.warn(file.Warnings()...)
	m.made.Errors, m.made.Warnings = paste.AllErrors(m.made.Errors), paste.AllErrors(m.made.Warnings)
	return nil
}

func (m *maker) fail(err error) { m.made.Errors = append(m.made.Errors, paste.AllErrors(err)...) }
func (m *maker) warn(warnings ...*paste.Error) {
	m.made.Warnings = append(m.made.Warnings, warnings...)
}

func (m *maker) options() []paste.LoadOption {
	opts := slices.Clone(m.Options)
	if m.Name != nil {
		opts = append(opts, paste.Name(*m.Name))
	}
	return opts
}

// only leaves out the groups that are not asked for.
func (m *maker) only(groups []*service.Group) ([]*service.Group, error) {
	if m.Only == "" {
		return groups, nil
	}
	for _, g := range groups {
		if g.Name == m.Only {
			return []*service.Group{g}, nil
		}
	}
	return nil, fmt.Errorf("no server %q in %s", m.Only, m.file.Filename())
}

// files are those that were read.
func (m *maker) files() []paste.FileInfo {
	if m.Source == nil {
		return m.file.Files()
	}
	var list []paste.FileInfo
	for _, f := range m.Source.Files() {
		if f.Err == nil && !f.Folder && !f.Secret {
			list = append(list, paste.FileInfo{Path: f.Path, SHA256: f.SHA256})
		}
	}
	return list
}

// withoutFile serves an application that a URI such as egg:Paste#test names.
func (m *maker) withoutFile() error {
	g := service.DefaultGroup()
	if err := m.override([]*service.Group{g}); err != nil {
		return err
	}
	app, err := m.Loader.LoadApp(m.URI, m.options()...)
	if err != nil {
		m.fail(err)
		return nil
	}
	m.made.Groups = []Group{{Group: g, Application: app}}
	m.warn(app.Warnings()...)
	return nil
}

// applications builds the applications of the groups.
func (m *maker) applications(groups []*service.Group) {
	for _, g := range groups {
		m.Loader.MetricsSample = g.MetricsSample
		names, server := m.asked(), (*paste.Context)(nil)
		if g.App != "" {
			names, server = []string{g.App}, m.sections[g.Name]
		}
		for _, name := range names {
			if app := m.application(name, server); app != nil {
				m.made.Groups = append(m.made.Groups, Group{g, app, m.formats[g.Name]})
			}
		}
	}
	if m.All && m.name != nil && !slices.Contains(m.made.Apps, *m.name) {
		m.application(*m.name, nil) // it was asked for, even if every server has another
	}
}

// application builds one application; the server is that which names it, nil for
// the command line.
func (m *maker) application(name string, server *paste.Context) *pipeline.App {
	if !slices.Contains(m.made.Apps, name) {
		m.made.Apps = append(m.made.Apps, name)
	}
	c, err := m.file.Load(paste.App, &name)
	if err != nil {
		m.fail(namedBy(server, err))
		return nil
	}
	app, err := m.Loader.BuildApp(c)
	if err != nil {
		m.fail(err)
		return nil
	}
	m.warn(app.Warnings()...)
	return app
}

// namedBy gives the error about an application that is not there the place of the
// option that names it.
func namedBy(server *paste.Context, err error) error {
	list := paste.AllErrors(err)
	if server == nil || len(list) != 1 || list[0].Section != "" {
		return err
	}
	e := *list[0]
	at := paste.AllErrors(server.Errorf(appOption, "%s", e.Problem))[0]
	e.Pos, e.Section, e.Option = at.Pos, at.Section, at.Option
	return &e
}

// asked are the applications that the command line means: the one that it
// names, else main.
func (m *maker) asked() []string {
	switch {
	case m.name != nil:
		return []string{*m.name}
	case m.All:
		return tree.Roots(m.file, tree.File(m.file), nil)
	}
	return []string{"main"}
}
