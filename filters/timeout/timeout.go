// Package timeout answers 504 for an application that takes too long.
package timeout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	After   time.Duration `paste:"after,required" help:"how long the application may take until its answer begins, or with streams = cut until it ends"`
	Streams streams       `paste:"streams" help:"an answer that has begun by then: leave it alone, or cut it"`
}

// streams says what becomes of answers that have begun.
type streams string

const (
	leave streams = "leave"
	cut   streams = "cut"
)

// OptionType is the word for it in lists of options.
func (streams) OptionType() string { return "word" }

// UnmarshalText reads a word.
func (s *streams) UnmarshalText(text []byte) error {
	switch word := streams(text); word {
	case leave, cut:
		*s = word
		return nil
	}
	return fmt.Errorf("invalid value %q, want leave or cut", text)
}

// String writes the word.
func (s streams) String() string { return string(s) }

func init() {
	paste.RegisterFilter("egg:wheatpaste#timeout", Options{Streams: leave}, New,
		paste.Help("Answers 504 when the application takes too long, and ends its context; for the requests of one pipeline."),
		paste.Example(`
[filter:timeout]
use = egg:wheatpaste#timeout
after = 30
streams = leave
`))
}

// ErrTimeout is the cause of the contexts of requests that took too long.
var ErrTimeout = fmt.Errorf("timeout filter: %w", context.DeadlineExceeded)

type filter struct {
	Options
	log       *slog.Logger
	over      *prometheus.CounterVec
	abandoned prometheus.Gauge
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	if o.After <= 0 {
		return nil, paste.BadOption("after", "invalid time %s, want more than 0", o.After)
	}
	f := &filter{Options: o, log: b.Logger()}
	var err1, err2 error
	f.over, err1 = series.CounterVec(b.Registerer(), "wheatpaste_timeout_requests_total",
		"Requests that took too long: answered with 504, or cut.", "result", "answered", "cut")
	f.abandoned, err2 = series.Gauge(b.Registerer(), "wheatpaste_timeout_abandoned",
		"Requests that were answered with 504 or cut while their application has still not returned.")
	return f.wrap, errors.Join(err1, err2)
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(context.Canceled)
		e := &exchange{w: w, header: w.Header().Clone(), done: make(chan struct{})}
		if e.header == nil {
			e.header = http.Header{}
		}
		go f.application(e, next, e.request(r.WithContext(ctx)))
		timer := time.NewTimer(f.After)
		defer timer.Stop()
		select {
		case <-e.done:
			e.finish()
		case <-timer.C:
			f.late(e, r, cancel)
		}
	})
}

// application runs the rest of the pipeline, and keeps a panic for whoever waits.
func (f *filter) application(e *exchange, next http.Handler, r *http.Request) {
	defer func() {
		if e.problem = recover(); e.problem != nil {
			e.stack = string(debug.Stack())
		}
		close(e.done)
	}()
	next.ServeHTTP(e, r)
}

// forget waits for an application that was left behind; it ends with that, whose
// context is over.
func (f *filter) forget(e *exchange, id string) {
	defer f.abandoned.Dec()
	<-e.done
	if err, ok := e.problem.(error); e.problem == nil || ok && errors.Is(err, http.ErrAbortHandler) {
		return
	}
	f.log.Error("a request that had timed out ended in a panic", "request_id", id, "panic", fmt.Sprint(e.problem), "stack", e.stack)
}

// late is called when the time is over.
func (f *filter) late(e *exchange, r *http.Request, cancel context.CancelCauseFunc) {
	if !e.abandon(f.Streams == cut) {
		<-e.done // it streams, or has the connection
		e.finish()
		return
	}
	cancel(ErrTimeout)
	f.abandoned.Inc()
	env := pipeline.FromRequest(r)
	go f.forget(e, env.RequestID())
	f.log.Warn("the application took too long", "method", r.Method, "path", env.ScriptName()+r.URL.Path, "request_id", env.RequestID(), "after", f.After)
	if e.begun.Load() {
		f.over.WithLabelValues("cut").Inc()
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
	f.over.WithLabelValues("answered").Inc()
	pipeline.Answered(r)
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		e.w.Header().Set("Connection", "close") // the body may be half read
	}
	webob.Page{Status: http.StatusGatewayTimeout, Explanation: "The application did not answer in time."}.Write(e.w, r)
}
