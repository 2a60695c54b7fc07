// Package forwarded reads and writes what proxies say about a request, in
// Forwarded (RFC 7239) and the X-Forwarded headers, and knows which of them to
// believe.
package forwarded

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Hop is what one proxy says about a request; "" for what it does not say.
type Hop struct{ Client, Proto, Host, Prefix string }

// Parse reads the elements of a Forwarded header (RFC 7239 4). What cannot be
// read is left out: headers come from strangers.
func Parse(header string) []Hop {
	var hops []Hop
	for _, element := range splitQuoted(header, ',') {
		hops = append(hops, parsePairs(splitQuoted(element, ';'), unquote))
	}
	return hops
}

// ParseFirst reads the first element as the WSGI world does: by its
// punctuation, whatever is quoted, and unquotes nothing.
func ParseFirst(header string) Hop {
	first, _, _ := strings.Cut(header, ",")
	return parsePairs(strings.Split(first, ";"), func(value string) string { return value })
}

func parsePairs(pairs []string, read func(value string) string) Hop {
	var h Hop
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		value = read(strings.TrimSpace(value))
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "for":
			h.Client = value
		case "proto":
			h.Proto = value
		case "host":
			h.Host = value
		}
	}
	return h
}

// Element writes client, host and proto as an element of Forwarded. A client
// that is no address is unknown.
func (h Hop) Element() string {
	node := "unknown"
	if addr, err := netip.ParseAddr(h.Client); err == nil {
		node = addr.WithZone("").String()
		if addr.Is6() {
			node = "[" + node + "]"
		}
	}
	return "for=" + quote(node) + ";host=" + quote(h.Host) + ";proto=" + quote(h.Proto)
}

// Apply gives the request as its client sent it.
func (h Hop) Apply(r *http.Request) *http.Request {
	if h == (Hop{}) {
		return r
	}
	env := pipeline.FromRequest(r)
	if h.Proto != "" {
		env.SetScheme(h.Proto)
	}
	if h.Client != "" {
		env.SetClientAddr(h.Client)
	}
	if h.Host != "" {
		r = new(*r)
		r.Host = h.Host
	}
	if h.Prefix != "" {
		r = pipeline.Rebase(r, h.Prefix+env.ScriptName(), r.URL.Path)
	}
	return r
}

// clean leaves what can be meant seriously: an address, a scheme of HTTP, a
// prefix that is a path.
func (h Hop) clean() Hop {
	addr, ok := Address(h.Client)
	if h.Client = ""; ok {
		h.Client = addr.String()
	}
	if h.Proto = strings.ToLower(h.Proto); h.Proto != "http" && h.Proto != "https" {
		h.Proto = ""
	}
	if h.Prefix = strings.TrimRight(h.Prefix, "/"); !strings.HasPrefix(h.Prefix, "/") {
		h.Prefix = ""
	}
	return h
}

// ValidHost reports whether a text can stand in a Host header and in a URL.
func ValidHost(host string) bool {
	return host != "" && strings.IndexFunc(host, func(r rune) bool {
		return !alphanumeric(r) && !strings.ContainsRune("-._~:[]", r)
	}) < 0
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
