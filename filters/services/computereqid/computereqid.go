// Package computereqid gives requests an id as nova and cinder do.
package computereqid

import (
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/oslo/requestid"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Header is nova's own name for the header with the request's id.
const Header = "X-Compute-Request-Id"

// Options of the filter: it has none.
type Options struct{}

func init() {
	paste.RegisterFilter("egg:wheatpaste#compute_req_id", Options{}, New,
		paste.LooseAlias("nova.api.compute_req_id:ComputeReqIdMiddleware.factory"),
		paste.Help("Gives each request an id as egg:wheatpaste#request_id does, and sends it as X-Compute-Request-Id too."),
		paste.Example("[filter:compute_req_id]\nuse = egg:wheatpaste#compute_req_id"),
	)
	paste.RegisterFilter("egg:wheatpaste#cinder_request_id", Options{}, NewCinder,
		paste.LooseAlias("cinder.api.middleware.request_id:RequestId.factory"),
		paste.Help("Gives each request an id as egg:wheatpaste#request_id does."),
		paste.Example("[filter:request_id]\nuse = egg:wheatpaste#cinder_request_id"),
	)
}

// New makes the filter of nova.
func New(b *paste.Build, _ Options) (alice.Constructor, error) {
	outer, err := requestid.New(b, requestid.Options{})
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return outer(compute(next)) }, nil
}

// NewCinder makes the filter of cinder, which differs from oslo's only in the
// context that it makes for its Python application.
func NewCinder(b *paste.Build, _ Options) (alice.Constructor, error) {
	return requestid.New(b, requestid.Options{})
}

func compute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := pipeline.FromRequest(r).RequestID()
		ww := webob.NewWriter(w, func(int) bool {
			if h := w.Header(); len(h[Header]) == 0 {
				h[Header] = []string{id}
			}
			return false
		})
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}
