// Package ipallow lets requests in by the address that they come from.
package ipallow

import (
	"fmt"
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/internal/clients"
	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Allow forwarded.Proxies `paste:"allow" help:"addresses and networks that are let in, unix for unix sockets; empty: all that deny does not name"`
	Deny  forwarded.Proxies `paste:"deny" help:"addresses and networks that are refused, also when allow names them"`
	By    by                `paste:"by" help:"client: the address that a filter such as forwarded has found; peer: that of the connection"`
}

// by says which address counts.
type by string

const (
	client by = "client"
	peer   by = "peer"
)

// OptionType is the word for it in lists of options.
func (by) OptionType() string { return "word" }

// UnmarshalText reads a word.
func (b *by) UnmarshalText(text []byte) error {
	switch word := by(text); word {
	case client, peer:
		*b = word
		return nil
	}
	return fmt.Errorf("invalid value %q, want client or peer", text)
}

// String writes the word.
func (b by) String() string { return string(b) }

func init() {
	paste.RegisterFilter("egg:wheatpaste#ip_allow", Options{By: client}, New,
		paste.Help("Answers 403 to requests from addresses that are not allowed, or denied."),
		paste.Example(`
[filter:ip_allow]
use = egg:wheatpaste#ip_allow
allow = 10.0.0.0/8 2001:db8::/32 unix
deny = 10.9.0.0/16
`))
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	if len(o.Allow)+len(o.Deny) == 0 {
		return nil, paste.BadOption("allow", "neither allow nor deny is given, want one of them")
	}
	refused, err := series.Counter(b.Registerer(), "wheatpaste_ip_allow_refused_total", "Requests that were answered with 403.")
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			address := r.RemoteAddr
			if o.By == client {
				address = pipeline.FromRequest(r).ClientAddr()
			}
			if o.lets(address) {
				next.ServeHTTP(w, r)
				return
			}
			refused.Inc()
			webob.Page{Status: http.StatusForbidden, Explanation: "Access was denied to this resource."}.Write(w, r)
		})
	}, err
}

// lets reports whether an address is let in. What cannot be read as an address
// is not: it would slip past deny.
func (o *Options) lets(address string) bool {
	addr, ok := clients.Parse(address)
	return ok && !o.Deny.Has(addr) && (len(o.Allow) == 0 || o.Allow.Has(addr))
}
