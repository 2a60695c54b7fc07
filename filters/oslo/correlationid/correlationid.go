// Package correlationid gives each request a correlation id, as
// oslo.middleware's CorrelationId does.
package correlationid

import (
	"cmp"
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/oslo/internal/ident"
	"github.com/wheatpaste/wheatpaste/filters/oslo/internal/unread"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Header is where the application finds the id.
const Header = "X-Correlation-Id"

// Options of the filter, as they are written in its section.
type Options = unread.Options

func init() {
	paste.RegisterFilter("egg:wheatpaste#correlation_id", Options{}, New,
		paste.LooseAlias(
			"egg:oslo.middleware#correlation_id",
			"oslo_middleware:CorrelationId.factory",
			"oslo_middleware.correlation_id:CorrelationId.factory",
			"oslo.middleware:CorrelationId.factory",
			"oslo.middleware.correlation_id:CorrelationId.factory",
		),
		paste.Help("Sets the request header X-Correlation-Id to a new UUID when the client sent none; the answer does not show it."),
		paste.Example("[filter:correlation_id]\nuse = egg:oslo.middleware#correlation_id"),
	)
}

// New makes the filter.
func New(*paste.Build, Options) (alice.Constructor, error) {
	return wrap, nil
}

func wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// WSGI does not tell X_CORRELATION_ID, the original's spelling, from
		// X-Correlation-Id.
		id := cmp.Or(r.Header.Get(Header), r.Header.Get("X_CORRELATION_ID"))
		if id == "" {
			id = ident.New().String()
		}
		r.Header.Set(Header, id)
		ww := webob.Response(w, r, nil)
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}
