// Package begin tells a filter when the answer to a request begins.
package begin

import (
	"bufio"
	"net"
	"net/http"
)

// Observer is told the status of an answer before it begins, and again what
// follows: the first call counts. Calls may come from any goroutine that a
// handler answers from.
type Observer interface{ Began(status int) }

// Writer tells an Observer. (A function in its place would cost each request an
// allocation.)
type Writer struct {
	http.ResponseWriter
	Observer
}

// Unwrap is for http.ResponseController.
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader begins a final answer; 1xx answers come before it.
func (w *Writer) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.Began(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *Writer) Write(p []byte) (int, error) {
	w.Began(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// FlushError is forwarded by hand because a flush can start an answer.
func (w *Writer) FlushError() error {
	w.Began(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack is forwarded by hand because an upgrade begins when it happens, with
// the status 101, and not when the connection ends.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.Began(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}
