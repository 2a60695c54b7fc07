// Package ssl takes the scheme of a request from a header that a proxy sets,
// as oslo.middleware's SSLMiddleware does.
package ssl

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Header string `paste:"secure_proxy_ssl_header,global" conf:"oslo_middleware.secure_proxy_ssl_header" help:"the request header that holds the scheme"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#ssl", Options{Header: "X-Forwarded-Proto"}, New,
		paste.LooseAlias(
			"egg:oslo.middleware#ssl",
			"oslo_middleware:SSLMiddleware.factory",
			"oslo_middleware.ssl:SSLMiddleware.factory",
			"oslo.middleware:SSLMiddleware.factory",
			"oslo.middleware.ssl:SSLMiddleware.factory",
		),
		paste.Help("Takes the scheme of the request from a header. Deprecated: use http_proxy_to_wsgi."),
		paste.Example("[filter:ssl]\nuse = egg:oslo.middleware#ssl\nsecure_proxy_ssl_header = X-Forwarded-Proto"),
	)
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	b.Warn("", "the ssl filter is deprecated and believes every client, want egg:oslo.middleware#http_proxy_to_wsgi with trusted_proxies")
	header := textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(o.Header, "_", "-"))
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if values, ok := r.Header[header]; ok {
				pipeline.FromRequest(r).SetScheme(strings.Join(values, ","))
			}
			ww := webob.Response(w, r, nil)
			next.ServeHTTP(ww, r)
			ww.Finish()
		})
	}, nil
}
