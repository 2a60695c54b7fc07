// Package diff tells what changes between two paste files in terms of apps,
// filters and options, as the loader resolves them.
package diff

import (
	"fmt"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Side is one of the two files. Opened with paste.Portable, files of different
// folders do not differ by their paths alone.
type Side struct {
	File *paste.Loader
	Name *string // the application that is compared; nil for those of tree.Roots
}

// Compare gives one line a change: "+" for what is new, "-" for what goes, "~"
// for what changes. The error is of an application that does not load in one
// of the files.
func Compare(before, after Side) ([]string, error) {
	oldApps, oldServers := before.objects()
	newApps, newServers := after.objects()
	var errs paste.Errors
	for _, side := range [][]object{oldApps, newApps} {
		for _, o := range side {
			errs = append(errs, problems(o.node)...)
		}
	}
	if len(errs) > 0 {
		return nil, paste.AllErrors(errs)
	}
	d := &differ{said: map[string]bool{}, globals: map[string]bool{}}
	d.objects(oldApps, newApps)
	d.objects(oldServers, newServers)
	return d.lines, nil
}

// object is a thing with the name by which it is told of.
type object struct {
	what, name string
	node       *tree.Node
}

func (o object) String() string { return o.what + " " + o.name }

// objects are the applications of one side, and those of its servers that load:
// one that does not is told by check.
func (s Side) objects() (apps, servers []object) {
	entries := tree.File(s.File)
	for _, name := range tree.Roots(s.File, entries, s.Name) {
		apps = append(apps, object{"app", name, tree.Object(s.File, paste.App, &name)})
	}
	for _, e := range entries {
		if e.Object == paste.ServerObject && e.Node.Err == nil {
			servers = append(servers, object{"server", e.Node.Label(), e.Node})
		}
	}
	return apps, servers
}

// problems are what would keep an application from being loaded. What a
// composite loads is a guess where its factory is not known: only what surely is
// a mount counts.
func problems(n *tree.Node) paste.Errors {
	if n.Err != nil {
		return paste.AllErrors(n.Err)
	}
	var errs paste.Errors
	for _, m := range n.Mounts {
		if !n.Guessed(m) {
			errs = append(errs, problems(m.Node)...)
		}
	}
	return errs
}

type differ struct {
	lines   []string
	said    map[string]bool // an app that is mounted twice changes once
	globals map[string]bool // changes of global options, which all objects below see
}

func (d *differ) say(format string, args ...any) {
	line := tree.OneLine(fmt.Sprintf(format, args...))
	if !d.said[line] {
		d.said[line] = true
		d.lines = append(d.lines, line)
	}
}

// objects compares two lists of named things.
func (d *differ) objects(before, after []object) {
	index := func(list []object) map[string]object {
		m := make(map[string]object, len(list))
		for _, o := range list {
			m[o.name] = o
		}
		return m
	}
	oldNames, newNames := index(before), index(after)
	for _, o := range before {
		if n, ok := newNames[o.name]; ok {
			d.node(o, n)
		} else {
			d.say("- %s", o)
		}
	}
	for _, n := range after {
		if _, ok := oldNames[n.name]; !ok {
			d.say("+ %s%s", n, at(n.node.Pos()))
		}
	}
}

// node compares two objects that stand in the same place.
func (d *differ) node(a, b object) {
	before, after := a.node, b.node
	if before.Err != nil || after.Err != nil {
		if (before.Err == nil) != (after.Err == nil) {
			d.say("~ %s: it loads in only one of the files", a)
		}
		return
	}
	if !sameFactory(before.Context, after.Context) {
		d.say("~ %s: %s -> %s%s", a, nature(before.Context), nature(after.Context), at(after.Pos()))
		return
	}
	if before.Object != paste.FilterWith { // which has the options of what it wraps
		d.locals(a, before, after)
		d.globalOptions(a, before, after)
	}
	switch before.Object {
	case paste.Pipeline:
		d.pipeline(a.String(), items{before.Items, before.Filters, before.Next}, items{after.Items, after.Filters, after.Next})
	case paste.FilterApp:
		d.filter(a, before, after)
		d.inner(a.String(), "its app", object{"app", before.Next.Label(), before.Next}, object{"app", after.Next.Label(), after.Next})
	case paste.FilterWith:
		d.filter(a, before, after)
		d.node(object{a.what, a.name, before.Next}, object{b.what, b.name, after.Next})
	}
	d.mounts(a, before, after)
	d.strategies(a, before, after)
}

func (d *differ) filter(where object, before, after *tree.Node) {
	d.inner(where.String(), "its filter", object{"filter", before.FilterItem(), before.Filter}, object{"filter", after.FilterItem(), after.Filter})
}

// inner compares what stands in the one place of its kind.
func (d *differ) inner(where, what string, a, b object) {
	if a.name != b.name {
		d.say("~ %s: %s %s -> %s%s", where, what, a.name, b.name, at(position(b.node)))
		return
	}
	d.node(a, b)
}

func position(n *tree.Node) paste.Pos {
	if n.Err != nil {
		return paste.Pos{}
	}
	return n.Pos()
}

func at(p paste.Pos) string {
	if p.File == "" {
		return ""
	}
	return " (" + tree.Place(p) + ")"
}

// nature is what an object is, in words.
func nature(c *paste.Context) string {
	if c.Ref != nil {
		return c.Ref.Text
	}
	return strings.ReplaceAll(string(c.Object), "_", "-")
}

// sameFactory reports whether two objects can be compared in detail: two names
// of one factory are the same.
func sameFactory(a, b *paste.Context) bool {
	if a.Object != b.Object {
		return false
	}
	if nature(a) == nature(b) {
		return true
	}
	if a.Ref == nil || b.Ref == nil {
		return false
	}
	f, ok := paste.DefaultRegistry.Lookup(a.Object, a.Ref.Text)
	g, _ := paste.DefaultRegistry.Lookup(b.Object, b.Ref.Text)
	return ok && f == g
}
