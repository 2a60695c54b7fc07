package osloconf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// maxDepth is about where Python's stack ends for oslo.
const maxDepth = 100

// value is one value of an option, substituted, and where it came from.
type value struct {
	text        string
	pos         paste.Pos // zero for a default
	group, name string    // as written, or the option's own for a default
}

// expansion is the substitution of one option with all that it names.
type expansion struct {
	conf   *Config
	path   []Option       // from the option that was asked for to the present one
	done   map[key]string // what $name stands for
	size   int            // bytes put in place of names so far
	secret bool           // a secret took part
}

// values gives what an option has in the files, or its default: one value, or
// several of a Multi, oldest first, or none.
func (x *expansion) values(o Option) ([]value, *paste.Error) {
	x.path = append(x.path, o)
	defer func() { x.path = x.path[:len(x.path)-1] }()
	x.secret = x.secret || o.secret()
	list := x.conf.raw(o)
	for i := range list {
		text, err := x.expand(list[i], o)
		if err != nil {
			return nil, err
		}
		list[i].text = text
	}
	return list, nil
}

// raw gives the values of an option before substitution.
func (c *Config) raw(o Option) []value {
	var list []value
	for _, h := range c.lookup(o) {
		if h.old {
			c.warnOld(o, h)
		}
		list = append(list, value{h.entry.text, h.file.pos(h.entry), h.entry.group, h.entry.name})
		if o.Type != Multi {
			return list
		}
	}
	slices.Reverse(list)
	if len(list) > 0 || o.Default == "" {
		return list
	}
	texts := []string{o.Default}
	if o.Type == Multi {
		texts = strings.Split(o.Default, "\n")
	}
	for _, t := range texts {
		list = append(list, value{text: t, group: o.group(), name: o.dest()})
	}
	return list
}

// expand puts values in place of $name and ${name}. As in oslo, \$ is another
// way to write $$, replaced before all else, and a $ that begins neither
// stays. What was put in is not searched again.
func (x *expansion) expand(v value, o Option) (string, *paste.Error) {
	if !strings.Contains(v.text, "$") {
		return v.text, nil
	}
	rest := strings.ReplaceAll(v.text, `\$`, "$$")
	var out strings.Builder
	for {
		before, after, found := strings.Cut(rest, "$")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, length := reference(after)
		rest = after[length:]
		if name == "" {
			out.WriteByte('$')
			continue
		}
		text, err := x.named(name, v, o)
		if err != nil {
			return "", err
		}
		if x.size += len(text); x.size > maxFile {
			return "", x.fail(v, fmt.Sprintf("the substitution grows beyond %d bytes, want fewer names", maxFile))
		}
		out.WriteString(text)
	}
}

// reference reads what follows a $: the name and how many bytes it takes. Of a
// second $ it takes one byte without a name, of anything else nothing.
func reference(s string) (string, int) {
	if strings.HasPrefix(s, "$") {
		return "", 1
	}
	inner, braced := strings.CutPrefix(s, "{")
	n := nameLength(inner)
	switch {
	case n == 0:
		return "", 0
	case !braced:
		return inner[:n], n
	case strings.HasPrefix(inner[n:], "}"):
		return inner[:n], n + len("{}")
	}
	return "", 0
}

// nameLength is the length of [_a-z][._a-z0-9]* in any case at the start of s.
// A dot at the end belongs to the name too, as in oslo: "$host." is an error.
func nameLength(s string) int {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || foldsToLetter(r)
		if !letter && (i == 0 || r != '.' && (r < '0' || r > '9')) {
			return i
		}
	}
	return len(s)
}

// foldsToLetter reports the four letters beyond ASCII that Python's [a-z]
// matches when case does not count: I with a dot, i without, long s, Kelvin.
func foldsToLetter(r rune) bool {
	return r == 0x130 || r == 0x131 || r == 0x17f || r == 0x212a
}

// named gives what stands for a name in the value v of o.
func (x *expansion) named(name string, v value, o Option) (string, *paste.Error) {
	target, ok := x.conf.find(name, v, o)
	if !ok {
		return "", x.fail(v, fmt.Sprintf("unknown name %q, want %s or $$ for a dollar sign", shorten(name), wanted(name)))
	}
	if slices.ContainsFunc(x.path, func(p Option) bool { return p.key() == target.key() }) {
		e := x.fail(v, "substitution cycle "+x.trail(target)+", want a value that does not lead back to itself")
		e.Hint = "" // the problem tells the way
		return "", e
	}
	if len(x.path) >= maxDepth {
		return "", x.fail(v, fmt.Sprintf("more than %d substitutions within each other, want fewer", maxDepth))
	}
	if text, ok := x.done[target.key()]; ok {
		return text, nil
	}
	list, err := x.values(target)
	if err != nil {
		return "", err
	}
	text, bad, problem := asPython(list, target.Type)
	if problem != nil {
		x.path = append(x.path, target)
		return "", x.fail(bad, problem.about(bad.text, x.secret))
	}
	x.done[target.key()] = text
	return text, nil
}

// wanted tells what to write in place of an unknown name.
func wanted(name string) string {
	if plain, ok := strings.CutPrefix(name, defaultGroup+"."); ok && plain != "" {
		return "${" + shorten(plain) + "}" // oslo has no group DEFAULT
	}
	if plain := strings.TrimRight(name, "."); plain != name {
		return "${" + shorten(plain) + "}"
	}
	return "an option that is set or has a default"
}

// find gives the option that a name in the value v of o means: the one of o's
// group or of the group before the dot, else the one of DEFAULT. oslo takes an
// option that exists for one that is set: an option of the same group hides
// that of DEFAULT even when it has no value.
func (c *Config) find(name string, v value, o Option) (Option, bool) {
	group, option, dotted := strings.Cut(name, ".")
	if !dotted {
		group, option = o.group(), name
	}
	if dotted && group == defaultGroup {
		return Option{}, false
	}
	if target, ok := c.known(group, option, dotted, v); ok {
		return target, true
	}
	return c.known(defaultGroup, name, false, v)
}

// known gives the option of a group if it is declared, by its own or a
// deprecated name, or set in a file. A group before a dot must be spelt as it
// is declared (in lower case where nothing declares it).
func (c *Config) known(group, name string, exact bool, v value) (Option, bool) {
	k := key{normalGroup(group), name}
	c.mu.Lock()
	o, declared := c.declared[k]
	successor, alias := c.aliases[k]
	c.mu.Unlock()
	switch {
	case declared:
		return o, !exact || o.group() == group
	case exact && k.group != group:
		return Option{}, false
	case alias:
		c.warn("ask "+k.group+"\n"+k.name, &paste.Error{Pos: v.pos, Section: v.group, Option: v.name, Kind: paste.ErrOption,
			Problem: fmt.Sprintf("deprecated name %q, want %s of [%s]", name, successor.dest(), successor.group())})
		// oslo looks for the successor in the group of the old name.
		successor.Group = group
		return successor, true
	}
	for _, f := range c.files {
		if len(f.index[k]) > 0 {
			return Option{Group: k.group, Name: name}, true
		}
	}
	return Option{}, false
}

// fail is an error about a value, with the way that led to it.
func (x *expansion) fail(v value, problem string) *paste.Error {
	e := &paste.Error{Pos: v.pos, Section: v.group, Option: v.name, Problem: problem, Kind: paste.ErrInterpolation}
	if len(x.path) > 1 {
		e.Hint = "reached by " + labels(x.path)
	}
	return e
}

// trail is the path from target to itself.
func (x *expansion) trail(target Option) string {
	start := slices.IndexFunc(x.path, func(o Option) bool { return o.key() == target.key() })
	return labels(append(slices.Clone(x.path[start:]), target))
}

func labels(path []Option) string {
	names := make([]string, len(path))
	for i, o := range path {
		names[i] = o.label()
	}
	return strings.Join(names, " > ")
}

// label names an option as ${...} does.
func (o Option) label() string {
	if o.group() == defaultGroup {
		return o.dest()
	}
	return o.Group + "." + o.dest()
}
