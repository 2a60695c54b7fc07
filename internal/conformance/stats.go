package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Stats counts what Paste Deploy made of a run of cases, so that one can see
// what the generator reaches.
type Stats struct {
	mu sync.Mutex

	files, parsed, unusable int
	sections, resolved      int
	contexts, deepest       int
	longest                 int            // chain of use
	seen                    map[string]int // landmarks and classes
}

// Unusable counts a case that the oracle could not answer.
func (s *Stats) Unusable() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files++
	s.unusable++
}

// Add counts the tree of one file.
func (s *Stats) Add(tree any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files++
	top, _ := tree.(map[string]any)
	if !has(top, "file_error") {
		s.parsed++
	}
	for _, group := range []string{"apps", "filters", "servers"} {
		sections, _ := top[group].(map[string]any)
		for _, v := range sections {
			s.sections++
			if m, ok := v.(map[string]any); ok && has(m, "object_type") {
				s.resolved++
			}
		}
	}
	s.walk(tree, 0)
}

// walk counts each context and each error below v; conf maps and the parser's
// own view hold neither.
func (s *Stats) walk(v any, depth int) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			s.walk(e, depth)
		}
	case map[string]any:
		if has(v, "object_type") {
			depth++
		}
		s.count(v, depth)
		for key, e := range v {
			if key != "ini" && !isConf(key) {
				s.walk(e, depth)
			}
		}
	}
}

func (s *Stats) count(m map[string]any, depth int) {
	if isError("", m) {
		class, _ := m["error"].(string)
		message, _ := m["message"].(string)
		s.saw("class " + class)
		for _, l := range landmarks {
			if l.class == class && l.text.MatchString(message) {
				s.saw(l.name)
			}
		}
		return
	}
	if !has(m, "object_type") {
		return
	}
	s.contexts++
	s.deepest = max(s.deepest, depth)
	if chain, ok := m["sections"].([]any); ok {
		s.longest = max(s.longest, len(chain))
	}
	for _, key := range []string{"object_type", "protocol", "factory_kind", "composite_kind"} {
		if value, ok := m[key]; ok {
			s.saw(fmt.Sprint(key, " ", value))
		}
	}
}

func (s *Stats) saw(what string) {
	if s.seen == nil {
		s.seen = map[string]int{}
	}
	s.seen[what]++
}

// Missing lists the landmarks, kinds and protocols that no case has reached.
func (s *Stats) Missing() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var missing []string
	for _, l := range landmarks {
		if s.seen[l.name] == 0 {
			missing = append(missing, l.name)
		}
	}
	for _, k := range kindsToReach {
		if s.seen[k] == 0 {
			missing = append(missing, k)
		}
	}
	return missing
}

// String is the whole account, a line each.
func (s *Stats) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%d files, %d parse, %d without a usable answer\n", s.files, s.parsed, s.unusable)
	fmt.Fprintf(&b, "%d sections, %d resolve, %d contexts, deepest %d, longest use %d\n", s.sections, s.resolved, s.contexts, s.deepest, s.longest)
	for _, what := range slices.Sorted(maps.Keys(s.seen)) {
		fmt.Fprintf(&b, "%7d  %s\n", s.seen[what], what)
	}
	return b.String()
}
