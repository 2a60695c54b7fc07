package errordocument

import (
	"net/http"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// writer throws an answer away whose status has a page, and passes on all
// others. Of an answer that is a page it changes status and headers.
type writer struct {
	http.ResponseWriter
	pages map[int]string
	keep  int         // of a page: the status to send
	below http.Header // of a page: the headers of what it replaces

	started bool
	code    int    // of an answer that was thrown away
	page    string // its page
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader decides whether the answer is thrown away.
func (w *writer) WriteHeader(code int) {
	switch {
	case w.page != "":
		// Thrown away is thrown away.
	case w.started || code < 200:
		w.started = w.started || code == http.StatusSwitchingProtocols
		w.ResponseWriter.WriteHeader(code)
	case w.pages[code] != "":
		w.started, w.code, w.page = true, code, w.pages[code]
	case w.keep != 0:
		w.started = true
		merge(w.Header(), w.below)
		w.ResponseWriter.WriteHeader(w.keep)
	default:
		w.started = true
		w.ResponseWriter.WriteHeader(code)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	if !w.started {
		w.WriteHeader(http.StatusOK)
	}
	if w.page != "" {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// FlushError is forwarded by hand because a flush can start an answer, and must
// not start one that was thrown away.
func (w *writer) FlushError() error {
	if !w.started {
		w.WriteHeader(http.StatusOK)
	}
	if w.page != "" {
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// finish answers for an application that said nothing, unless it has taken the
// connection over.
func (w *writer) finish(r *http.Request) {
	if !w.started && pipeline.FromRequest(r).Status() == 0 && (w.keep != 0 || w.pages[http.StatusOK] != "") {
		w.WriteHeader(http.StatusOK)
	}
}
