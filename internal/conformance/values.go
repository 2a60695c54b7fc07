package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// value writes the value of an option that may refer to keys.
func (m *maker) value(keys []string) string {
	known := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == "" || strings.Contains(k, ")") })
	return m.oneText(
		text{42, func() string { return escape(m.pick(words)) }},
		text{4, func() string { return escape(m.gibberish()) }},
		text{24, func() string { return m.interpolated(known) }},
		text{9, func() string { return "%(here)s/" + escape(m.pick(words)) }},
		text{3, always("%(__file__)s")},
		text{4, func() string { return m.pick(words) + "%%" }},
		text{2, always("%%(here)s")},
		text{8, func() string { return m.lines(known) }},
		text{4, always("")},
	)
}

func (m *maker) interpolated(known []string) string {
	if len(known) == 0 {
		return "%(here)s"
	}
	v := "%(" + m.pick(known) + ")s"
	if m.chance(40) {
		v = m.pick([]string{"/x/", "<", "a ", "%%", "é"}) + v + m.pick([]string{"", "/y", ">", "%%", " b"})
	}
	if m.chance(20) {
		v += "%(" + m.pick(known) + ")s"
	}
	return v
}

// lines is a value of several lines, some empty; some look like something else.
func (m *maker) lines(known []string) string {
	out := []string{escape(m.pick(words))}
	for range m.between(1, 4) {
		out = append(out, m.oneText(
			text{5, func() string { return escape(m.pick(words)) }},
			text{2, func() string { return m.interpolated(known) }},
			text{2, always("")},
			text{1, always("use = egg:App")},
			text{1, always("- x: 1")},
			text{1, always("[app:x]")},
		))
	}
	return strings.Join(out, "\n")
}

// chain adds n options of which each refers to the next (INT-04: ten steps are
// the limit).
func (m *maker) chain(s *section, n int) {
	prefix := m.pick([]string{"k", "chain"})
	times := 1
	if n < 7 && m.chance(20) {
		times = 2
	}
	for i := range n {
		s.add(fmt.Sprintf("%s%d", prefix, i), strings.Repeat(fmt.Sprintf("%%(%s%d)s", prefix, i+1), times))
	}
	s.add(fmt.Sprintf("%s%d", prefix, n), m.pick([]string{"end", "", "50%%", "%(here)s", "a"}))
}

// gibberish is a few characters of all kinds, for what prints and strips text.
func (m *maker) gibberish() string {
	var b strings.Builder
	for range m.between(1, 6) {
		span := alphabets[m.IntN(len(alphabets))]
		if r := span[0] + m.Int32N(span[1]-span[0]+1); r != '\n' && r != '\r' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// broken gives s an option that interpolation refuses.
func (m *maker) broken(s *section) {
	m.oneOf(
		way{6, func() { s.add(m.pick(optionKeys), m.pick(brokenValues)) }},
		way{1, func() { s.add("self", "%(self)s") }},
		way{1, func() { s.add("ping", "a%(pong)s"); s.add("pong", "b%(ping)s") }},
		way{1, func() { m.chain(s, m.between(11, 12)) }},
	)
}

// fillDefaults makes what the [DEFAULT] blocks of p say together.
func (m *maker) fillDefaults(p *plan) {
	if m.chance(35) {
		return
	}
	s := &section{}
	m.plainOptions(s, m.keys(5), nil)
	if m.chance(5) {
		m.chain(s, m.between(2, 9))
	}
	if m.chance(1) {
		m.broken(s)
	}
	if m.chance(4) {
		m.specialDefault(s)
	}
	p.defaults = s.items
	for _, i := range p.defaults {
		p.defaultKeys = append(p.defaultKeys, i.key)
	}
}

// keys picks up to most option keys, in half of the cases from the first few,
// so that sections, DEFAULT and both ends of a use share some.
func (m *maker) keys(most int) []string {
	if m.chance(50) {
		return m.few(most, optionKeys[:9])
	}
	return m.few(most, optionKeys)
}

// plainOptions adds keys, each of which may refer to the later ones and to more.
func (m *maker) plainOptions(s *section, keys, more []string) {
	for i, key := range keys {
		later := keys[i+1:]
		if m.chance(1) {
			later = keys // cycles
		}
		s.add(key, m.value(append(slices.Clone(later), more...)))
	}
}

// specialDefault puts a key into DEFAULT that has a meaning elsewhere (GLB-05,
// GLB-11, INT-10).
func (m *maker) specialDefault(s *section) {
	m.oneOf(
		way{1, func() { s.add("use", "egg:App") }},
		way{1, func() { s.add("pipeline", "f main") }},
		way{1, func() { s.add("next", "main") }},
		way{1, func() { s.add("filter-with", "f") }},
		way{1, func() { s.add(m.pick(appProtocols), "mod:attr") }},
		way{1, func() { s.add("require", "Dist") }},
		way{2, func() { s.add("here", m.pick([]string{"/else", "%(__file__)s", "<here>", ""})) }},
		way{1, func() { s.add("__file__", "/else/x.ini") }},
		way{3, func() { s.add("set "+m.pick(optionKeys), m.pick(words)) }},
		way{2, func() { s.add("get "+m.pick(optionKeys), m.pick([]string{"here", "a", "debug"})) }},
	)
}

// setAndGet adds lines of GLB-07 and GLB-08.
func (m *maker) setAndGet(s *section, p *plan) {
	globals := append([]string{"here", "__file__"}, p.defaultKeys...)
	if m.chance(18) {
		for _, key := range m.few(3, append(slices.Clone(optionKeys), "use", "filter-with", "here", "__file__", "pipeline")) {
			s.add(m.pick([]string{"set ", "set ", "set ", "set  ", "set \t"})+key, m.value(p.defaultKeys))
			globals = append(globals, strings.TrimFunc(key, isBlank))
		}
	}
	if m.chance(12) {
		for _, key := range m.few(2, append(slices.Clone(optionKeys), "require", "filter-with", "use")) {
			s.add("get "+key, m.global(key, globals))
		}
	}
}

// global names what a get line asks for.
func (m *maker) global(key string, globals []string) string {
	switch {
	case m.chance(5):
		return m.pick([]string{"none", "", "it's"})
	case key == "use" || key == "filter-with":
		return m.pick([]string{"use", "here"})
	}
	return escape(m.pick(globals))
}
