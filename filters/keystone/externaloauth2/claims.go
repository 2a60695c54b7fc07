package externaloauth2

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

var (
	errInvalid   = errors.New("the token is not good")
	errForbidden = errors.New("the token does not say what it must")
	errConfig    = errors.New("a mapping is missing")
)

// path leads to a claim, through objects; nil for a mapping that is not there.
type path []string

// mapping says which claims are what.
type mapping struct {
	roles, system, expires                              path
	userID, userName, userDomainID, userDomainName      path
	projectID, projectName, projectDomainID, domainName path
}

func (o *Options) mapping() (m mapping, err error) {
	for _, f := range []struct {
		option, text string
		to           *path
	}{
		{"mapping_roles", o.Roles, &m.roles}, {"mapping_system_scope", o.SystemScope, &m.system}, {"mapping_expires_at", o.ExpiresAt, &m.expires},
		{"mapping_user_id", o.UserID, &m.userID}, {"mapping_user_name", o.UserName, &m.userName},
		{"mapping_user_domain_id", o.UserDomainID, &m.userDomainID}, {"mapping_user_domain_name", o.UserDomainName, &m.userDomainName},
		{"mapping_project_id", o.ProjectID, &m.projectID}, {"mapping_project_name", o.ProjectName, &m.projectName},
		{"mapping_project_domain_id", o.ProjectDomainID, &m.projectDomainID}, {"mapping_project_domain_name", o.ProjectDomainName, &m.domainName},
	} {
		if f.text == "" {
			continue
		}
		*f.to = strings.Split(f.text, ".")
		if slices.Contains(*f.to, "") {
			return m, paste.BadOption(f.option, "invalid claim %q, want names with one dot between them", f.text)
		}
	}
	return m, nil
}

// find gives the value of a claim, nil without one. As in the original an empty
// text, 0, false and an empty object or list are none.
func (p path) find(claims map[string]any) (any, error) {
	var value any = claims
	for i, name := range p {
		object, ok := value.(map[string]any)
		if !ok {
			if i > 0 && value != nil {
				return nil, errForbidden
			}
			return nil, nil
		}
		if value = object[name]; empty(value) {
			value = nil
		}
	}
	return value, nil
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case json.Number:
		f, err := v.Float64()
		return err == nil && f == 0
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// identity is what the claims of a good token say.
type identity struct {
	pipeline.Identity
	headers    []header
	thumbprint string
	expires    time.Time // zero without a claim about it
}

type header struct{ key, value string }

// reader collects from claims; the first error stays.
type reader struct {
	claims map[string]any
	err    error
}

// text is a claim that is a text, "" without one.
func (r *reader) text(p path, required bool) string {
	if r.err != nil {
		return ""
	}
	if required && p == nil {
		r.err = errConfig
		return ""
	}
	value, err := p.find(r.claims)
	if p == nil {
		value = nil
	}
	s, ok := value.(string)
	switch {
	case err != nil:
		r.err = err
	case value == nil && required, value != nil && !ok, strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }):
		r.err = errForbidden // a line end would make headers of its own at the next server
	}
	return s
}

func (r *reader) flag(p path) bool {
	if r.err != nil || p == nil {
		return false
	}
	value, err := p.find(r.claims)
	flag, ok := value.(bool)
	if err != nil || value != nil && !ok {
		r.err = errForbidden
	}
	return flag
}

func (r *reader) time(p path) time.Time {
	if r.err != nil || p == nil {
		return time.Time{}
	}
	value, err := p.find(r.claims)
	if err == nil && value == nil {
		return time.Time{}
	}
	number, ok := value.(json.Number)
	n, bad := number.Int64()
	if err != nil || !ok || bad != nil {
		r.err = errForbidden
	}
	return time.Unix(n, 0)
}

// decode reads an answer; numbers stay exact.
func decode(raw []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var claims map[string]any
	if err := d.Decode(&claims); err != nil || claims == nil {
		return nil, errors.New("its answer is no object in JSON")
	}
	return claims, nil
}

// read makes an identity of the claims.
func (m *mapping) read(claims map[string]any) (*identity, error) {
	r := &reader{claims: claims}
	id := &identity{expires: r.time(m.expires)}
	roles := r.text(m.roles, true)
	id.Roles = strings.Split(roles, ",")
	scope := m.scope(r, id)
	id.UserID, id.UserName = r.text(m.userID, true), r.text(m.userName, true)
	domainID, domainName := r.text(m.userDomainID, true), r.text(m.userDomainName, true)
	if r.err != nil {
		return nil, r.err
	}
	id.headers = append([]header{
		{token.Status, token.Confirmed}, {"X-Roles", roles}, {"X-Role", roles}, {"X-User-Id", id.UserID}, {"X-User-Name", id.UserName},
		{"X-User-Domain-Id", domainID}, {"X-User-Domain-Name", domainName}, {"X-User", id.UserName},
	}, scope...)
	for role := range strings.SplitSeq(strings.ToLower(roles), ",") {
		if role == "admin" {
			id.headers = append(id.headers, header{"X-Is-Admin-Project", "true"})
			break
		}
	}
	if bound, ok := claims["cnf"].(map[string]any); ok {
		id.thumbprint, _ = bound["x5t#S256"].(string)
	}
	return id, nil
}

// scope is what the token is for: the whole deployment, a project, or a domain.
func (m *mapping) scope(r *reader, id *identity) []header {
	if r.flag(m.system) {
		return []header{{token.SystemScopeHeader, "all"}}
	}
	id.ProjectID = r.text(m.projectID, false)
	if id.ProjectID == "" {
		id.DomainID, id.DomainName = r.text(m.projectDomainID, true), r.text(m.domainName, true)
		return []header{{"X-Domain-Id", id.DomainID}, {"X-Domain-Name", id.DomainName}}
	}
	id.ProjectName = r.text(m.projectName, true)
	return []header{
		{"X-Project-Id", id.ProjectID}, {"X-Project-Name", id.ProjectName},
		{"X-Project-Domain-Id", r.text(m.projectDomainID, true)}, {"X-Project-Domain-Name", r.text(m.domainName, true)},
		{"X-Tenant-Id", id.ProjectID}, {"X-Tenant-Name", id.ProjectName}, {"X-Tenant", id.ProjectID},
	}
}

// set writes who a request is from. The values are not shared because a stage
// below may write to them.
func (id *identity) set(h http.Header) {
	values := make([]string, len(id.headers))
	for i, hd := range id.headers {
		values[i] = hd.value
		h[hd.key] = values[i : i+1 : i+1]
	}
}
