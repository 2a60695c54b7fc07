package protocol

import (
	"net/http"
	"strings"

	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Allowed checks a request against the access rules of the token. From a service
// it is one step of a chain whose first request was checked. Whoever has only
// sent something as a service token is no service, unlike in the original: it
// would be a way around the rules.
func (p *Protocol) Allowed(r *http.Request, t *token.Token, service bool) bool {
	if !t.Restricted {
		return true
	}
	if p.ServiceType == "" {
		p.build.Logger().Warn("a token with access rules is refused: service_type is not set")
		return false
	}
	path := quotePath(pipeline.FromRequest(r).ScriptName()) + quotePath(r.URL.Path)
	if p.ServiceType == "identity" && r.Method == http.MethodGet && strings.HasSuffix(path, "/v3/auth/tokens") {
		return true // a token may always be used to look at itself
	}
	if !t.InCatalog(p.ServiceType) {
		p.build.Logger().Warn("a token with access rules is refused: its catalog has no such service", "service_type", p.ServiceType)
		return false
	}
	if service {
		return true
	}
	for _, rule := range t.AccessRules {
		if rule.Method == r.Method && rule.Service == p.ServiceType && pathMatches(rule.Path, path) {
			return true
		}
	}
	return false
}

// part is a piece of a pattern.
type part struct {
	literal byte // 0 for a wildcard
	deep    bool // ** goes on over slashes, and may stand for nothing
}

// parsePattern takes a pattern apart: * and {tag} stand for one segment or a
// part of it, ** for anything. A brace without its partner stands for nothing.
func parsePattern(pattern string) []part {
	var parts []part
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '{':
			if end := strings.IndexByte(pattern[i:], '}'); end > 0 {
				parts = append(parts, part{})
				i += end
			}
		case c == '}':
		case c == '*' && i+1 < len(pattern) && pattern[i+1] == '*':
			parts = append(parts, part{deep: true})
			i++
		case c == '*':
			parts = append(parts, part{})
		default:
			parts = append(parts, part{literal: c})
		}
	}
	return parts
}

// pathMatches compares a whole path. It keeps the set of places in the pattern
// that the path may have come to, so no pattern takes long.
func pathMatches(pattern, path string) bool {
	parts := parsePattern(pattern)
	at, next := make([]bool, len(parts)+1), make([]bool, len(parts)+1)
	at[0] = true
	skipDeep(parts, at)
	for i := range len(path) {
		clear(next)
		for j, p := range parts {
			if !at[j] {
				continue
			}
			switch {
			case p.deep:
				next[j] = path[i] != '\n'
			case p.literal != 0:
				next[j+1] = next[j+1] || p.literal == path[i]
			case path[i] != '/':
				next[j], next[j+1] = true, true
			}
		}
		skipDeep(parts, next)
		at, next = next, at
	}
	return at[len(parts)]
}

// skipDeep adds the places after a ** that stands for nothing.
func skipDeep(parts []part, at []bool) {
	for j, p := range parts {
		if at[j] && p.deep {
			at[j+1] = true
		}
	}
}

// quotePath escapes a path as WebOb does in request.path, with which the
// original compares.
func quotePath(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("_.-/~!$&'()*+,;=:@", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// Bound checks what a token is bound to. The one binding that Keystone ever had
// is that to a Kerberos ticket, which a server in front of the application must
// have checked; here there is none, so that such a token is not good.
func (p *Protocol) Bound(t *token.Token) bool {
	if p.Bind == "disabled" {
		return true
	}
	permissive := p.Bind == "permissive"
	if len(t.Bind) == 0 {
		return permissive || p.Bind == "strict"
	}
	if _, ok := t.Bind[p.Bind]; !ok && !permissive && p.Bind != "strict" && p.Bind != "required" {
		return false
	}
	_, kerberos := t.Bind["kerberos"]
	return permissive && !kerberos
}
