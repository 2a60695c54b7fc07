package headers

import "net/http"

// writer changes the headers of an answer when its head is sent.
type writer struct {
	http.ResponseWriter
	f    *filter
	r    *http.Request
	sent bool
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) head() {
	if !w.sent {
		w.sent = true
		w.f.answer(w.Header(), w.r)
	}
}

// WriteHeader lets informational answers pass: they come before the answer.
func (w *writer) WriteHeader(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols {
		w.head()
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *writer) Write(p []byte) (int, error) {
	w.head()
	return w.ResponseWriter.Write(p)
}

// FlushError is forwarded by hand because a flush sends the head.
func (w *writer) FlushError() error {
	w.head()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// finish is for a handler that says nothing: net/http makes that an empty 200.
// After a hijack it does no harm, nobody sees the headers.
func (w *writer) finish() { w.head() }
