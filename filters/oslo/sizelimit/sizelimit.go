// Package sizelimit refuses large request bodies, as oslo.middleware's
// RequestBodySizeLimiter does.
package sizelimit

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/limited"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Max paste.Size `paste:"max_request_body_size,global" old:"osapi_max_request_body_size" conf:"oslo_middleware.max_request_body_size,DEFAULT.osapi_max_request_body_size,DEFAULT.max_request_body_size" help:"the largest request body in bytes"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#sizelimit", Options{Max: 114688}, New,
		paste.LooseAlias(
			"egg:oslo.middleware#sizelimit",
			"oslo_middleware:RequestBodySizeLimiter.factory",
			"oslo_middleware.sizelimit:RequestBodySizeLimiter.factory",
			"oslo.middleware:RequestBodySizeLimiter.factory",
			"oslo.middleware.sizelimit:RequestBodySizeLimiter.factory",
			"nova.api.sizelimit:RequestBodySizeLimiter.factory",
			"cinder.api.middleware.sizelimit:RequestBodySizeLimiter.factory",
			"keystone.middleware:RequestBodySizeLimiter.factory",
		),
		paste.Help("Answers 413 to requests whose body is larger than a limit, by their Content-Length or, without one, while the body is read."),
		paste.Example("[filter:sizelimit]\nuse = egg:oslo.middleware#sizelimit\nmax_request_body_size = 114688"),
	)
}

type filter struct {
	max int64
	log *slog.Logger
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{int64(o.Max), b.Logger()}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.ContentLength > f.max:
				f.refuse(w, r, fmt.Sprintf("Request is too large. Larger than max_request_body_size (%d).", f.max))
			case r.ContentLength >= 0: // the server reads no more than that
				next.ServeHTTP(w, r)
			default:
				f.count(next, w, r)
			}
		})
	}, nil
}

func (f *filter) refuse(w http.ResponseWriter, r *http.Request, text string) {
	f.log.Info(text, "request_id", pipeline.FromRequest(r).RequestID())
	webob.Page{Status: http.StatusRequestEntityTooLarge, Explanation: text}.Write(w, r)
}

// count passes on a request whose length is not known.
func (f *filter) count(next http.Handler, w http.ResponseWriter, r *http.Request) {
	tooLarge := &tooLargeError{f.max}
	body := limited.Limit{Max: f.max, Error: tooLarge, Refuse: func(w http.ResponseWriter, r *http.Request) { f.refuse(w, r, tooLarge.Error()) }}
	body.Serve(next, w, r)
}

// tooLargeError is what a handler gets that reads too much. It is a MaxBytesError
// too, which Go's handlers know.
type tooLargeError struct{ max int64 }

// Error is the explanation that the client reads.
func (e *tooLargeError) Error() string {
	return fmt.Sprintf("Request is too large. Larger than %d.", e.max)
}

// Unwrap gives the error of http.MaxBytesReader.
func (e *tooLargeError) Unwrap() error { return &http.MaxBytesError{Limit: e.max} }
