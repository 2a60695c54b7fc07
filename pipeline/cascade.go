package pipeline

import (
	"bufio"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
)

// Cascade asks one application after the other until one answers with a status
// that is not to be caught, as egg:Paste#cascade does (CAS-03). The answer of
// the last one stands, whatever it is.
//
// An answer goes out as soon as its status shows that it stands, so that it can
// stream and be hijacked; one that is thrown away can do neither (GO-11).
type Cascade struct {
	apps  []http.Handler
	catch []int
	log   *slog.Logger
}

// NewCascade makes a Cascade of at least one application.
func NewCascade(apps []http.Handler, catch []int, log *slog.Logger) *Cascade {
	return &Cascade{apps: apps, catch: catch, log: log}
}

// ServeHTTP answers a request.
func (c *Cascade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	env, w, r := Begin(w, r)
	last := len(c.apps) - 1
	var body *keptBody
	if last > 0 && r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		var err error
		if body, err = keepBody(r); err != nil {
			c.refuse(w, r, err)
			return
		}
		defer body.close()
	}
	for _, app := range c.apps[:last] {
		if c.try(app, env, w, withBody(r, body)) {
			return
		}
	}
	c.apps[last].ServeHTTP(w, withBody(r, body))
}

// withBody gives a copy of a request that reads the body from its beginning.
func withBody(r *http.Request, body *keptBody) *http.Request {
	if body == nil {
		return r
	}
	r = r.WithContext(r.Context())
	r.Body = body.reader()
	return r
}

// refuse answers a request whose body cannot be kept.
func (c *Cascade) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errTruncated) {
		writeErrorPage(w, r, http.StatusBadRequest, "The request body is shorter than its Content-Length.", "")
		return
	}
	c.log.ErrorContext(r.Context(), "the request body cannot be kept", "error", err)
	writeErrorPage(w, r, http.StatusInternalServerError, "The request body could not be stored.", "")
}

// try runs one application on a copy of the request and of the Environ and
// reports whether its answer stands.
func (c *Cascade) try(app http.Handler, env *Environ, w http.ResponseWriter, r *http.Request) bool {
	fork := forkEnviron(env, r)
	attempt := &attemptWriter{ResponseWriter: w, catch: c.catch, commit: func() { adoptEnviron(env, fork) }}
	fork.recorder.ResponseWriter = attempt
	before := w.Header().Clone()
	defer func() { // also when the application panics
		if attempt.state == thrownAway {
			clear(w.Header())
			maps.Copy(w.Header(), before)
			dropEnviron(env, fork)
			return
		}
		adoptEnviron(env, fork)
	}()
	app.ServeHTTP(&fork.recorder, r.Clone(fork))
	return attempt.state != thrownAway
}

// attemptState says what will become of an answer.
type attemptState int

const (
	undecided attemptState = iota
	stands
	thrownAway
)

// attemptWriter holds an answer back until its status is known. Then it either
// passes it on, or takes it in and forgets it.
type attemptWriter struct {
	http.ResponseWriter
	catch  []int
	commit func() // makes what the application wrote into the Environ visible
	state  attemptState
}

// Unwrap is for the deadlines of http.ResponseController.
func (w *attemptWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *attemptWriter) decide(status int) {
	if w.state != undecided {
		return
	}
	if slices.Contains(w.catch, status) {
		w.state = thrownAway
		return
	}
	w.state = stands
	w.commit()
}

// WriteHeader decides. A 1xx answer says nothing about the final one, so it is
// dropped as long as that may be thrown away.
func (w *attemptWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.decide(status)
	}
	if w.state == stands {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *attemptWriter) Write(p []byte) (int, error) {
	w.decide(http.StatusOK)
	if w.state == thrownAway {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// FlushError is Flush for http.ResponseController.
func (w *attemptWriter) FlushError() error {
	w.decide(http.StatusOK)
	if w.state == thrownAway {
		return http.ErrNotSupported
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack takes the connection over, which is an answer that stands.
func (w *attemptWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.state == thrownAway {
		return nil, nil, http.ErrNotSupported
	}
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.decide(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}

// forkEnviron copies the Environ for an attempt.
func forkEnviron(env *Environ, r *http.Request) *Environ {
	fork := &Environ{Context: r.Context(), start: env.start, overTLS: env.overTLS}
	fork.trace.adopt(&env.trace)
	env.mu.Lock()
	defer env.mu.Unlock()
	fork.copyShared(env)
	return fork
}

// adoptEnviron takes over what the attempt that stands has changed.
func adoptEnviron(env, fork *Environ) {
	env.trace.adopt(&fork.trace)
	if c := fork.trace.panicChain.Load(); c != nil {
		env.trace.panicked(c, fork.trace.panicAt.Load())
	}
	fork.mu.Lock()
	defer fork.mu.Unlock()
	env.mu.Lock()
	defer env.mu.Unlock()
	env.copyShared(fork)
}

// dropEnviron gives the request back to the application that had it before the
// attempt, which counts it as its own.
func dropEnviron(env, fork *Environ) {
	fork.mu.Lock()
	defer fork.mu.Unlock()
	env.mu.Lock()
	defer env.mu.Unlock()
	if fork.series == env.series {
		return
	}
	fork.series.inFlight.Dec()
	if env.series != nil {
		env.series.inFlight.Inc()
	}
}

// copyShared copies what stages write; both are locked, or nobody else has them
// yet.
func (e *Environ) copyShared(from *Environ) {
	e.scriptName, e.scheme, e.client, e.serverPort = from.scriptName, from.scheme, from.client, from.serverPort
	e.requestID, e.globalID, e.identity = from.requestID, from.globalID, from.identity
	e.app, e.series = from.app, from.series
	e.values = slices.Clone(from.values)
}
