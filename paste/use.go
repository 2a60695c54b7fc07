package paste

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// use is USE-05: the target, with this section's options on top.
func (w *work) use(object Object) *Context {
	v, _ := w.local.Delete("use")
	q := w.below(object, v.Text, w.global, v, "use")
	prefix, _, _ := strings.Cut(w.section.name, ":")
	q.composite = prefix == "composite" || prefix == "composit"
	c, err := w.named(w.loader, q)
	if err != nil {
		w.fail(err)
		return nil
	}
	w.warnLost(c)
	c.Global.Update(w.additions)
	c.Local.Update(w.local)
	if file, ok := w.global.Value("__file__"); ok {
		c.Global.Set("__file__", file)
	}
	if c.own == nil && c.Loader.doc != nil && c.Loader.doc != w.loader.doc {
		c.own = c.Loader
	}
	c.Loader = w.loader // USE-16
	if c.Protocol == "" {
		c.Protocol = sectionProtocol(w.section.name)
	}
	c.Uses = slices.Insert(c.Uses, 0, v.Text)
	return c
}

// sectionProtocol is CALL-02: who says use = call: says how it is called.
func sectionProtocol(section string) Protocol {
	prefix, _, _ := strings.Cut(section, ":")
	switch prefix {
	case "app", "application":
		return AppFactory
	case "composite", "composit":
		return CompositFactory
	}
	return Protocol("paste." + prefix + "_factory")
}

// protocols are the explicit keys of an object, in groups (FAC-08, FAC-09).
var protocols = map[Object][][]Protocol{
	App:          {{AppFactory}, {CompositeFactory}, {CompositFactory}},
	Filter:       {{FilterFactory, FilterAppFactory}},
	ServerObject: {{ServerFactory, ServerRunner}},
}

// explicit is a section that names its factory itself.
func (w *work) explicit(object Object) *Context {
	type given struct {
		protocol Protocol
		value    Value
	}
	var found []given
	for _, group := range protocols[object] {
		for _, p := range group {
			if v, ok := w.local.Value(string(p)); ok {
				found = append(found, given{p, v})
				break
			}
		}
	}
	switch {
	case len(found) > 1:
		pairs := make([]string, len(found))
		for i, g := range found {
			pairs[i] = fmt.Sprintf("(%s, %s)", repr(string(g.protocol)), repr(g.value.Text))
		}
		w.fail(w.sectionError(fmt.Sprintf("Multiple protocols given in section %s: [%s]", repr(w.section.name), strings.Join(pairs, ", ")), "want one of them"))
		return nil
	case len(found) == 0:
		if len(w.errs) == 0 { // else the option may be the one with the error
			w.fail(w.missing("use", "No loader given in section "+repr(w.section.name), w.noLoaderHint(object)))
		}
		return nil
	}
	g := found[0]
	w.local.Delete(string(g.protocol))
	if !plainEntryPoint(g.value.Text) && !entryPoint().MatchString(g.value.Text) { // FAC-10
		e := w.optionError(g.value, string(g.protocol), "AttributeError", ErrReference, "invalid factory "+repr(g.value.Text))
		e.Hint = "want module:attribute on the line of the option, and no comment behind it"
		w.fail(e)
		return nil
	}
	return &Context{
		Object: object, Ref: &Ref{RefExplicit, g.value.Text}, Protocol: g.protocol,
		Global: w.global, Local: w.local, Loader: w.loader, at: g.value.opt,
	}
}

// entryPoint is the form of an entry point's value: a module, perhaps an
// attribute, perhaps extras.
// It is compiled when it is used first: few files need it.
var entryPoint = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[\pL\pN_.]+[\s\x1c-\x1f\x85\p{Z}]*(:[\s\x1c-\x1f\x85\p{Z}]*([\pL\pN_.]+)[\s\x1c-\x1f\x85\p{Z}]*)?(\[.*\][\s\x1c-\x1f\x85\p{Z}]*)?$`)
})

// plainEntryPoint knows what nearly all are, module:attribute in ASCII: the
// expression is dear to compile.
func plainEntryPoint(text string) bool {
	module, attr, _ := strings.Cut(text, ":")
	return plainName(module) && plainName(attr)
}

func plainName(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c != '_' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return text != ""
}

func (w *work) noLoaderHint(object Object) string {
	if w.section.name == "pipeline" || w.section.name == "filter-app" {
		return fmt.Sprintf("write [%s:main]", w.section.name) // SEC-09
	}
	for _, group := range protocols[object] {
		for _, p := range append([]Protocol{"use"}, group...) {
			if hint := w.taken(string(p)); hint != "" {
				return hint
			}
		}
	}
	hint := fmt.Sprintf("want use = ... or %s = module:attribute", protocols[object][0][0])
	for key := range w.local.All() {
		if strings.HasPrefix(key, "paste.") { // FAC-08
			hint = key + " does not fit a section of this kind, " + hint
		}
	}
	return hint
}

// taken explains an option that is missing because DEFAULT or the caller has one
// of the same name (GLB-05).
func (w *work) taken(key string) string {
	if w.section.option(key) == nil || !w.loader.rawDefaults.Has(key) {
		return ""
	}
	return fmt.Sprintf("its option %s has no effect, because [DEFAULT] or the caller has one of that name", key)
}

// missing is the error for a section without an option that it needs: at the one
// that was probably to be it, if there is one.
func (w *work) missing(key, problem, hint string) *Error {
	e := w.sectionError(problem, cmp.Or(w.taken(key), hint))
	near := w.session.nearest(key, w.local.Keys())
	for k := range w.local.All() {
		if strings.HasPrefix(k, key+" ") { // use egg:X, where the colon splits
			near = k
		}
	}
	if v, ok := w.local.Value(near); ok && v.opt != nil {
		e.Pos, e.Option, e.Hint = v.opt.pos(), near, "did you mean "+key+" = ...?"
	}
	return e
}

// missingSetting is Paste Deploy's text for it.
func (w *work) missingSetting(key, hint string) *Error {
	return w.missing(key, fmt.Sprintf("The [%s] section in %s is missing a '%s' setting", w.section.name, w.loader.filename, key), hint)
}

// lossy are the targets of use that hand no options on.
var lossy = map[Object]string{Pipeline: "is a pipeline", FilterApp: "is a filter-app", FilterWith: "has filter-with"}

// warnLost is for USE-17 and USE-18: options on top of a target that does not
// take them.
func (w *work) warnLost(c *Context) {
	if w.local.Len() == 0 || c.Object == w.object {
		return
	}
	taken := c.Object != Pipeline
	if c.Object == FilterWith || c.Object == FilterApp {
		taken = c.Local == c.Next.Local || c.Filter != nil && c.Local == c.Filter.Local
	}
	if taken {
		return
	}
	for k, v := range w.local.All() {
		e := w.optionError(v, k, "", ErrSettings, "the option is lost: what the section uses "+lossy[c.Object]+", which hands no options on")
		e.Hint = "write it in the section that uses the factory"
		w.session.warn(e)
	}
}
