package diff

import (
	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// locals compares the options of two sections. Mounts and strategies are
// compared as such.
func (d *differ) locals(where object, before, after *tree.Node) {
	for key, v := range before.Local.All() {
		if before.IsChildKey(key) {
			continue
		}
		switch w, ok := after.Local.Value(key); {
		case !ok:
			d.say("- %s: option %s = %s", where, key, before.Masked(key, v))
		case v.Text != w.Text:
			d.say("~ %s: option %s: %s -> %s%s", where, key, before.Masked(key, v), after.Masked(key, w), at(w.Origin().Pos))
		}
	}
	for key, w := range after.Local.All() {
		if !after.IsChildKey(key) && !before.Local.Has(key) {
			d.say("+ %s: option %s = %s%s", where, key, after.Masked(key, w), at(w.Origin().Pos))
		}
	}
}

// globalOptions compares what comes from [DEFAULT], set and the command line.
// One change is told once, at the outermost object that sees it.
func (d *differ) globalOptions(where object, before, after *tree.Node) {
	for key, v := range before.Global.All() {
		w, ok := after.Global.Value(key)
		switch {
		case !ok && d.firstSight(key, v, paste.Value{}):
			d.say("- %s %s = %s", owner(where, v), key, before.Masked(key, v))
		case ok && v.Text != w.Text && v.Origin().Via != paste.ViaBuiltin && d.firstSight(key, v, w):
			d.say("~ %s %s: %s -> %s%s", owner(where, w), key, before.Masked(key, v), after.Masked(key, w), at(w.Origin().Pos))
		}
	}
	for key, w := range after.Global.All() {
		if !before.Global.Has(key) && d.firstSight(key, paste.Value{}, w) {
			d.say("+ %s %s = %s%s", owner(where, w), key, after.Masked(key, w), at(w.Origin().Pos))
		}
	}
}

// firstSight reports whether a change of a global option was not met before. An
// inherited option has the place of the one that it is.
func (d *differ) firstSight(key string, v, w paste.Value) bool {
	id := key + "\x00" + v.Origin().Pos.String() + "\x00" + v.Text + "\x00" + w.Origin().Pos.String() + "\x00" + w.Text
	if d.globals[id] {
		return false
	}
	d.globals[id] = true
	return true
}

// owner says where a global option belongs.
func owner(where object, v paste.Value) string {
	if v.Origin().Via == paste.ViaDefault {
		return "[DEFAULT]: option"
	}
	return where.String() + ": global option"
}

func (d *differ) mounts(where object, before, after *tree.Node) {
	index := func(n *tree.Node) map[string]*tree.Mount {
		m := make(map[string]*tree.Mount, len(n.Mounts))
		for i := range n.Mounts {
			m[n.Mounts[i].Key] = &n.Mounts[i]
		}
		return m
	}
	oldMounts, newMounts := index(before), index(after)
	for _, m := range before.Mounts {
		other := newMounts[m.Key]
		if other == nil {
			d.say("- %s: mount %s = %s", where, m.Key, m.Name)
			continue
		}
		d.inner(where.String(), "mount "+m.Key+":", object{"app", m.Name, m.Node}, object{"app", other.Name, other.Node})
	}
	for _, m := range after.Mounts {
		if oldMounts[m.Key] == nil {
			v, _ := after.Local.Value(m.Key)
			d.say("+ %s: mount %s = %s%s", where, m.Key, m.Name, at(v.Origin().Pos))
		}
	}
}

func (d *differ) strategies(where object, before, after *tree.Node) {
	index := func(n *tree.Node) map[string]tree.Strategy {
		m := map[string]tree.Strategy{}
		for _, s := range n.Strategies {
			m[s.Key] = s
		}
		return m
	}
	oldOnes, newOnes := index(before), index(after)
	for _, s := range before.Strategies {
		other, ok := newOnes[s.Key]
		if !ok {
			d.say("- %s: strategy %s", where, s.Key)
			continue
		}
		d.pipeline(where.String()+" strategy "+s.Key, items{s.Names, s.Filters, s.App}, items{other.Names, other.Filters, other.App})
	}
	for _, s := range after.Strategies {
		if _, ok := oldOnes[s.Key]; !ok {
			d.say("+ %s: strategy %s", where, s.Key)
		}
	}
}
