package conformance

import (
	"path"
	"slices"
	"strings"
	"unicode"
)

// escape writes text so that interpolation gives it back.
func escape(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// ref is a reference to something of kind k, as a value is written; most are good.
func (m *maker) ref(at place, k kind) string {
	if m.chance(4.5) {
		return m.badRef(at, k)
	}
	return m.goodRef(at, k)
}

// word is a ref without white space, for pipelines (SEC-12).
func (m *maker) word(at place, k kind) string {
	for range 5 {
		if r := m.ref(at, k); r != "" && !strings.ContainsFunc(r, isBlank) {
			return r
		}
	}
	return m.egg(k)
}

// isBlank is Python's str.isspace for one character (INI-04).
func isBlank(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func (m *maker) goodRef(at place, k kind) string {
	return m.oneText(
		text{66, func() string { return m.localRef(at, k) }},
		text{12, func() string { return m.egg(k) }},
		text{22, func() string { return m.configRef(at, k) }},
	)
}

// localRef names a later section of the same file.
func (m *maker) localRef(at place, k kind) string {
	names := m.namesOf(m.files[at.file].sections[at.section+1:], k)
	if len(names) == 0 {
		return m.egg(k)
	}
	return escape(m.pick(names))
}

func (m *maker) namesOf(sections []*section, k kind) []string {
	var names []string
	for _, s := range sections {
		if kindOf(s.prefix) == k {
			names = append(names, s.name)
		}
	}
	return names
}

func (m *maker) egg(k kind) string {
	var e string
	switch k {
	case filterKind:
		e = m.pick(eggFilters)
	case serverKind:
		e = m.pick(eggServers)
	default:
		e = m.pick(eggApps)
	}
	if !strings.ContainsFunc(e, isBlank) {
		return e
	}
	return m.pick([]string{e, "egg:Plain"})
}

// configRef leads to a later file, or to a later section of the same one by way of config:.
func (m *maker) configRef(at place, k kind) string {
	file := m.between(at.file, len(m.files)-1)
	sections := m.files[file].sections
	if file == at.file {
		sections = sections[at.section+1:]
	}
	names := m.namesOf(sections, k)
	if len(names) == 0 {
		return m.egg(k)
	}
	name := m.pick(names)
	uri := m.pick([]string{"config:", "config:", "config:", "config:", "CONFIG:"}) + m.route(m.files[at.file].path, m.files[file].path)
	if name == "main" && m.chance(50) {
		return uri
	}
	return uri + "#" + escape(name)
}

// route spells the way from one file to another (URI-06, URI-07).
func (m *maker) route(from, to string) string {
	back := strings.Repeat("../", strings.Count(from, "/"))
	written := strings.NewReplacer("%", "%25", "#", "%23").Replace(to)
	if m.chance(50) {
		written = strings.ReplaceAll(written, " ", "%20")
	}
	if m.chance(4) {
		written = to // for real: no escapes, which fails for some names
	}
	written = escape(back + written)
	return m.oneText(
		text{80, always(written)},
		text{4, always("./" + written)},
		text{6, always("%(here)s/" + written)},
		text{3, always(strings.ReplaceAll(written, "/", `\`))},
		text{2, always(strings.ReplaceAll(written, "i", "%%69"))},
		text{2, always(strings.Repeat("../", strings.Count(from, "/")) + m.detour(to) + escape(to))},
		text{1, always(strings.ReplaceAll(written, "/", "//"))},
		text{1, always(written + " ")},
		text{1, always(" " + written)},
	)
}

// detour goes into a folder that may not be there, and out again.
func (m *maker) detour(to string) string {
	if dir := path.Dir(to); dir != "." {
		return escape(strings.Repeat(dir+"/", 1)) + strings.Repeat("../", strings.Count(dir, "/")+1)
	}
	return "none/../"
}

func (m *maker) badURI() string {
	if m.chance(50) {
		return m.pick(usualBadURIs)
	}
	return m.pick(badURIs)
}

func (m *maker) badRef(at place, k kind) string {
	return m.oneText(
		text{3, always(m.pick([]string{"none", "mian", "it's", "é\u200b", "Main", ""}))},
		text{6, m.badURI},
		text{4, func() string { return m.anyRef(at, k) }},
		text{2, func() string { return m.otherKind(at, k) }},
		text{2, always(m.pick(badCalls))},
		text{2, always(m.pick(calls))},
		text{1, func() string { return m.goodRef(at, k) + " # note" }},
		text{1, func() string { return escape(m.pick(oddNames)) }},
	)
}

// anyRef leads anywhere, and so into cycles (USE-15).
func (m *maker) anyRef(at place, k kind) string {
	file := m.IntN(len(m.files))
	names := m.namesOf(m.files[file].sections, k)
	if len(names) == 0 {
		return m.egg(k)
	}
	name := escape(m.pick(names))
	if file == at.file && m.chance(70) {
		return name
	}
	return "config:" + m.route(m.files[at.file].path, m.files[file].path) + "#" + name
}

// otherKind names a section of another kind (USE-11, PIPE-03, PIPE-04).
func (m *maker) otherKind(at place, k kind) string {
	others := slices.DeleteFunc([]kind{appKind, filterKind, serverKind}, func(o kind) bool { return o == k })
	return m.localRef(place{at.file, -1}, others[m.IntN(len(others))])
}
