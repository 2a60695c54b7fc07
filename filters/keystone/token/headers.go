package token

import (
	"net/http"
	"strings"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// header is one that a filter sets. Keys are in Go's canonical form.
type header struct{ key, value string }

// The headers that tell an application whether there was a good token.
const (
	Status        = "X-Identity-Status"
	ServiceStatus = "X-Service-Identity-Status"

	Confirmed = "Confirmed"
	Invalid   = "Invalid"

	// SystemScopeHeader is OpenStack-System-Scope.
	SystemScopeHeader = "Openstack-System-Scope"

	catalogHeader = "X-Service-Catalog"
	adminHeader   = "X-Is-Admin-Project"
)

// identityHeaders are set for a user with the prefix "X-", for a service with
// "X-Service-".
var identityHeaders = []struct {
	name string
	of   func(*Token) string
}{
	{"Roles", func(t *Token) string { return strings.Join(t.Roles, ",") }},
	{"Domain-Id", func(t *Token) string { return t.Domain.ID }},
	{"Domain-Name", func(t *Token) string { return t.Domain.Name }},
	{"Project-Id", func(t *Token) string { return t.Project.ID }},
	{"Project-Name", func(t *Token) string { return t.Project.Name }},
	{"Project-Domain-Id", func(t *Token) string { return t.Project.Domain.ID }},
	{"Project-Domain-Name", func(t *Token) string { return t.Project.Domain.Name }},
	{"User-Id", func(t *Token) string { return t.User.ID }},
	{"User-Name", func(t *Token) string { return t.User.Name }},
	{"User-Domain-Id", func(t *Token) string { return t.User.Domain.ID }},
	{"User-Domain-Name", func(t *Token) string { return t.User.Domain.Name }},
}

// oldHeaders are further names of headers for a user.
var oldHeaders = []struct{ old, name string }{
	{"X-Role", "X-Roles"},
	{"X-User", "X-User-Name"},
	{"X-Tenant-Id", "X-Project-Id"},
	{"X-Tenant-Name", "X-Project-Name"},
	{"X-Tenant", "X-Project-Name"},
}

// prepare makes the headers once for all requests. What would end a header line
// is no name that a filter may pass on: it could become a header of its own at
// the next server.
func (t *Token) prepare() error {
	for _, h := range identityHeaders {
		value := h.of(t)
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return ErrContents
		}
		if value == "" && h.name != "Roles" {
			continue
		}
		t.user = append(t.user, header{"X-" + h.name, value})
		t.serviced = append(t.serviced, header{"X-Service-" + h.name, value})
	}
	for _, o := range oldHeaders {
		for _, h := range t.user {
			if h.key == o.name {
				t.user = append(t.user, header{o.old, h.value})
				break
			}
		}
	}
	admin := "False"
	if t.AdminProject {
		admin = "True"
	}
	t.user = append(t.user, header{adminHeader, admin})
	if t.SystemScope {
		t.user = append(t.user, header{SystemScopeHeader, "all"})
	}
	if t.hasCatalog {
		t.user = append(t.user, header{catalogHeader, catalogJSON(t.services)})
	}
	return nil
}

// SetUser writes who the user is; the catalog only on demand.
func (t *Token) SetUser(h http.Header, catalog bool) {
	headers := t.user
	if t.hasCatalog && !catalog {
		headers = headers[:len(headers)-1]
	}
	set(h, headers)
}

// SetService writes who the service is that sends the request for its user.
func (t *Token) SetService(h http.Header) { set(h, t.serviced) }

// set takes one allocation for all values. They are not shared with other
// requests because a stage below may write to them.
func set(h http.Header, headers []header) {
	values := make([]string, len(headers))
	for i, hd := range headers {
		values[i] = hd.value
		h[hd.key] = values[i : i+1 : i+1]
	}
}

// Identity is what the token says, for the Environ of a request.
func (t *Token) Identity() pipeline.Identity {
	return pipeline.Identity{
		UserID: t.User.ID, UserName: t.User.Name, ProjectID: t.Project.ID, ProjectName: t.Project.Name,
		DomainID: t.Domain.ID, DomainName: t.Domain.Name, Roles: t.Roles,
	}
}
