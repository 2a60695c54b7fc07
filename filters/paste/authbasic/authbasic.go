// Package authbasic is Paste's Basic authentication, against a file of
// htpasswd.
package authbasic

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/paste/authfile"
	"github.com/wheatpaste/wheatpaste/internal/htpasswd"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// remembered is how long a password that was right is not computed again, which
// takes some 60 ms with bcrypt.
const remembered = time.Minute

// Options of the filter, as they are written in its section.
type Options struct {
	Realm    string `paste:"realm,required" help:"what clients show to their users"`
	AuthFunc string `paste:"authfunc,required" help:"the path of a file of htpasswd -B, in place of a function of Python"`
}

func init() {
	paste.RegisterFilter("egg:Paste#auth_basic", Options{}, New,
		paste.Alias("egg:wheatpaste#auth_basic", "paste.auth.basic:make_basic"),
		paste.Help("Wants a user and a password of a file of htpasswd; a request that has a user already passes."),
		paste.Example("[filter:grant]\nuse = egg:Paste#auth_basic\nrealm = myrealm\nauthfunc = /etc/wheatpaste/htpasswd"))
}

type filter struct {
	challenge string
	users     *htpasswd.Users
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	path, err := authfile.Path(o.AuthFunc)
	if err != nil {
		return nil, paste.BadOption("authfunc", "%w", err)
	}
	if strings.ContainsAny(o.Realm, "\"\\\r\n") {
		return nil, paste.BadOption("realm", "invalid realm %q, want no quotes and no backslashes", o.Realm)
	}
	f := &filter{challenge: `Basic realm="` + o.Realm + `"`}
	b.OnStart(func(context.Context) error {
		hashes, err := htpasswd.Read(path, true)
		if err != nil {
			return paste.BadOption("authfunc", "%w", err)
		}
		f.users = htpasswd.NewUsers(hashes, remembered, runtime.GOMAXPROCS(0))
		return nil
	})
	return f.wrap, nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r)
		id := env.Identity()
		if id.UserName == "" {
			user, password, ok := r.BasicAuth()
			result := htpasswd.Refused
			if ok && user != "" {
				result = f.users.Verify(r.Context(), user, password)
			}
			if result == htpasswd.Busy {
				w.Header().Set("Retry-After", "1")
				webob.Page{Status: http.StatusServiceUnavailable, Explanation: "Too many passwords are being checked."}.Write(w, r)
				return
			}
			if !result.Good() {
				authfile.Refuse(w, r, f.challenge)
				return
			}
			id.UserName = user
			env.SetIdentity(id)
		}
		next.ServeHTTP(w, r)
	})
}
