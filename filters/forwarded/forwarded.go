// Package forwarded takes client, scheme, host and prefix of a request from the
// headers of the proxies that are trusted, and removes these headers from all
// other requests.
package forwarded

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Trusted forwarded.Proxies `paste:"trusted_proxies" help:"addresses and networks of the proxies that are believed, unix for those on a unix socket; empty: none is"`
	Hops    int               `paste:"hops" help:"how many proxies append to the headers; 0: every address of trusted_proxies from the end of the list is one"`
	Headers family            `paste:"headers" help:"what the proxies write: x-forwarded, or forwarded (RFC 7239); the other family is removed"`
	Take    []string          `paste:"take" help:"what is taken: for proto host prefix; leave out what your proxies pass on unseen from their clients"`
	Keep    bool              `paste:"keep" help:"leave the headers of trusted proxies in the request; what a client wrote may stand at their beginning"`
}

// family names one of the two kinds of headers.
type family string

const (
	xForwarded family = "x-forwarded"
	rfc7239    family = "forwarded"
)

// OptionType is the word for it in lists of options.
func (family) OptionType() string { return "word" }

// UnmarshalText reads the name of a family.
func (f *family) UnmarshalText(text []byte) error {
	switch word := family(text); word {
	case xForwarded, rfc7239:
		*f = word
		return nil
	}
	return fmt.Errorf("invalid value %q, want x-forwarded or forwarded", text)
}

// String writes the name.
func (f family) String() string { return string(f) }

func init() {
	paste.RegisterFilter("egg:wheatpaste#forwarded", Options{Headers: xForwarded, Take: []string{"for", "proto", "host"}}, New,
		paste.Help("Believes the X-Forwarded headers, or Forwarded, of trusted proxies alone: client address, scheme, host, prefix."),
		paste.Example(`
[filter:forwarded]
use = egg:wheatpaste#forwarded
trusted_proxies = 127.0.0.1 10.0.0.0/8 unix
take = for proto host prefix
`))
}

type filter struct {
	Options
	reader   forwarded.Reader
	taken    forwarded.Hop // a field that is not empty is taken
	stripped prometheus.Counter
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{Options: o, reader: forwarded.Reader{
		Proxies: o.Trusted, Hops: o.Hops,
		Host: []string{"X-Forwarded-Host"}, Proto: []string{"X-Forwarded-Proto"}, Prefix: []string{"X-Forwarded-Prefix"},
	}}
	if o.Hops < 0 {
		return nil, paste.BadOption("hops", "invalid number %d, want 0 or more", o.Hops)
	}
	if err := f.parseTake(); err != nil {
		return nil, err
	}
	if len(o.Trusted) == 0 {
		b.Warn("trusted_proxies", "not given: nobody is believed, the headers are only removed")
	}
	var err error
	f.stripped, err = series.Counter(b.Registerer(), "wheatpaste_forwarded_stripped_total",
		"Requests of clients that are no trusted proxies, from which forwarding headers were removed.")
	return f.wrap, err
}

func (f *filter) parseTake() error {
	for _, word := range f.Take {
		switch word {
		case "for":
			f.taken.Client = word
		case "proto":
			f.taken.Proto = word
		case "host":
			f.taken.Host = word
		case "prefix":
			f.taken.Prefix = word
		default:
			return paste.BadOption("take", "invalid word %q, want some of for, proto, host and prefix", word)
		}
	}
	return nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !present(r.Header) {
			next.ServeHTTP(w, r)
			return
		}
		if len(f.Trusted) == 0 || !f.reader.Believes(r) {
			f.stripped.Inc()
			remove(r.Header, "")
			next.ServeHTTP(w, r)
			return
		}
		hop := f.read(r.Header)
		keep := family("")
		if f.Keep {
			keep = f.Headers
		}
		remove(r.Header, keep)
		next.ServeHTTP(w, hop.Apply(r))
	})
}

// read gives what is to be taken of what the outermost trusted proxy says.
func (f *filter) read(h http.Header) forwarded.Hop {
	var hop forwarded.Hop
	if f.Headers == rfc7239 {
		hop = f.reader.Forwarded(h)
	} else {
		hop = f.reader.XForwarded(h)
	}
	if f.taken.Client == "" {
		hop.Client = ""
	}
	if f.taken.Proto == "" {
		hop.Proto = ""
	}
	if f.taken.Host == "" || !forwarded.ValidHost(hop.Host) {
		hop.Host = ""
	}
	if f.taken.Prefix == "" || !safePrefix(hop.Prefix) {
		hop.Prefix = ""
	}
	return hop
}

// safePrefix refuses what would lead elsewhere once it stands at the beginning
// of a Location: //other.test, a backslash, dots.
func safePrefix(prefix string) bool {
	if strings.HasPrefix(prefix, "//") {
		return false
	}
	for i := range len(prefix) {
		if c := prefix[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`\?#"<>`, c) >= 0 {
			return false
		}
	}
	return !slices.Contains(strings.Split(prefix, "/"), "..")
}

const xPrefix = "X-Forwarded-"

// isX reports whether a name belongs to the family that came before RFC 7239.
// X-Real-Ip is nginx's word for the client; nothing here reads it.
func isX(name string) bool {
	return strings.HasPrefix(name, xPrefix) || name == "X-Forwarded" || name == "X-Real-Ip"
}

func present(h http.Header) bool {
	for name := range h {
		if name == "Forwarded" || isX(name) {
			return true
		}
	}
	return false
}

// remove takes the headers off, but for those of one family.
func remove(h http.Header, keep family) {
	for name := range h {
		if name == "Forwarded" && keep != rfc7239 || isX(name) && keep != xForwarded {
			delete(h, name)
		}
	}
}
