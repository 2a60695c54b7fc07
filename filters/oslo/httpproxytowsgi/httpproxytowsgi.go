// Package httpproxytowsgi takes the client's address, scheme, host and path
// prefix from the headers of a proxy, as oslo.middleware's HTTPProxyToWSGI does.
package httpproxytowsgi

import (
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Enable  bool              `paste:"enable_proxy_headers_parsing,global" conf:"oslo_middleware.enable_proxy_headers_parsing" help:"whether the headers are read at all"`
	Trusted forwarded.Proxies `paste:"trusted_proxies" help:"addresses and networks of the proxies that are believed, unix for those on a unix socket; empty: everyone is, as in the original"`
	Headers headers           `paste:"proxy_headers" help:"with trusted_proxies or hops: forwarded, x-forwarded, or auto for X-Forwarded-* when there are any, else Forwarded"`
	Hops    int               `paste:"hops" help:"the number of proxies that each add an item to the headers; 0: go by trusted_proxies or, without, believe the first item, as in the original"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#http_proxy_to_wsgi", Options{Headers: auto}, New,
		paste.LooseAlias(
			"egg:oslo.middleware#http_proxy_to_wsgi",
			"oslo_middleware:HTTPProxyToWSGI.factory",
			"oslo_middleware.http_proxy_to_wsgi:HTTPProxyToWSGI.factory",
			"oslo.middleware:HTTPProxyToWSGI.factory",
			"oslo.middleware.http_proxy_to_wsgi:HTTPProxyToWSGI.factory",
		),
		paste.Help("Takes the client's address, scheme, host and path prefix from Forwarded or X-Forwarded-* headers."),
		paste.Example("[filter:http_proxy_to_wsgi]\nuse = egg:oslo.middleware#http_proxy_to_wsgi\nenable_proxy_headers_parsing = true\ntrusted_proxies = 10.0.0.0/8 ::1"),
	)
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	if o.Hops < 0 {
		return nil, paste.BadOption("hops", "invalid number %d, want 0 or more", o.Hops)
	}
	apply := compatible
	switch strict := o.Hops > 0 || len(o.Trusted) > 0; {
	case strict && !o.Enable:
		b.Warn(option(o), "has no effect without enable_proxy_headers_parsing = true")
		apply = ignore
	case strict:
		apply = newTrust(o).apply
	case !o.Enable:
		apply = ignore
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = apply(r)
			ww := webob.Response(w, r, nil)
			next.ServeHTTP(ww, r)
			ww.Finish()
		})
	}, nil
}

// option names one of the options that make the filter strict.
func option(o Options) string {
	if o.Hops > 0 {
		return "hops"
	}
	return "trusted_proxies"
}

func ignore(r *http.Request) *http.Request { return r }

// compatible does what the original does: it believes everyone, takes the
// first item of Forwarded but the whole of the other headers, and unquotes
// nothing.
func compatible(r *http.Request) *http.Request {
	var hop forwarded.Hop
	if h := forwarded.Joined(r.Header, "Forwarded"); h != "" {
		hop = forwarded.ParseFirst(h)
	} else {
		hop.Client = forwarded.Joined(r.Header, "X-Forwarded-For")
		hop.Proto = forwarded.Joined(r.Header, "X-Forwarded-Proto")
		hop.Host = forwarded.Joined(r.Header, "X-Forwarded-Host")
	}
	hop.Prefix = forwarded.Joined(r.Header, "X-Forwarded-Prefix")
	return hop.Apply(r)
}
