// Package requestid gives each request an id, as oslo.middleware's RequestId
// does.
package requestid

import (
	"encoding/hex"
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/oslo/internal/ident"
	"github.com/wheatpaste/wheatpaste/filters/oslo/internal/unread"
	"github.com/wheatpaste/wheatpaste/internal/pattern"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Header carries the caller's id inwards and the request's own id outwards.
const Header = "X-Openstack-Request-Id"

// Options of the filter, as they are written in its section.
type Options = unread.Options

func init() {
	paste.RegisterFilter("egg:wheatpaste#request_id", Options{}, New,
		paste.LooseAlias(
			"egg:oslo.middleware#request_id",
			"oslo_middleware:RequestId.factory",
			"oslo_middleware.request_id:RequestId.factory",
			"oslo.middleware:RequestId.factory",
			"oslo.middleware.request_id:RequestId.factory",
			"nova.openstack.common.middleware.request_id:RequestIdMiddleware.factory",
			"cinder.openstack.common.middleware.request_id:RequestIdMiddleware.factory",
			"congress.openstack.common.middleware.request_id:RequestIdMiddleware.factory",
		),
		paste.Help("Gives each request an id (req-UUID), keeps the one the caller sent as the global id, and answers with the header X-Openstack-Request-Id."),
		paste.Example("[filter:request_id]\nuse = egg:oslo.middleware#request_id"),
	)
}

// New makes the filter. The ids are in the Environ: RequestID, and
// GlobalRequestID when the caller sent a well-formed one.
func New(*paste.Build, Options) (alice.Constructor, error) {
	return wrap, nil
}

func wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r)
		if sent := r.Header[Header]; len(sent) == 1 && wellFormed().MatchString(sent[0]) {
			env.SetGlobalRequestID(sent[0])
		}
		id := newID()
		env.SetRequestID(id)
		ww := webob.Response(w, r, func(int) bool {
			// Whoever is further in knows better.
			if h := w.Header(); len(h[Header]) == 0 {
				h[Header] = []string{id}
			}
			return false
		})
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}

// newID is req- and a UUID, in one allocation.
func newID() string {
	id := ident.New()
	b := make([]byte, 0, len("req-")+36+1)
	b = append(b, "req-"...)
	start := 0
	for _, end := range [...]int{4, 6, 8, 10, 16} {
		b = hex.AppendEncode(b, id[start:end])
		b = append(b, '-')
		start = end
	}
	return string(b[:len(b)-1])
}

var wellFormed = pattern.Lazy(`^req-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$`)
