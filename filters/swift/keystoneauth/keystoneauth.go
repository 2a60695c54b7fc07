// Package keystoneauth is Swift's keystoneauth: it authorizes whom auth_token
// has identified, by roles and by the lists of containers.
package keystoneauth

import (
	"net/http"
	"slices"
	"strings"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/authz"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/reseller"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Prefix        string      `paste:"reseller_prefix,global" help:"comma-separated beginnings of the account names it answers for; '' is every other one"`
	Operators     string      `paste:"operator_roles,global" help:"comma-separated roles that own the account of their project; PREFIX_operator_roles for one prefix"`
	Service       string      `paste:"service_roles,global" help:"comma-separated roles that a service token needs in addition; PREFIX_service_roles for one prefix"`
	ProjectReader string      `paste:"project_reader_roles,global" help:"comma-separated roles that may read the account of their project; PREFIX_project_reader_roles for one prefix"`
	ResellerAdmin string      `paste:"reseller_admin_role,global" help:"role that owns every account"`
	SystemReader  string      `paste:"system_reader_roles,global" help:"comma-separated roles that may read every account"`
	Overrides     bool        `paste:"allow_overrides,global" help:"let pass what a filter such as tempurl has authorized"`
	DefaultDomain string      `paste:"default_domain_id,global" help:"domain in which names are unique"`
	AllowNames    bool        `paste:"allow_names_in_acls,global" help:"lists may name projects and users of that domain instead of their ids"`
	IsAdmin       string      `paste:"is_admin,global" help:"accepted and without effect, as in Swift"`
	Enforce       bool        `paste:"enforce,global" help:"decide here; false leaves it to a later tempauth or to the app, by environ.Authorize"`
	Rest          *paste.Conf `paste:",rest" help:"options with a PREFIX_"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_keystoneauth", Options{
		Prefix: "AUTH", Operators: "admin, swiftoperator", ResellerAdmin: "ResellerAdmin", Overrides: true,
		DefaultDomain: "default", AllowNames: true, Enforce: true,
	}, New,
		paste.LooseAlias("egg:swift#keystoneauth", "swift.common.middleware.keystoneauth:filter_factory"),
		paste.Help("Authorizes by roles and by the lists of containers whom auth_token, which stands before it, has identified."),
		paste.Example("[filter:keystoneauth]\nuse = egg:swift#keystoneauth\noperator_roles = admin, member"),
	)
}

// rules are those of one prefix.
type rules struct{ operators, service, readers []string }

type filter struct {
	o        Options
	prefixes reseller.Prefixes
	rules    map[string]rules
	admin    string
	readers  []string
	results  *prometheus.CounterVec
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{o: o, prefixes: reseller.Read(o.Prefix), rules: map[string]rules{}, admin: strings.ToLower(o.ResellerAdmin)}
	f.readers = lower(o.SystemReader)
	local := o.Rest.Clone()
	for name, value := range map[string]string{"operator_roles": o.Operators, "service_roles": o.Service, "project_reader_roles": o.ProjectReader} {
		local.Set(name, paste.Value{Text: value})
	}
	option := func(name string) map[string]string { return f.prefixes.Option(name, local, b.GlobalConf()) }
	operators, service, readers := option("operator_roles"), option("service_roles"), option("project_reader_roles")
	for _, p := range f.prefixes {
		f.rules[p] = rules{lower(operators[p]), lower(service[p]), lower(readers[p])}
	}
	for _, key := range f.prefixes.Unknown(o.Rest, "operator_roles", "service_roles", "project_reader_roles") {
		b.Warn(key, "unknown option; it is ignored")
	}
	if swob.True(o.IsAdmin) {
		b.Warn("is_admin", "no longer supported, remove it")
	}
	var err error
	f.results, err = series.CounterVec(b.Registerer(), "wheatpaste_swift_keystoneauth_denied_total", "Requests that were denied: unauthorized, forbidden.", "result")
	return f.wrap, err
}

func lower(text string) []string { return swob.List(strings.ToLower(text)) }

// identity is what auth_token says in headers.
type identity struct {
	userID, userName       string
	projectID, projectName string
	roles, serviceRoles    []string
	userDomain, domain     string // ids
	hasDomain              bool
}

// read takes the identity out of the headers; false for an anonymous request.
func read(h http.Header) (identity, bool) {
	status, service := h.Get("X-Identity-Status"), h["X-Service-Identity-Status"]
	if status != "Confirmed" || len(service) > 0 && service[0] != "Confirmed" {
		return identity{}, false
	}
	either := func(name, old string) string {
		if v, ok := h[name]; ok {
			return strings.Join(v, ",")
		}
		return h.Get(old)
	}
	_, has := h["X-Project-Domain-Id"]
	return identity{
		userID: h.Get("X-User-Id"), userName: h.Get("X-User-Name"),
		projectID: either("X-Project-Id", "X-Tenant-Id"), projectName: either("X-Project-Name", "X-Tenant-Name"),
		roles: lower(h.Get("X-Roles")), serviceRoles: lower(h.Get("X-Service-Roles")),
		userDomain: h.Get("X-User-Domain-Id"), domain: h.Get("X-Project-Domain-Id"), hasDomain: has,
	}, true
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r)
		if done, _ := environ.AuthorizeOverride.Get(env); done && f.o.Overrides {
			next.ServeHTTP(w, r)
			return
		}
		if id, ok := read(r.Header); ok {
			environ.RemoteUser.Set(env, id.projectID+","+id.projectName)
			environ.Authorize.Set(env, func(r *http.Request, a environ.Access) http.Handler { return f.authorize(next, r, a, &id) })
			if slices.Contains(id.roles, f.admin) {
				environ.ResellerRequest.Set(env, true)
			}
		} else {
			environ.Authorize.Set(env, f.anonymous)
		}
		ww := webob.NewWriter(w, func(int) bool {
			if id, ok := w.Header()[domainSysmeta]; ok {
				w.Header()["X-Account-Project-Domain-Id"] = id
			}
			return false
		})
		if f.o.Enforce {
			authz.Serve(next, ww, r, "KS")
		} else {
			next.ServeHTTP(ww, r)
		}
		ww.Finish()
	})
}
