// Package maintenance answers 503 while an application is being worked on.
package maintenance

import (
	"crypto/sha256"
	"crypto/subtle"
	"mime"
	"net/http"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/http/httpguts"

	"github.com/wheatpaste/wheatpaste/filters/internal/clients"
	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	On          bool              `paste:"on" help:"answer 503, whether there is a file or not"`
	File        string            `paste:"file" help:"answer 503 while this file exists"`
	Every       time.Duration     `paste:"check_every" help:"how often the file is looked for"`
	RetryAfter  time.Duration     `paste:"retry_after" help:"the Retry-After of the answer; 0 sends none"`
	Body        string            `paste:"body" help:"the body of the answer; empty: a page, JSON for those who ask for it"`
	ContentType string            `paste:"content_type" help:"the type of body"`
	Bypass      forwarded.Proxies `paste:"bypass" help:"addresses and networks that are served all the same, unix for unix sockets"`
	Header      string            `paste:"bypass_header" help:"the request header that may hold bypass_token; the application does not see it"`
	Token       string            `paste:"bypass_token,secret" help:"requests with this text in bypass_header are served all the same"`
	Paths       []string          `paste:"paths" help:"paths that are served all the same, with all below them, such as /healthcheck"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#maintenance", Options{
		Every: time.Second, RetryAfter: 5 * time.Minute, ContentType: "text/html; charset=utf-8", Header: "X-Maintenance-Bypass",
	}, New,
		paste.Help("Answers 503 with Retry-After while a file exists or on = true, but for addresses, a token and paths that get through."),
		paste.Example(`
[filter:maintenance]
use = egg:wheatpaste#maintenance
file = /etc/wheatpaste/maintenance
retry_after = 10m
bypass = 10.0.0.0/8
paths = /healthcheck
body = <h1>Back at noon</h1>
`))
}

// shortest is a token that cannot be guessed by trying, if it is random.
const shortest = 16

type filter struct {
	Options
	token      [sha256.Size]byte
	retryAfter []string
	refused    prometheus.Counter

	now  func() time.Time
	next atomic.Int64 // when the file is looked for again
	seen atomic.Bool  // it was there
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{Options: o, now: time.Now, token: sha256.Sum256([]byte(o.Token))}
	if err := f.check(); err != nil {
		return nil, err
	}
	if !o.On && o.File == "" {
		b.Warn("", "neither on nor file is given, so that it does nothing")
	}
	if o.Token != "" && len(o.Token) < shortest {
		b.Warn("bypass_token", "is shorter than 16 characters, and may be guessed")
	}
	var err error
	f.refused, err = series.Counter(b.Registerer(), "wheatpaste_maintenance_refused_total", "Requests that were answered with 503.")
	return f.wrap, err
}

func (f *filter) check() error {
	if !httpguts.ValidHeaderFieldName(f.Header) {
		return paste.BadOption("bypass_header", "invalid header name %q, want letters, digits and dashes", f.Header)
	}
	f.Header = textproto.CanonicalMIMEHeaderKey(f.Header)
	if _, _, err := mime.ParseMediaType(f.ContentType); err != nil || !httpguts.ValidHeaderFieldValue(f.ContentType) {
		return paste.BadOption("content_type", "invalid media type %q, want one such as text/html; charset=utf-8", f.ContentType)
	}
	for i, path := range f.Paths {
		if !strings.HasPrefix(path, "/") {
			return paste.BadOption("paths", "invalid path %q, want one that begins with a slash", path)
		}
		f.Paths[i] = strings.TrimRight(path, "/")
	}
	if f.RetryAfter > 0 {
		f.retryAfter = []string{strconv.FormatInt(int64((f.RetryAfter+time.Second-1)/time.Second), 10)}
	}
	return nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		passes := f.shows(r)
		if !f.On && !f.fileExists() || passes || f.lets(r) {
			next.ServeHTTP(w, r)
			return
		}
		f.refused.Inc()
		f.refuse(w, r)
	})
}

// shows reports whether a request shows the token, and takes it off: it is
// nobody else's.
func (f *filter) shows(r *http.Request) bool {
	if f.Token == "" {
		return false
	}
	values := r.Header[f.Header]
	delete(r.Header, f.Header)
	if len(values) != 1 {
		return false
	}
	sum := sha256.Sum256([]byte(values[0]))
	return subtle.ConstantTimeCompare(sum[:], f.token[:]) == 1
}

// lets reports whether address or path of a request are served all the same.
func (f *filter) lets(r *http.Request) bool {
	if clients.Exempt(f.Bypass, r) {
		return true
	}
	if len(f.Paths) == 0 {
		return false
	}
	path := pipeline.FromRequest(r).ScriptName() + r.URL.Path
	if strings.Contains(path, "/../") || strings.HasSuffix(path, "/..") {
		return false // it may lead elsewhere
	}
	for _, prefix := range f.Paths {
		if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// fileExists looks for the file every now and then; of many requests at once,
// one does.
func (f *filter) fileExists() bool {
	if f.File == "" {
		return false
	}
	now := f.now().UnixNano()
	if next := f.next.Load(); now >= next && f.next.CompareAndSwap(next, now+int64(f.Every)) {
		_, err := os.Stat(f.File)
		f.seen.Store(err == nil)
	}
	return f.seen.Load()
}

func (f *filter) refuse(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if f.retryAfter != nil {
		h["Retry-After"] = f.retryAfter
	}
	h.Set("Cache-Control", "no-store")
	if f.Body == "" {
		webob.Page{Status: http.StatusServiceUnavailable, Explanation: "The service is being worked on. Try again later."}.Write(w, r)
		return
	}
	h.Set("Content-Type", f.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(f.Body)))
	w.WriteHeader(http.StatusServiceUnavailable)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(f.Body)) // the client may have gone
	}
}
