package keystoneauth

import (
	"net/http"
	"slices"

	"github.com/wheatpaste/wheatpaste/filters/swift/acl"
	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/info"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// domainSysmeta is where the domain of an account's project is stored, and
// unknownDomain what stands there while nobody knows it.
const (
	domainSysmeta = "X-Account-Sysmeta-Project-Domain-Id"
	unknownDomain = "_unknown"
)

// authorize decides about an identified request.
func (f *filter) authorize(next http.Handler, r *http.Request, a environ.Access, id *identity) http.Handler {
	environ.Owner.Set(pipeline.FromRequest(r), false)
	if r.Method == http.MethodOptions {
		return nil
	}
	segs, ok := swob.Split(swob.FullPath(r), 1, 4, true)
	if !ok {
		return swob.Answer{Status: http.StatusNotFound}
	}
	f.setDomain(next, r, segs, id)
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case slices.Contains(id.roles, f.admin):
		return own(r)
	case reads && both(f.readers, id.roles):
		return nil
	case segs[2] == "" && segs[3] == "" && r.Method == http.MethodDelete: // nobody deletes his own account
		return f.denied(r)
	}
	list := acl.Parse(a.ACL)
	if len(list.Groups) > 0 && crossProject(list.Groups, id, f.namesAllowed(next, r, segs[1], id)) {
		return nil
	}
	open := unconfirmed(r, a, segs[3], list)
	if open == allowed {
		return nil
	}
	if !f.owns(segs[1], id) {
		return f.denied(r)
	}
	return f.byRole(r, segs[1], reads, open, list, id)
}

// byRole decides about a request to the account of its own project.
func (f *filter) byRole(r *http.Request, account string, reads bool, open verdict, list acl.List, id *identity) http.Handler {
	prefix, _ := f.prefixes.Of(account)
	rules := f.rules[prefix]
	if both(rules.operators, id.roles) && (len(rules.service) == 0 || both(rules.service, id.serviceRoles)) {
		return own(r)
	}
	if reads && both(rules.readers, id.roles) {
		return nil
	}
	if open == refused {
		return f.denied(r)
	}
	for _, group := range list.Groups {
		if slices.Contains(id.roles, lowered(group)) {
			return nil
		}
	}
	return f.denied(r)
}

func lowered(s string) string {
	if list := lower(s); len(list) == 1 {
		return list[0]
	}
	return s
}

func own(r *http.Request) http.Handler {
	environ.Owner.Set(pipeline.FromRequest(r), true)
	return nil
}

func both(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// anonymous decides about a request without an identity.
func (f *filter) anonymous(r *http.Request, a environ.Access) http.Handler {
	segs, ok := swob.Split(swob.FullPath(r), 1, 4, true)
	if !ok {
		return swob.Answer{Status: http.StatusNotFound}
	}
	if r.Method == http.MethodOptions {
		return nil
	}
	if _, ours := f.prefixes.Of(segs[1]); !ours || unconfirmed(r, a, segs[3], acl.Parse(a.ACL)) != allowed {
		return f.denied(r)
	}
	return nil
}

// denied is 401 for who has not said who he is, else 403.
func (f *filter) denied(r *http.Request) http.Handler {
	if user, _ := environ.RemoteUser.Get(pipeline.FromRequest(r)); user != "" {
		f.results.WithLabelValues("forbidden").Inc()
		return swob.Answer{Status: http.StatusForbidden}
	}
	f.results.WithLabelValues("unauthorized").Inc()
	return swob.Answer{Status: http.StatusUnauthorized, Realm: swob.RequestRealm(r)}
}

// verdict is what can be said without an identity.
type verdict int

const (
	undecided verdict = iota
	allowed
	refused
)

// unconfirmed decides by the key of container sync and by the page that a
// request comes from.
func unconfirmed(r *http.Request, a environ.Access, object string, list acl.List) verdict {
	_, stamped := r.Header["X-Timestamp"]
	if a.SyncKey != "" && stamped && r.Header.Get("X-Container-Sync-Key") == a.SyncKey {
		return allowed
	}
	if !list.Allows(r.Header.Get("Referer")) {
		return undecided
	}
	if object != "" || slices.Contains(list.Groups, ".rlistings") {
		return allowed
	}
	return refused
}

// crossProject looks for PROJECT:USER in a list, each by id, *, or name.
func crossProject(groups []string, id *identity, names bool) bool {
	projects, users := []string{id.projectID, "*"}, []string{id.userID, "*"}
	if names {
		projects, users = append(projects, id.projectName), append(users, id.userName)
	}
	for _, p := range projects {
		for _, u := range users {
			if slices.Contains(groups, p+":"+u) {
				return true
			}
		}
	}
	return false
}

// owns reports whether an account is that of the project.
func (f *filter) owns(account string, id *identity) bool {
	return slices.ContainsFunc(f.prefixes, func(p string) bool { return p+id.projectID == account })
}

// accountDomain asks whether an account is there, and for the domain of its
// project; hasID is false when that was never stored.
func accountDomain(next http.Handler, r *http.Request) (exists bool, domain string, hasID bool) {
	found, _ := info.Account(next, r, r.URL.Path, "KS")
	domain, hasID = found.Sysmeta["project-domain-id"]
	return found.Success() && found.Exists, domain, hasID
}

// namesAllowed reports whether lists may hold names: user, project and account
// have to be of the domain in which names are unique.
func (f *filter) namesAllowed(next http.Handler, r *http.Request, account string, id *identity) bool {
	if !f.o.AllowNames || id.userDomain != "" && id.userDomain != f.o.DefaultDomain || id.domain != "" && id.domain != f.o.DefaultDomain {
		return false
	}
	if f.owns(account, id) {
		return true
	}
	exists, domain, hasID := accountDomain(next, r)
	return exists && (!hasID || domain == f.o.DefaultDomain)
}

// setDomain stores the domain of the project with an account that is made or
// changed.
func (f *filter) setDomain(next http.Handler, r *http.Request, segs [4]string, id *identity) {
	makes := r.Method == http.MethodPut || r.Method == http.MethodPost
	if _, done := r.Header[domainSysmeta]; done || !makes || segs[1] == "" || segs[3] != "" || segs[2] != "" && r.Method != http.MethodPut {
		return
	}
	exists, stored, hasStored := accountDomain(next, r)
	mine := f.owns(segs[1], id)
	known := mine && id.hasDomain
	value, set := "", false
	switch {
	case !exists && !mine:
		value, set = unknownDomain, true
	case !exists && known:
		value, set = id.domain, true
	case exists && !hasStored && known && id.domain == f.o.DefaultDomain:
		value, set = id.domain, true
	case exists && stored == unknownDomain && mine:
		value, set = id.domain, true
	}
	if set {
		r.Header[domainSysmeta] = []string{value}
	}
}
