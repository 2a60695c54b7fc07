package prefix

import "strings"

// parseForwarded reads the elements of a Forwarded header (RFC 7239 section 4).
// What cannot be read is left out: headers come from strangers.
func parseForwarded(header string) []said {
	var elements []said
	for _, text := range splitQuoted(header, ',') {
		var e said
		for _, pair := range splitQuoted(text, ';') {
			name, value, _ := strings.Cut(pair, "=")
			value = unquote(strings.TrimSpace(value))
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "for":
				e.client = value
			case "proto":
				e.proto = value
			case "host":
				e.host = value
			}
		}
		elements = append(elements, e)
	}
	return elements
}

// splitQuoted splits where sep stands outside a quoted string, without the items
// that are empty.
func splitQuoted(s string, sep byte) []string {
	var items []string
	add := func(item string) {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == sep && !quoted:
			add(s[start:i])
			start = i + 1
		}
	}
	add(s[start:])
	return items
}

// unquote reads a token or a quoted string.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
