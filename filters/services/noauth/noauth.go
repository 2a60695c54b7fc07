// Package noauth lets services run without Keystone, as the noauth filters of
// nova, cinder, manila and heat do: it believes whatever name a client gives.
package noauth

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/services/keystonecontext"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// NovaOptions of nova's filters.
type NovaOptions struct {
	UseForwardedFor bool `paste:"use_forwarded_for" conf:"api.use_forwarded_for,DEFAULT.use_forwarded_for" help:"take X-Forwarded-For as the client's address, as it was sent"`
}

// CinderOptions of cinder's and manila's filters.
type CinderOptions struct {
	UseForwardedFor bool `paste:"use_forwarded_for" conf:"DEFAULT.use_forwarded_for" help:"take X-Forwarded-For as the client's address, as it was sent"`
}

// None are the options of heat's filter.
type None struct{}

func init() {
	registerNova("nova_noauth", kind{projectInPath: true},
		"nova.api.openstack.auth:NoAuthMiddleware.factory", "nova.api.openstack.auth:NoAuthMiddlewareOld.factory",
		"nova.api.openstack.v2.auth:NoAuthMiddleware.factory", "masakari.api.auth:NoAuthMiddleware.factory",
		"rack.api.auth:NoAuthMiddleware.factory")
	registerNova("nova_noauth_v2_18", kind{}, "nova.api.openstack.auth:NoAuthMiddlewareV2_18.factory", "nova.api.openstack.auth:NoAuthMiddlewareV3.factory")
	registerCinder("cinder_noauth", kind{admin: true}, "cinder.api.middleware.auth:NoAuthMiddleware.factory",
		"manila.api.middleware.auth:NoAuthMiddlewarev2_60.factory")
	registerCinder("cinder_noauth_include_project_id", kind{admin: true, projectInPath: true},
		"cinder.api.middleware.auth:NoAuthMiddlewareIncludeProjectID.factory", "manila.api.middleware.auth:NoAuthMiddleware.factory",
		"meteos.api.middleware.auth:NoAuthMiddleware.factory", "karbor.api.middleware.auth:NoAuthMiddleware.factory",
		"smaug.api.middleware.auth:NoAuthMiddleware.factory")
	paste.RegisterFilter("egg:wheatpaste#heat_noauth", None{}, newHeat,
		paste.LooseAlias("heat.common.noauth:filter_factory"),
		paste.Help("Believes the user and the project that a client names and makes it an administrator: for heat without Keystone alone."),
		paste.Example("[filter:noauth]\nuse = egg:wheatpaste#heat_noauth"))
}

func registerNova(name string, k kind, aliases ...string) {
	paste.RegisterFilter("egg:wheatpaste#"+name, NovaOptions{}, func(b *paste.Build, o NovaOptions) (alice.Constructor, error) {
		return k.filter(b, o.UseForwardedFor), nil
	}, paste.LooseAlias(aliases...), paste.Help(help), example(name))
}

func registerCinder(name string, k kind, aliases ...string) {
	paste.RegisterFilter("egg:wheatpaste#"+name, CinderOptions{}, func(b *paste.Build, o CinderOptions) (alice.Constructor, error) {
		return k.filter(b, o.UseForwardedFor), nil
	}, paste.LooseAlias(aliases...), paste.Help(help), example(name))
}

const help = "Gives out tokens that nobody checks, and believes them: for a service without Keystone alone."

func example(name string) paste.RegisterOption {
	return paste.Example("[filter:noauth]\nuse = egg:wheatpaste#" + name)
}

// believed is the warning of every filter here.
const believed = "everybody who reaches this server is believed, use it on a closed network alone"

type kind struct {
	projectInPath bool // the URL that is given out ends in the project
	admin         bool // everybody is an administrator, not the user admin alone
	forwarded     bool
}

func (k kind) filter(b *paste.Build, forwarded bool) alice.Constructor {
	b.Warn("", believed)
	k.forwarded = forwarded
	return k.wrap
}

func (k kind) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens := r.Header["X-Auth-Token"]
		if len(tokens) == 0 {
			k.giveToken(w, r)
			return
		}
		user, project, _ := strings.Cut(strings.Join(tokens, ","), ":")
		if project == "" {
			project = user
		}
		id := pipeline.Identity{UserID: user, ProjectID: project}
		if k.admin {
			id.Roles = []string{"admin"}
		}
		keystonecontext.Set(r, id, keystonecontext.Context{
			Admin: k.admin || user == "admin", RemoteAddr: keystonecontext.ClientAddr(r, k.forwarded),
		})
		next.ServeHTTP(w, r)
	})
}

func (k kind) giveToken(w http.ResponseWriter, r *http.Request) {
	user, project := named(r, "X-Auth-User"), named(r, "X-Auth-Project-Id")
	address := strings.TrimRight(requestURL(r), "/")
	if k.projectInPath {
		address += "/" + project
	}
	h := w.Header()
	h.Set("X-Auth-Token", user+":"+project)
	h.Set("X-Server-Management-Url", address)
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(http.StatusNoContent)
}

// named is what the client calls itself, admin without a header.
func named(r *http.Request, name string) string {
	values, ok := r.Header[name]
	if !ok {
		return "admin"
	}
	return strings.Join(values, ",")
}

// requestURL is the URL as the client wrote it.
func requestURL(r *http.Request) string {
	env := pipeline.FromRequest(r)
	u := url.URL{Scheme: env.Scheme(), Host: r.Host, Path: env.ScriptName() + r.URL.Path, RawQuery: r.URL.RawQuery}
	return u.String()
}

// newHeat makes heat's filter.
func newHeat(b *paste.Build, _ None) (alice.Constructor, error) {
	b.Warn("", believed)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, project := named(r, "X-Auth-User"), named(r, "X-Auth-Project")
			r2 := new(http.Request)
			*r2 = *r
			r2.Header = r.Header.Clone()
			for name, value := range map[string]string{
				"X-Identity-Status": "Confirmed", "X-Project-Id": project, "X-Project-Name": project,
				"X-User-Id": user, "X-User-Name": user, "X-Roles": "admin", "X-Service-Catalog": "{}",
				"X-Auth-User": user, "X-Auth-Key": "unset", "X-Auth-Url": "url",
			} {
				r2.Header[name] = []string{value}
			}
			pipeline.FromRequest(r).SetIdentity(pipeline.Identity{UserID: user, UserName: user, ProjectID: project, ProjectName: project, Roles: []string{"admin"}})
			next.ServeHTTP(w, r2)
		})
	}, nil
}
