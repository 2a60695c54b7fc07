package forwarded

import (
	"math"
	"net/http"
	"slices"
	"strings"
)

// Reader finds in the headers of a request what the outermost proxy of ours
// says. Each proxy appends what it saw, so what ours wrote stands last, and what
// stands before may be invented. A Reader without Proxies and Hops believes
// everyone, and so the first item.
type Reader struct {
	Proxies Proxies // empty: whoever is connected
	Hops    int     // how many proxies append an item; 0: go by Proxies

	// The X-Forwarded headers that are read besides X-Forwarded-For. The first
	// that says something counts.
	Host, Proto, Prefix []string
}

// Believes reports whether the other end of the connection is a proxy of ours.
func (d Reader) Believes(r *http.Request) bool {
	return len(d.Proxies) == 0 || d.Proxies.Has(Peer(r))
}

// Forwarded reads the header of RFC 7239. It has no word for the prefix, which
// comes from its X-Forwarded header.
func (d Reader) Forwarded(from http.Header) Hop {
	hops := Parse(Joined(from, "Forwarded"))
	clients := make([]string, len(hops))
	for i, h := range hops {
		clients[i] = h.Client
	}
	depth := d.depth(clients)
	hop := last(hops, depth)
	hop.Prefix = say(from, d.Prefix, depth)
	return hop.clean()
}

// XForwarded reads the headers that came before it.
func (d Reader) XForwarded(from http.Header) Hop {
	clients := list(from, "X-Forwarded-For")
	depth := d.depth(clients)
	return Hop{
		Client: last(clients, depth),
		Proto:  say(from, d.Proto, depth),
		Host:   say(from, d.Host, depth),
		Prefix: say(from, d.Prefix, depth),
	}.clean()
}

// depth counts, from the end of the list of clients, to the one that the
// outermost proxy of ours saw. With fewer items than hops the request came past
// the outer ones, and the first item is the client.
func (d Reader) depth(clients []string) int {
	switch {
	case d.Hops > 0:
		return min(d.Hops, len(clients))
	case len(d.Proxies) == 0:
		return math.MaxInt
	}
	for i, client := range slices.Backward(clients) {
		if addr, ok := Address(client); !ok || !d.Proxies.Has(addr) {
			return len(clients) - i
		}
	}
	return len(clients)
}

// say gives the item of the first header that has one.
func say(from http.Header, names []string, depth int) string {
	for _, name := range names {
		if items := list(from, name); len(items) > 0 {
			return last(items, depth)
		}
	}
	return ""
}

// last gives the item at a depth from the end, of a shorter list the first one:
// many proxies replace a header instead of appending to it.
func last[T any](items []T, depth int) T {
	if len(items) == 0 {
		var none T
		return none
	}
	return items[max(len(items)-max(depth, 1), 0)]
}

// Joined is a header as WSGI shows it: several lines are one list.
func Joined(from http.Header, name string) string { return strings.Join(from[name], ",") }

// list gives the items of a header that are not empty.
func list(from http.Header, name string) []string {
	var items []string
	for item := range strings.SplitSeq(Joined(from, name), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
