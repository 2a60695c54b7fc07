// Package catcherrors is Swift's catch_errors: a transaction id for each
// request, a plain 500 for each panic, and bodies that are as long as announced.
package catcherrors

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	TransIDSuffix string `paste:"trans_id_suffix,global" help:"stands at the end of each transaction id, such as the name of the cluster"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_catch_errors", Options{}, New,
		paste.LooseAlias("egg:swift#catch_errors", "swift.common.middleware.catch_errors:filter_factory"),
		paste.Help("Gives each request a transaction id, answers 500 to a panic and holds bodies to their Content-Length."),
		paste.Example("[filter:catch_errors]\nuse = egg:swift#catch_errors\ntrans_id_suffix = -berlin"),
	)
}

// maxExtra is how much of X-Trans-Id-Extra is taken over.
const maxExtra = 32

type filter struct {
	suffix string
	log    *slog.Logger
	wrong  prometheus.Counter
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	wrong, err := series.Counter(b.Registerer(), "wheatpaste_swift_catch_errors_wrong_lengths_total", "Answers whose body was not as long as announced.")
	f := &filter{o.TransIDSuffix, b.Logger(), wrong}
	return f.wrap, err
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := f.newID(r.Header.Get("X-Trans-Id-Extra"))
		env := pipeline.FromRequest(r)
		environ.TransID.Set(env, id)
		if env.RequestID() == "" {
			env.SetRequestID(id)
		}
		ww := &writer{left: -1}
		ww.Writer = webob.NewWriter(w, func(status int) bool {
			mark(w.Header(), id)
			if status != http.StatusNoContent && status != http.StatusNotModified { // they have no body, whatever they announce
				ww.begin(w.Header())
			}
			return false
		})
		defer f.answer(ww, w, r, id)
		next.ServeHTTP(ww, r)
		ww.Finish()
		f.checkLength(ww, r, id)
	})
}

// newID is tx, 21 random hex digits, the time in 10 hex digits and the suffix.
func (f *filter) newID(extra string) string {
	suffix := f.suffix
	if extra != "" {
		suffix += "-" + swob.Latin1(extra[:min(len(extra), maxExtra)])
	}
	var random [11]byte
	rand.Read(random[:])
	var id [2 + 22 + 10 + 8]byte
	out := append(id[:0], "tx"...)
	out = hex.AppendEncode(out, random[:])[:2+21]
	out = append(out, '-')
	digits := strconv.FormatInt(time.Now().Unix(), 16)
	for range 10 - len(digits) {
		out = append(out, '0')
	}
	return string(append(out, digits...)) + swob.Quote(suffix)
}

func mark(h http.Header, id string) {
	both := []string{id}
	h["X-Trans-Id"], h["X-Openstack-Request-Id"] = both, both
}

// answer is deferred: it answers when the handler panicked.
func (f *filter) answer(ww *writer, w http.ResponseWriter, r *http.Request, id string) {
	problem := recover()
	if problem == nil {
		return
	}
	if err, ok := problem.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(problem)
	}
	f.log.Error("Error: An error occurred", "panic", fmt.Sprint(problem), "trans_id", id, "stack", string(debug.Stack()))
	if ww.Started() { // what the client has is no whole answer: let it see a cut
		panic(http.ErrAbortHandler)
	}
	ww.Reset()
	pipeline.Answered(r)
	mark(w.Header(), id)
	swob.Answer{Status: http.StatusInternalServerError, Body: "An error occurred", Type: "text/plain"}.ServeHTTP(w, r)
}

// checkLength reports a body that was not as long as announced. net/http cuts
// the connection after one that was too short.
func (f *filter) checkLength(ww *writer, r *http.Request, id string) {
	if r.Method == http.MethodHead || ww.left == 0 && ww.surplus == 0 || ww.left < 0 {
		return
	}
	f.wrong.Inc()
	f.log.Error("the body is not as long as its Content-Length", "missing", ww.left, "surplus", ww.surplus, "trans_id", id)
}

// writer holds the body to its announced length.
type writer struct {
	*webob.Writer
	left    int64 // bytes that are still to come; below 0 when nothing was announced
	surplus int64
}

func (w *writer) begin(h http.Header) {
	if values := h["Content-Length"]; len(values) == 1 {
		if n, err := strconv.ParseInt(values[0], 10, 64); err == nil && n >= 0 {
			w.left = n
		}
	}
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.Writer }

func (w *writer) Write(p []byte) (int, error) {
	if !w.Started() {
		w.WriteHeader(http.StatusOK)
	}
	if w.left < 0 || int64(len(p)) <= w.left {
		n, err := w.Writer.Write(p)
		if w.left >= 0 {
			w.left -= int64(n)
		}
		return n, err
	}
	w.surplus += int64(len(p)) - w.left
	n, err := w.Writer.Write(p[:w.left])
	w.left -= int64(n)
	if err == nil {
		err = http.ErrContentLength
	}
	return n, err
}
