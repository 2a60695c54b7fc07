package compress

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// state is how far the head of an answer is.
type state int

const (
	fresh   state = iota // nothing was said yet
	holding              // the head is known, the body may be too short yet
	plain                // the head is sent, the body goes as it is
	packed               // the head is sent, the body goes compressed
	closed
)

var errOver = errors.New("the answer is over")

// writer compresses the body of an answer if head and length allow it.
type writer struct {
	http.ResponseWriter
	f      *filter
	r      *http.Request
	coding *coding // nil: the client takes none

	state state
	code  int    // while holding
	held  []byte // while holding
	enc   encoder
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader decides by the head whether the body may be compressed.
func (w *writer) WriteHeader(code int) {
	informational := code < 200 && code != http.StatusSwitchingProtocols
	switch {
	case informational || w.state == plain || w.state == packed:
		w.ResponseWriter.WriteHeader(code)
	case w.state != fresh:
		// net/http, too, ignores a second status.
	case w.suitable(code):
		w.state, w.code = holding, code
	default:
		w.state = plain
		w.ResponseWriter.WriteHeader(code)
	}
}

// suitable reports whether an answer with this head is to be compressed, and
// says in its Vary when that depended on the request.
func (w *writer) suitable(code int) bool {
	h := w.Header()
	switch {
	case code < 200, code == http.StatusNoContent, code == http.StatusResetContent, code == http.StatusPartialContent:
		return false // no body, or a range, which counts bytes that are not compressed
	case code == http.StatusNotModified:
		w.notModified(h)
		return false
	case coded(h), h.Get("Content-Range") != "", noTransform(h):
		return false
	}
	contentType, given := h["Content-Type"]
	if given && (len(contentType) == 0 || !w.f.types.match(contentType[0])) {
		return false
	}
	if length := h.Get("Content-Length"); length != "" {
		if n, err := strconv.Atoi(length); err != nil || n < w.f.minSize || n == 0 {
			return false
		}
	}
	if given {
		vary(h)
	}
	return w.coding != nil && w.r.Method != http.MethodHead
}

// coded reports whether the body is compressed already.
func coded(h http.Header) bool {
	e := h.Get("Content-Encoding")
	return e != "" && !strings.EqualFold(e, "identity")
}

// notModified makes the head of a 304 fit the answer that the client has, which
// may be a compressed one (RFC 9110 15.4.5).
func (w *writer) notModified(h http.Header) {
	if t := h.Get("Content-Type"); t != "" && !w.f.types.match(t) {
		return
	}
	vary(h)
	etag := h.Get("Etag")
	if strings.HasPrefix(etag, `"`) && strings.Contains(strings.Join(w.r.Header["If-None-Match"], ","), "W/"+etag) {
		weaken(h)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	if w.state == fresh {
		w.WriteHeader(http.StatusOK)
	}
	switch w.state {
	case holding:
		return w.hold(p)
	case packed:
		return w.enc.Write(p)
	case closed:
		return 0, errOver
	}
	return w.ResponseWriter.Write(p)
}

// hold keeps what was written until it is long enough.
func (w *writer) hold(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(w.held)+len(p) < w.f.minSize {
		if w.held == nil {
			w.held = make([]byte, 0, min(w.f.minSize, 4<<10))
		}
		w.held = append(w.held, p...)
		return len(p), nil
	}
	if err := w.begin(p); err != nil {
		return 0, err
	}
	return w.Write(p)
}

// sniffed is how much of a body http.DetectContentType looks at.
const sniffed = 512

// begin sends the head of a held answer, and what was held. next is what comes
// after that: the type of the answer may have to be guessed by it, as net/http
// does, which cannot look through the compression.
func (w *writer) begin(next []byte) error {
	h := w.Header()
	if _, given := h["Content-Type"]; !given {
		begin := slices.Concat(w.held, next[:min(len(next), sniffed)])
		h.Set("Content-Type", http.DetectContentType(begin))
		if !w.f.types.match(h.Get("Content-Type")) {
			return w.release()
		}
		vary(h)
	}
	w.headOfPacked(h)
	w.enc, w.state = w.coding.get(w.ResponseWriter), packed
	w.coding.answers.Inc()
	_, err := w.enc.Write(w.held)
	w.held = nil
	return err
}

// release sends a held answer as it is.
func (w *writer) release() error {
	w.state = plain
	w.ResponseWriter.WriteHeader(w.code)
	var err error
	if len(w.held) > 0 {
		_, err = w.ResponseWriter.Write(w.held)
	}
	w.held = nil
	return err
}

// headOfPacked takes off what is about the bytes before the compression.
func (w *writer) headOfPacked(h http.Header) {
	h["Content-Encoding"] = w.coding.value
	for _, name := range []string{"Content-Length", "Accept-Ranges", "Content-Md5", "Content-Digest", "Digest", "Repr-Digest"} {
		delete(h, name)
	}
	weaken(h)
	w.ResponseWriter.WriteHeader(w.code)
}

// FlushError is forwarded by hand because what is held here has to be written
// first. Who flushes streams: the answer is compressed, however short it is yet.
func (w *writer) FlushError() error {
	if w.state == fresh {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == holding {
		if err := w.begin(nil); err != nil {
			return err
		}
	}
	if w.state == packed {
		if err := w.enc.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// finish ends the answer. What answered nothing, or took the connection over, is
// left alone.
func (w *writer) finish() {
	switch w.state {
	case holding:
		_ = w.release() // the client is gone
	case packed:
		_ = w.enc.Close() // the client is gone
		w.coding.put(w.enc)
		w.enc = nil
	}
	w.state = closed
}

// weaken makes an ETag weak: the compressed bytes differ with level and library.
// One that is no ETag at all goes.
func weaken(h http.Header) {
	etag := h.Get("Etag")
	switch {
	case strings.HasPrefix(etag, `"`):
		h.Set("Etag", "W/"+etag)
	case !strings.HasPrefix(etag, `W/"`):
		delete(h, "Etag")
	}
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
