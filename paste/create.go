package paste

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
)

// Find finds the factory that a context refers to. The error says what the
// operator's choices are.
func (r *Registry) Find(c *Context) (*Factory, error) {
	ref := c.Ref.Text
	f, ok := r.Lookup(c.Object, ref)
	switch {
	case ok && f.Refusal == "":
		return f, nil
	case ok:
		e := c.refError(fmt.Sprintf("%s cannot be served by Go: %s", ref, f.Refusal))
		return nil, Errors{e}
	}
	e := c.refError("no Go factory is registered for " + ref)
	for _, other := range []Object{App, Filter, ServerObject} {
		if wrong, ok := r.Lookup(other, ref); ok {
			e.Problem = fmt.Sprintf("%s is registered as %s, want %s", ref, article(string(wrong.Kind)), article(string(c.Object)))
			e.Hint = fmt.Sprintf("use it in a section [%s:...]", prefixes[other][0][0])
			return nil, Errors{e}
		}
	}
	if dist, entry, ok := strings.Cut(strings.TrimPrefix(ref, "egg:"), "#"); ok && c.Ref.Kind == RefEgg && r.HasDist(dist) {
		e.Problem = fmt.Sprintf("Entry point %s not found in egg %s: %s", repr(entry), repr(dist), e.Problem) // EGG-03
	}
	e.Hint = r.unknownHint(c.Object, ref)
	return nil, Errors{e}
}

func (r *Registry) unknownHint(object Object, ref string) string {
	if words := Words(ref); len(words) > 1 && slices.ContainsFunc(words[1:], isComment) { // EGG-06
		return "a comment needs a line of its own"
	}
	if near := nearest(ref, r.names(object)); near != "" {
		return "did you mean " + near + "?"
	}
	return "remove it, write and register it in Go (docs/plugins.md), or serve a stub with --missing stub"
}

func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}

// refError places a problem where the factory is named.
func (c *Context) refError(problem string) *Error {
	e := &Error{Pos: c.Pos(), Section: c.Section(), Problem: problem, Kind: ErrUnknown}
	if c.at != nil {
		e.Pos, e.Section, e.Option = c.at.valuePos(), c.at.section.name, c.at.key
		if i := wordIndex(c.at.raw, c.written); i > 0 {
			e.Pos = c.at.valueAt(i)
		}
	}
	return e
}

// HasDist reports whether a distribution has factories in the registry.
func (r *Registry) HasDist(dist string) bool {
	prefix := strings.TrimSuffix(normalizeRef("egg:"+dist), "main")
	r.mu.RLock()
	defer r.mu.RUnlock()
	for key := range r.byName {
		if strings.HasPrefix(key.ref, prefix) {
			return true
		}
	}
	return false
}

// Error places a problem at the require option.
func (r Required) Error(problem, hint string) *Error {
	e := *r.at
	e.Problem, e.Hint = problem, hint
	return &e
}

// Check decodes the options without calling the factory.
func (f *Factory) Check(b *Build) error {
	_, err := f.options(b, func(string, string) {})
	return err
}

// Create decodes the options of the section and calls the factory; next is what
// a filter-app wraps. All errors get the place of the option that they are
// about.
func (f *Factory) Create(b *Build, next http.Handler) (made any, err error) {
	options, err := f.options(b, b.Warn)
	if err != nil {
		return nil, err
	}
	defer func() {
		if value := recover(); value != nil {
			b.Logger().Error("a factory ended in a panic", "factory", f.Name, "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
			made, err = nil, b.context.Errorf("", "the factory %s ended in a panic, which is a defect of the plugin: %v", f.Name, value)
		}
	}()
	made, err = f.create(b, options, next)
	if err != nil {
		return nil, b.context.placed(err)
	}
	return made, nil
}

func (f *Factory) options(b *Build, warn func(option, problem string)) (any, error) {
	c := b.context
	loose := f.loose[normalizeRef(c.Ref.Text)]
	options, errs := f.decode(&reading{
		local: c.Local, global: c.Global, conf: b.lookupConf, found: b.noteConf, warn: warn, loose: loose,
	})
	for i, e := range errs {
		errs[i] = c.placed(e)
	}
	return options, collect(errs...)
}

// Place gives the errors of something that was made from the section, such as
// a server, the place of the options that they are about.
func (c *Context) Place(err error) error { return c.placed(err) }

// placed gives the errors of a factory their place; those that have one keep
// it.
func (c *Context) placed(err error) error {
	switch err.(type) { //nolint:errorlint // a wrapped one says more than its parts
	case nil, *Error, Errors:
		return err
	}
	if list, ok := joined(err); ok {
		for i := range list {
			list[i] = c.placed(list[i])
		}
		return collect(list...)
	}
	if option, ok := errors.AsType[*OptionError](err); ok {
		e := c.optionError(option.Option, option.Err.Error(), ErrOption)
		e.Cause, e.class = option.Err, "TypeError"
		return Errors{e}
	}
	e := c.optionError("", err.Error(), ErrFactory)
	e.Cause = err
	return Errors{e}
}

// Errorf makes an error at an option of the section, or with "" at the section.
func (c *Context) Errorf(option, format string, args ...any) error {
	return Errors{c.optionError(option, fmt.Sprintf(format, args...), ErrFactory)}
}

// SameAs reports whether two contexts are the same section with the same
// globals, so that one inside the other never ends.
func (c *Context) SameAs(other *Context) bool {
	if len(c.Sections) == 0 || len(other.Sections) == 0 {
		return false
	}
	a, b := c.Sections[0], other.Sections[0]
	return a.Name == b.Name && a.doc.sameFile(b.doc) && c.Global.Equal(other.Global)
}

func (d *document) sameFile(other *document) bool {
	return d == other || absolute(d.file) == absolute(other.file)
}

// Warnings are what the loader of the context noticed so far.
func (c *Context) Warnings() Errors { return c.Loader.Warnings() }

// FilterItem names the filter of a filter-app or filter-with as it is written.
func (c *Context) FilterItem() string {
	if c.Object == FilterWith && c.at != nil {
		return c.at.raw
	}
	if len(c.Filter.Uses) > 0 {
		return c.Filter.Uses[0]
	}
	if c.Filter.Ref != nil {
		return c.Filter.Ref.Text
	}
	return c.Filter.Label()
}
