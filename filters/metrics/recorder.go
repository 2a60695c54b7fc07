package metrics

import (
	"net/http"
	"sync/atomic"

	"github.com/wheatpaste/wheatpaste/internal/begin"
)

// recorder notes status and length of an answer. Its fields are atomic because a
// filter below may answer from another goroutine.
type recorder struct {
	begin.Writer
	request *http.Request
	status  atomic.Int32
	bytes   atomic.Int64
}

func newRecorder(w http.ResponseWriter, r *http.Request) *recorder {
	rec := &recorder{request: r}
	rec.Writer = begin.Writer{ResponseWriter: w, Observer: rec}
	return rec
}

func (w *recorder) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.bytes.Add(int64(n))
	return n, err
}

// Began notes the status; an answer to a client that has left is not sent,
// whatever it says.
func (w *recorder) Began(code int) {
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
