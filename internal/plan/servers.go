package plan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
)

// groups finds the servers: the APIs of nova.conf, or sections, else Swift's [DEFAULT], else
// 127.0.0.1:8080. What is wrong with a section is kept; the error is one of the
// command line.
func (m *maker) groups() ([]*service.Group, error) {
	if m.Nova {
		return m.novaGroups()
	}
	names, err := m.serverNames()
	if err != nil {
		return nil, err
	}
	m.made.Servers = names
	if len(names) == 0 {
		return m.fromDefaults(), nil
	}
	var groups []*service.Group
	for _, name := range names {
		if m.Only != "" && name != m.Only {
			groups = append(groups, &service.Group{Name: name}) // counts for --listen, and is left out then
			continue
		}
		groups = append(groups, m.server(name))
	}
	return groups, nil
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
	case slices.Contains(m.Servers, "all"):
		return present, nil
	case len(m.Servers) > 0:
		return once(m.Servers), nil
	case slices.Contains(present, "main"):
		return []string{"main"}, nil
	case len(present) > 1 && !m.All:
		return nil, usage("the file has the servers %s and no [server:main], want --server-name NAME or --server-name all", strings.Join(present, ", "))
	}
	return present, nil
}

// server makes the group of a section. One that is wrong is kept for its
// application, whose errors are wanted too.
func (m *maker) server(name string) *service.Group {
	g := service.DefaultGroup()
	c, err := m.file.Load(paste.ServerObject, &name)
	if err != nil {
		m.fail(err)
		return g
	}
	g.Name = name
	g.App, _ = c.Local.Get(appOption)
	m.sections[c.Label()] = c
	_, err = m.Loader.Registry().Find(c)
	if err != nil && m.Loader.Missing == pipeline.MissingStub {
		m.stub(g, c, err)
		return g
	}
	made, err := m.build(c)
	if err != nil {
		m.fail(err)
		return g
	}
	return made
}

func (m *maker) build(c *paste.Context) (*service.Group, error) {
	server, err := m.Loader.BuildServer(c)
	if err != nil {
		return nil, err
	}
	m.warn(server.Warnings...)
	g, ok := server.Server.(*service.Group)
	if !ok {
		return nil, c.Errorf("use", "%s is a server of its own kind, which serve does not run; want egg:wheatpaste#http or one of its aliases", c.Ref.Text)
	}
	g.Files = m.Source
	if err := g.Check(); err != nil {
		return nil, c.Place(err)
	}
	m.expiring(g, c)
	return g, nil
}

// stub lets ours stand for a server whose factory is not registered, on the host
// and port of the section if it has them.
func (m *maker) stub(g *service.Group, c *paste.Context, missing error) {
	host, _ := c.Local.Get("host")
	port, _ := c.Local.Get("port")
	if a, err := service.HostPort(cmp.Or(host, "127.0.0.1"), port); err == nil {
		g.Listen = []service.Address{a}
	}
	for _, e := range paste.AllErrors(missing) {
		note := *e
		note.Hint = "this program's own server takes its place, on " + g.Listen[0].String()
		m.warn(&note)
	}
}

// once leaves out repetitions.
func once(names []string) []string {
	var list []string
	for _, name := range names {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// fromDefaults is Swift's manner. What is wrong with the application itself is
// told when it is built.
func (m *maker) fromDefaults() []*service.Group {
	standard := []*service.Group{service.DefaultGroup()}
	name := m.asked()[0]
	c, err := m.file.Load(paste.App, &name)
	if err != nil {
		return standard
	}
	g, err := service.GroupFromDefaults(c.Global, func(option, problem string) {
		m.warn(paste.AllErrors(c.Place(paste.BadOption(option, "%s", problem)))...)
	})
	switch {
	case err != nil:
		m.fail(c.Place(err))
		return standard
	case g == nil:
		return standard
	}
	g.Files = m.Source
	if err := g.Check(); err != nil {
		m.fail(c.Place(err))
	}
	m.expiring(g, c)
	return []*service.Group{g}
}

// expiring warns about certificates that end, or have. The latter do not keep
// the group from serving, but check calls them errors.
func (m *maker) expiring(g *service.Group, c *paste.Context) {
	expired, soon := g.Expiring(time.Now())
	for _, e := range soon {
		m.warn(paste.AllErrors(c.Place(e))...)
	}
	for _, e := range expired {
		m.made.Expired = append(m.made.Expired, paste.AllErrors(c.Place(e))...)
	}
}

// override is --listen and --workers, which replace what the only group, or the
// named one, has. No workers at all is for the whole program.
func (m *maker) override(groups []*service.Group) error {
	if m.Workers != nil && *m.Workers != 0 && len(groups) > 1 && (len(m.Servers) == 0 || slices.Contains(m.Servers, "all")) {
		return usage("--workers with several servers, want --server-name NAME for one of them")
	}
	for _, g := range groups {
		if m.Workers != nil {
			g.Workers = *m.Workers
		}
	}
	var list []service.Address
	for _, text := range m.Listen {
		a, err := service.ParseListen(text)
		if err != nil {
			return usage("--listen: %w", err)
		}
		list = append(list, a)
	}
	switch {
	case len(list) == 0:
	case len(groups) > 1:
		return usage("--listen with several servers, want --server-name NAME for one of them")
	case len(groups) > 0: // none is an error already
		groups[0].Listen = list
	}
	return nil
}
