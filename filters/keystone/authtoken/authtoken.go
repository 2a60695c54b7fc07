// Package authtoken checks the tokens of requests with Keystone, as
// keystonemiddleware's auth_token does.
package authtoken

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/protocol"
	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options = protocol.Options

var names = []string{
	"egg:keystonemiddleware#auth_token",
	"keystonemiddleware.auth_token:filter_factory",
	"keystoneclient.middleware.auth_token:filter_factory",
	"keystone.middleware.auth_token:filter_factory",
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#auth_token", protocol.Defaults, New,
		paste.LooseAlias(names...),
		paste.Help("Checks the token of each request with Keystone and tells the application by headers who it is from. Forged headers of that kind are removed."),
		paste.Example(`
[filter:authtoken]
use = egg:keystonemiddleware#auth_token
www_authenticate_uri = https://keystone.example.com
auth_type = password
auth_url = https://keystone.example.com
username = nova
password = secret
user_domain_name = Default
project_name = service
project_domain_name = Default
memcached_servers = 192.0.2.1:11211, 192.0.2.2:11211
`),
	)
	paste.Refuse(paste.KindApp, "auth_token as an application has nothing to pass requests on to, want it as a filter before one",
		"egg:wheatpaste#auth_token_app", paste.Alias("keystonemiddleware.auth_token:app_factory"))
}

type filter struct {
	*protocol.Protocol
	next     http.Handler
	roleless func() // says once that a service token has no role of a service
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	p, err := protocol.New(b, o)
	if err != nil {
		return nil, err
	}
	roleless := sync.OnceFunc(func() {
		b.Logger().Warn("a service token without a role of service_token_roles was accepted, want service_token_roles_required = true")
	})
	return func(next http.Handler) http.Handler {
		return &filter{Protocol: p, next: next, roleless: roleless}
	}, nil
}

// ServeHTTP checks the tokens of a request and passes it on.
func (f *filter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token.Strip(r.Header)
	found, err := f.check(r)
	if err != nil {
		protocol.Unavailable(w, r)
		return
	}
	if !found.good() && !f.Delay {
		f.Refuse(w)
		return
	}
	f.tell(r, found)
	f.Pass(w, r, f.next)
}

// finding is what is known of the tokens of a request; auth has the good ones.
type finding struct {
	auth                token.Auth
	userGood            bool
	service             bool // there is a service token
	serviceGood, lapsed bool // lapsed: it lets an expired token of the user pass
}

func (f *finding) good() bool { return f.userGood && (!f.service || f.serviceGood) }

// check gives an error only when nobody can tell and the filter decides.
func (f *filter) check(r *http.Request) (finding, error) {
	var found finding
	if text := header(r, "X-Service-Token"); text != "" {
		found.service = true
		if err := f.checkService(r, text, &found); f.fatal(err) {
			return found, err
		}
	}
	text, sent := userToken(r)
	if !sent {
		return found, nil
	}
	t, err := f.Fetch(r, text, found.lapsed)
	if err != nil {
		if f.fatal(err) {
			return found, err
		}
		return found, nil
	}
	if f.Allowed(r, t, found.lapsed) && (found.serviceGood || f.Bound(t)) {
		found.auth.User, found.userGood = t, true
	}
	return found, nil
}

// fatal reports whether a request fails because Keystone is not available; with
// delay_auth_decision its token is not good, that is all.
func (f *filter) fatal(err error) bool {
	return err != nil && !errors.Is(err, protocol.ErrInvalid) && !f.Delay
}

func (f *filter) checkService(r *http.Request, text string, found *finding) error {
	t, err := f.Fetch(r, text, false)
	if err != nil {
		return err
	}
	if !f.Bound(t) {
		return nil
	}
	found.lapsed = slices.ContainsFunc(t.Roles, func(role string) bool { return slices.Contains(f.ServiceRoles, role) })
	found.serviceGood = found.lapsed || !f.RolesRequired
	if found.serviceGood {
		found.auth.Service = t
	}
	if found.serviceGood && !found.lapsed {
		f.roleless()
	}
	return nil
}

// header gives a header as WSGI does: one that came several times with commas.
func header(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) != 1 {
		return strings.Join(values, ",")
	}
	return r.Header[name][0]
}

// userToken is X-Auth-Token, even if it is empty, or else X-Storage-Token.
func userToken(r *http.Request) (string, bool) {
	text := header(r, "X-Auth-Token")
	if _, ok := r.Header["X-Auth-Token"]; !ok {
		text = header(r, "X-Storage-Token")
	}
	return text, text != ""
}

// tell writes for the stages below who the request is from.
func (f *filter) tell(r *http.Request, found finding) {
	env := pipeline.FromRequest(r)
	r.Header[token.Status] = status(found.userGood)
	if found.service {
		r.Header[token.ServiceStatus] = status(found.serviceGood)
	}
	if found.userGood {
		found.auth.User.SetUser(r.Header, f.Catalog)
		env.SetIdentity(found.auth.User.Identity())
		token.Info.Set(env, found.auth.User)
	}
	if found.serviceGood {
		found.auth.Service.SetService(r.Header)
		if !found.auth.Service.SystemScope {
			delete(r.Header, token.SystemScopeHeader)
		}
	}
	token.Checked.Set(env, found.auth)
}

func status(good bool) []string {
	if good {
		return []string{token.Confirmed}
	}
	return []string{token.Invalid}
}
