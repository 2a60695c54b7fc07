package prefix

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// headers translates what proxies say in headers.
type headers struct {
	xForwarded bool
	forwarded  bool
	trusted    []network // empty: everyone
}

// xNames are the headers of PFX-05 and PFX-06, in the order in which they are
// read.
var xNames = []string{"X-Forwarded-Server", "X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Scheme", "X-Forwarded-Proto"}

// translate gives the request without the headers that it has read; what they
// say stands in its Host and in the Environ. What a stranger says is taken away,
// too: the application would believe it.
func (h headers) translate(env *pipeline.Environ, r *http.Request) *http.Request {
	names := h.present(r.Header)
	if len(names) == 0 {
		return r
	}
	moved := new(http.Request)
	*moved = *r
	moved.Header = maps.Clone(r.Header)
	for _, name := range names {
		moved.Header.Del(name)
	}
	if len(h.trusted) > 0 && !h.trusts(peer(r)) {
		return moved
	}
	switch {
	case !h.xForwarded:
	case len(h.trusted) == 0:
		asOriginal(env, moved, r.Header)
	default:
		h.lastTrusted(r.Header).apply(env, moved)
	}
	if h.forwarded {
		h.rfc7239(r.Header).apply(env, moved) // counts more than the others
	}
	return moved
}

// present lists the headers of the request that are to be read.
func (h headers) present(header http.Header) []string {
	var names []string
	if h.xForwarded {
		for _, name := range xNames {
			if name == "X-Forwarded-Proto" && slices.Contains(names, "X-Forwarded-Scheme") {
				break // PFX-06: beside Scheme it is not read and stays
			}
			if _, ok := header[name]; ok {
				names = append(names, name)
			}
		}
	}
	if _, ok := header["Forwarded"]; ok && h.forwarded {
		names = append(names, "Forwarded")
	}
	return names
}

// asOriginal does what the X-Forwarded headers say as the original does: it takes
// the first item of each, white space included (PFX-05), but the whole of the
// scheme (PFX-06). The Environ has no SERVER_NAME, so that X-Forwarded-Server
// gives the Host only.
func asOriginal(env *pipeline.Environ, r *http.Request, from http.Header) {
	for _, name := range []string{"X-Forwarded-Server", "X-Forwarded-Host"} {
		if v, ok := value(from, name); ok {
			r.Host, _, _ = strings.Cut(v, ",")
		}
	}
	if v, ok := value(from, "X-Forwarded-For"); ok {
		client, _, _ := strings.Cut(v, ",")
		env.SetClientAddr(client)
	}
	for _, name := range []string{"X-Forwarded-Scheme", "X-Forwarded-Proto"} {
		if v, ok := value(from, name); ok {
			env.SetScheme(v)
			break
		}
	}
}

// said is what one proxy says about a request.
type said struct{ client, proto, host string }

// lastTrusted gives what the outermost of the trusted proxies says in
// X-Forwarded headers.
func (h headers) lastTrusted(from http.Header) said {
	clients := list(from, "X-Forwarded-For")
	depth := max(h.depth(clients), 1)
	host := last(list(from, "X-Forwarded-Host"), depth)
	if host == "" {
		host = last(list(from, "X-Forwarded-Server"), depth)
	}
	proto := last(list(from, "X-Forwarded-Scheme"), depth)
	if proto == "" {
		proto = last(list(from, "X-Forwarded-Proto"), depth)
	}
	return said{last(clients, depth), proto, host}
}

// rfc7239 gives what the outermost of the trusted proxies says in Forwarded, or
// the first item when everyone is trusted.
func (h headers) rfc7239(from http.Header) said {
	text, _ := value(from, "Forwarded")
	elements := parseForwarded(text)
	if len(elements) == 0 {
		return said{}
	}
	if len(h.trusted) == 0 {
		return elements[0]
	}
	clients := make([]string, len(elements))
	for i, e := range elements {
		clients[i] = e.client
	}
	return elements[len(elements)-h.depth(clients)]
}

// apply does what can be meant seriously: an address, a scheme of HTTP, a host.
func (s said) apply(env *pipeline.Environ, r *http.Request) {
	if addr, ok := address(s.client); ok {
		env.SetClientAddr(addr.String())
	}
	if proto := strings.ToLower(s.proto); proto == "http" || proto == "https" {
		env.SetScheme(proto)
	}
	if validHost(s.host) {
		r.Host = s.host
	}
}

// depth counts, from the end of the list of clients, to the one that the
// outermost of the trusted proxies saw: each proxy appends the address that it
// was called from, and what stands before may be invented.
func (h headers) depth(clients []string) int {
	for i, client := range slices.Backward(clients) {
		if addr, ok := address(client); !ok || !h.trusts(addr) {
			return len(clients) - i
		}
	}
	return len(clients)
}

// last gives the item at a depth from the end; of a shorter list the first,
// because many proxies replace a header instead of appending to it.
func last(items []string, depth int) string {
	if len(items) == 0 {
		return ""
	}
	return items[max(len(items)-depth, 0)]
}

// value gives a header as WSGI does: several lines are one list.
func value(h http.Header, name string) (string, bool) {
	values, ok := h[name]
	return strings.Join(values, ","), ok
}

// list gives the items of a header.
func list(h http.Header, name string) []string {
	var items []string
	for _, v := range h[name] {
		for item := range strings.SplitSeq(v, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
	}
	return items
}
