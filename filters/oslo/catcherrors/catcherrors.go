// Package catcherrors turns panics into error pages, as oslo.middleware's
// CatchErrors does with exceptions.
package catcherrors

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/oslo/internal/unread"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options = unread.Options

func init() {
	paste.RegisterFilter("egg:wheatpaste#catch_errors", Options{}, New,
		paste.LooseAlias(
			"egg:oslo.middleware#catch_errors",
			"oslo_middleware:CatchErrors.factory",
			"oslo_middleware.catch_errors:CatchErrors.factory",
			"oslo.middleware:CatchErrors.factory",
			"oslo.middleware.catch_errors:CatchErrors.factory",
			"congress.openstack.common.middleware.catch_errors:CatchErrorsMiddleware.factory",
		),
		paste.Help("Logs a panic with its stack and the request, without secrets, and answers 500."),
		paste.Example("[filter:catch_errors]\nuse = egg:oslo.middleware#catch_errors"),
	)
}

type filter struct {
	log *slog.Logger
}

// New makes the filter.
func New(b *paste.Build, _ Options) (alice.Constructor, error) {
	f := &filter{b.Logger()}
	return f.wrap, nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ww := webob.Response(w, r, nil)
		defer f.answer(ww, w, r)
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}

// answer is deferred: it answers when the handler panicked.
func (f *filter) answer(ww *webob.Writer, w http.ResponseWriter, r *http.Request) {
	problem := recover()
	if problem == nil {
		return
	}
	if err, ok := problem.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(problem)
	}
	f.log.Error("An error occurred during processing the request", "panic", fmt.Sprint(problem),
		"request_id", pipeline.FromRequest(r).RequestID(), "request", webob.RequestText(r), "stack", string(debug.Stack()))
	if ww.Started() { // what the client has is no whole answer: let it see a cut
		panic(http.ErrAbortHandler)
	}
	ww.Reset()
	pipeline.Answered(r)
	webob.InternalServerError.Write(w, r)
}
