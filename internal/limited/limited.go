// Package limited passes requests on whose body is counted while it is read, for
// the filters that refuse large ones.
package limited

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Limit is how much of a body may be read.
type Limit struct {
	Max int64
	// Error is what the application gets that reads more. It wraps an
	// *http.MaxBytesError, which Go's handlers know.
	Error error
	// Refuse answers 413.
	Refuse func(w http.ResponseWriter, r *http.Request)
}

// Serve passes on a request whose length is not known. In Python's filters the
// reader raises an exception, which leaves the application and becomes the
// answer 413. Here the application gets an error, of which it may make anything:
// the answer it then gives is replaced by the 413. When its answer is on the
// way already, that is cut, lest it look whole.
func (l *Limit) Serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	body := &reader{ReadCloser: r.Body, left: l.Max, tooLarge: l.Error}
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
		l.Refuse(w, r)
		return true
	})
	defer func() {
		if replaced {
			pipeline.Answered(r)
		}
	}()
	l.call(next, ww, counted)
	ww.Finish()
	if body.exceeded.Load() && !replaced {
		panic(http.ErrAbortHandler)
	}
}

// call runs the application. A panic with the error of the reader in it is
// that error on its way out.
func (l *Limit) call(next http.Handler, w http.ResponseWriter, r *http.Request) {
	defer func() {
		problem := recover()
		if problem == nil {
			return
		}
		if err, ok := problem.(error); !ok || !errors.Is(err, l.Error) {
			panic(problem)
		}
	}()
	next.ServeHTTP(w, r)
}

// reader counts a body while it is read.
type reader struct {
	io.ReadCloser
	left     int64
	tooLarge error
	exceeded atomic.Bool // a proxy reads on another goroutine than it answers
}

// Read gives at most the allowed number of bytes, then the error.
func (b *reader) Read(p []byte) (int, error) {
	if b.exceeded.Load() {
		return 0, b.tooLarge
	}
	if int64(len(p))-1 > b.left { // one more tells whether there is more
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) <= b.left {
		b.left -= int64(n)
		return n, err
	}
	n = int(b.left)
	b.left = 0
	b.exceeded.Store(true)
	return n, b.tooLarge
}
