// Package errorcatcher is Paste's error catcher: it answers for a panic with a
// page and reports it.
package errorcatcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/begin"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Debug      bool   `paste:"debug,global" help:"show the panic and its stack to the client"`
	Log        string `paste:"error_log" help:"file that reports are appended to"`
	ShowErrors bool   `paste:"show_exceptions_in_wsgi_errors,global" help:"write the stack to the log even if it is shown or appended elsewhere"`
	Message    string `paste:"error_message,global" help:"HTML that the client sees without debug"`
	XMLHTTPKey string `paste:"xmlhttp_key,global" help:"name of a query parameter that asks for the report without a page round it"`

	Email     string `paste:"error_email" help:"without effect: no mail is sent"`
	From      string `paste:"from_address" help:"without effect"`
	Subject   string `paste:"error_subject_prefix" help:"without effect"`
	SMTP      string `paste:"smtp_server" help:"without effect"`
	SMTPUser  string `paste:"smtp_username" help:"without effect"`
	SMTPPass  string `paste:"smtp_password,secret" help:"without effect"`
	SMTPByTLS bool   `paste:"smtp_use_tls,global" help:"without effect"`
}

func init() {
	paste.RegisterFilter("egg:Paste#error_catcher", Options{Message: defaultMessage, XMLHTTPKey: "_"}, New,
		paste.Alias("egg:wheatpaste#error_catcher", "paste.exceptions.errormiddleware:make_error_middleware"),
		paste.Help("Answers for a panic with a page of its own and reports it."),
		paste.Example(`
[filter:error_catcher]
use = egg:Paste#error_catcher
error_log = /var/log/wheatpaste/errors.log
`))
}

// New answers for panics below.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	o.Message = cmp.Or(o.Message, defaultMessage)
	c := &catcher{Options: o, logger: b.Logger()}
	warnOfMail(b, o)
	if o.Log != "" {
		b.OnStart(func(context.Context) error {
			if err := c.append(nil); err != nil {
				return paste.BadOption("error_log", "%w", err)
			}
			return nil
		})
	}
	return c.wrap, nil
}

// warnOfMail says that nobody gets mail who the original would send it to.
func warnOfMail(b *paste.Build, o Options) {
	const problem = "no mail is sent: have the log, or wheatpaste_filter_panics_total, watched"
	if o.Email != "" {
		b.Warn("error_email", problem)
		return
	}
	for _, name := range []string{"error_email", "admin_email", "webmaster_email", "sysadmin_email"} {
		if text, ok := b.GlobalConf().Get(name); ok && text != "" {
			b.Warn(name, problem)
			return
		}
	}
}

// outermost says that an error catcher farther out has the request: the inner
// ones leave panics to it, as the original does by paste.throw_errors.
var outermost = pipeline.NewKey[bool]("paste.throw_errors")

type catcher struct {
	Options
	logger *slog.Logger
}

func (c *catcher) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r)
		if taken, _ := outermost.Get(env); taken {
			next.ServeHTTP(w, r)
			return
		}
		outermost.Set(env, true)
		answer := &answer{}
		sw := &begin.Writer{ResponseWriter: w, Observer: answer}
		var base http.Header // what outer filters have put into the answer
		if len(w.Header()) > 0 {
			base = w.Header().Clone()
		}
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(value) // is meant to cut the connection
			}
			c.caught(w, r, answer.begun.Load(), base, &report{value: value, stack: debug.Stack(), time: time.Now()})
		}()
		next.ServeHTTP(sw, r)
	})
}

// answer notes that it has begun; a filter below may answer from another
// goroutine.
type answer struct{ begun atomic.Bool }

// Began notes it.
func (a *answer) Began(int) { a.begun.Store(true) }

// caught reports a panic and answers in place of the application. An answer that
// has begun is cut short: the client must not take it for whole.
func (c *catcher) caught(w http.ResponseWriter, r *http.Request, begun bool, base http.Header, p *report) {
	c.log(r, p)
	if begun || pipeline.FromRequest(r).Status() != 0 {
		panic(http.ErrAbortHandler)
	}
	pipeline.Answered(r)
	h := w.Header()
	clear(h)
	maps.Copy(h, base)
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte(c.page(r, p)))
}

// log writes the stack to one place at least.
func (c *catcher) log(r *http.Request, p *report) {
	attrs := []any{"panic", fmt.Sprint(p.value), "method", r.Method, "path", r.URL.Path}
	if id := pipeline.FromRequest(r).RequestID(); id != "" {
		attrs = append(attrs, "request_id", id)
	}
	appended := false
	if c.Log != "" {
		err := c.append([]byte(p.text(r)))
		if appended = err == nil; !appended {
			attrs = append(attrs, "error_log", err)
		}
	}
	if c.ShowErrors || !appended && !c.Debug {
		attrs = append(attrs, "stack", string(p.stack))
	}
	c.logger.Error("a request ended in a panic", attrs...)
}

// append opens the file for each report, so that it can be moved away.
func (c *catcher) append(text []byte) error {
	f, err := os.OpenFile(c.Log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
