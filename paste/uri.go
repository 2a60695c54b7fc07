package paste

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// uri is Paste Deploy's loadcontext (section 8): the name wins over the
// fragment, and without both it is main.
func (r *resolution) uri(q request, uri, relativeTo string) (*Context, error) {
	written := uri
	uri, fragment, ok := strings.Cut(uri, "#")
	if ok && q.name == nil {
		q.name = &fragment
	}
	if q.name == nil {
		main := "main"
		q.name = &main
	}
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		e := q.error("LookupError", ErrReference, "URI has no scheme: "+repr(uri))
		e.Hint = "want config:PATH or egg:DISTRIBUTION"
		return nil, Errors{e}
	}
	switch strings.ToLower(scheme) {
	case "config":
		return r.config(q, uri, rest, relativeTo)
	case "egg":
		return r.egg(q, rest, written)
	case "call":
		return r.call(q, rest)
	}
	e := q.error("LookupError", ErrReference, fmt.Sprintf("URI scheme not known: %s (from config, egg, call)", repr(strings.ToLower(scheme))))
	if from, _ := q.place(); from != nil {
		e.Hint = "a name with a colon is taken for a URI" // SEC-11
		if near := nearest(scheme, []string{"config", "egg", "call"}); near != "" {
			e.Hint = "did you mean " + near + ":" + rest + "?"
		}
	}
	return nil, Errors{e}
}

// config loads from another file (URI-05 to URI-09).
func (r *resolution) config(q request, uri, file, relativeTo string) (*Context, error) {
	file, err := r.session.configPath(q, uri, file, relativeTo)
	if err != nil {
		return nil, err
	}
	if err := r.tooDeep(q); err != nil {
		return nil, err
	}
	l, err := r.session.open(file, q.global)
	if err != nil {
		return nil, r.atReference(q, err)
	}
	return r.named(l, q)
}

// configPath builds the path of a config: URI (URI-05, URI-07).
func (s *session) configPath(q request, uri, file, relativeTo string) (string, error) {
	if root := s.root; root != nil {
		file = root.untoken(file)
	}
	absolute := strings.HasPrefix(file, "/")
	file = strings.ReplaceAll(file, `\`, "/")
	if !absolute {
		if relativeTo == "" {
			e := q.error("ValueError", ErrReference, fmt.Sprintf("Cannot resolve relative uri %s; no relative_to keyword argument given", repr(uri)))
			e.Hint = "want an absolute path"
			return "", Errors{e}
		}
		relativeTo = strings.ReplaceAll(relativeTo, `\`, "/")
		file = strings.TrimSuffix(relativeTo, "/") + "/" + file
	}
	if strings.HasPrefix(file, "///") {
		file = file[2:]
	}
	return unquote(file), nil
}

// tooDeep ends circles of files that never reach a section.
func (r *resolution) tooDeep(q request) error {
	if len(r.stack) < maxDepth {
		return nil
	}
	return Errors{q.error("RecursionError", ErrReference, fmt.Sprintf("more than %d references lie inside each other", maxDepth))}
}

// atReference puts the place of a reference before the trouble with the file
// that it names; troubles inside the file have their own places.
func (r *resolution) atReference(q request, err error) error {
	list := flatten(err)
	from, at := q.place()
	if from == nil || len(list) != 1 || !errors.Is(list[0].Kind, ErrFile) {
		return err
	}
	e := *list[0]
	e.Problem = e.Problem + ": " + repr(e.Pos.File)
	e.Pos, e.Section, e.Option = from.valueAt(at), from.section.name, from.key
	e.Hint = strings.TrimPrefix(e.Hint+"; a path is relative to the folder of the file it stands in", "; ")
	return Errors{&e}
}

// egg names a factory of a distribution (section 4.3).
func (r *resolution) egg(q request, dist, written string) (*Context, error) {
	l := &Loader{session: r.session, dist: dist}
	if isURI(*q.name) { // egg:X#config:/y.ini
		return r.named(l, q)
	}
	c, err := r.entryPoint(l, q)
	if err == nil {
		c.written = written
	}
	return c, err
}

// knownComposites are taken for composites wherever they stand, as long as no
// registry says more.
var knownComposites = map[string]bool{"paste#urlmap": true, "paste#cascade": true, "rutter#urlmap": true}

func (r *resolution) entryPoint(l *Loader, q request) (*Context, error) {
	if l.dist == "" {
		e := q.error("ValueError", ErrReference, "A distribution name is required.")
		e.Hint = "want egg:DISTRIBUTION#NAME"
		return nil, Errors{e}
	}
	name := "main"
	if q.name != nil {
		name = *q.name
	}
	protocol := protocols[q.object][0][0]
	if q.object == App && (q.composite || knownComposites[strings.ToLower(strings.ReplaceAll(l.dist, "-", "_"))+"#"+name]) {
		protocol = CompositeFactory
	}
	text := "egg:" + l.dist + "#" + name
	return &Context{
		Object: q.object, Ref: &Ref{RefEgg, text}, Protocol: protocol,
		Global: shared(q.global), Local: &Conf{}, Loader: l, written: text, at: q.from,
	}, nil
}

// shared is Python's "global_conf or {}": the very object, unless it is empty
// (FAC-14).
func shared(global *Conf) *Conf {
	if global.Len() == 0 {
		return &Conf{}
	}
	return global
}

// call names a callable (CALL-01, CALL-03).
func (r *resolution) call(q request, spec string) (*Context, error) {
	module, attr, ok := strings.Cut(spec, ":")
	class, problem := "", ""
	switch {
	case !ok:
		class, problem = "LookupError", "Configuration not in format module:function"
	case strings.Contains(attr, ":"):
		class, problem = "ValueError", "too many colons in "+repr("call:"+spec)
	case strings.Contains(attr, "."):
		class, problem = "AttributeError", fmt.Sprintf("module %s has no attribute %s", repr(module), repr(attr))
	}
	if problem != "" {
		e := q.error(class, ErrReference, problem)
		e.Hint = "want call:MODULE:FUNCTION, without dots after the colon"
		return nil, Errors{e}
	}
	text := "call:" + spec
	return &Context{
		Object: q.object, Ref: &Ref{RefCall, text},
		Global: shared(q.global), Local: &Conf{}, Loader: &Loader{session: r.session, dist: text}, written: text, at: q.from,
	}, nil
}

// dirname is Python's os.path.dirname.
func dirname(file string) string {
	i := strings.LastIndexByte(file, '/') + 1
	dir := file[:i]
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		return trimmed
	}
	return dir
}

// unquote is Python's: %XX runs are decoded as UTF-8, a malformed one stays
// (URI-07).
func unquote(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := hex(s[i+1]), hex(s[i+2]); hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	if utf8.Valid(out) {
		return string(out)
	}
	return strings.ToValidUTF8(string(out), "\ufffd")
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// FileURI makes a config: URI of a path, which may hold a percent sign and #.
func FileURI(file string) string {
	return "config:" + strings.NewReplacer("%", "%25", "#", "%23").Replace(path.Clean(file))
}
