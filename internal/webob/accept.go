package webob

import "strings"

// mediaRange is one item of an Accept header.
type mediaRange struct {
	name    string // type/subtype in lower case
	quality int    // in thousandths
	params  bool   // it has media type parameters
}

// preferred chooses between text/html and application/json by the rules of
// RFC 7231, 5.3.2, html first among equals; "" when the header accepts
// neither. As WebOb has it, a header that is not well-formed accepts both, an
// absent or empty one neither.
func preferred(accept string) string {
	ranges, ok := parseAccept(accept)
	if !ok {
		return "text/html"
	}
	html, json := quality(ranges, "text", "text/html"), quality(ranges, "application", "application/json")
	switch {
	case html == 0 && json == 0:
		return ""
	case html >= json:
		return "text/html"
	default:
		return "application/json"
	}
}

// quality is that of the most specific range that covers the offer; the first
// one among equals.
func quality(ranges []mediaRange, kind, offer string) int {
	best, q := 0, 0
	for _, m := range ranges {
		specific := 0
		switch {
		case m.name == offer && !m.params:
			specific = 3
		case m.name == kind+"/*":
			specific = 2
		case m.name == "*/*":
			specific = 1
		}
		if specific > best {
			best, q = specific, m.quality
		}
	}
	return q
}

// parseAccept reads a whole header by the grammar of RFC 7231, 5.3.2 with the
// list rule of RFC 7230, 7: ( "," / element ) *( OWS "," [ OWS element ] ).
func parseAccept(s string) ([]mediaRange, bool) {
	var ranges []mediaRange
	p := &scanner{s}
	if s == "" {
		return nil, true
	}
	if !p.skip(',') {
		m, ok := p.element()
		if !ok {
			return nil, false
		}
		ranges = append(ranges, m)
	}
	for p.rest != "" {
		p.space()
		if !p.skip(',') {
			return nil, false
		}
		before := *p
		p.space()
		if p.rest == "" || p.rest[0] == ',' {
			*p = before
			continue
		}
		m, ok := p.element()
		if !ok {
			return nil, false
		}
		ranges = append(ranges, m)
	}
	return ranges, true
}

// scanner takes a header apart from left to right.
type scanner struct{ rest string }

func (p *scanner) skip(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *scanner) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

func (p *scanner) token() (string, bool) {
	n := 0
	for n < len(p.rest) && isTokenByte(p.rest[n]) {
		n++
	}
	t := p.rest[:n]
	p.rest = p.rest[n:]
	return t, n > 0
}

func isTokenByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// element reads a media range with its parameters, its weight and, after the
// weight only, its extensions.
func (p *scanner) element() (mediaRange, bool) {
	m := mediaRange{quality: 1000}
	kind, ok := p.token()
	if !ok || !p.skip('/') {
		return m, false
	}
	sub, ok := p.token()
	if !ok {
		return m, false
	}
	m.name = strings.ToLower(kind + "/" + sub)
	for weighted := false; ; {
		before := *p
		p.space()
		if !p.skip(';') {
			*p = before // the space belongs to the comma
			return m, true
		}
		p.space()
		name, ok := p.token()
		if !ok {
			return m, false
		}
		switch hasValue := p.skip('='); {
		case !weighted && hasValue && strings.EqualFold(name, "q"):
			weighted = true
			m.quality, ok = p.weight()
		case hasValue:
			m.params = m.params || !weighted
			ok = p.value()
		default:
			ok = weighted
		}
		if !ok {
			return m, false
		}
	}
}

// weight reads a quality value: 0 to 1 with at most three decimals.
func (p *scanner) weight() (int, bool) {
	one := strings.HasPrefix(p.rest, "1")
	if !one && !strings.HasPrefix(p.rest, "0") {
		return 0, false
	}
	p.rest = p.rest[1:]
	q, unit := 0, 100
	if one {
		q = 1000
	}
	if !p.skip('.') {
		return q, true
	}
	for ; unit > 0 && p.rest != "" && p.rest[0] >= '0' && p.rest[0] <= '9'; unit /= 10 {
		q += int(p.rest[0]-'0') * unit
		p.rest = p.rest[1:]
	}
	return q, q <= 1000
}

// value reads a token or a quoted string.
func (p *scanner) value() bool {
	if !p.skip('"') {
		_, ok := p.token()
		return ok
	}
	for p.rest != "" {
		c := p.rest[0]
		p.rest = p.rest[1:]
		switch {
		case c == '"':
			return true
		case c == '\\':
			if p.rest == "" || !isQuotable(p.rest[0]) {
				return false
			}
			p.rest = p.rest[1:]
		case !isQuotable(c):
			return false
		}
	}
	return false
}

func isQuotable(c byte) bool { return c == '\t' || c >= ' ' && c != 0x7f }
