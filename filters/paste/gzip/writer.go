package gzip

import (
	"compress/gzip"
	"errors"
	"net/http"
	"strings"
	"sync"
)

// state is how far the head of an answer is.
type state int

const (
	fresh   state = iota // nothing was said yet
	waiting              // to be compressed, if there is a body
	plain                // the head is sent, the body goes as it is
	zipped               // the head is sent, the body goes compressed
	closed
)

var errOver = errors.New("the answer is over")

// writer compresses the body if the head is one of those that allow it.
type writer struct {
	http.ResponseWriter
	request  *http.Request
	accepted bool // the client takes gzip
	pool     *sync.Pool

	state state
	code  int          // of a waiting answer
	gz    *gzip.Writer // of a zipped one
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader decides what becomes of the body. The head of an answer that is to
// be compressed waits for the first byte: an empty body stays empty.
func (w *writer) WriteHeader(code int) {
	informational := code < 200 && code != http.StatusSwitchingProtocols
	switch {
	case informational || w.state == plain || w.state == zipped:
		w.ResponseWriter.WriteHeader(code)
	case w.state != fresh:
		// net/http, too, ignores a second status.
	case w.suitable(code):
		w.state, w.code = waiting, code
		if w.request.Method == http.MethodHead {
			w.headOfZipped()
			w.state = plain
		}
	default:
		if code == http.StatusNotModified {
			w.notModified()
		}
		w.state = plain
		w.ResponseWriter.WriteHeader(code)
	}
}

// suitable reports whether an answer with this head is to be compressed, and
// says in its Vary when that depended on the request.
func (w *writer) suitable(code int) bool {
	h := w.Header()
	switch {
	case code < 200, code == http.StatusNoContent, code == http.StatusNotModified:
		return false // they have no body
	case code == http.StatusPartialContent:
		return false // the range counts bytes that are not compressed
	case h.Get("Content-Encoding") != "", !compressible(h.Get("Content-Type")), noTransform(h):
		return false
	}
	addVary(h)
	return w.accepted && h.Get("Content-Length") != "0"
}

// headOfZipped sends the head of a waiting answer as a compressed one's. That
// of HEAD is the same as GET's (RFC 9110 9.3.2), whose length is not known.
func (w *writer) headOfZipped() {
	h := w.Header()
	h.Set("Content-Encoding", "gzip")
	// They are about the bytes before the compression.
	for _, name := range []string{"Content-Length", "Accept-Ranges", "Content-Md5", "Content-Digest", "Digest", "Repr-Digest"} {
		h.Del(name)
	}
	if w.code != http.StatusRequestedRangeNotSatisfiable {
		h.Del("Content-Range") // of a whole document; Paste's static files have it
	}
	weaken(h)
	w.ResponseWriter.WriteHeader(w.code)
}

func (w *writer) zip() {
	w.headOfZipped()
	w.gz = w.pool.Get().(*gzip.Writer)
	w.gz.Reset(w.ResponseWriter)
	w.state = zipped
}

func (w *writer) Write(p []byte) (int, error) {
	if w.state == fresh {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == waiting && len(p) > 0 {
		w.zip()
	}
	switch w.state {
	case waiting:
		return 0, nil
	case zipped:
		return w.gz.Write(p)
	case closed:
		return 0, errOver
	}
	return w.ResponseWriter.Write(p)
}

// FlushError is forwarded by hand because what the compressor holds has to be
// written first.
func (w *writer) FlushError() error {
	if w.state == fresh {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == waiting {
		w.zip()
	}
	if w.state == zipped {
		if err := w.gz.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// finish ends the answer. What answered nothing, or took the connection over,
// is left alone.
func (w *writer) finish() {
	switch w.state {
	case waiting:
		w.ResponseWriter.WriteHeader(w.code)
	case zipped:
		_ = w.gz.Close() // the client is gone
		w.pool.Put(w.gz)
		w.gz = nil
	}
	w.state = closed
}

// notModified makes the head of a 304 fit the answer that the client has: it may
// be a compressed one (RFC 9110 15.4.5). A 304 says nothing of its type.
func (w *writer) notModified() {
	h := w.Header()
	if t := h.Get("Content-Type"); t != "" && !compressible(t) {
		return
	}
	addVary(h)
	etag := h.Get("Etag")
	if strings.HasPrefix(etag, `"`) && strings.Contains(strings.Join(w.request.Header["If-None-Match"], ","), "W/"+etag) {
		weaken(h)
	}
}

// weaken makes an ETag weak: the compressed bytes differ with level and library.
// One that is no ETag at all goes, as in nginx.
func weaken(h http.Header) {
	etag := h.Get("Etag")
	switch {
	case strings.HasPrefix(etag, `"`):
		h.Set("Etag", "W/"+etag)
	case !strings.HasPrefix(etag, `W/"`):
		h.Del("Etag")
	}
}

// addVary tells caches that the answer depends on Accept-Encoding.
func addVary(h http.Header) {
	for _, value := range h["Vary"] {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.TrimSpace(name)
			if name == "*" || strings.EqualFold(name, "Accept-Encoding") {
				return
			}
		}
	}
	h.Add("Vary", "Accept-Encoding")
}

// noTransform reports whether the application forbids what this filter does
// (RFC 9111 5.2.2.6).
func noTransform(h http.Header) bool {
	for _, value := range h["Cache-Control"] {
		if strings.Contains(strings.ToLower(value), "no-transform") {
			return true
		}
	}
	return false
}
