package paste

import (
	"errors"
	"strings"
)

// Object is what a loader is asked for: an application, a filter or a server.
// The first three are kinds of section; the others are what a context of an
// application or a filter can turn out to be.
type Object string

// The kinds of object, under the names that tree --json shows.
const (
	App          Object = "application"
	Filter       Object = "filter"
	ServerObject Object = "server"
	Pipeline     Object = "pipeline"
	FilterApp    Object = "filter_app"
	FilterWith   Object = "filtered_with"
)

// Protocol is how a factory is called, as the file says or as its kind of
// section implies. What is registered decides when the object is built
// (EGG-07).
type Protocol string

// The protocols of section 5 of the semantics.
const (
	AppFactory       Protocol = "paste.app_factory"
	CompositeFactory Protocol = "paste.composite_factory"
	CompositFactory  Protocol = "paste.composit_factory"
	FilterFactory    Protocol = "paste.filter_factory"
	FilterAppFactory Protocol = "paste.filter_app_factory"
	ServerFactory    Protocol = "paste.server_factory"
	ServerRunner     Protocol = "paste.server_runner"
)

// RefKind is how a factory is named.
type RefKind string

// The ways to name a factory.
const (
	RefEgg      RefKind = "egg"
	RefCall     RefKind = "call"
	RefExplicit RefKind = "explicit" // paste.X_factory = module:attr
)

// Ref is the name of a factory, as written.
type Ref struct {
	Kind RefKind
	Text string // egg:Dist#entry, call:module:attr or module:attr
}

// Context is one resolved object: what to call, with which options.
type Context struct {
	Object   Object
	Ref      *Ref     // nil for pipeline, filter-app and filter-with
	Protocol Protocol // "" as Ref, or when nothing says it (CALL-03)
	Global   *Conf
	Local    *Conf
	// Loader is what the names in a composite are relative to (LDR-02, USE-16).
	Loader *Loader

	// Name is what the object was asked for by: a section's name; nil for an
	// object that was named by a URI.
	Name *string
	// Sections are the sections that made it, the one asked for first, then
	// those reached by use; empty for an object that was named by a URI.
	Sections []Section
	// Uses are the use options that were followed, outermost first; nil for a
	// section that names its factory itself.
	Uses []string
	// Requires are the distributions that the sections require (GLB-12).
	Requires []Required

	Filters []*Context // of a pipeline, the first named first
	Items   []string   // the words of the pipeline option
	Filter  *Context   // of filter-app and filter-with
	Next    *Context   // what the filter wraps; of a pipeline, its app

	written string  // the URI, for an object without a section
	at      *option // the option that named the factory or the children
	own     *Loader // of the file that the composite stands in, see USE-16

	conf map[string]ConfValue // options that came from conf files
}

// Required is one distribution of a require option.
type Required struct {
	Dist string
	at   *Error
}

// Section is one section of one file.
type Section struct {
	File string // the path as it was opened
	Name string // as written, without brackets
	Pos  Pos    // of the header

	doc *document
}

// Section is the section as written, such as "filter:cors"; "" for an object
// that was named by a URI.
func (c *Context) Section() string {
	if len(c.Sections) == 0 {
		return ""
	}
	return c.Sections[0].Name
}

// Label is the name that metrics, logs and pictures show: the name of the
// section without its kind, or the URI as written.
func (c *Context) Label() string {
	if len(c.Sections) == 0 {
		return c.written
	}
	_, name, ok := strings.Cut(c.Sections[0].Name, ":")
	if !ok {
		return c.Sections[0].Name
	}
	return strip(name)
}

// Pos is where the section stands, or the option that names the object.
func (c *Context) Pos() Pos {
	if len(c.Sections) > 0 {
		return c.Sections[0].Pos
	}
	if c.at != nil {
		return c.at.valuePos()
	}
	return Pos{}
}

// optionError places a problem at an option of the section; at the section when
// it has no such option.
func (c *Context) optionError(name, problem string, kind error) *Error {
	e := &Error{Pos: c.Pos(), Section: c.Section(), Option: name, Problem: problem, Kind: kind}
	v, ok := c.Local.Value(name)
	if !ok {
		v, ok = c.Global.Value(name)
	}
	if ok && v.opt != nil {
		e.Pos, e.Section = v.opt.valuePos(), v.opt.section.name
	}
	if from, set := c.conf[name]; set {
		e.Pos, e.Section, e.Option = from.Pos, from.Group, from.Name
		v = Value{Text: from.Text, secret: from.Secret}
	}
	if v.Secret() || SecretName(name) {
		e.Problem = withoutSecret(problem, v.Text)
	}
	return e
}

// withoutSecret masks a value in what a factory says about it. What is shorter
// than any secret stays: it is more often a word of the message.
func withoutSecret(problem, secret string) string {
	if len(secret) < 4 {
		return problem
	}
	return strings.ReplaceAll(problem, secret, "****")
}

// Child resolves what a composite names, as its loader does. Where the name is
// not found because a use in another file reached the composite (USE-16), the
// error says so.
func (c *Context) Child(object Object, name string, global *Conf) (*Context, error) {
	return c.child(c.Loader, object, name, global)
}

func (c *Context) child(l *Loader, object Object, name string, global *Conf) (*Context, error) {
	q := request{object: object, name: &name, global: global, asker: c, asked: name, step: "load"}
	child, err := l.session.resolution().named(l, q)
	if err != nil && c.own != nil && c.own.doc != nil && !isURI(name) {
		if s, findErr := c.own.find(request{object: object, name: &name}); findErr == nil {
			hintOwn(err, q, s)
		}
	}
	return child, err
}

// optionNaming finds the option of a composite that names an object, and where
// in it; the option that made the composite if there is none.
func (c *Context) optionNaming(name string) (*option, int) {
	for _, v := range c.Local.All() {
		if v.opt == nil {
			continue
		}
		if i := wordIndex(v.opt.raw, name); i >= 0 {
			return v.opt, i
		}
	}
	return c.at, 0
}

// wordIndex finds a name in a value that is this name or a list of words with
// it.
func wordIndex(raw, name string) int {
	if raw == name {
		return 0
	}
	at := 0
	for _, w := range Words(raw) {
		at += strings.Index(raw[at:], w)
		if w == name {
			return at
		}
		at += len(w)
	}
	return -1
}

// hintOwn is BUG-03: matched, but explained.
func hintOwn(err error, q request, s *section) {
	from, at := q.place()
	for _, e := range flatten(err) {
		if errors.Is(e.Kind, ErrLookup) && from != nil && e.Pos == from.valueAt(at) {
			pos := s.pos()
			e.Hint = "[" + s.name + "] of " + pos.File + " is not meant: a composite that another file uses looks its names up in that file"
		}
	}
}

// Circle is the error for a composite that contains itself by name.
func Circle(c *Context, name string) error {
	return c.circle(name, "the composite contains itself by "+repr(name))
}

// CircleOf is Circle with the whole way, which begins and ends with the same
// section.
func CircleOf(c *Context, name string, way []*Context) error {
	parts := make([]string, len(way))
	for i, x := range way {
		parts[i] = "[" + x.Section() + "]"
	}
	return c.circle(name, "the application contains itself: "+strings.Join(parts, " > "))
}

func (c *Context) circle(name, problem string) error {
	e := c.optionError("", problem, ErrReference)
	e.Hint = "remove one of the references"
	e.class = "RecursionError"
	if o, at := c.optionNaming(name); o != nil {
		e.Section, e.Option, e.Pos = o.section.name, o.key, o.valueAt(at)
	}
	return Errors{e}
}
