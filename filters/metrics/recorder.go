package metrics

import (
	"bufio"
	"net"
	"net/http"
	"sync/atomic"
)

// recorder notes status and length of an answer. Its fields are atomic because a
// filter below may answer from another goroutine.
type recorder struct {
	http.ResponseWriter
	request *http.Request
	status  atomic.Int32
	bytes   atomic.Int64
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the first final status; 1xx answers come before it.
func (w *recorder) WriteHeader(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols {
		w.started(code)
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(p []byte) (int, error) {
	w.started(http.StatusOK)
	n, err := w.ResponseWriter.Write(p)
	w.bytes.Add(int64(n))
	return n, err
}

// FlushError is forwarded by hand because a flush can start an answer.
func (w *recorder) FlushError() error {
	w.started(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack is forwarded by hand because the status of a hijacked request is 101.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.started(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}

// started notes the status; an answer to a client that has left is not sent,
// whatever it says.
func (w *recorder) started(code int) {
	if w.status.Load() != 0 {
		return
	}
	if clientGone(w.request) {
		code = codeClientClosed
	}
	w.status.CompareAndSwap(0, int32(code))
}

// final is the code to count. Of what did not answer, net/http makes 200, and of
// a panic comes a 500 farther out. (Nothing is recovered here: that would cost
// the stack.)
func (w *recorder) final(returned bool) int {
	code := int(w.status.Load())
	switch {
	case code != 0:
		return code
	case clientGone(w.request):
		return codeClientClosed
	case returned:
		return http.StatusOK
	}
	return http.StatusInternalServerError
}
