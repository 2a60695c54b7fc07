package pipeline

import (
	"bufio"
	"net"
	"net/http"
	"sync/atomic"
)

// recorder notes status and length of the answer, so that it has to see what
// begins one. Everything else a writer can do is found through Unwrap.
type recorder struct {
	http.ResponseWriter
	status atomic.Int32
	bytes  atomic.Int64
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the first final status; 1xx answers come before it.
func (w *recorder) WriteHeader(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols {
		w.status.CompareAndSwap(0, int32(code))
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(p []byte) (int, error) {
	w.status.CompareAndSwap(0, http.StatusOK)
	n, err := w.ResponseWriter.Write(p)
	w.bytes.Add(int64(n))
	return n, err
}

// FlushError notes that a flush begins the answer.
func (w *recorder) FlushError() error {
	w.status.CompareAndSwap(0, http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack is forwarded by hand because the status of a hijacked request is 101.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.status.CompareAndSwap(0, http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}
