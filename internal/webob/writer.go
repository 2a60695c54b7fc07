package webob

import (
	"bufio"
	"maps"
	"net"
	"net/http"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Writer lets a filter look at the head of an answer just before it is sent,
// and change or replace it, while the body streams through untouched.
type Writer struct {
	http.ResponseWriter

	head    func(status int) (replaced bool) // may be nil
	saved   http.Header
	started bool
	dropped bool

	// What a Location is relative to; request is nil when it stays as it is.
	request *http.Request
	env     *pipeline.Environ
	script  string
}

// NewWriter wraps w. head, which may be nil, is called once, with the final
// status of the answer; it may change the headers of w. When it returns true it
// has answered itself (on the w that was given here), and what the handler
// writes is dropped.
func NewWriter(w http.ResponseWriter, head func(status int) bool) *Writer {
	ww := &Writer{ResponseWriter: w, head: head}
	if len(w.Header()) > 0 {
		ww.saved = w.Header().Clone()
	}
	return ww
}

// Response wraps w so that the answer leaves as from a WebOb response: with an
// absolute Location.
func Response(w http.ResponseWriter, r *http.Request, head func(status int) bool) *Writer {
	ww := NewWriter(w, head)
	ww.request, ww.env = r, pipeline.FromRequest(r)
	ww.script = ww.env.ScriptName() // now: composites below will move the path
	return ww
}

// Started reports whether the head of an answer was sent or the connection was
// taken over, so that no other answer is possible.
func (w *Writer) Started() bool { return w.started }

// Reset drops all headers that were set since NewWriter.
func (w *Writer) Reset() {
	h := w.Header()
	clear(h)
	maps.Copy(h, w.saved)
}

// Finish is called when the handler has returned: an answer without a word is
// an empty 200.
func (w *Writer) Finish() { w.begin(http.StatusOK) }

func (w *Writer) begin(status int) {
	if w.started {
		return
	}
	w.started = true
	if w.head != nil {
		w.dropped = w.head(status)
	}
	if w.request != nil && !w.dropped {
		origin{w.env.Scheme(), w.request.Host, w.script, w.request.URL.Path}.absolute(w.Header())
	}
}

// Unwrap is for http.ResponseController.
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader passes informational answers on: they come before the answer.
func (w *Writer) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.begin(status)
	}
	if !w.dropped {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write sends a part of the body.
func (w *Writer) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	if w.dropped {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// FlushError is forwarded by hand because a flush sends the head.
func (w *Writer) FlushError() error {
	w.begin(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack is forwarded by hand because no answer is possible after it.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.started = true
	}
	return conn, rw, err
}
