// Package diff tells what changes between two paste files in terms of apps,
// filters and options, as the loader resolves them.
package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Side is one of the two files.
type Side struct {
	File *paste.Loader
	Name *string // the application that is compared; nil for those of tree.Roots
}

// Compare gives one line a change: "+" for what is new, "-" for what goes, "~"
// for what changes. The error is of an application that does not load in one
// of the files.
func Compare(before, after Side) ([]string, error) {
	oldApps, newApps := before.apps(), after.apps()
	d := &differ{seen: map[string]bool{}}
	var errs paste.Errors
	for _, side := range [][]object{oldApps, newApps} {
		for _, o := range side {
			errs = append(errs, problems(o.node)...)
		}
	}
	if len(errs) > 0 {
		return nil, paste.AllErrors(errs)
	}
	d.objects("app", oldApps, newApps)
	d.objects("server", before.servers(), after.servers())
	return d.lines, nil
}

// object is a named thing on one side.
type object struct {
	name string
	node *tree.Node
}

func (s Side) apps() []object {
	var list []object
	for _, name := range tree.Roots(s.File, tree.File(s.File), s.Name) {
		list = append(list, object{name, tree.Object(s.File, paste.App, &name)})
	}
	return list
}

// servers are those that load: one that does not is told by check.
func (s Side) servers() []object {
	var list []object
	for _, e := range tree.File(s.File) {
		if e.Object == paste.ServerObject && e.Node.Err == nil {
			list = append(list, object{e.Node.Label(), e.Node})
		}
	}
	return list
}

func problems(n *tree.Node) paste.Errors {
	if n.Err != nil {
		return paste.AllErrors(n.Err)
	}
	var errs paste.Errors
	for _, child := range n.Children() {
		errs = append(errs, problems(child)...)
	}
	return errs
}

type differ struct {
	lines []string
	seen  map[string]bool // an app that is mounted twice changes once
}

func (d *differ) say(format string, args ...any) {
	line := tree.OneLine(fmt.Sprintf(format, args...))
	if !d.seen[line] {
		d.seen[line] = true
		d.lines = append(d.lines, line)
	}
}

// objects compares two lists of named things.
func (d *differ) objects(what string, before, after []object) {
	find := func(list []object, name string) *object {
		for i := range list {
			if list[i].name == name {
				return &list[i]
			}
		}
		return nil
	}
	for _, o := range before {
		if n := find(after, o.name); n != nil {
			d.node(what+" "+o.name, o.node, n.node)
		} else {
			d.say("- %s %s", what, o.name)
		}
	}
	for _, n := range after {
		if find(before, n.name) == nil {
			d.say("+ %s %s (%s)", what, n.name, tree.Place(n.node.Pos()))
		}
	}
}

// node compares two objects that stand in the same place.
func (d *differ) node(where string, before, after *tree.Node) {
	if a, b := nature(before), nature(after); a != b {
		d.say("~ %s: %s -> %s (%s)", where, a, b, tree.Place(after.Pos()))
		return
	}
	d.options(where, "", before, after, before.Local, after.Local)
	d.options(where, "global ", before, after, before.Global, after.Global)
	switch before.Object {
	case paste.Pipeline:
		d.items(where, before.Items[:len(before.Items)-1], after.Items[:len(after.Items)-1], before.Filters, after.Filters)
		d.inner(where, "its app", before.Items[len(before.Items)-1], after.Items[len(after.Items)-1], before.Next, after.Next)
	case paste.FilterApp, paste.FilterWith:
		d.inner(where, "its filter", before.FilterItem(), after.FilterItem(), before.Filter, after.Filter)
		d.inner(where, "its app", before.Next.Label(), after.Next.Label(), before.Next, after.Next)
	}
	d.mounts(where, before, after)
	d.strategies(where, before, after)
}

// inner compares what stands in the one place of its kind.
func (d *differ) inner(where, what, oldName, newName string, before, after *tree.Node) {
	if oldName != newName {
		d.say("~ %s: %s %s -> %s (%s)", where, what, oldName, newName, tree.Place(after.Pos()))
		return
	}
	d.node(kindWord(after)+" "+newName, before, after)
}

func kindWord(n *tree.Node) string {
	if n.Context != nil && n.Object == paste.Filter {
		return "filter"
	}
	return "app"
}

// nature is what must be equal for two objects to be compared in detail.
func nature(n *tree.Node) string {
	if n.Ref != nil {
		return n.Ref.Text
	}
	return strings.ReplaceAll(string(n.Object), "_", "-")
}

// options compares two sets of options. Mounts and strategies are compared as
// such; the paths of the file itself are not options.
func (d *differ) options(where, scope string, oldNode, newNode *tree.Node, before, after *paste.Conf) {
	skip := func(n *tree.Node, key string) bool {
		return scope != "" && (key == "here" || key == "__file__") || scope == "" && n.IsChildKey(key)
	}
	for key, v := range before.All() {
		if skip(oldNode, key) {
			continue
		}
		w, ok := after.Value(key)
		switch {
		case !ok:
			d.say("- %s: %soption %s = %s", where, scope, key, tree.Masked(oldNode.Context, key, v))
		case v.Text != w.Text:
			d.say("~ %s: %soption %s: %s -> %s (%s)", where, scope, key, tree.Masked(oldNode.Context, key, v), tree.Masked(newNode.Context, key, w), tree.Place(w.Origin().Pos))
		}
	}
	for key, w := range after.All() {
		if !skip(newNode, key) && !before.Has(key) {
			d.say("+ %s: %soption %s = %s (%s)", where, scope, key, tree.Masked(newNode.Context, key, w), tree.Place(w.Origin().Pos))
		}
	}
}

func (d *differ) mounts(where string, before, after *tree.Node) {
	find := func(n *tree.Node, key string) *tree.Mount {
		for i := range n.Mounts {
			if n.Mounts[i].Key == key {
				return &n.Mounts[i]
			}
		}
		return nil
	}
	for _, m := range before.Mounts {
		other := find(after, m.Key)
		if other == nil {
			d.say("- %s: mount %s = %s", where, m.Key, m.Name)
			continue
		}
		d.inner(where, "mount "+m.Key, m.Name, other.Name, m.Node, other.Node)
	}
	for _, m := range after.Mounts {
		if find(before, m.Key) == nil {
			d.say("+ %s: mount %s = %s", where, m.Key, m.Name)
		}
	}
}

func (d *differ) strategies(where string, before, after *tree.Node) {
	words := func(n *tree.Node, key string) ([]string, bool) {
		text, ok := n.Local.Get(key)
		return paste.Words(text), ok
	}
	for _, s := range before.Strategies {
		newWords, ok := words(after, s.Key)
		if !ok {
			d.say("- %s: strategy %s", where, s.Key)
			continue
		}
		oldWords, _ := words(before, s.Key)
		other := after.Strategy(s.Key)
		if other == nil {
			d.say("~ %s: strategy %s is empty now", where, s.Key)
			continue
		}
		name := where + " strategy " + s.Key
		d.items(name, oldWords[:len(oldWords)-1], newWords[:len(newWords)-1], s.Filters, other.Filters)
		d.inner(name, "its app", oldWords[len(oldWords)-1], newWords[len(newWords)-1], s.App, other.App)
	}
	for _, s := range after.Strategies {
		if before.Strategy(s.Key) == nil {
			d.say("+ %s: strategy %s", where, s.Key)
		}
	}
}

// items compares the filters of two pipelines: what stays in order is compared
// in detail.
func (d *differ) items(where string, before, after []string, oldNodes, newNodes []*tree.Node) {
	keep := common(before, after)
	i, j := 0, 0
	for _, k := range append(keep, [2]int{len(before), len(after)}) {
		for ; i < k[0]; i++ {
			if at := slices.Index(after, before[i]); at >= 0 && !kept(keep, 1, at) {
				d.say("~ %s: filter %s moves", where, before[i])
			} else {
				d.say("- %s: filter %s", where, before[i])
			}
		}
		for ; j < k[1]; j++ {
			if at := slices.Index(before, after[j]); at >= 0 && !kept(keep, 0, at) {
				continue // told as a move
			}
			d.say("+ %s: filter %s, %s", where, after[j], behind(after, j))
		}
		if k[0] < len(before) {
			d.node("filter "+before[i], oldNodes[i], newNodes[j])
			i, j = i+1, j+1
		}
	}
}

func kept(keep [][2]int, side, at int) bool {
	return slices.ContainsFunc(keep, func(k [2]int) bool { return k[side] == at })
}

func behind(items []string, i int) string {
	if i == 0 {
		return "first"
	}
	return "behind " + items[i-1]
}

// maxCompared bounds the table of common, in cells.
const maxCompared = 4 << 20

// common finds a longest common subsequence, as pairs of indexes; of lists that
// nobody writes by hand, only the common beginning.
func common(a, b []string) [][2]int {
	if len(a)*len(b) > maxCompared {
		var pairs [][2]int
		for i := 0; i < min(len(a), len(b)) && a[i] == b[i]; i++ {
			pairs = append(pairs, [2]int{i, i})
		}
		return pairs
	}
	best := make([][]int, len(a)+1)
	for i := range best {
		best[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if a[i] == b[j] {
				best[i][j] = best[i+1][j+1] + 1
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case best[i+1][j] >= best[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}
