package check

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// survey looks at what was not built, because something round it failed or
// because nothing reaches it: as far as that goes without calling factories.
type survey struct {
	loader  *pipeline.Loader
	file    *paste.Loader
	entries []tree.Entry
	byName  map[string][]tree.Entry
	found   paste.Errors

	lines   []string // of the file, when they are needed
	headers []int    // where its sections begin, counted from 1

	certain  map[string]bool // sections that are reached
	possible map[string]bool // and those of strategies that were not chosen
}

func newSurvey(l *pipeline.Loader, file *paste.Loader) *survey {
	s := &survey{
		loader: l, file: file, entries: tree.File(file), byName: map[string][]tree.Entry{},
		certain: map[string]bool{}, possible: map[string]bool{},
	}
	for _, e := range s.entries {
		if e.Name != nil {
			s.byName[*e.Name] = append(s.byName[*e.Name], e)
		}
	}
	return s
}

// reached gives what else is wrong with the applications and servers, where
// building them ended early.
func (s *survey) reached(made *plan.Rehearsal) paste.Errors {
	for _, name := range made.Apps {
		s.root(paste.App, name, true)
	}
	for _, name := range made.Servers {
		s.root(paste.ServerObject, name, true)
	}
	found := s.found
	s.found = nil
	if len(made.Errors) == 0 {
		return nil
	}
	return found
}

// root looks at one object that is reached, and all below it. That it does not
// load was told already where the plan needs it itself.
func (s *survey) root(object paste.Object, name string, told bool) {
	node := tree.Object(s.file, object, &name)
	node.Mark(s.file, s.possible)
	node.MarkCertain(s.file, s.certain)
	if node.Err == nil || !told {
		s.all(node, false)
	}
	s.broken(object, name, node)
}

// broken goes on behind sections that do not load, to all that their texts
// name: what they would have reached is not known otherwise.
func (s *survey) broken(object paste.Object, name string, n *tree.Node) {
	if n.Err == nil {
		for _, m := range n.Mounts {
			s.broken(paste.App, m.Name, m.Node)
		}
		return
	}
	for _, e := range s.byName[name] {
		if e.Object != object || s.certain[e.Section.Name] {
			continue
		}
		s.certain[e.Section.Name] = true
		for _, word := range s.words(e.Section) {
			for _, other := range s.byName[word] {
				if other.Object != paste.ServerObject && !s.certain[other.Section.Name] {
					s.root(other.Object, word, false)
				}
			}
		}
	}
}

// words are those of the text of a section, each once.
func (s *survey) words(section paste.Section) []string {
	if s.lines == nil {
		s.read()
	}
	begin, end := section.Pos.Line, len(s.lines) // the line behind the header, counted from 0
	if i, _ := slices.BinarySearch(s.headers, begin+1); i < len(s.headers) {
		end = s.headers[i] - 1
	}
	words := map[string]bool{}
	for _, line := range s.lines[min(begin, end):end] {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r=:", r) }) {
			words[word] = true
		}
	}
	return slices.Sorted(maps.Keys(words))
}

func (s *survey) read() {
	s.lines = strings.Split(s.file.Text(), "\n")
	for _, section := range s.file.Sections() {
		s.headers = append(s.headers, min(section.Pos.Line, len(s.lines)))
	}
}

// unreached tells what would be wrong with the sections that nothing reaches.
func (s *survey) unreached() paste.Errors {
	for _, e := range s.entries {
		switch {
		case s.certain[e.Section.Name]:
		case s.possible[e.Section.Name]:
			s.own(e.Node)
		default:
			s.all(e.Node, true)
		}
	}
	for i, problem := range s.found {
		note := *problem
		note.Problem += " (nothing that is checked uses this section)"
		s.found[i] = &note
	}
	return s.found
}

// all looks at an object and everything below it, or everything but the
// strategies: a chosen one was built.
func (s *survey) all(n *tree.Node, strategies bool) {
	s.object(n)
	if n.Err != nil || n.Kind == tree.Strategies && !strategies {
		return
	}
	if len(n.Mounts) == 0 {
		for _, child := range n.Children() {
			s.all(child, strategies)
		}
	}
	for _, m := range n.Mounts {
		if !n.Guessed(m) {
			s.all(m.Node, strategies)
		}
	}
}

// own looks at an object without what composites load.
func (s *survey) own(n *tree.Node) {
	s.object(n)
	if n.Err == nil && n.Kind == "" {
		for _, child := range n.Children() {
			s.own(child)
		}
	}
}

func (s *survey) object(n *tree.Node) {
	if n.Err != nil {
		s.found = append(s.found, paste.AllErrors(n.Err)...)
		return
	}
	if n.Ref == nil {
		return
	}
	f, err := s.loader.Registry().Find(n.Context)
	switch {
	case err == nil:
		err = f.Check(paste.NewBuild(n.Context, paste.BuildConfig{}))
	case s.loader.Missing == pipeline.MissingStub && errors.Is(err, paste.ErrUnknown):
		return
	}
	s.found = append(s.found, paste.AllErrors(err)...)
}
