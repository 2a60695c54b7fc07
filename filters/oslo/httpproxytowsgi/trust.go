package httpproxytowsgi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// network is one item of trusted_proxies.
type network struct {
	prefix netip.Prefix
	unix   bool
}

// UnmarshalText reads an address, a network or the word unix.
func (n *network) UnmarshalText(text []byte) error {
	s := string(text)
	if *n = (network{unix: s == "unix"}); n.unix {
		return nil
	}
	addr, err := netip.ParseAddr(s)
	if err == nil && addr.Zone() == "" {
		n.prefix = netip.PrefixFrom(addr, addr.BitLen())
		return nil
	}
	if n.prefix, err = netip.ParsePrefix(s); err != nil {
		return fmt.Errorf("invalid network %q, want an address, a network such as 10.0.0.0/8, or unix", s)
	}
	return nil
}

// String writes the network as it is read.
func (n network) String() string {
	if n.unix {
		return "unix"
	}
	return n.prefix.String()
}

// headers says which kind of headers the proxies of ours set. The other kind is
// the client's own: he must not have it believed.
type headers string

const (
	auto       headers = "auto"
	rfc7239    headers = "forwarded"
	xForwarded headers = "x-forwarded"
)

// UnmarshalText reads one of the three words.
func (h *headers) UnmarshalText(text []byte) error {
	*h = headers(text)
	if !slices.Contains([]headers{auto, rfc7239, xForwarded}, *h) {
		return fmt.Errorf("unknown word %q, want auto, forwarded or x-forwarded", text)
	}
	return nil
}

// trust says how many items of the headers were written by proxies of ours:
// each proxy appends what it saw, so they are the last ones.
type trust struct {
	proxies []network // empty: whoever is connected
	hops    int       // 0: go by proxies
	headers headers
}

// has reports whether an address is that of a proxy of ours; the zero Addr
// stands for a unix socket.
func (t trust) has(addr netip.Addr) bool {
	return slices.ContainsFunc(t.proxies, func(n network) bool {
		return n.unix && !addr.IsValid() || n.prefix.Contains(addr)
	})
}

// apply gives the request as its client sent it to the outermost proxy of ours.
func (t trust) apply(r *http.Request) *http.Request {
	if len(t.proxies) > 0 && !t.has(peer(r)) {
		return r
	}
	if t.useForwarded(r) {
		return t.forwarded(r).apply(r)
	}
	return t.xForwarded(r).apply(r)
}

func (t trust) useForwarded(r *http.Request) bool {
	if t.headers != auto {
		return t.headers == rfc7239
	}
	// Nearly every proxy sets X-Forwarded-For, and few know of Forwarded, which
	// a client could then forge.
	return !slices.ContainsFunc([]string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"}, func(name string) bool {
		return len(r.Header[name]) > 0
	})
}

// forwarded reads the headers of RFC 7239.
func (t trust) forwarded(r *http.Request) forwarded {
	elements := splitQuoted(joined(r, "Forwarded"), ',')
	list := make([]forwarded, len(elements))
	clients := make([]string, len(elements))
	for i, e := range elements {
		list[i] = parseStrict(e)
		clients[i] = list[i].client
	}
	var f forwarded
	d := t.depth(clients)
	if d > 0 {
		f = list[len(list)-d]
	}
	f.prefix = last(split(joined(r, "X-Forwarded-Prefix")), d)
	return f.clean()
}

// xForwarded reads the headers that came before it.
func (t trust) xForwarded(r *http.Request) forwarded {
	clients := split(joined(r, "X-Forwarded-For"))
	d := t.depth(clients)
	return forwarded{
		client: last(clients, d),
		proto:  last(split(joined(r, "X-Forwarded-Proto")), d),
		host:   last(split(joined(r, "X-Forwarded-Host")), d),
		prefix: last(split(joined(r, "X-Forwarded-Prefix")), d),
	}.clean()
}

// depth counts, from the end of the list of clients, to the one that the
// outermost proxy of ours saw; 0 for an empty list. With fewer items than hops
// the request came past the outer ones, and the first item is the client.
func (t trust) depth(clients []string) int {
	if t.hops > 0 {
		return min(t.hops, len(clients))
	}
	for i, c := range slices.Backward(clients) {
		if addr, ok := address(c); !ok || !t.has(addr) {
			return len(clients) - i
		}
	}
	return len(clients)
}

// last gives the item at a depth from the end, of a shorter list the first one:
// many proxies replace a header instead of appending to it.
func last(items []string, depth int) string {
	if len(items) == 0 {
		return ""
	}
	return items[max(len(items)-max(depth, 1), 0)]
}

// clean leaves what can be meant seriously: an address, a scheme of HTTP, a
// prefix that is a path.
func (f forwarded) clean() forwarded {
	addr, ok := address(f.client)
	if f.client = ""; ok {
		f.client = addr.String()
	}
	if f.proto = strings.ToLower(f.proto); f.proto != "http" && f.proto != "https" {
		f.proto = ""
	}
	if f.prefix = strings.TrimRight(f.prefix, "/"); !strings.HasPrefix(f.prefix, "/") {
		f.prefix = ""
	}
	return f
}

// peer is the address of the other end of the connection, the zero Addr for a
// unix socket.
func peer(r *http.Request) netip.Addr {
	addr, _ := address(r.RemoteAddr)
	return addr
}

// address reads an address with or without a port and brackets.
func address(s string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return addr.Unmap().WithZone(""), err == nil
}

func split(header string) []string {
	var items []string
	for item := range strings.SplitSeq(header, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// splitQuoted splits outside quoted strings (RFC 7230, 3.2.6) and leaves out
// empty items.
func splitQuoted(s string, separator byte) []string {
	var items []string
	quoted, start := false, 0
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == separator && !quoted:
			if item := strings.TrimSpace(s[start:i]); item != "" {
				items = append(items, item)
			}
			start = i + 1
		case s[i] == '\\' && quoted:
			i = min(i+1, len(s)-1)
		case s[i] == '"':
			quoted = !quoted
		}
	}
	return items
}

// parseStrict reads one element of a Forwarded header by RFC 7239, 4.
func parseStrict(element string) forwarded {
	var f forwarded
	for _, pair := range splitQuoted(element, ';') {
		name, value, _ := strings.Cut(pair, "=")
		value = unquote(strings.TrimSpace(value))
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "for":
			f.client = value
		case "proto":
			f.proto = value
		case "host":
			f.host = value
		}
	}
	return f
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
