// Package keystonecontext makes the context of a request from the headers that
// auth_token left, as the filters of nova, cinder, neutron and heat do.
package keystonecontext

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Context is what these filters know besides the pipeline's Identity.
type Context struct {
	Admin      bool   // by role, as the services' own policy has it
	ReadOnly   bool   // an anonymous client of glance or barbican
	RemoteAddr string // the client's address
}

// Current is the context of a request. Context and noauth filters set it,
// applications read it.
var Current = pipeline.NewKey[Context]("request context")

// NovaOptions of nova's filter and its copies.
type NovaOptions struct {
	UseForwardedFor bool `paste:"use_forwarded_for" conf:"api.use_forwarded_for,DEFAULT.use_forwarded_for" help:"take X-Forwarded-For as the client's address, as it was sent"`
}

// CinderOptions of cinder's filter.
type CinderOptions struct {
	UseForwardedFor bool `paste:"use_forwarded_for" conf:"DEFAULT.use_forwarded_for" help:"take X-Forwarded-For as the client's address, as it was sent"`
}

// None are the options of the others.
type None struct{}

func init() {
	const help = "Makes the context of a request from the headers of auth_token; without a user it answers 401, with a broken catalog 500."
	paste.RegisterFilter("egg:wheatpaste#nova_context", NovaOptions{}, newNova,
		paste.LooseAlias("nova.api.auth:NovaKeystoneContext.factory", "masakari.api.auth:MasakariKeystoneContext.factory",
			"manila.api.middleware.auth:ManilaKeystoneContext.factory", "meteos.api.middleware.auth:MeteosKeystoneContext.factory",
			"karbor.api.middleware.auth:KarborKeystoneContext.factory", "smaug.api.middleware.auth:SmaugKeystoneContext.factory",
			"rack.api.auth:RackKeystoneContext.factory", "gceapi.auth:GceapiKeystoneContext.factory",
			"ec2api.api.auth:EC2KeystoneContext.factory"),
		paste.Help(help), paste.Example("[filter:keystonecontext]\nuse = egg:wheatpaste#nova_context"))
	paste.RegisterFilter("egg:wheatpaste#cinder_context", CinderOptions{}, newCinder,
		paste.LooseAlias("cinder.api.middleware.auth:CinderKeystoneContext.factory"),
		paste.Help(help), paste.Example("[filter:keystonecontext]\nuse = egg:wheatpaste#cinder_context"))
	paste.RegisterFilter("egg:wheatpaste#neutron_context", None{}, newNeutron,
		paste.LooseAlias("neutron.auth:NeutronKeystoneContext.factory", "quantum.auth:QuantumKeystoneContext.factory",
			"tacker.auth:TackerKeystoneContext.factory", "congress.auth:CongressKeystoneContext.factory",
			"traffic.api.auth:TrafficKeystoneContext.factory", "designate.api.middleware:KeystoneContextMiddleware.factory",
			"moniker.api.auth:KeystoneContextMiddleware.factory"),
		paste.Help("Makes the context of a request from the headers of auth_token; without a user it answers 401."),
		paste.Example("[filter:keystonecontext]\nuse = egg:wheatpaste#neutron_context"))
	paste.RegisterFilter("egg:wheatpaste#fake_project_id", None{}, newFakeProject,
		paste.LooseAlias("neutron.auth:NoauthFakeProjectId.factory"),
		paste.Help("Takes requests without a project for those of an administrator of the project fake_project_id: for noauth alone."),
		paste.Example("[filter:fake_project_id]\nuse = egg:wheatpaste#fake_project_id"))
	paste.RegisterFilter("egg:wheatpaste#heat_context", None{}, newHeat,
		paste.LooseAlias("heat.common.context:ContextMiddleware_filter_factory", "rushstack.common.context:ContextMiddleware_filter_factory",
			"senlin.api.middleware:context_filter", "bilean.api.openstack:contextmiddleware_filter"),
		paste.Help("Makes the context of a request from the headers of auth_token, whatever they say; it refuses nobody."),
		paste.Example("[filter:context]\nuse = egg:wheatpaste#heat_context"))
}

func newNova(_ *paste.Build, o NovaOptions) (alice.Constructor, error) {
	return kind{catalog: true, detail: true, forwarded: o.UseForwardedFor}.wrap, nil
}

func newCinder(_ *paste.Build, o CinderOptions) (alice.Constructor, error) {
	return kind{catalog: true, forwarded: o.UseForwardedFor}.wrap, nil
}

func newNeutron(*paste.Build, None) (alice.Constructor, error) { return kind{}.wrap, nil }

// kind is what differs between nova, cinder and neutron.
type kind struct {
	catalog   bool // X-Service-Catalog must be JSON
	detail    bool // the complaint about it is the page's detail, not its explanation
	forwarded bool
}

func (k kind) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k.catalog && !CatalogValid(r) {
			k.refuseCatalog(w, r)
			return
		}
		id := FromHeaders(r)
		if id.UserID == "" {
			Unauthorized(w, r)
			return
		}
		Set(r, id, Context{Admin: IsAdmin(id.Roles), RemoteAddr: ClientAddr(r, k.forwarded)})
		next.ServeHTTP(w, r)
	})
}

func (k kind) refuseCatalog(w http.ResponseWriter, r *http.Request) {
	const problem = "Invalid service catalog json."
	page := webob.InternalServerError
	if k.detail {
		page.Detail = problem
	} else {
		page.Explanation = problem
	}
	page.Write(w, r)
}

// newFakeProject passes requests that name a project on as they are.
func newFakeProject(*paste.Build, None) (alice.Constructor, error) {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := FromHeaders(r)
			if id.ProjectID == "" {
				id.ProjectID = "fake_project_id"
				if !IsAdmin(id.Roles) {
					id.Roles = append(id.Roles, "admin")
				}
				Set(r, id, Context{Admin: true, RemoteAddr: ClientAddr(r, false)})
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

func newHeat(*paste.Build, None) (alice.Constructor, error) { return Heat, nil }

// Heat is heat's filter, for heat's own way to name it.
func Heat(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := FromHeaders(r)
		Set(r, id, Context{Admin: IsAdmin(id.Roles), RemoteAddr: ClientAddr(r, false)})
		ww := webob.Response(w, r, nil)
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}

// Set gives a request its identity and its context.
func Set(r *http.Request, id pipeline.Identity, c Context) {
	env := pipeline.FromRequest(r)
	env.SetIdentity(id)
	Current.Set(env, c)
}

// Unauthorized answers 401 as WebOb does.
func Unauthorized(w http.ResponseWriter, r *http.Request) { UnauthorizedBecause(w, r, "") }

// UnauthorizedBecause is Unauthorized with a sentence of its own.
func UnauthorizedBecause(w http.ResponseWriter, r *http.Request, detail string) {
	webob.Page{Status: http.StatusUnauthorized, Detail: detail, Explanation: "This server could not verify that you are authorized to " +
		"access the document you requested. Either you supplied the wrong credentials (e.g., bad password), or your browser " +
		"does not understand how to supply the credentials required."}.Write(w, r)
}

// FromHeaders reads who sent a request out of the headers that auth_token set.
// Their older names count where the newer ones are missing.
func FromHeaders(r *http.Request) pipeline.Identity {
	return pipeline.Identity{
		UserID:      Header(r, "X-User-Id", "X-User"),
		UserName:    Header(r, "X-User-Name"),
		ProjectID:   Header(r, "X-Project-Id", "X-Tenant-Id", "X-Tenant"),
		ProjectName: Header(r, "X-Project-Name", "X-Tenant-Name"),
		DomainID:    Header(r, "X-Domain-Id"),
		DomainName:  Header(r, "X-Domain-Name"),
		Roles:       roles(Header(r, "X-Roles", "X-Role")),
	}
}

// Header gives the first header that is there. Several lines are one value, as
// in WSGI.
func Header(r *http.Request, names ...string) string {
	for _, name := range names {
		switch values := r.Header[name]; len(values) {
		case 0:
		case 1:
			return values[0]
		default:
			return strings.Join(values, ",")
		}
	}
	return ""
}

func roles(text string) []string {
	if text == "" {
		return nil
	}
	list := strings.Split(text, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// IsAdmin reports whether one of the roles is admin, in any case: what the
// policy of the services says unless an operator has changed it.
func IsAdmin(roles []string) bool {
	for _, role := range roles {
		if strings.EqualFold(role, "admin") {
			return true
		}
	}
	return false
}

// CatalogValid reports whether X-Service-Catalog, if it is there, is JSON.
func CatalogValid(r *http.Request) bool {
	values := r.Header["X-Service-Catalog"]
	return len(values) == 0 || json.Valid([]byte(strings.Join(values, ",")))
}

// ClientAddr is the client's address; forwarded believes X-Forwarded-For.
func ClientAddr(r *http.Request, forwarded bool) string {
	if sent := Header(r, "X-Forwarded-For"); forwarded && sent != "" {
		return sent
	}
	return pipeline.FromRequest(r).ClientAddr()
}
