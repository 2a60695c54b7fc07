// Package plan decides what to serve where: which applications of a paste file,
// on which servers (design.md 7).
package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
)

// Request is what the operator asks for.
type Request struct {
	Loader  *pipeline.Loader
	URI     string // config:PATH, or the URI of an application without a file
	Name    *string
	Options []paste.LoadOption // relative_to and the globals

	Servers []string // --server-name; "all" for all
	Listen  []string // --listen: in place of the only group's
}

// Plan is what will be served.
type Plan struct {
	Groups   []Group
	Files    []paste.FileInfo
	Warnings paste.Errors
}

// Group is one server with its application.
type Group struct {
	*service.Group
	Application *pipeline.App
}

// ErrUsage marks errors of the command line, as against those of files.
var ErrUsage = errors.New("usage")

// Make resolves and builds everything, and opens nothing. The error is a
// paste.Errors with all problems of the files, or wraps ErrUsage.
func Make(q Request) (*Plan, error) {
	m := &maker{Request: q, plan: &Plan{}}
	if !strings.HasPrefix(q.URI, "config:") {
		return m.withoutFile()
	}
	file, name, err := paste.OpenURI(q.URI, m.options()...)
	if err != nil {
		return nil, err
	}
	m.file, m.name = file, name
	groups, err := m.groups()
	if errors.Is(err, ErrUsage) {
		return nil, err
	}
	errs := paste.AllErrors(err)
	if err := m.listen(groups); err != nil {
		return nil, err
	}
	// Without servers the application is built all the same, for its errors.
	if len(groups) == 0 {
		groups = []*service.Group{service.DefaultGroup()}
	}
	for _, g := range groups {
		app, err := m.application(g)
		errs = append(errs, paste.AllErrors(err)...)
		m.plan.Groups = append(m.plan.Groups, Group{g, app})
	}
	if len(errs) > 0 {
		return nil, paste.AllErrors(errs)
	}
	m.plan.Files = file.Files()
	m.plan.Warnings = paste.AllErrors(append(m.plan.Warnings, file.Warnings()...))
	return m.plan, nil
}

type maker struct {
	Request
	file *paste.Loader
	name *string
	plan *Plan
}

func (m *maker) options() []paste.LoadOption {
	opts := slices.Clone(m.Options)
	if m.Name != nil {
		opts = append(opts, paste.Name(*m.Name))
	}
	return opts
}

// withoutFile serves an application that a URI such as egg:Paste#test names.
func (m *maker) withoutFile() (*Plan, error) {
	app, err := m.Loader.LoadApp(m.URI, m.options()...)
	if err != nil {
		return nil, err
	}
	g := service.DefaultGroup()
	if err := m.listen([]*service.Group{g}); err != nil {
		return nil, err
	}
	m.plan.Groups = []Group{{g, app}}
	m.plan.Warnings = app.Warnings()
	return m.plan, nil
}

// application builds the application of a group: the one that the server names,
// else the one of the command line, else main.
func (m *maker) application(g *service.Group) (*pipeline.App, error) {
	name := m.name
	if g.App != "" {
		name = &g.App
	}
	if name == nil {
		main := "main"
		name = &main
	}
	c, err := m.file.Load(paste.App, name)
	if err != nil {
		return nil, err
	}
	app, err := m.Loader.BuildApp(c)
	if err != nil {
		return nil, err
	}
	m.plan.Warnings = append(m.plan.Warnings, app.Warnings()...)
	return app, nil
}

// groups finds the servers: sections, else Swift's [DEFAULT], else
// 127.0.0.1:8080.
func (m *maker) groups() ([]*service.Group, error) {
	names, err := m.serverNames()
	if err != nil {
		return nil, err
	}
	var groups []*service.Group
	var errs paste.Errors
	for _, name := range names {
		g, err := m.server(name)
		errs = append(errs, paste.AllErrors(err)...)
		if g != nil {
			groups = append(groups, g)
		}
	}
	if len(errs) > 0 {
		return groups, errs
	}
	if len(groups) > 0 {
		return groups, nil
	}
	return m.fromDefaults()
}

// serverNames are those of --server-name; without it main, or the only one.
func (m *maker) serverNames() ([]string, error) {
	var present []string
	for _, s := range m.file.Sections() {
		if object, name, ok := paste.ObjectOf(s.Name); ok && object == paste.ServerObject && name != nil {
			present = append(present, *name)
		}
	}
	switch {
	case len(m.Servers) == 1 && m.Servers[0] == "all":
		return present, nil
	case len(m.Servers) > 0:
		return m.Servers, nil
	case slices.Contains(present, "main"):
		return []string{"main"}, nil
	case len(present) > 1:
		return nil, fmt.Errorf("%w: the file has the servers %s and no [server:main], want --server-name NAME or --server-name all", ErrUsage, strings.Join(present, ", "))
	}
	return present, nil
}

func (m *maker) server(name string) (*service.Group, error) {
	c, err := m.file.Load(paste.ServerObject, &name)
	if err != nil {
		return nil, err
	}
	if _, err := m.Loader.Registry().Find(c); err != nil && m.Loader.Missing == pipeline.MissingStub {
		for _, e := range paste.AllErrors(err) {
			note := *e
			note.Hint = "this program's own server takes its place"
			m.plan.Warnings = append(m.plan.Warnings, &note)
		}
		g := service.DefaultGroup()
		g.Name = name
		return g, nil
	}
	server, err := m.Loader.BuildServer(c)
	if err != nil {
		return nil, err
	}
	m.plan.Warnings = append(m.plan.Warnings, server.Warnings...)
	g, ok := server.Server.(*service.Group)
	if !ok {
		return nil, c.Errorf("use", "%s is a server of its own kind, which serve does not run; want egg:wheatpaste#http or one of its aliases", c.Ref.Text)
	}
	if err := g.Check(); err != nil {
		return nil, c.Place(err)
	}
	return g, nil
}

func (m *maker) fromDefaults() ([]*service.Group, error) {
	c, err := m.file.Load(paste.App, m.mainName())
	if err != nil {
		return nil, nil // reported when the application is built
	}
	g, err := service.GroupFromDefaults(c.Global, func(option, problem string) {
		m.plan.Warnings = append(m.plan.Warnings, paste.AllErrors(c.Place(paste.BadOption(option, "%s", problem)))...)
	})
	if err != nil {
		return nil, c.Place(err)
	}
	if g == nil {
		g = service.DefaultGroup()
	}
	return []*service.Group{g}, nil
}

func (m *maker) mainName() *string {
	if m.name != nil {
		return m.name
	}
	main := "main"
	return &main
}

// listen is --listen: it replaces the addresses of the only group.
func (m *maker) listen(groups []*service.Group) error {
	if len(m.Listen) == 0 || len(groups) == 0 {
		return nil
	}
	if len(groups) > 1 {
		return fmt.Errorf("%w: --listen with several servers, want --server-name NAME for one of them", ErrUsage)
	}
	groups[0].Listen = nil
	for _, text := range m.Listen {
		a, err := service.ParseListen(text)
		if err != nil {
			return fmt.Errorf("%w: --listen: %w", ErrUsage, err)
		}
		groups[0].Listen = append(groups[0].Listen, a)
	}
	return nil
}
