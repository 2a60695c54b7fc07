// Package sizelimit refuses large request bodies, as oslo.middleware's
// RequestBodySizeLimiter does.
package sizelimit

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/justinas/alice"

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

// count passes on a request whose length is not known. In the original the
// reader raises an exception, which leaves the application and becomes the
// answer 413. Here the application gets an error, of which it may make anything:
// the answer it then gives is replaced by the 413. When its answer is on the
// way already, that is cut, lest it look whole.
func (f *filter) count(next http.Handler, w http.ResponseWriter, r *http.Request) {
	body := &reader{ReadCloser: r.Body, left: f.max, max: f.max}
	counted := new(*r)
	counted.Body = body
	replaced := false
	var ww *webob.Writer
	ww = webob.NewWriter(w, func(int) bool {
		if !body.exceeded.Load() {
			return false
		}
		replaced = true
		ww.Reset()
		f.refuse(w, r, body.tooLarge().Error())
		return true
	})
	defer func() {
		if replaced {
			pipeline.Answered(r)
		}
	}()
	call(next, ww, counted)
	ww.Finish()
	if body.exceeded.Load() && !replaced {
		panic(http.ErrAbortHandler)
	}
}

// call runs the application. A panic with the error of the reader in it is
// that error on its way out.
func call(next http.Handler, w http.ResponseWriter, r *http.Request) {
	defer func() {
		problem := recover()
		if problem == nil {
			return
		}
		var large *tooLargeError
		if err, ok := problem.(error); !ok || !errors.As(err, &large) {
			panic(problem)
		}
	}()
	next.ServeHTTP(w, r)
}
