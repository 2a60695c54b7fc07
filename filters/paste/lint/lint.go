// Package lint checks that an application keeps to the rules of HTTP and of
// net/http, as Paste's lint does for WSGI.
package lint

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter: it has none.
type Options struct{}

func init() {
	paste.RegisterFilter("egg:Paste#lint", Options{}, New,
		paste.Alias("egg:wheatpaste#lint", "paste.lint:make_middleware"),
		paste.Help("Logs what the application does against the rules of HTTP: wrong lengths, bodies where there are none, headers that are changed too late. For development."),
		paste.Example("[filter:lint]\nuse = egg:Paste#lint"))
}

type filter struct {
	log   *slog.Logger
	found prometheus.Counter
}

// New makes the filter.
func New(b *paste.Build, _ Options) (alice.Constructor, error) {
	found, err := series.Counter(b.Registerer(), "wheatpaste_lint_findings_total", "Rules that answers of the application broke.")
	f := &filter{log: b.Logger(), found: found}
	return f.wrap, err
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &check{length: -1}
		ww := webob.NewWriter(w, func(status int) bool {
			c.head(status, w.Header())
			return false
		})
		c.Writer = ww
		next.ServeHTTP(c, r)
		ww.Finish()
		c.end(r, w.Header())
		for _, problem := range c.problems {
			f.found.Inc()
			f.log.Warn("the application breaks a rule", "rule", problem, "method", r.Method,
				"path", r.URL.Path, "request_id", pipeline.FromRequest(r).RequestID())
		}
	})
}

// check watches one answer.
type check struct {
	*webob.Writer
	problems []string
	status   int
	length   int64 // as announced, -1 if it was not
	written  int64
	sent     http.Header
	heads    int
}

func (c *check) find(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// WriteHeader counts the calls.
func (c *check) WriteHeader(status int) {
	if status >= 200 {
		if c.heads++; c.heads == 2 {
			c.find("WriteHeader is called twice, the second time with %d", status)
		}
	}
	if status < 100 || status > 599 {
		c.find("the status %d is none of HTTP", status)
	}
	if c.heads < 2 {
		c.Writer.WriteHeader(status)
	}
}

// Write counts the bytes.
func (c *check) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.written += int64(len(p))
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *check) Unwrap() http.ResponseWriter { return c.Writer }

// head looks at the head of the answer as it is sent.
func (c *check) head(status int, h http.Header) {
	c.status, c.sent = status, h.Clone()
	for name, values := range h {
		if strings.ContainsAny(name, " :\r\n\t") || name == "" {
			c.find("the header name %q is not allowed", name)
		} else if textproto.CanonicalMIMEHeaderKey(name) != name {
			c.find("the header %q is not set by its canonical name, other filters do not find it", name)
		}
		for _, v := range values {
			if strings.ContainsAny(v, "\r\n\x00") {
				c.find("the header %s has a line break", name)
			}
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade"} {
		if len(h[name]) > 0 && status != http.StatusSwitchingProtocols {
			c.find("the header %s belongs to the server", name)
		}
	}
	if text := h.Get("Content-Length"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || len(h["Content-Length"]) > 1 {
			c.find("the Content-Length %q is no length", text)
			return
		}
		c.length = n
	}
	if (status >= 300 && status < 400 && status != 304 && status != 300) && h.Get("Location") == "" {
		c.find("the status %d has no Location", status)
	}
	if status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		c.find("the status 401 has no WWW-Authenticate")
	}
	if status == http.StatusMethodNotAllowed && h.Get("Allow") == "" {
		c.find("the status 405 has no Allow")
	}
}

// end looks at the whole answer.
func (c *check) end(r *http.Request, h http.Header) {
	bodyless := c.status == http.StatusNoContent || c.status == http.StatusNotModified
	switch {
	case bodyless && c.written > 0:
		c.find("an answer with the status %d has no body, %d bytes were written", c.status, c.written)
	case bodyless || r.Method == http.MethodHead:
	case c.length >= 0 && c.written != c.length:
		c.find("the Content-Length is %d, %d bytes were written", c.length, c.written)
	case c.written > 0 && c.sent.Get("Content-Type") == "":
		c.find("the body has no Content-Type")
	}
	for name := range h {
		if _, ok := c.sent[name]; !ok && !strings.HasPrefix(name, http.TrailerPrefix) && !isTrailer(c.sent, name) {
			c.find("the header %s is set after the head was sent", name)
		}
	}
}

func isTrailer(sent http.Header, name string) bool {
	for _, list := range sent["Trailer"] {
		for t := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(t), name) {
				return true
			}
		}
	}
	return false
}
