// Package translogger is Paste's TransLogger: one line of Apache's combined log
// format for each answer.
package translogger

import (
	"cmp"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/begin"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// combined is Apache's combined log format.
const combined = `%(REMOTE_ADDR)s - %(REMOTE_USER)s [%(time)s] ` +
	`"%(REQUEST_METHOD)s %(REQUEST_URI)s %(HTTP_VERSION)s" ` +
	`%(status)s %(bytes)s "%(HTTP_REFERER)s" "%(HTTP_USER_AGENT)s"`

// Options of the filter, as they are written in its section.
type Options struct {
	LoggerName   string `paste:"logger_name" help:"name of the logger, shown with each record"`
	Format       string `paste:"format" help:"the line, with fields such as %(status)s (written %%(status)s in an ini file)"`
	LoggingLevel Level  `paste:"logging_level" help:"level of the lines: DEBUG, INFO, WARNING, ERROR, CRITICAL or a number"`
	Console      bool   `paste:"setup_console_handler" help:"write the bare lines to stderr instead of the log"`
	LoggerLevel  Level  `paste:"set_logger_level" help:"lines below this level are dropped"`
}

func init() {
	paste.RegisterFilter("egg:Paste#translogger",
		Options{LoggerName: "wsgi", Format: combined, LoggingLevel: levelInfo, Console: true, LoggerLevel: levelDebug}, New,
		paste.Alias("egg:wheatpaste#translogger", "paste.translogger:make_filter"),
		paste.Help("Logs one line in Apache's combined format for each answer."),
		paste.Example(`
[filter:translogger]
use = egg:Paste#translogger
setup_console_handler = false
`))
}

// New logs each answer when it starts.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	return newFilter(b, o, os.Stderr, time.Now)
}

// newFilter is New with the console and the clock of a test.
func newFilter(b *paste.Build, o Options, console io.Writer, now func() time.Time) (alice.Constructor, error) {
	if o.Format == "" {
		o.Format = combined
	}
	t, err := parseTemplate(o.Format)
	if err != nil {
		return nil, paste.BadOption("format", "%w", err)
	}
	l := &lineLogger{template: t, now: now, level: o.LoggingLevel.slog()}
	switch {
	case o.LoggingLevel < o.LoggerLevel:
		b.Warn("logging_level", "below set_logger_level: nothing is logged")
	case !o.Console:
		l.logger = b.Logger().With("logger", cmp.Or(o.LoggerName, "root"))
	case o.LoggingLevel >= levelDebug: // the level of the original's console
		l.console = console
	}
	return l.wrap, nil
}

// lineLogger is shared by all requests of one section.
type lineLogger struct {
	template template
	now      func() time.Time
	level    slog.Level
	logger   *slog.Logger // where the lines go; nil for the console
	console  io.Writer    // nil for the logger
}

func (l *lineLogger) wrap(next http.Handler) http.Handler {
	if l.logger == nil && l.console == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &record{log: l, request: newRequest(l.now(), r)}
		rec.Writer = begin.Writer{ResponseWriter: w, Observer: rec}
		next.ServeHTTP(rec, r)
		// What has not answered by now is answered by the server, with 200;
		// after a panic nobody comes here and, as in the original, there is no
		// line.
		status := rec.request.env.Status()
		if status == 0 {
			status = http.StatusOK
		}
		rec.Began(status)
	})
}

// write logs one line: with one call, so that lines of other requests and
// workers do not get in between.
func (l *lineLogger) write(r *http.Request, line []byte) {
	if l.console != nil {
		_, _ = l.console.Write(append(line, '\n')) // nobody is left to tell
		return
	}
	l.logger.Log(r.Context(), l.level, string(line))
}

// request is what is known of a request when it comes. The headers are read
// then, because filters below may run, and change them, on another goroutine.
type request struct {
	*http.Request
	env       *pipeline.Environ
	time      time.Time
	path      string // SCRIPT_NAME and PATH_INFO
	client    string
	forwarded string // X-Forwarded-For
	referer   string
	agent     string
}

func newRequest(now time.Time, r *http.Request) request {
	env := pipeline.FromRequest(r)
	return request{
		Request: r, env: env, time: now,
		path:      env.ScriptName() + r.URL.Path,
		client:    env.ClientAddr(),
		forwarded: strings.Join(r.Header["X-Forwarded-For"], ","), // as WSGI joins them
		referer:   headerOr(r.Header, "Referer", "-"),
		agent:     headerOr(r.Header, "User-Agent", "-"),
	}
}

func headerOr(h http.Header, name, absent string) string {
	if values, ok := h[name]; ok {
		return strings.Join(values, ",")
	}
	return absent
}

// remoteAddr is the whole X-Forwarded-For, else the client's address (EP-35). A
// filter below that translated the header took it away in the original's
// environ; here it shows by another client address.
func (r *request) remoteAddr() string {
	client := r.env.ClientAddr()
	switch {
	case r.forwarded != "" && client == r.client:
		return r.forwarded
	case client != "":
		return client
	}
	return "-"
}

// user is WSGI's REMOTE_USER.
func (r *request) user() string {
	if name := r.env.Identity().UserName; name != "" {
		return name
	}
	return "-"
}

// record waits for the start of an answer.
type record struct {
	begin.Writer
	log     *lineLogger
	request request
	done    atomic.Bool // a filter below may answer from another goroutine
}

// Began logs the line, once.
func (w *record) Began(status int) {
	if w.done.Swap(true) {
		return
	}
	length := "-" // EP-35: what the application declared; nothing is counted
	if values := w.Header()["Content-Length"]; len(values) > 0 {
		length = values[len(values)-1]
	}
	w.log.write(w.request.Request, w.log.template.line(&w.request, status, length))
}
