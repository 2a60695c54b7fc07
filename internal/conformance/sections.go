package conformance

import "strings"

// fill writes the options of one section.
func (m *maker) fill(at place) {
	p := m.files[at.file]
	s := p.sections[at.section]
	if next, ok := p.link(at.section); ok {
		s.add("use", next)
	}
	switch s.prefix {
	case "pipeline":
		m.fillPipeline(at, s)
	case "filter-app":
		m.fillFilterApp(at, s)
	case "composite", "composit":
		m.fillComposite(at, s)
		m.options(s, p, 1)
	default:
		m.loader(at, s, kindOf(s.prefix))
		m.options(s, p, 5)
	}
	m.extras(at, s)
	if m.chance(30) {
		m.Shuffle(len(s.items), func(i, j int) { s.items[i], s.items[j] = s.items[j], s.items[i] })
	}
}

// link gives the next section of a chain that planSections laid out.
func (p *plan) link(section int) (string, bool) {
	if section+1 == len(p.sections) {
		return "", false
	}
	next := p.sections[section+1].name
	return next, strings.HasPrefix(next, "link") && strings.HasPrefix(p.sections[section].name, "link")
}

func (m *maker) options(s *section, p *plan, most int) {
	m.plainOptions(s, m.keys(most), p.defaultKeys)
	if m.chance(4) {
		m.chain(s, m.between(2, 10))
	}
}

// extras are the options that any section may have.
func (m *maker) extras(at place, s *section) {
	m.setAndGet(s, m.files[at.file])
	if m.chance(10) {
		s.add("filter-with", m.ref(at, filterKind))
	}
	if m.chance(4) {
		s.add("require", m.pick([]string{"Dist", "Dist1 Dist2", "", "a\n b", "it's"}))
	}
	if m.chance(2) {
		s.add("next", "main")
	}
	if m.chance(2.5) {
		m.broken(s)
	}
}

// loader says what the section is made by (section 4 and 5).
func (m *maker) loader(at place, s *section, k kind) {
	m.oneOf(
		way{30, func() { s.add("use", m.egg(k)) }},
		way{42, func() { s.add("use", m.ref(at, k)) }},
		way{6, func() { s.add("use", m.pick(calls)) }},
		way{12, func() { s.add(m.protocol(k), m.pick(factories)) }},
		way{4, func() { m.oddLoader(at, s, k) }},
	)
}

// protocol is an explicit key that counts in a section of kind k (FAC-08).
func (m *maker) protocol(k kind) string {
	switch k {
	case filterKind:
		return m.pick(filterProtocols)
	case serverKind:
		return m.pick(serverProtocols)
	}
	return m.pick(append([]string{appProtocols[0], appProtocols[0]}, appProtocols...))
}

func (m *maker) oddLoader(at place, s *section, k kind) {
	m.oneOf(
		way{2, func() {}}, // USE-14
		way{2, func() { s.add(m.pick(strayProtocols), m.pick(factories)) }},
		way{3, func() { s.add(m.protocol(k), m.pick(badFactories)) }},
		way{3, func() { s.add(m.protocol(k), "m:a"); s.add(m.protocol(k), "m:b") }},
		way{2, func() { s.add("paste.composite_factory", "m:c"); s.add("paste.app_factory", `it's:"b"`) }}, // FAC-09
		way{2, func() { s.add("use", m.goodRef(at, k)); s.add(m.protocol(k), "m:b") }},                     // USE-13
		way{1, func() { s.add("use", "\n"+m.goodRef(at, k)) }},                                             // USE-12
		way{2, func() { s.add("use", m.pick(badCalls)) }},
		way{2, func() { s.add("use", m.badURI()) }},
		way{1, func() { s.add("get use", m.pick([]string{"here", "none", "a"})) }},
	)
}

func (m *maker) fillPipeline(at place, s *section) {
	m.oneOf(
		way{92, func() { s.add("pipeline", m.pipeline(at)) }},
		way{1, func() {}}, // PIPE-05: missing
		way{1, func() { s.add("pipeline", m.pick([]string{"", "\n", "  "})) }},
		way{1, func() { s.add("pipeline", m.pipeline(at)+" # the app") }},               // INI-06
		way{1, func() { s.add("pipeline", "f, "+m.pipeline(at)) }},                      // PIPE-02
		way{2, func() { s.add("pipeline", m.pipeline(at)+" "+m.word(at, filterKind)) }}, // PIPE-04
		way{1, func() { s.add("get pipeline", m.pick([]string{"a", "b", "here"})) }},
		way{2, func() { s.add("pipeline", m.pipeline(at)); m.options(s, m.files[at.file], 3) }}, // PIPE-06
		way{1, func() { s.add("pipeline", m.pipeline(at)); s.add("use", "egg:Paste#static") }},
	)
}

// pipeline lists filters and an app; the last of it is an app in most cases.
func (m *maker) pipeline(at place) string {
	var names []string
	for range m.IntN(4) {
		names = append(names, m.word(at, filterKind))
	}
	names = append(names, m.word(at, appKind))
	sep := m.pick([]string{" ", " ", " ", "  ", "\n", "\n", "\t", "\u00a0", "\x1c"})
	if sep == "\n" && m.chance(70) {
		return "\n" + strings.Join(names, sep)
	}
	return strings.Join(names, sep)
}

func (m *maker) fillFilterApp(at place, s *section) {
	if !m.chance(4) { // FAPP-02
		s.add("next", m.ref(at, appKind))
	}
	m.loader(at, s, filterKind)
	m.options(s, m.files[at.file], 4)
}

// fillComposite makes one of the kinds whose children the oracle emulates.
func (m *maker) fillComposite(at place, s *section) {
	m.oneOf(
		way{50, func() { m.mounts(at, s, urlmaps, mountKeys) }},
		way{13, func() { m.mounts(at, s, cascades, []string{"app1", "app10", "app2", "app", "apps", "catch"}) }},
		way{14, func() { m.strategyPipelines(at, s) }},
		way{8, func() { s.add("use", m.pick(opaques)) }},
		way{10, func() { s.add("use", m.localRef(at, appKind)); m.mountsOnly(at, s, mountKeys) }}, // USE-16
		way{5, func() { m.loader(at, s, appKind); m.mountsOnly(at, s, mountKeys) }},
	)
}

func (m *maker) mounts(at place, s *section, factories, keys []string) {
	if m.chance(15) {
		s.add(m.pick(appProtocols[1:]), strings.TrimPrefix(m.pick([]string{"call:paste.urlmap:urlmap_factory", "call:my.cascade:make"}), "call:"))
	} else {
		s.add("use", m.pick(factories))
	}
	m.mountsOnly(at, s, keys)
}

func (m *maker) mountsOnly(at place, s *section, keys []string) {
	for _, key := range m.few(3, keys) {
		if key == "catch" {
			s.add(key, "404 500")
			continue
		}
		s.add(key, m.ref(at, appKind))
	}
}

func (m *maker) strategyPipelines(at place, s *section) {
	if m.chance(20) {
		s.add("paste.composite_factory", "cinder.api.middleware.auth:pipeline_factory")
	} else {
		s.add("use", m.pick(strategies))
	}
	for _, key := range m.few(3, []string{"keystone", "noauth2", "keystone_nolimit", "noauth"}) {
		s.add(key, m.pipeline(at))
	}
	if m.chance(5) {
		s.add("empty", "")
	}
}
