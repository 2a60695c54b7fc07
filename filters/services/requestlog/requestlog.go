// Package requestlog logs a line for each answer, as nova's RequestLog does.
package requestlog

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/services/microversion"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	UseForwardedFor bool `paste:"use_forwarded_for" conf:"api.use_forwarded_for,DEFAULT.use_forwarded_for" help:"log X-Forwarded-For as the client's address, as it was sent"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#nova_request_log", Options{}, New,
		paste.LooseAlias("nova.api.openstack.requestlog:RequestLog.factory", "faked_nfvo.api.requestlog:RequestLog.factory"),
		paste.Help("Logs a line for each answer: client, request, status, length, microversion and time."),
		paste.Example("[filter:request_log]\nuse = egg:wheatpaste#nova_request_log"),
	)
}

type filter struct {
	log       *slog.Logger
	forwarded bool
	now       func() time.Time
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{b.Logger(), o.UseForwardedFor, time.Now}
	return f.wrap, nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := f.now()
		length, status := "None", 0
		ww := webob.Response(w, r, func(code int) bool {
			status = code
			length = cmp.Or(w.Header().Get("Content-Length"), length)
			return false
		})
		uri := f.uri(r) // now: composites below will move the path
		whole := false
		defer func() {
			if !whole && status == 0 { // a panic is on its way to a fault wrapper
				status, length = http.StatusInternalServerError, "0"
			}
			f.line(r, uri, status, length, f.now().Sub(start))
		}()
		next.ServeHTTP(ww, r)
		ww.Finish()
		whole = true
	})
}

func (f *filter) uri(r *http.Request) string {
	uri := pipeline.FromRequest(r).ScriptName() + r.URL.Path
	if r.URL.RawQuery != "" {
		uri += "?" + webob.MaskQuery(r.URL.RawQuery)
	}
	return uri
}

func (f *filter) line(r *http.Request, uri string, status int, length string, took time.Duration) {
	env := pipeline.FromRequest(r)
	addr := cmp.Or(env.ClientAddr(), "-")
	if sent := r.Header["X-Forwarded-For"]; f.forwarded && len(sent) > 0 {
		addr = sent[0]
	}
	version, _ := microversion.Requested.Get(env)
	f.log.Info(fmt.Sprintf("%s \"%s %s\" status: %s len: %s microversion: %s time: %.6f",
		printable(addr), r.Method, printable(uri), strconv.Itoa(status), length, cmp.Or(version, "-"), took.Seconds()),
		"request_id", env.RequestID())
}

// printable keeps a client from beginning a line of its own in the log.
func printable(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			quoted := strconv.Quote(s)
			return quoted[1 : len(quoted)-1]
		}
	}
	return s
}
