package tree

import "github.com/wheatpaste/wheatpaste/paste"

// Roots names the applications of a file that are meant when none is named: the
// one asked for, else main, else every application that no section uses. It is
// never empty; an application that is not there fails to load with an error
// that says what the file has.
func Roots(file *paste.Loader, entries []Entry, name *string) []string {
	if name != nil {
		return []string{*name}
	}
	used := map[string]bool{}
	for _, e := range entries {
		if e.Object == paste.App && e.Name != nil && *e.Name == "main" {
			return []string{"main"}
		}
		below := map[string]bool{}
		e.Node.Mark(file, below)
		delete(below, e.Section.Name)
		for section := range below {
			used[section] = true
		}
	}
	var roots []string
	for _, e := range entries {
		if e.Object == paste.App && e.Name != nil && !used[e.Section.Name] {
			roots = append(roots, *e.Name)
		}
	}
	if len(roots) == 0 {
		return []string{"main"}
	}
	return roots
}

// Mark notes the sections of a file that a tree is made of.
func (n *Node) Mark(file *paste.Loader, seen map[string]bool) { n.mark(file, seen, true) }

// MarkCertain is Mark without the strategies, of which but one is chosen.
func (n *Node) MarkCertain(file *paste.Loader, seen map[string]bool) { n.mark(file, seen, false) }

func (n *Node) mark(file *paste.Loader, seen map[string]bool, strategies bool) {
	if n.Err != nil {
		return
	}
	for _, s := range n.Sections {
		if s.File == file.Filename() {
			seen[s.Name] = true
		}
	}
	if n.Kind == Strategies && !strategies {
		return
	}
	for _, child := range n.Children() {
		child.mark(file, seen, strategies)
	}
}
