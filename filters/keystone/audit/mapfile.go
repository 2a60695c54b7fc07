package audit

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// mapping is what a map file says.
type mapping struct {
	keywords map[string]string // of paths: the plural, and the word for one
	actions  map[string]string // by the end of a path, or that with /method
	services map[string]string // URIs by the type of a service
	fallback string            // type of the service without an address of its own
}

// The words that CADF's taxonomies begin with.
var (
	actionWords = strings.Fields("allow authenticate backup capture configure create delete deny deploy disable enable evaluate monitor " +
		"notify read receive renew restore revoke send start stop undeploy unknown update")
	resourceWords = strings.Fields("compute data network service storage unknown")
)

func begins(s string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(s, w) })
}

// readMap reads a map file; without one nothing is known. What CADF does not
// know is replaced, because a listener may refuse such events.
func readMap(b *paste.Build, file string) (mapping, error) {
	if file == "" {
		return mapping{}, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return mapping{}, paste.BadOption("audit_map_file", "%w", err)
	}
	sections, err := parseINI(string(raw))
	if err != nil {
		return mapping{}, paste.BadOption("audit_map_file", "%s:%w", file, err)
	}
	m := mapping{
		keywords: sections["path_keywords"], actions: sections["custom_actions"],
		services: sections["service_endpoints"], fallback: sections[defaults]["target_endpoint_type"],
	}
	check := func(section string, values map[string]string, words []string) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if _, inherited := sections[defaults][name]; inherited || begins(values[name], words) {
				continue
			}
			b.Warn("audit_map_file", fmt.Sprintf("%s: [%s] %s: %q is not of CADF's taxonomy and becomes unknown, want a word that begins with one of %s",
				file, section, name, values[name], strings.Join(words, ", ")))
		}
		for name, value := range values {
			if !begins(value, words) {
				values[name] = unknown
			}
		}
	}
	check("custom_actions", m.actions, actionWords)
	check("service_endpoints", m.services, resourceWords)
	return m, nil
}

// defaults is the section whose options are those of all others, too.
const defaults = "DEFAULT"

// iniReader reads the dialect of Python's configparser.
type iniReader struct {
	sections map[string]map[string]string
	section  string
	option   string // that a continuation belongs to
	indent   int    // of that option
}

// parseINI reads a file. Its errors begin with the number of the line.
func parseINI(raw string) (map[string]map[string]string, error) {
	p := &iniReader{sections: map[string]map[string]string{defaults: {}}}
	n := 0
	for line := range strings.SplitSeq(strings.TrimPrefix(raw, "\ufeff"), "\n") {
		n++
		if err := p.line(strings.TrimRight(line, " \t\r\f\v")); err != nil {
			return nil, fmt.Errorf("%d: %w", n, err)
		}
	}
	for name, values := range p.sections {
		if err := p.interpolate(name, values); err != nil {
			return nil, err
		}
	}
	for name, values := range p.sections {
		for option, value := range p.sections[defaults] {
			if _, own := values[option]; !own && name != defaults {
				values[option] = value
			}
		}
	}
	return p.sections, nil
}

func (p *iniReader) line(line string) error {
	text := strings.TrimLeft(line, " \t\f\v")
	indent := len(line) - len(text)
	switch {
	case text == "" || text[0] == '#' || text[0] == ';':
		return nil // empty lines do not end a value
	case p.option != "" && indent > p.indent:
		p.sections[p.section][p.option] += "\n" + text
		return nil
	case text[0] == '[':
		return p.head(text)
	}
	return p.pair(text, indent)
}

func (p *iniReader) head(text string) error {
	end := strings.LastIndexByte(text, ']')
	if end < 2 {
		return fmt.Errorf("invalid line %q, want [section]", text)
	}
	p.section, p.option = text[1:end], ""
	if _, twice := p.sections[p.section]; twice && p.section != defaults {
		return fmt.Errorf("[%s] is there twice", p.section)
	}
	if p.sections[p.section] == nil {
		p.sections[p.section] = map[string]string{}
	}
	return nil
}

func (p *iniReader) pair(text string, indent int) error {
	at := strings.IndexAny(text, "=:")
	if p.section == "" {
		return errors.New("an option without a section, want [section] above")
	}
	if at <= 0 {
		return fmt.Errorf("invalid line %q, want name = value", text)
	}
	name := strings.ToLower(strings.TrimSpace(text[:at]))
	if _, twice := p.sections[p.section][name]; twice {
		return fmt.Errorf("[%s] %s is there twice", p.section, name)
	}
	p.sections[p.section][name], p.option, p.indent = strings.TrimSpace(text[at+1:]), name, indent
	return nil
}

// interpolate replaces %% and refuses names in values, which no map file has.
func (p *iniReader) interpolate(section string, values map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		plain := strings.ReplaceAll(values[name], "%%", "")
		if strings.Contains(plain, "%") {
			return fmt.Errorf(" [%s] %s: invalid %% in %q, want %%%% for a percent sign", section, name, values[name])
		}
		values[name] = strings.ReplaceAll(values[name], "%%", "%")
	}
	return nil
}
