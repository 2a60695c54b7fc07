// Package basicauth lets those in who show a password of an htpasswd file.
package basicauth

import (
	"context"
	"log/slog"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/http/httpguts"

	"github.com/wheatpaste/wheatpaste/internal/htpasswd"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	File       string        `paste:"htpasswd,required" help:"the file of users, as htpasswd -B writes it; read at the start and at each reload"`
	Realm      string        `paste:"realm" help:"what browsers ask the password for"`
	Weak       bool          `paste:"allow_weak" help:"accept $apr1$ (MD5) and {SHA} in the file, which are broken in no time once it is stolen"`
	Cache      time.Duration `paste:"cache" help:"how long a password that was right is not computed again; 0: always compute"`
	Checks     int           `paste:"max_checks" help:"how many passwords a worker computes at once"`
	Remove     bool          `paste:"remove_authorization" help:"the application does not see Authorization"`
	UserHeader string        `paste:"user_header" help:"a request header that tells the application the user; what the client sent under this name is removed"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#basic_auth", Options{Realm: "restricted", Cache: time.Minute, Checks: 2, Remove: true}, New,
		paste.Help("Asks for a user and a password of an htpasswd file (HTTP Basic, RFC 7617) and tells the application the user."),
		paste.Example(`
[filter:basic_auth]
use = egg:wheatpaste#basic_auth
htpasswd = /etc/wheatpaste/users
realm = staging
user_header = X-Remote-User
`))
}

// missing is the result of a request without a password.
const missing htpasswd.Result = "missing"

type filter struct {
	Options
	challenge []string
	log       *slog.Logger
	users     *htpasswd.Users // set by start
	results   *prometheus.CounterVec
}

// New makes the filter. The file is read when the application starts.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{Options: o, log: b.Logger()}
	if err := f.check(); err != nil {
		return nil, err
	}
	if o.Weak {
		b.Warn("allow_weak", "MD5 and SHA-1 protect no password, want htpasswd -B")
	}
	var err error
	f.results, err = series.CounterVec(b.Registerer(), "wheatpaste_basic_auth_total",
		"Requests by what came of their password; busy are those that found no time to be computed in.", "result", "ok", "cached", "missing", "refused", "busy")
	b.OnStart(f.start)
	return f.wrap, err
}

func (f *filter) check() error {
	switch {
	case f.File == "":
		return paste.BadOption("htpasswd", "no file given, want a path")
	case strings.IndexFunc(f.Realm, func(r rune) bool { return r < ' ' || r > '~' }) >= 0:
		return paste.BadOption("realm", "invalid text %q, want printable ASCII", f.Realm)
	case f.Checks < 1:
		return paste.BadOption("max_checks", "invalid number %d, want 1 or more", f.Checks)
	case f.UserHeader != "" && !httpguts.ValidHeaderFieldName(f.UserHeader):
		return paste.BadOption("user_header", "invalid header name %q, want letters, digits and dashes", f.UserHeader)
	}
	f.UserHeader = textproto.CanonicalMIMEHeaderKey(f.UserHeader)
	f.challenge = []string{`Basic realm="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(f.Realm) + `", charset="UTF-8"`}
	return nil
}

func (f *filter) start(context.Context) error {
	hashes, err := htpasswd.Read(f.File, f.Weak)
	if err != nil {
		return paste.BadOption("htpasswd", "%w", err)
	}
	f.users = htpasswd.NewUsers(hashes, f.Cache, f.Checks)
	return nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.UserHeader != "" {
			delete(r.Header, f.UserHeader)
		}
		user, password, ok := r.BasicAuth()
		if !ok {
			f.refuse(w, r, missing)
			return
		}
		result := f.users.Verify(r.Context(), user, password)
		if !result.Good() {
			f.refuse(w, r, result)
			return
		}
		f.results.WithLabelValues(string(result)).Inc()
		f.identify(r, user)
		next.ServeHTTP(w, r)
	})
}

// identify tells the rest of the pipeline who it is.
func (f *filter) identify(r *http.Request, user string) {
	pipeline.FromRequest(r).SetIdentity(pipeline.Identity{UserID: user, UserName: user})
	if f.Remove {
		delete(r.Header, "Authorization")
	}
	if f.UserHeader != "" {
		r.Header[f.UserHeader] = []string{user}
	}
}

// refuse does not tell, nor log, the name: people type passwords there.
func (f *filter) refuse(w http.ResponseWriter, r *http.Request, why htpasswd.Result) {
	f.results.WithLabelValues(string(why)).Inc()
	env := pipeline.FromRequest(r)
	if why == htpasswd.Busy {
		w.Header().Set("Retry-After", "1")
		webob.Page{Status: http.StatusServiceUnavailable, Explanation: "Too many passwords are being checked."}.Write(w, r)
		return
	}
	if why == htpasswd.Refused {
		f.log.Info("wrong user or password", "client", env.ClientAddr(), "request_id", env.RequestID())
	}
	w.Header()["Www-Authenticate"] = f.challenge
	webob.Page{Status: http.StatusUnauthorized, Explanation: "A user and a password are needed."}.Write(w, r)
}
