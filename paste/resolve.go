package paste

import (
	"fmt"
	"slices"
	"strings"
)

// request is one question to a loader.
type request struct {
	object Object
	name   *string
	global *Conf // the globals that are passed down; nil for none

	// Where the question is written, for messages.
	from *option
	at   int // index of the name in the raw value of from
	step string

	asker *Context // the composite that asks, in place of from
	asked string   // what it asks for, as written

	composite bool // it is what a [composite:] section uses
}

// place is where the question is written; finding it takes time, so it is only
// asked for when something is wrong.
func (q request) place() (*option, int) {
	if q.from == nil && q.asker != nil {
		return q.asker.optionNaming(q.asked)
	}
	return q.from, q.at
}

func (q request) reprName() string {
	if q.name == nil {
		return "None"
	}
	return repr(*q.name)
}

// error makes an error at the place of the question.
func (q request) error(class string, kind error, text string) *Error {
	e := &Error{Problem: text, Kind: kind, class: class}
	if from, at := q.place(); from != nil {
		e.Pos, e.Section, e.Option = from.valueAt(at), from.section.name, from.key
	}
	return e
}

// below asks for something that an option of a section names.
func (q request) below(object Object, name string, global *Conf, v Value, key string) request {
	next := request{object: object, name: &name, global: global, from: v.opt, step: key}
	if next.from == nil {
		next.from = q.from
	}
	return next
}

const (
	// maxDepth bounds nested references that are no circle. Python ends at
	// about 330.
	maxDepth = 2000
	// maxObjects bounds what one question may lead to: filters that name each
	// other twice double with each one.
	maxObjects = 200_000
)

// resolution is one question with all that follow from it.
type resolution struct {
	session *session
	stack   []frame
	active  map[frameKey]int
	objects int // resolved so far
}

type frameKey struct {
	path, section string
	object        Object
}

type frame struct {
	key     frameKey
	section *section
	global  *Conf
	request request // that led to it
}

func (s *session) resolution() *resolution {
	return &resolution{session: s, active: map[frameKey]int{}}
}

// named is Paste Deploy's get_context.
func (r *resolution) named(l *Loader, q request) (*Context, error) {
	if r.objects++; r.objects > maxObjects {
		return nil, Errors{q.tooMany()}
	}
	if q.name != nil && isURI(*q.name) { // SEC-11, URI-04
		dir := ""
		if l.doc != nil {
			dir = dirname(l.filename)
		}
		name := *q.name
		q.name = nil
		return r.uri(q, name, dir)
	}
	if l.doc == nil {
		return r.entryPoint(l, q)
	}
	s, err := l.find(q)
	if err != nil {
		return nil, err
	}
	if err := r.enter(l, s, q); err != nil {
		return nil, err
	}
	defer r.leave()
	w := &work{resolution: r, loader: l, section: s, request: q}
	return w.context()
}

func (q request) tooMany() *Error {
	e := q.error("RecursionError", ErrReference, fmt.Sprintf("the references lead to more than %d objects", maxObjects))
	e.Hint = "sections may not multiply each other"
	return e
}

// isURI reports whether a name has a scheme (SEC-11).
func isURI(name string) bool {
	for i := range len(name) {
		c := name[i] | 0x20
		if name[i] == ':' {
			return i > 0
		}
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return false
}

func (r *resolution) enter(l *Loader, s *section, q request) error {
	key := frameKey{l.path, s.name, q.object}
	if r.active[key] > 0 {
		for i, f := range r.stack {
			if f.key == key && f.global.Equal(q.global) {
				return Errors{r.cycle(i, q)}
			}
		}
	}
	if len(r.stack) >= maxDepth {
		e := q.error("RecursionError", ErrReference, fmt.Sprintf("more than %d references lie inside each other", maxDepth))
		e.Hint = "they begin with " + way(r.stack[:5])
		return Errors{e}
	}
	r.stack = append(r.stack, frame{key, s, q.global, q})
	r.active[key]++
	return nil
}

func (r *resolution) leave() {
	last := len(r.stack) - 1
	r.active[r.stack[last].key]--
	r.stack = r.stack[:last]
}

// cycle names the whole circle (USE-15), beginning with the section that stands
// first, from wherever it was entered: so that it is one error.
func (r *resolution) cycle(start int, q request) *Error {
	circle := slices.Clone(r.stack[start:])
	circle[0].request = q
	first := 0
	for i, f := range circle {
		if c := strings.Compare(f.key.path, circle[first].key.path); c < 0 || c == 0 && f.section.line < circle[first].section.line {
			first = i
		}
	}
	circle = append(circle[first:], circle[:first+1]...)
	e := circle[0].request.error("RecursionError", ErrReference, "the references run in a circle: "+way(circle))
	e.Hint = "remove one of them"
	return e
}

// way writes references one after the other, with their files if there are
// several.
func way(frames []frame) string {
	several := slices.ContainsFunc(frames, func(f frame) bool { return f.key.path != frames[0].key.path })
	var b strings.Builder
	for i, f := range frames {
		if i > 0 {
			fmt.Fprintf(&b, " -(%s)-> ", f.request.step)
		}
		if several {
			b.WriteString(displayName(f.section.doc.file) + " ")
		}
		b.WriteString("[" + f.key.section + "]")
	}
	return b.String()
}

// work is the resolution of one section: its options, then what they lead to.
type work struct {
	*resolution
	request
	loader  *Loader
	section *section
	scope   scope

	global    *Conf // of the section (GLB-01)
	local     *Conf // GLB-02
	additions *Conf // its set lines
	errs      Errors
	requires  []Required
	filter    Value // of filter-with
	filtered  bool
}

func (w *work) fail(err error) { w.errs = append(w.errs, flatten(err)...) }

// context follows the order of evaluation of INT-19, which decides which error
// comes first; the others are collected behind it.
func (w *work) context() (*Context, error) {
	defaults, err := w.loader.interpolatedDefaults()
	if err != nil {
		return nil, err
	}
	w.global = defaults.Clone()
	w.global.Update(w.request.global)
	w.local, w.additions = &Conf{}, &Conf{}
	w.scope = scope{w.loader, w.section}
	w.readOptions(defaults)
	if w.object == App || w.object == Filter {
		w.filter, w.filtered = w.local.Delete("filter-with") // GLB-13
	}
	if v, ok := w.local.Delete("require"); ok { // GLB-12
		w.checkRequire(v)
	}
	c := w.kind()
	if w.filtered {
		c = w.filterWith(c)
	}
	if len(w.errs) > 0 {
		return nil, w.errs
	}
	w.record(c)
	return c, nil
}

// interpolatedDefaults evaluates all DEFAULT values (INT-13).
func (l *Loader) interpolatedDefaults() (*Conf, error) {
	if l.defaults != nil || l.defaultsErr != nil {
		return l.defaults, l.defaultsErr
	}
	defaults := l.rawDefaults.Clone()
	in := scope{l, l.doc.defaults}
	var errs Errors
	for k, raw := range l.rawDefaults.All() {
		v, err := in.expand(k, raw)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if v.Text == "" { // INT-14
			v.Text = raw.Text
		}
		v.raw = false
		defaults.Set(k, v)
	}
	if len(errs) > 0 {
		l.defaultsErr = errs
		return nil, l.defaultsErr
	}
	l.defaults = defaults
	return defaults, nil
}

// readOptions sorts the options of the section into locals, set and get lines.
func (w *work) readOptions(defaults *Conf) {
	gets := &Conf{}
	for i := range w.section.all() {
		o := &w.section.options[i]
		w.readOption(o.key, Value{Text: o.raw, opt: o, via: ViaSection, raw: true}, defaults, gets)
	}
	for k, v := range w.loader.rawDefaults.All() { // GLB-11
		if (strings.HasPrefix(k, "set ") || strings.HasPrefix(k, "get ")) && w.section.option(k) == nil {
			w.readOption(k, v, defaults, gets)
		}
	}
	for k, v := range gets.All() { // GLB-08
		g, ok := w.global.Value(v.Text)
		if !ok {
			w.missingGlobal(k, v)
			continue
		}
		w.local.Set(k, Value{Text: g.Text, opt: v.opt, via: ViaGet, secret: g.Secret()})
	}
}

func (w *work) readOption(key string, raw Value, defaults, gets *Conf) {
	set, get := strings.HasPrefix(key, "set "), strings.HasPrefix(key, "get ")
	if !set && !get && defaults.Has(key) { // GLB-03
		w.warnDropped(key, raw, defaults)
		return
	}
	v, err := w.scope.expand(key, raw)
	if err != nil {
		w.errs = append(w.errs, err)
		return
	}
	v.raw = false
	switch {
	case set: // GLB-07
		v.via = ViaSet
		w.global.Set(strip(key[4:]), v)
		w.additions.Set(strip(key[4:]), v)
	case get:
		gets.Set(strip(key[4:]), v)
	default:
		w.local.Set(key, v)
	}
}

func (w *work) missingGlobal(key string, v Value) {
	e := w.optionError(v, "get "+key, "KeyError", ErrReference, "no global option "+repr(v.Text))
	e.text = repr(v.Text)
	e.Hint = "want a name of [DEFAULT], of a set line or of var=value"
	if near := w.session.nearest(v.Text, w.global.Keys()); near != "" {
		e.Hint = "did you mean " + near + "?"
	}
	w.errs = append(w.errs, e)
}

// optionError places an error at an option of this section.
func (w *work) optionError(v Value, key, class string, kind error, text string) *Error {
	e := &Error{Pos: w.section.pos(), Section: w.section.name, Option: key, Problem: text, Kind: kind, class: class}
	if v.opt != nil {
		e.Pos = v.opt.valuePos()
	}
	return e
}

func (w *work) sectionError(text, hint string) *Error {
	return &Error{
		Pos: w.section.pos(), Section: w.section.name, Problem: text, Hint: hint,
		Kind: ErrSettings, class: "LookupError",
	}
}

// warnDropped is for GLB-03, the surprise that users meet most (BUG-02).
func (w *work) warnDropped(key string, raw Value, defaults *Conf) {
	d, _ := defaults.Value(key)
	if d.Text == raw.Text {
		return
	}
	where, hint := "is given by the caller too", fmt.Sprintf("write set %s = ... to change it here", key)
	if special(key) { // GLB-05
		hint = "remove one of the two"
	}
	switch {
	case d.opt != nil && d.opt.section == w.loader.doc.defaults:
		where = fmt.Sprintf("is in [DEFAULT] too (line %d)", d.opt.line)
	case d.opt != nil: // GLB-04
		pos := d.opt.pos()
		where = fmt.Sprintf("is in [%s] of %s too (line %d), which uses this file", d.opt.section.name, pos.File, pos.Line)
		hint = "remove one of the two"
	case d.via == ViaBuiltin:
		where = "is set by the loader"
	}
	e := w.optionError(raw, key, "", ErrSettings, "the option "+where+" and wins: this line has no effect")
	e.Hint = hint
	w.session.warn(e)
}

// special reports whether an option is one of those that the loader consumes.
func special(key string) bool {
	return key == "use" || key == "pipeline" || key == "next" || key == "filter-with" || strings.HasPrefix(key, "paste.")
}

func (w *work) checkRequire(v Value) {
	for _, dist := range Words(v.Text) {
		w.requires = append(w.requires, Required{dist, w.optionError(v, "require", "PackageNotFoundError", ErrUnknown, "")})
	}
}

// kind is the kind-specific part: filter-app, pipeline, use, explicit factory.
// It gives nil after an error.
func (w *work) kind() *Context {
	switch {
	case strings.HasPrefix(w.section.name, "filter-app:"):
		return w.filterApp()
	case strings.HasPrefix(w.section.name, "pipeline:"):
		return w.pipeline()
	case w.local.Has("use"):
		return w.use(w.object)
	}
	return w.explicit(w.object)
}

// filterApp is section 7.2.
func (w *work) filterApp() *Context {
	next, ok := w.local.Delete("next")
	if !ok {
		if !w.broken("next") {
			w.fail(w.missingSetting("next", "want next = NAME of an application"))
		}
		return nil
	}
	c := &Context{Object: FilterApp, Global: w.global, Local: w.local, Loader: w.loader, at: next.opt}
	inner, err := w.named(w.loader, w.below(App, next.Text, w.global, next, "next"))
	if err != nil {
		w.fail(err)
	}
	c.Next = inner
	if w.local.Has("use") {
		c.Filter = w.use(Filter)
	} else {
		c.Filter = w.explicit(Filter)
	}
	return c
}

// broken reports whether an option is missing only because its value could not
// be read, which is reported already.
func (w *work) broken(key string) bool {
	return w.section.option(key) != nil && len(w.errs) > 0
}

// filterWith is section 7.3: the filter is resolved after what it wraps.
func (w *work) filterWith(inner *Context) *Context {
	c := &Context{Object: FilterWith, Global: w.global, Local: w.local, Loader: w.loader, Next: inner, at: w.filter.opt}
	filter, err := w.named(w.loader, w.below(Filter, w.filter.Text, w.global, w.filter, "filter-with"))
	if err != nil {
		w.fail(err)
		return nil
	}
	c.Filter = filter
	return c
}

// record notes which section made a context.
func (w *work) record(c *Context) {
	name := "main"
	if w.name != nil {
		name = *w.name
	}
	c.Name = &name
	c.Sections = slices.Insert(c.Sections, 0, Section{File: w.loader.filename, Name: w.section.name, Pos: w.section.pos(), doc: w.loader.doc})
	c.Requires = append(c.Requires, w.requires...)
}
