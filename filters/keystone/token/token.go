// Package token reads the tokens that Keystone describes, and names what the
// filters that check them leave for the stages below.
package token

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

var (
	// Info is keystone.token_info: set by auth_token and oauth2_token to the
	// token of the user when it is good, read by filters and apps that want
	// more of it than the headers say.
	Info = pipeline.NewKey[*Token]("keystone.token_info")

	// Checked is keystone.token_auth: set by auth_token and oauth2_token on
	// every request that they let pass.
	Checked = pipeline.NewKey[Auth]("keystone.token_auth")
)

// Auth is what came with a request: the tokens that Keystone knows, nil for
// those that did not come or are not good.
type Auth struct{ User, Service *Token }

// Token is what Keystone says about one token. It is shared by requests and
// must not be changed.
type Token struct {
	// Raw is Keystone's answer, {"token": {...}}. It does not hold the token
	// itself.
	Raw     []byte
	Expires time.Time

	User, Project Owner
	// Domain is the scope of the token, not the domain of its user.
	Domain      Named
	Roles       []string
	SystemScope bool // the token is for the whole deployment
	// AdminProject is true also when Keystone says nothing about it.
	AdminProject bool

	// Restricted tokens are good for AccessRules only, which may be none.
	Restricted  bool
	AccessRules []AccessRule

	// Bind is what the token is bound to, such as kerberos.
	Bind map[string]string

	// CertificateThumbprint is the x5t#S256 of the client certificate that the
	// token is bound to (RFC 8705), "" without.
	CertificateThumbprint string

	services   []service // of the catalog
	hasCatalog bool
	user       []header // what SetUser sets
	serviced   []header // what SetService sets
}

// Named is something with an id and a name.
type Named struct{ ID, Name string }

// Owner is a user or a project, with its domain.
type Owner struct {
	Named
	Domain Named
}

// AccessRule is one request that the token of an application credential with
// access rules is good for.
type AccessRule struct{ Service, Method, Path string }

// ErrContents is returned for an answer that does not describe a token.
var ErrContents = errors.New("invalid token contents")

// answer is the JSON of Keystone's API, version 3.
type answer struct {
	Token json.RawMessage `json:"token"`
}

type body struct {
	ExpiresAt string `json:"expires_at"`
	User      *struct {
		Named
		Domain Named `json:"domain"`
	} `json:"user"`
	Project struct {
		Named
		Domain Named `json:"domain"`
	} `json:"project"`
	Domain       Named                 `json:"domain"`
	Roles        []Named               `json:"roles"`
	System       struct{ All bool }    `json:"system"`
	AdminProject *bool                 `json:"is_admin_project"`
	Catalog      *[]service            `json:"catalog"`
	Bind         map[string]string     `json:"bind"`
	Credential   applicationCredential `json:"application_credential"`
	OAuth2       struct {
		Thumbprint string `json:"x5t#S256"`
	} `json:"oauth2_credential"`
}

type applicationCredential struct {
	AccessRules *[]AccessRule `json:"access_rules"`
}

// Parse reads Keystone's answer, also one that keystonemiddleware has put into a
// cache.
func Parse(raw []byte) (*Token, error) {
	var a answer
	var b body
	if json.Unmarshal(raw, &a) != nil || json.Unmarshal(a.Token, &b) != nil {
		return nil, ErrContents // the cause may quote what it has read
	}
	expires, ok := parseTime(b.ExpiresAt)
	if b.User == nil || !ok {
		return nil, ErrContents
	}
	t := &Token{
		Raw: append(append([]byte(`{"token":`), a.Token...), '}'), Expires: expires,
		User: Owner{b.User.Named, b.User.Domain}, Project: Owner{b.Project.Named, b.Project.Domain},
		Domain: b.Domain, SystemScope: b.System.All, AdminProject: b.AdminProject == nil || *b.AdminProject,
		Bind: b.Bind, CertificateThumbprint: b.OAuth2.Thumbprint,
	}
	for _, role := range b.Roles {
		t.Roles = append(t.Roles, role.Name)
	}
	if rules := b.Credential.AccessRules; rules != nil {
		t.Restricted, t.AccessRules = true, *rules
	}
	if b.Catalog != nil {
		t.hasCatalog, t.services = true, *b.Catalog
	}
	return t, t.prepare()
}

// parseTime reads the notations of a time that Keystone has used; without a
// zone it is UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// InCatalog reports whether the catalog has a service of that type.
func (t *Token) InCatalog(serviceType string) bool {
	for _, s := range t.services {
		if s.Type == serviceType {
			return true
		}
	}
	return false
}

// Endpoint finds a URL in the catalog; an empty region stands for any.
func (t *Token) Endpoint(serviceType, iface, region string) (string, bool) {
	iface = strings.TrimSuffix(strings.ToLower(iface), "url")
	for _, s := range t.services {
		if s.Type != serviceType {
			continue
		}
		for _, e := range s.Endpoints {
			in := e.Region
			if in == nil {
				in = e.RegionID
			}
			if strings.EqualFold(e.Interface, iface) && (region == "" || in != nil && *in == region) {
				return e.URL, true
			}
		}
	}
	return "", false
}

// Size is about how many bytes of memory the token takes.
func (t *Token) Size() int {
	size := 1024 + 2*len(t.Raw) // the fields are about as much as the text
	for _, h := range t.user {
		size += len(h.value)
	}
	return size
}
