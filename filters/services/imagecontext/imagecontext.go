// Package imagecontext makes the context of a request as glance and barbican
// do: from a confirmed identity, for an anonymous reader, or for an
// administrator without asking.
package imagecontext

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/services/keystonecontext"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const header = "X-Openstack-Request-Id"

// GlanceOptions of the filter.
type GlanceOptions struct {
	Anonymous   bool `paste:"allow_anonymous_access" conf:"DEFAULT.allow_anonymous_access" help:"let clients without an identity read"`
	MaxIDLength int  `paste:"max_request_id_length" conf:"DEFAULT.max_request_id_length" help:"the longest X-Openstack-Request-Id that is taken, 0 for any"`
}

// BarbicanOptions of the filter.
type BarbicanOptions struct {
	Anonymous bool   `paste:"allow_anonymous_access" conf:"DEFAULT.allow_anonymous_access" help:"let clients without an identity read"`
	AdminRole string `paste:"admin_role" conf:"DEFAULT.admin_role" help:"the role of administrators"`
}

// None are the options of glance's filter for a service without Keystone.
type None struct{}

func init() {
	paste.RegisterFilter("egg:wheatpaste#glance_context", GlanceOptions{MaxIDLength: 64}, NewGlance,
		paste.LooseAlias("glance.api.middleware.context:ContextMiddleware.factory", "subject.api.middleware.context:ContextMiddleware.factory",
			"searchlight.api.middleware.context:ContextMiddleware.factory", "glare.api.middleware.context:ContextMiddleware.factory",
			"glare.api.middleware.glare_context:ContextMiddleware.factory"),
		paste.Help("Makes the context of a request whose identity auth_token confirmed; others get 401, or may read."),
		paste.Example("[filter:context]\nuse = egg:wheatpaste#glance_context"))
	paste.RegisterFilter("egg:wheatpaste#glance_admin_context", None{}, newGlanceAdmin,
		paste.LooseAlias("glance.api.middleware.context:UnauthenticatedContextMiddleware.factory",
			"subject.api.middleware.context:UnauthenticatedContextMiddleware.factory",
			"searchlight.api.middleware.context:UnauthenticatedContextMiddleware.factory",
			"glare.api.middleware.glare_context:UnauthenticatedContextMiddleware.factory"),
		paste.Help("Takes every client for an administrator: for glance without Keystone alone."),
		paste.Example("[filter:unauthenticated-context]\nuse = egg:wheatpaste#glance_admin_context"))
	paste.RegisterFilter("egg:wheatpaste#barbican_context", BarbicanOptions{AdminRole: "admin"}, NewBarbican,
		paste.LooseAlias("barbican.api.middleware.context:ContextMiddleware.factory"),
		paste.Help("Makes the context of a request whose identity auth_token confirmed; others get 401, or may read."),
		paste.Example("[filter:context]\nuse = egg:wheatpaste#barbican_context"))
	paste.RegisterFilter("egg:wheatpaste#barbican_admin_context", BarbicanOptions{AdminRole: "admin"}, newBarbicanAdmin,
		paste.LooseAlias("barbican.api.middleware.context:UnauthenticatedContextMiddleware.factory"),
		paste.Help("Believes the project and the roles that a client names, administrator without any: for barbican without Keystone alone."),
		paste.Example("[filter:unauthenticated-context]\nuse = egg:wheatpaste#barbican_admin_context"))
}

// NewGlance makes glance's filter.
func NewGlance(_ *paste.Build, o GlanceOptions) (alice.Constructor, error) {
	if o.MaxIDLength < 0 {
		return nil, paste.BadOption("max_request_id_length", "invalid length %d, want 0 or more", o.MaxIDLength)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case confirmed(r):
				o.authenticated(next, w, r)
			case o.Anonymous:
				anonymous(next, w, r)
			default:
				keystonecontext.Unauthorized(w, r)
			}
		})
	}, nil
}

func confirmed(r *http.Request) bool {
	status := r.Header["X-Identity-Status"]
	return len(status) == 1 && status[0] == "Confirmed"
}

func (o GlanceOptions) authenticated(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if !keystonecontext.CatalogValid(r) {
		page := webob.InternalServerError
		page.Detail = "Invalid service catalog json."
		page.Write(w, r)
		return
	}
	id := keystonecontext.Header(r, header)
	if o.MaxIDLength > 0 && len(id) > o.MaxIDLength {
		webob.Page{Status: http.StatusRequestHeaderFieldsTooLarge,
			Explanation: fmt.Sprintf("x-openstack-request-id is too long, max size %d", o.MaxIDLength)}.Write(w, r)
		return
	}
	who := keystonecontext.FromHeaders(r)
	for i := range who.Roles {
		who.Roles[i] = strings.ToLower(who.Roles[i])
	}
	keystonecontext.Set(r, who, keystonecontext.Context{Admin: keystonecontext.IsAdmin(who.Roles), RemoteAddr: keystonecontext.ClientAddr(r, false)})
	withID(next, w, r, id)
}

func anonymous(next http.Handler, w http.ResponseWriter, r *http.Request) {
	keystonecontext.Set(r, pipeline.Identity{}, keystonecontext.Context{ReadOnly: true, RemoteAddr: keystonecontext.ClientAddr(r, false)})
	withID(next, w, r, "")
}

// withID runs the application and sends the request's id, which is the
// caller's, else the one of a filter further out, else a new one.
func withID(next http.Handler, w http.ResponseWriter, r *http.Request, id string) {
	env := pipeline.FromRequest(r)
	if id == "" {
		id = env.RequestID()
	}
	if id == "" {
		id = newID()
	}
	if !strings.HasPrefix(id, "req-") {
		id = "req-" + id
	}
	env.SetRequestID(id)
	ww := webob.Response(w, r, func(int) bool {
		w.Header()[header] = []string{id}
		return false
	})
	next.ServeHTTP(ww, r)
	ww.Finish()
}

func newID() string { return "req-" + uuid.NewString() }

func newGlanceAdmin(*paste.Build, None) (alice.Constructor, error) {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			keystonecontext.Set(r, pipeline.Identity{}, keystonecontext.Context{Admin: true, RemoteAddr: keystonecontext.ClientAddr(r, false)})
			withID(next, w, r, "")
		})
	}, nil
}

type barbican struct {
	BarbicanOptions
	log *slog.Logger
}

// NewBarbican makes barbican's filter.
func NewBarbican(b *paste.Build, o BarbicanOptions) (alice.Constructor, error) {
	f := newBarbican(b, o)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !confirmed(r) {
				if !o.Anonymous {
					keystonecontext.Unauthorized(w, r)
					return
				}
				keystonecontext.Set(r, pipeline.Identity{}, keystonecontext.Context{ReadOnly: true})
				f.serve(next, w, r)
				return
			}
			who := keystonecontext.FromHeaders(r)
			if who.ProjectID == "" {
				keystonecontext.Unauthorized(w, r)
				return
			}
			keystonecontext.Set(r, who, keystonecontext.Context{Admin: f.admin(who.Roles), RemoteAddr: keystonecontext.ClientAddr(r, false)})
			f.serve(next, w, r)
		})
	}, nil
}

func newBarbican(b *paste.Build, o BarbicanOptions) *barbican {
	o.AdminRole = strings.ToLower(strings.TrimSpace(o.AdminRole))
	return &barbican{o, b.Logger()}
}

func (f *barbican) admin(roles []string) bool {
	return slices.Contains(roles, f.AdminRole)
}

// serve sends the caller's id back as it came, else a new one.
func (f *barbican) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	env := pipeline.FromRequest(r)
	id := keystonecontext.Header(r, header)
	if id == "" {
		id = newID()
	}
	env.SetRequestID(id)
	f.log.Debug("begin processing request", "request_id", id)
	ww := webob.Response(w, r, func(int) bool {
		w.Header()[header] = []string{id}
		return false
	})
	next.ServeHTTP(ww, r)
	ww.Finish()
}

func newBarbicanAdmin(b *paste.Build, o BarbicanOptions) (alice.Constructor, error) {
	f := newBarbican(b, o)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			project := keystonecontext.Header(r, "X-Project-Id")
			if project == "" {
				if r.Header.Get("Accept") == "" {
					r = r.Clone(r.Context())
					r.Header.Set("Accept", "text/plain")
				}
				webob.Page{Status: http.StatusBadRequest, Detail: "Missing X-Project-Id",
					Explanation: "The server could not comply with the request since it is either malformed or otherwise incorrect."}.Write(w, r)
				return
			}
			who := pipeline.Identity{UserID: keystonecontext.Header(r, "X-User-Id"), ProjectID: project, DomainID: keystonecontext.Header(r, "X-Domain-Id")}
			for role := range strings.SplitSeq(keystonecontext.Header(r, "X-Roles"), ",") {
				if role != "" {
					who.Roles = append(who.Roles, strings.ToLower(strings.TrimSpace(role)))
				}
			}
			if len(who.Roles) == 0 {
				who.Roles = []string{f.AdminRole}
			}
			keystonecontext.Set(r, who, keystonecontext.Context{Admin: f.admin(who.Roles)})
			f.serve(next, w, r)
		})
	}, nil
}
