// Package bodylimit refuses requests whose body is too large.
package bodylimit

import (
	"net/http"
	"strconv"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/limited"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Max     paste.Size `paste:"max" help:"the largest body, in bytes or with k, m or g; 0 refuses every body"`
	Methods []string   `paste:"methods" help:"methods that the limit is for; empty for all"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#body_limit", Options{Max: 1 << 20}, New,
		paste.Help("Answers 413 to requests whose body is larger than a limit, by their Content-Length or, without one, while the body is read."),
		paste.Example(`
[filter:body_limit]
use = egg:wheatpaste#body_limit
max = 10m
`))
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	refused, err := series.Counter(b.Registerer(), "wheatpaste_body_limit_refused_total", "Requests that were answered with 413.")
	if err != nil {
		return nil, err
	}
	l := &Limit{Max: int64(o.Max), Text: "The body of the request is larger than " + strconv.FormatInt(int64(o.Max), 10) + " bytes.", Refused: refused}
	methods := map[string]bool{}
	for _, m := range o.Methods {
		methods[m] = true
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case len(methods) > 0 && !methods[r.Method]:
				next.ServeHTTP(w, r)
			case r.ContentLength > l.Max:
				l.Refuse(w, r)
			case r.ContentLength >= 0: // the server reads no more than that
				next.ServeHTTP(w, r)
			default:
				l.Count(next, w, r)
			}
		})
	}, nil
}

// Limit is how much of a body may be read.
type Limit struct {
	Max     int64
	Text    string             // of the answer
	Refused prometheus.Counter // nil counts nothing
}

// Refuse answers 413. The rest of the body is nobody's: the connection ends.
func (l *Limit) Refuse(w http.ResponseWriter, r *http.Request) {
	if l.Refused != nil {
		l.Refused.Inc()
	}
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	webob.Page{Status: http.StatusRequestEntityTooLarge, Explanation: l.Text}.Write(w, r)
}

// Count passes on a request whose body is counted while it is read. Over the
// limit the application gets an *http.MaxBytesError; what it then answers gives
// way to the 413, and an answer that has begun is cut, lest it look whole.
func (l *Limit) Count(next http.Handler, w http.ResponseWriter, r *http.Request) {
	body := limited.Limit{Max: l.Max, Error: &http.MaxBytesError{Limit: l.Max}, Refuse: l.Refuse}
	body.Serve(next, w, r)
}
