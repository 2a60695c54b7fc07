package proxylogging

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// body counts what the app reads of the request.
type body struct {
	io.ReadCloser
	n      int64
	broken bool // the client left in the middle
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	var large *http.MaxBytesError
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &large) && !errors.Is(err, http.ErrBodyReadAfterClose) {
		b.broken = true
	}
	return n, err
}

// writer notes the answer as it passes.
type writer struct {
	http.ResponseWriter
	entry  *entry
	status int
	n      int64
	broken bool // the client did not take it all
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// policy notes the storage policy that the answer names, else the request.
func (w *writer) policy() {
	const header = "X-Backend-Storage-Policy-Index"
	if w.entry.policy = w.Header().Get(header); w.entry.policy == "" {
		w.entry.policy = w.entry.r.Header.Get(header)
	}
}

func (w *writer) begin(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	w.policy()
	if w.entry.method() != http.MethodGet {
		return
	}
	w.entry.firstByte = time.Since(w.entry.start)
	f := w.entry.f
	if f.statsd == nil {
		return
	}
	for _, name := range f.metricNames(w.entry, status) {
		f.statsd.Timing(name+".first-byte.timing", ms(w.entry.firstByte))
	}
}

// WriteHeader notes the first final status.
func (w *writer) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	n, err := w.ResponseWriter.Write(p)
	if w.entry.r.Method != http.MethodHead { // of which nothing is sent
		w.n += int64(n)
	}
	w.note(err)
	return n, err
}

// note takes an error for the client's leaving; a handler that writes what it
// may not is none.
func (w *writer) note(err error) {
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) && !errors.Is(err, http.ErrContentLength) && !errors.Is(err, http.ErrHijacked) {
		w.broken = true
	}
}

// FlushError is forwarded by hand because a flush begins the answer.
func (w *writer) FlushError() error {
	w.begin(http.StatusOK)
	err := http.NewResponseController(w.ResponseWriter).Flush()
	if !errors.Is(err, http.ErrNotSupported) {
		w.note(err)
	}
	return err
}

// Hijack is forwarded by hand because the status of a hijacked request is 101.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.begin(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}
