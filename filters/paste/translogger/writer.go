package translogger

import (
	"bufio"
	"net"
	"net/http"
)

// Unwrap is for http.ResponseController.
func (w *record) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader logs the first final answer; 1xx answers come before it.
func (w *record) WriteHeader(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols {
		w.started(code)
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *record) Write(p []byte) (int, error) {
	w.started(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// FlushError is forwarded by hand because a flush can start an answer.
func (w *record) FlushError() error {
	w.started(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack is forwarded by hand because an upgrade is to be logged when it
// happens, not when the connection ends.
func (w *record) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.started(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}
