// Package tree shows what a paste file means: the tree of contexts of its
// sections, with what its composites would load.
package tree

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Kinds of composite, by what their options mean.
const (
	URLMap     = "urlmap"           // path = app
	Cascade    = "cascade"          // appN = app, in the order of the keys
	Strategies = "pipeline_factory" // strategy = filter ... app
	Opaque     = "opaque"           // no option looks like an application
)

// Node is one object of the tree: a context with its children, or an error in
// its place.
type Node struct {
	*paste.Context
	Err error

	Kind       string // of a composite
	Mounts     []Mount
	Strategies []Strategy
	Filters    []*Node // of a pipeline
	Filter     *Node   // of filter-app and filter-with
	Next       *Node   // what the filters wrap

	masks *masks // made when they are needed
}

// Mount is one application of a composite.
type Mount struct {
	Key, Name string
	Node      *Node
}

// Strategy is one of the pipelines that an auth-strategy composite chooses
// from.
type Strategy struct {
	Key     string
	Names   []string // as written, the application last
	Filters []*Node
	App     *Node
}

// Entry is one section of a file with its tree.
type Entry struct {
	Object  paste.Object
	Section paste.Section
	Name    *string
	Node    *Node
}

// File describes all sections of an open file that make objects.
func File(l *paste.Loader) []Entry {
	var list []Entry
	for _, s := range l.Sections() {
		object, name, ok := paste.ObjectOf(s.Name)
		if !ok {
			continue
		}
		list = append(list, Entry{object, s, name, bare(l, object, name)})
	}
	return list
}

// bare describes a section; loadapp asks for main where the section has no name
// (URI-02, SEC-08).
func bare(l *paste.Loader, object paste.Object, name *string) *Node {
	if name == nil {
		main := "main"
		return describe(l, object, &main, mark{l.Filename(), object, "\x00None"})
	}
	return Object(l, object, name)
}

// Object describes one object of an open file.
func Object(l *paste.Loader, object paste.Object, name *string) *Node {
	return describe(l, object, name, mark{l.Filename(), object, deref(name)})
}

func describe(l *paste.Loader, object paste.Object, name *string, m mark) *Node {
	c, err := l.Load(object, name)
	if err != nil {
		return &Node{Err: err}
	}
	d := &describer{left: maxNodes}
	return d.node(c, []crumb{{m, c}})
}

// Context describes a context that is loaded already.
func Context(c *paste.Context) *Node {
	return (&describer{left: maxNodes}).node(c, nil)
}

func deref(name *string) string {
	if name == nil {
		return "\x00None"
	}
	return *name
}

// maxNodes bounds a tree: composites that load each other several times grow
// exponentially.
const maxNodes = 200_000

var errTooLarge = fmt.Errorf("the tree has more than %d objects", maxNodes)

type describer struct{ left int }

// crumb is an application that contains what is being described.
type crumb struct {
	mark
	context *paste.Context
}

// mark is a question that is being answered, to find composites that contain
// themselves.
type mark struct {
	file   string
	object paste.Object
	name   string
}

func (d *describer) node(c *paste.Context, trail []crumb) *Node {
	if d.left--; d.left < 0 {
		return &Node{Err: errTooLarge}
	}
	n := &Node{Context: c}
	switch {
	case c.Object == paste.Pipeline:
		for _, f := range c.Filters {
			n.Filters = append(n.Filters, d.node(f, trail))
		}
		n.Next = d.node(c.Next, trail)
	case c.Object == paste.FilterApp || c.Object == paste.FilterWith:
		n.Filter = d.node(c.Filter, trail)
		n.Next = d.node(c.Next, trail)
	case c.Protocol == paste.CompositeFactory || c.Protocol == paste.CompositFactory:
		d.composite(n, trail)
	}
	return n
}

func (d *describer) composite(n *Node, trail []crumb) {
	n.Kind = kind(n.Context)
	switch n.Kind {
	case Strategies:
		d.strategies(n, trail)
		return
	case Cascade, URLMap:
		keys := n.mountKeys()
		for _, key := range keys {
			name, _ := n.Local.Get(key)
			n.Mounts = append(n.Mounts, Mount{key, name, d.child(n, paste.App, name, n.Global, trail)})
		}
	}
}

func (d *describer) strategies(n *Node, trail []crumb) {
	for key, v := range n.Local.All() {
		words := paste.Words(v.Text)
		if len(words) == 0 {
			continue
		}
		s := Strategy{Key: key, Names: words}
		for _, w := range words[:len(words)-1] {
			s.Filters = append(s.Filters, d.child(n, paste.Filter, w, nil, trail))
		}
		s.App = d.child(n, paste.App, words[len(words)-1], nil, trail)
		n.Strategies = append(n.Strategies, s)
	}
}

func (d *describer) child(n *Node, object paste.Object, name string, global *paste.Conf, trail []crumb) *Node {
	m := mark{n.Loader.Filename(), object, name}
	if slices.ContainsFunc(trail, func(c crumb) bool { return c.mark == m }) {
		return &Node{Err: paste.Circle(n.Context, name)}
	}
	c, err := n.Child(object, name, global)
	if err != nil {
		return &Node{Err: err}
	}
	if endless(trail, c) {
		return &Node{Err: paste.Circle(n.Context, name)}
	}
	return d.node(c, append(slices.Clip(trail), crumb{m, c}))
}

// endless finds composites that contain themselves by a path that grows with
// each round (./x.ini, ././x.ini), so that no question is asked twice.
func endless(trail []crumb, c *paste.Context) bool {
	rounds, length := 0, -1
	for _, t := range append(slices.Clip(trail), crumb{context: c}) {
		if !t.context.SameAs(c) {
			continue
		}
		if file := t.context.Sections[0].File; len(file) > length {
			rounds, length = rounds+1, len(file)
		}
	}
	return rounds > 2
}

// kind guesses from the factory's name and the keys what the options of a
// composite mean.
func kind(c *paste.Context) string {
	ref := strings.ToLower(c.Ref.Text)
	switch {
	case strings.Contains(ref, "pipeline_factory"):
		return Strategies
	case strings.Contains(ref, "cascade"):
		return Cascade
	}
	for key := range c.Local.All() {
		if isMount(key) {
			return URLMap
		}
	}
	return Opaque
}

func isMount(key string) bool {
	return strings.HasPrefix(key, "/") || strings.HasPrefix(key, "http") || strings.HasPrefix(key, "domain") || key == "not_found_app"
}

// mountKeys lists the options that name applications, in the order in which
// the composite loads them (CAS-02).
func (n *Node) mountKeys() []string {
	var keys []string
	for key := range n.Local.All() {
		if n.mounts(key) {
			keys = append(keys, key)
		}
	}
	if n.Kind == Cascade {
		slices.SortFunc(keys, cmp.Compare[string])
	}
	return keys
}

// FirstError gives the error that Paste Deploy would stop at.
func FirstError(err error) *paste.Error {
	var list paste.Errors
	if errors.As(err, &list) && len(list) > 0 {
		return list[0]
	}
	e, _ := errors.AsType[*paste.Error](err)
	return e
}

// Children lists all nodes directly below.
func (n *Node) Children() []*Node {
	list := slices.Clone(n.Filters)
	if n.Filter != nil {
		list = append(list, n.Filter)
	}
	if n.Next != nil {
		list = append(list, n.Next)
	}
	for _, m := range n.Mounts {
		list = append(list, m.Node)
	}
	for _, s := range n.Strategies {
		list = append(append(list, s.Filters...), s.App)
	}
	return list
}

// IsChildKey reports whether an option of a composite names applications.
func (n *Node) IsChildKey(key string) bool {
	switch n.Kind {
	case Strategies:
		text, ok := n.Local.Get(key)
		return ok && len(paste.Words(text)) > 0
	case Cascade, URLMap:
		return n.mounts(key)
	}
	return false
}

// Guessed reports whether a mount that does not load is probably none: the
// options of a composite whose factory is not known are looked at as a urlmap's,
// whatever they are (http_timeout = 5).
func (n *Node) Guessed(m Mount) bool {
	return m.Node.Err != nil && n.Kind == URLMap && !strings.ContainsAny(m.Key, " /") && m.Key != "not_found_app"
}

// mounts reports whether a key is of the kind that mounts an application.
func (n *Node) mounts(key string) bool {
	if n.Kind == Cascade {
		return strings.HasPrefix(key, "app")
	}
	return isMount(key)
}
