package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Generator makes random paste files; equal seeds make equal cases.
type Generator struct{ Seed uint64 }

// Case makes case number n of g, whatever cases were made before.
func (g Generator) Case(n int) Case {
	m := &maker{dice: g.dice(n)}
	m.planFiles()
	for i := range m.files {
		m.planSections(i)
	}
	for i := range m.files {
		m.fillFile(i)
	}
	var c Case
	for _, p := range m.files {
		c.Files = append(c.Files, File{Path: p.path, Data: m.render(p)})
	}
	c.Globals = m.globals()
	return c
}

// globals are var=value of the caller, in some cases (INT-10, INT-11, INT-15, GLB-04).
func (m *maker) globals() map[string]string {
	if !m.chance(15) {
		return nil
	}
	globals := map[string]string{}
	for _, key := range append(m.keys(2), m.pick([]string{"a", "b", "debug", "here", "__file__", "use", "pipeline", "set x", "get y"})) {
		globals[key] = m.oneText(
			text{70, always(m.pick(words))},
			text{10, always("%(here)s/x")},
			text{10, always("50%%")},
			text{2, always(m.pick(brokenValues))},
		)
	}
	return globals
}

// dice of case n; predictable on purpose.
func (g Generator) dice(n int) dice {
	return dice{rand.New(rand.NewPCG(g.Seed, uint64(n)))}
}

// maker makes one case: first which files and sections there are, then what
// stands in them, so that references hit.
type maker struct {
	dice
	files      []*plan
	composites int
}

// plan is one file before it is written.
type plan struct {
	path     string
	sections []*section
	defaults []item
	// defaultKeys are the keys of defaults, for references.
	defaultKeys []string
}

// section is one section before it is written. A good reference leads to a
// section further down the list, so that most files have no cycle.
type section struct {
	prefix, name string
	items        []item
}

type item struct{ key, value string }

// place is a section, by number.
type place struct{ file, section int }

type kind int

const (
	appKind kind = iota
	filterKind
	serverKind
)

func kindOf(prefix string) kind {
	switch prefix {
	case "filter":
		return filterKind
	case "server":
		return serverKind
	}
	return appKind
}

func (s *section) has(key string) bool {
	return slices.ContainsFunc(s.items, func(i item) bool { return i.key == key })
}

// add puts an option in, unless the key is there: duplicates are made on purpose only.
func (s *section) add(key, value string) {
	if !s.has(key) {
		s.items = append(s.items, item{key, value})
	}
}

func (m *maker) planFiles() {
	m.files = []*plan{{path: "paste.ini"}}
	for _, path := range m.few(3, otherFiles) {
		m.files = append(m.files, &plan{path: path})
	}
}

func (m *maker) planSections(file int) {
	p := m.files[file]
	apps := m.names(appNames, 2, 7)
	if !slices.Contains(apps, "main") && m.chance(85) {
		apps = append([]string{"main"}, apps...)
	}
	for _, name := range apps {
		p.sections = append(p.sections, &section{prefix: m.appPrefix(), name: name})
	}
	for _, name := range m.names(filterNames, 0, 5) {
		p.sections = append(p.sections, &section{prefix: "filter", name: name})
	}
	for _, name := range m.names(serverNames, 0, 1) {
		p.sections = append(p.sections, &section{prefix: "server", name: name})
	}
	if m.chance(3) { // a long way of use
		for i := range m.between(3, 30) {
			p.sections = append(p.sections, &section{prefix: "app", name: fmt.Sprint("link", i)})
		}
	}
	if m.chance(4) && len(p.sections) > 0 { // SEC-05, SEC-07
		twin := *p.sections[m.IntN(len(p.sections))]
		if twin.prefix != "server" {
			twin.prefix = m.pick(appPrefixes)
		}
		p.sections = append(p.sections, &twin)
	}
}

// names picks low to high names, now and then an odd one in place of a usual one.
func (m *maker) names(pool []string, low, high int) []string {
	n := min(m.between(low, high), len(pool))
	var out []string
	for _, i := range m.Perm(len(pool))[:n] {
		name := pool[i]
		if m.chance(12) {
			name = m.oddName()
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func (m *maker) oddName() string {
	if m.chance(25) {
		return m.gibberish()
	}
	return m.pick(oddNames)
}

// appPrefix keeps composites few: each mount is a tree of its own in the answer.
func (m *maker) appPrefix() string {
	prefix := m.pick(appPrefixes)
	if !strings.HasPrefix(prefix, "composit") {
		return prefix
	}
	if m.composites++; m.composites > 4 {
		return "app"
	}
	return prefix
}

// fillFile writes DEFAULT, then the sections; then a part of the files gets a
// slip that a person makes.
func (m *maker) fillFile(file int) {
	p := m.files[file]
	m.fillDefaults(p)
	for i := range p.sections {
		m.fill(place{file, i})
	}
	if m.chance(15) {
		p.sections = append(p.sections, m.otherSection())
	}
	if m.chance(60) {
		m.Shuffle(len(p.sections), func(i, j int) { p.sections[i], p.sections[j] = p.sections[j], p.sections[i] })
	}
}

// otherSection is one that a loader of usual files never sees: prefix "" and
// the whole header as name.
func (m *maker) otherSection() *section {
	s := &section{name: m.pick(otherSections)}
	s.add("use", m.pick(eggApps))
	for _, key := range m.few(3, optionKeys) {
		s.add(key, m.pick(append([]string{"100%"}, words...)))
	}
	return s
}
