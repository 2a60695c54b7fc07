package httpproxytowsgi

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/wheatpaste/wheatpaste/internal/forwarded"
)

// headers says which kind of headers the proxies of ours set. The other kind is
// the client's own: he must not have it believed.
type headers string

const (
	auto       headers = "auto"
	rfc7239    headers = "forwarded"
	xForwarded headers = "x-forwarded"
)

// OptionType is the word for it in lists of options.
func (headers) OptionType() string { return "word" }

// UnmarshalText reads one of the three words.
func (h *headers) UnmarshalText(text []byte) error {
	*h = headers(text)
	if !slices.Contains([]headers{auto, rfc7239, xForwarded}, *h) {
		return fmt.Errorf("unknown word %q, want auto, forwarded or x-forwarded", text)
	}
	return nil
}

// trust believes the proxies of ours only.
type trust struct {
	forwarded.Reader
	headers headers
}

func newTrust(o Options) trust {
	return trust{forwarded.Reader{
		Proxies: o.Trusted,
		Hops:    o.Hops,
		Host:    []string{"X-Forwarded-Host"},
		Proto:   []string{"X-Forwarded-Proto"},
		Prefix:  []string{"X-Forwarded-Prefix"},
	}, o.Headers}
}

// apply gives the request as its client sent it to the outermost proxy of ours.
func (t trust) apply(r *http.Request) *http.Request {
	switch {
	case !t.Believes(r):
		return r
	case t.useForwarded(r):
		return t.Forwarded(r.Header).Apply(r)
	default:
		return t.XForwarded(r.Header).Apply(r)
	}
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
