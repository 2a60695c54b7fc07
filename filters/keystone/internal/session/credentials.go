package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Credentials are those of the service user, as keystoneauth's plugins take
// them. Empty fields are options that are not there.
type Credentials struct {
	Type    string
	AuthURL string

	UserID, Username, UserDomainID, UserDomainName, Password string

	ProjectID, ProjectName, ProjectDomainID, ProjectDomainName string
	DomainID, DomainName                                       string
	SystemScope, TrustID                                       string
	DefaultDomainID, DefaultDomainName                         string

	ApplicationCredentialID, ApplicationCredentialName, ApplicationCredentialSecret string

	Token    string
	Endpoint string // for admin_token: Keystone itself
}

// Types are the values of auth_type that there are here.
var Types = []string{"password", "v3password", "v3applicationcredential", "token", "v3token", "admin_token"}

// Nobody is the type of no credentials: the files of packages name none, and
// must load without the conf file that does.
const Nobody = "nobody"

// OptionError is what is wrong about one option.
type OptionError struct{ Option, Text string }

func (p *OptionError) Error() string { return p.Option + ": " + p.Text }

// Check finds what Keystone would refuse for sure.
func (c *Credentials) Check() error {
	if c.Type == Nobody {
		return nil
	}
	if !slices.Contains(Types, c.Type) {
		return &OptionError{"auth_type", fmt.Sprintf("unsupported auth_type %q, want %s", c.Type, strings.Join(Types, ", "))}
	}
	if c.Type == "admin_token" {
		return errors.Join(checkURL("endpoint", c.Endpoint), missing("token", c.Token))
	}
	if err := checkURL("auth_url", c.AuthURL); err != nil {
		return err
	}
	switch c.Type {
	case "token", "v3token":
		return missing("token", c.Token)
	case "v3applicationcredential":
		return c.checkApplicationCredential()
	}
	if c.UserID == "" && c.Username == "" {
		return &OptionError{"username", "missing, want username = text or user_id = text (the service user)"}
	}
	if c.Type == "v3password" && c.Username != "" && c.UserDomainID == "" && c.UserDomainName == "" {
		return &OptionError{"user_domain_name", "missing, want user_domain_name or user_domain_id with username"}
	}
	return nil
}

func (c *Credentials) checkApplicationCredential() error {
	if c.ApplicationCredentialID == "" && c.ApplicationCredentialName == "" {
		return &OptionError{"application_credential_id", "missing, want application_credential_id or application_credential_name"}
	}
	if c.ApplicationCredentialID == "" && c.UserID == "" && (c.Username == "" || c.userDomain() == nil) {
		return &OptionError{"username", "missing, want user_id, or username with user_domain_name or user_domain_id, beside application_credential_name"}
	}
	return missing("application_credential_secret", c.ApplicationCredentialSecret)
}

func missing(option, value string) error {
	if value == "" {
		return &OptionError{option, "missing, want " + option + " = text"}
	}
	return nil
}

func checkURL(option, text string) error {
	if text == "" {
		return &OptionError{option, "missing, want " + option + " = the URL of Keystone"}
	}
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return &OptionError{option, "invalid URL, want http://HOST:PORT/PATH or https"}
	}
	return nil
}

// reference names something by its id, or else by its name; nil for nothing.
func reference(id, name string) map[string]any {
	switch {
	case id != "":
		return map[string]any{"id": id}
	case name != "":
		return map[string]any{"name": name}
	default:
		return nil
	}
}

func with(m map[string]any, key string, value map[string]any) map[string]any {
	if value != nil {
		m[key] = value
	}
	return m
}

func (c *Credentials) userDomain() map[string]any {
	if d := reference(c.UserDomainID, c.UserDomainName); d != nil {
		return d
	}
	return reference(c.DefaultDomainID, c.DefaultDomainName)
}

func (c *Credentials) projectDomain() map[string]any {
	if d := reference(c.ProjectDomainID, c.ProjectDomainName); d != nil {
		return d
	}
	return reference(c.DefaultDomainID, c.DefaultDomainName)
}

// userReference names the user; an id needs no domain.
func (c *Credentials) userReference() map[string]any {
	user := reference(c.UserID, c.Username)
	if user != nil && c.UserID == "" {
		user = with(user, "domain", c.userDomain())
	}
	return user
}

// request is the body of POST /v3/auth/tokens.
func (c *Credentials) request() ([]byte, error) {
	method, data := "password", map[string]any{}
	switch c.Type {
	case "token", "v3token":
		method, data["id"] = "token", c.Token
	case "v3applicationcredential":
		method = "application_credential"
		data = reference(c.ApplicationCredentialID, c.ApplicationCredentialName)
		data["secret"] = c.ApplicationCredentialSecret
		if c.ApplicationCredentialID == "" {
			data = with(data, "user", c.userReference())
		}
	default:
		user := c.userReference()
		user["password"] = c.Password
		data["user"] = user
	}
	auth := map[string]any{"identity": map[string]any{"methods": []string{method}, method: data}}
	if scope := c.scope(); scope != nil && method != "application_credential" {
		auth["scope"] = scope
	}
	return json.Marshal(map[string]any{"auth": auth})
}

// scope is what the token is asked for, in the order of keystoneauth.
func (c *Credentials) scope() map[string]any {
	if d := reference(c.DomainID, c.DomainName); d != nil {
		return map[string]any{"domain": d}
	}
	if p := reference(c.ProjectID, c.ProjectName); p != nil {
		if c.ProjectID == "" {
			p = with(p, "domain", c.projectDomain())
		}
		return map[string]any{"project": p}
	}
	if c.TrustID != "" {
		return map[string]any{"OS-TRUST:trust": map[string]any{"id": c.TrustID}}
	}
	if c.SystemScope == "all" {
		return map[string]any{"system": map[string]any{"all": true}}
	}
	return nil
}
