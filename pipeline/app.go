package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wheatpaste/wheatpaste/paste"
)

// App is a loaded application: a handler with the metrics of design.md 9 and
// with a beginning and an end. Call Start before the first request and Close
// after the last one.
type App struct {
	*lifecycle
	// Context is what the application was built from.
	Context *paste.Context

	handler http.Handler
	series  *appSeries
	logger  *slog.Logger
	notes   paste.Errors
}

// Warnings are what the application's file says that works but is probably not
// meant.
func (a *App) Warnings() paste.Errors { return paste.AllErrors(a.notes) }

// ServeHTTP answers one request. A panic of a filter or an app becomes a 500
// with the request's id; http.ErrAbortHandler is passed on.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e, w, r := Begin(w, r)
	if inner := e.enter(a.series); inner {
		a.handler.ServeHTTP(w, r) // the outer application counts and recovers
		return
	}
	defer a.finish(e, w, r)
	a.handler.ServeHTTP(w, r)
}

func (a *App) finish(e *Environ, w http.ResponseWriter, r *http.Request) {
	value := recover()
	abort := value != nil && isAbort(value)
	switch {
	case abort:
	case value != nil:
		abort = a.recovered(e, w, r, value)
	}
	e.count(r, value != nil && isAbort(value))
	if abort {
		panic(http.ErrAbortHandler)
	}
}

func isAbort(value any) bool {
	err, ok := value.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// recovered answers for a panic; it reports whether the connection must be cut
// because the answer had begun.
func (a *App) recovered(e *Environ, w http.ResponseWriter, r *http.Request, value any) bool {
	id := e.RequestID()
	if id == "" {
		id = "req-" + uuid.NewString()
		e.SetRequestID(id)
	}
	attrs := []any{"panic", fmt.Sprint(value), "request_id", id, "method", r.Method, "app", e.App()}
	if c := e.trace.panicChain.Load(); c != nil {
		attrs = append(attrs, "pipeline", c.name)
		if at := int(e.trace.panicAt.Load()); at < len(c.items) {
			attrs = append(attrs, "filter", c.items[at])
		}
	}
	a.logger.Error("a request ended in a panic", append(attrs, "stack", string(debug.Stack()))...)
	if e.Status() != 0 {
		return true
	}
	h := w.Header()
	clear(h)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Openstack-Request-Id", id)
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, "500 Internal Server Error\nrequest id: "+id+"\n")
	return false
}

// enter says that an application has the request now, and reports whether
// another one had it before.
func (e *Environ) enter(s *appSeries) bool {
	s.inFlight.Inc()
	e.mu.Lock()
	old := e.series
	e.series, e.app = s, s.name
	e.mu.Unlock()
	if old != nil {
		old.inFlight.Dec()
	}
	return old != nil
}

// statusClientClosed is what nginx calls a request whose client left before an
// answer was sent.
const statusClientClosed = 499

// count counts a finished request, once, under the application that had it
// last.
func (e *Environ) count(r *http.Request, aborted bool) {
	code := e.Status()
	if code == 0 {
		code = http.StatusOK
		switch {
		case errors.Is(context.Cause(e), context.DeadlineExceeded): // the server answers for the handler
			code = http.StatusGatewayTimeout
		case aborted || e.Err() != nil:
			code = statusClientClosed
			e.recorder.status.Store(statusClientClosed)
		}
	}
	e.mu.Lock()
	s := e.series
	e.mu.Unlock()
	if s == nil {
		return
	}
	s.inFlight.Dec()
	s.requests.get(r.Method, code).Inc()
	s.duration.Observe(time.Since(e.start).Seconds())
	s.bytes.Add(uint64(max(e.Bytes(), 0)))
	if c := e.trace.panicChain.Load(); c != nil && !aborted && c.series != nil {
		if at := int(e.trace.panicAt.Load()); at < len(c.items) {
			c.series.panics[at].Inc()
		}
	}
	if c, at := e.trace.answer(); c != nil && c.series != nil {
		c.series.short[at].get("", code).Inc()
	}
}

// chosen is an application that a composite chose: from here on the request
// counts as its own.
type chosen struct {
	series *appSeries
	next   http.Handler
}

func (c *chosen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	FromRequest(r).enter(c.series)
	c.next.ServeHTTP(w, r)
}

// lifecycle owns the hooks of what was built.
type lifecycle struct {
	start []func(context.Context) error
	close []func(context.Context) error
	run   []func(context.Context)

	stop    context.CancelFunc
	running chan struct{}
}

// Start runs the OnStart hooks in order, then the goroutines. When a hook
// fails, Close is still to be called. The context bounds the start only.
func (l *lifecycle) Start(ctx context.Context) error {
	for _, hook := range l.start {
		if err := hook(ctx); err != nil {
			return err
		}
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop, l.running = stop, make(chan struct{})
	done := make(chan struct{}, len(l.run))
	for _, run := range l.run {
		go func() {
			defer func() { done <- struct{}{} }()
			run(background)
		}()
	}
	go func() {
		for range l.run {
			<-done
		}
		close(l.running)
	}()
	return nil
}

// Close ends the goroutines, waits for them, and runs the OnClose hooks in
// reverse order, all of them, as long as the context lasts.
func (l *lifecycle) Close(ctx context.Context) error {
	var errs []error
	if l.stop != nil {
		l.stop()
		select {
		case <-l.running:
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("goroutines of the pipelines still run: %w", ctx.Err()))
		}
	}
	for _, v := range slices.Backward(l.close) {
		if err := v(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	l.close = nil
	return errors.Join(errs...)
}
