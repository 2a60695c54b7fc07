// Package authbasic is Paste's Basic authentication, against a file of
// htpasswd.
package authbasic

import (
	"context"
	"net/http"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/paste/authfile"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

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
	users     *authfile.Passwords
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
		if f.users, err = authfile.ReadPasswords(path); err != nil {
			return paste.BadOption("authfunc", "%w", err)
		}
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
			if !ok || user == "" || !f.users.Check(user, password) {
				authfile.Refuse(w, r, f.challenge)
				return
			}
			id.UserName = user
			env.SetIdentity(id)
		}
		next.ServeHTTP(w, r)
	})
}
