package paste

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// prefixes are the kinds of section for an object (SEC-01 to SEC-03): within a
// group the first that matches hides the others (SEC-05).
var prefixes = map[Object][][]string{
	App:          {{"app", "application"}, {"composite", "composit"}, {"pipeline"}, {"filter-app"}},
	Filter:       {{"filter"}},
	ServerObject: {{"server"}},
}

// ObjectOf tells what kind of object a section's name announces, and the name
// that it is asked for by; false for sections that Paste Deploy ignores
// (GEN-08). The name of a bare [app] is nil (SEC-08).
func ObjectOf(section string) (Object, *string, bool) {
	prefix, name, colon := strings.Cut(section, ":")
	for _, object := range []Object{App, Filter, ServerObject} {
		for _, group := range prefixes[object] {
			if !slices.Contains(group, prefix) {
				continue
			}
			if !colon {
				return object, nil, true
			}
			name = strip(name)
			return object, &name, true
		}
	}
	return "", nil, false
}

// sectionsNamed lists the sections [prefix:name], the name stripped (SEC-04),
// in the order of the file.
func (d *document) sectionsNamed(prefix, name string) []*section {
	var found []*section
	if s := d.byName.find(prefix + ":" + name); s != nil && strip(name) == name {
		found = append(found, s)
	}
	found = append(found, d.padded[prefix+":"+name]...)
	if len(found) > 1 {
		slices.SortFunc(found, func(a, b *section) int { return cmp.Compare(a.offset, b.offset) })
	}
	return found
}

// find finds the section for an object (section 3 of the semantics). Without a
// name, the bare [app] and [app:main] are meant (SEC-08).
func (l *Loader) find(q request) (*section, error) {
	var found []*section
	for _, group := range prefixes[q.object] {
		for _, prefix := range group {
			matches := l.candidates(prefix, q.name)
			if len(matches) > 0 {
				found = append(found, matches...)
				break
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, l.notFound(q)
	}
	names := make([]string, len(found))
	places := make([]string, len(found))
	for i, s := range found {
		names[i], places[i] = s.name, fmt.Sprintf("[%s] at line %d", s.name, s.line)
	}
	last := slices.MaxFunc(found, func(a, b *section) int { return a.line - b.line })
	e := &Error{
		Pos: last.pos(), Section: last.name, Kind: ErrLookup, class: "LookupError",
		Problem: fmt.Sprintf("Ambiguous section names %s for section %s (prefixed by %s) found in config %s",
			reprList(names), q.reprName(), prefixText(q.object), l.filename),
	}
	e.Hint = "rename one of " + strings.Join(places, ", ")
	return nil, Errors{e}
}

func (l *Loader) candidates(prefix string, name *string) []*section {
	if name != nil {
		return l.doc.sectionsNamed(prefix, *name)
	}
	var found []*section
	if s := l.doc.byName.find(prefix); s != nil {
		found = append(found, s)
	}
	return append(found, l.doc.sectionsNamed(prefix, "main")...)
}

// prefixText lists the kinds of section as Paste Deploy's messages do.
func prefixText(object Object) string {
	var parts []string
	for _, group := range prefixes[object] {
		for _, prefix := range group {
			parts = append(parts, repr(prefix))
		}
	}
	return strings.Join(parts, " or ")
}

// notFound is SEC-06, with the best guess at what was meant.
func (l *Loader) notFound(q request) error {
	e := q.error("LookupError", ErrLookup, fmt.Sprintf("No section %s (prefixed by %s) found in config %s",
		q.reprName(), prefixText(q.object), l.filename))
	name := "main"
	if q.name != nil {
		name = *q.name
	}
	hint, meant := l.guess(q.object, name)
	e.Hint = hint
	switch {
	case e.Pos.File != "":
	case meant != nil:
		e.Pos = meant.pos()
	default:
		e.Pos = Pos{File: displayName(l.filename)}
	}
	return Errors{e}
}

// guessName says what is probably wrong with a name by itself.
func guessName(name string) string {
	words := Words(name)
	switch {
	case len(words) == 0:
		return "the name is empty"
	case slices.ContainsFunc(words, isComment): // BUG-07
		return "a comment needs a line of its own"
	case strings.HasSuffix(name, ","): // PIPE-02
		return "names are separated by white space, not by commas"
	case strings.Contains(name, "\n"): // USE-12
		return "write the name on the line of its option"
	}
	return ""
}

// guess says what an operator probably meant by a name that is not there, and
// which section, if it is one.
func (l *Loader) guess(object Object, name string) (string, *section) {
	if hint := guessName(name); hint != "" {
		return hint, nil
	}
	var known, headers []string
	places := map[string]*section{}
	for _, s := range l.doc.sections {
		o, n, ok := ObjectOf(s.name)
		switch {
		case !ok:
			if wrong := misspelt(s.name, object, name); wrong != "" {
				return fmt.Sprintf("[%s] at line %d %s", s.name, s.line, wrong), s
			}
		case n == nil:
			if o == object && name == "main" { // SEC-08, BUG-06
				return fmt.Sprintf("[%s] at line %d has no name, write [%s:main]", s.name, s.line, s.name), s
			}
		case o == object:
			known = append(known, *n)
			headers = append(headers, "["+s.name+"]")
			places[*n] = s
		case *n == name:
			return fmt.Sprintf("[%s] at line %d is no %s", s.name, s.line, object), s
		}
	}
	if near := l.session.nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %s ([%s] at line %d)?", near, places[near].name, places[near].line), places[near]
	}
	if len(Words(name)) > 1 {
		return "only a pipeline takes several names", nil // SEC-12
	}
	return l.listKnown(object, headers), nil
}

func (l *Loader) listKnown(object Object, headers []string) string {
	switch {
	case len(l.doc.sections) == 0:
		return "the file has no sections"
	case len(headers) == 0:
		return "the file has no section for " + article(string(object))
	case len(headers) > 12:
		return fmt.Sprintf("the file has %s and %d more", strings.Join(headers[:12], ", "), len(headers)-12)
	}
	return "the file has " + strings.Join(headers, ", ")
}

// misspelt explains a header that would be the section asked for but for its
// case, its white space (SEC-04, INI-23) or a slip in its kind.
func misspelt(header string, object Object, name string) string {
	prefix, rest, ok := strings.Cut(header, ":")
	if !ok || strip(rest) != name {
		return ""
	}
	want := strings.ToLower(strip(prefix))
	known := slices.Concat(prefixes[object]...)
	if !slices.Contains(known, want) {
		want = nearest(want, known)
	}
	if want == "" {
		return ""
	}
	return fmt.Sprintf("must be written [%s:%s]", want, name)
}
