package protocol

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/session"
	"github.com/wheatpaste/wheatpaste/paste"
)

// plugin are the options of the service user. They are read by themselves
// because auth_section may say that they stand in another group.
type plugin struct {
	AuthType          string `paste:"auth_type,global" old:"auth_plugin" conf:"keystone_authtoken.auth_type,keystone_authtoken.auth_plugin"`
	AuthURL           string `paste:"auth_url,global" conf:"keystone_authtoken.auth_url"`
	Username          string `paste:"username,global" old:"user_name" conf:"keystone_authtoken.username,keystone_authtoken.user_name"`
	UserID            string `paste:"user_id,global" conf:"keystone_authtoken.user_id"`
	UserDomainName    string `paste:"user_domain_name,global" conf:"keystone_authtoken.user_domain_name"`
	UserDomainID      string `paste:"user_domain_id,global" conf:"keystone_authtoken.user_domain_id"`
	Password          string `paste:"password,global,secret" conf:"keystone_authtoken.password"`
	ProjectName       string `paste:"project_name,global" old:"tenant_name" conf:"keystone_authtoken.project_name,keystone_authtoken.tenant_name"`
	ProjectID         string `paste:"project_id,global" old:"tenant_id" conf:"keystone_authtoken.project_id,keystone_authtoken.tenant_id"`
	ProjectDomainName string `paste:"project_domain_name,global" conf:"keystone_authtoken.project_domain_name"`
	ProjectDomainID   string `paste:"project_domain_id,global" conf:"keystone_authtoken.project_domain_id"`
	DomainName        string `paste:"domain_name,global" conf:"keystone_authtoken.domain_name"`
	DomainID          string `paste:"domain_id,global" conf:"keystone_authtoken.domain_id"`
	DefaultDomainName string `paste:"default_domain_name,global" conf:"keystone_authtoken.default_domain_name"`
	DefaultDomainID   string `paste:"default_domain_id,global" conf:"keystone_authtoken.default_domain_id"`
	SystemScope       string `paste:"system_scope,global" conf:"keystone_authtoken.system_scope"`
	TrustID           string `paste:"trust_id,global" conf:"keystone_authtoken.trust_id"`
	AppCredID         string `paste:"application_credential_id,global" conf:"keystone_authtoken.application_credential_id"`
	AppCredName       string `paste:"application_credential_name,global" conf:"keystone_authtoken.application_credential_name"`
	AppCredSecret     string `paste:"application_credential_secret,global,secret" conf:"keystone_authtoken.application_credential_secret"`
	Token             string `paste:"token,global,secret" conf:"keystone_authtoken.token"`
	Endpoint          string `paste:"endpoint,global" conf:"keystone_authtoken.endpoint"`

	IdentityURI string `paste:"identity_uri,global" conf:"keystone_authtoken.identity_uri"`
	AuthHost    string `paste:"auth_host,global" conf:"keystone_authtoken.auth_host"`
	AuthPort    int    `paste:"auth_port,global" conf:"keystone_authtoken.auth_port"`
	AuthProto   string `paste:"auth_protocol,global" conf:"keystone_authtoken.auth_protocol"`
	AuthPrefix  string `paste:"auth_admin_prefix,global" conf:"keystone_authtoken.auth_admin_prefix"`
	AdminToken  string `paste:"admin_token,global,secret" conf:"keystone_authtoken.admin_token"`
	AdminUser   string `paste:"admin_user,global" conf:"keystone_authtoken.admin_user"`
	AdminPass   string `paste:"admin_password,global,secret" conf:"keystone_authtoken.admin_password"`
	AdminTenant string `paste:"admin_tenant_name,global" conf:"keystone_authtoken.admin_tenant_name"`
}

// credentials reads who the service user is, and what clients without a good
// token are told when no option says it.
func (o *Options) credentials(b *paste.Build) (c session.Credentials, uri string, err error) {
	p := plugin{AuthHost: o.AuthHost, AuthPort: o.AuthPort, AuthProto: o.AuthProto, AdminTenant: o.AdminTenant}
	if err := b.ReadOptions(cmp.Or(o.AuthSection, Group), &p); err != nil {
		return c, "", err
	}
	if p.AuthType == "" {
		c, uri = p.legacy(b)
	} else {
		c, uri = p.modern(), p.AuthURL
	}
	var problem *session.OptionError
	if err := c.Check(); errors.As(err, &problem) {
		return c, "", paste.BadOption(problem.Option, "%s", problem.Text)
	}
	return c, uri, nil
}

func (p *plugin) modern() session.Credentials {
	return session.Credentials{
		Type: p.AuthType, AuthURL: p.AuthURL,
		UserID: p.UserID, Username: p.Username, UserDomainID: p.UserDomainID, UserDomainName: p.UserDomainName, Password: p.Password,
		ProjectID: p.ProjectID, ProjectName: p.ProjectName, ProjectDomainID: p.ProjectDomainID, ProjectDomainName: p.ProjectDomainName,
		DomainID: p.DomainID, DomainName: p.DomainName, SystemScope: p.SystemScope, TrustID: p.TrustID,
		DefaultDomainID: p.DefaultDomainID, DefaultDomainName: p.DefaultDomainName,
		ApplicationCredentialID: p.AppCredID, ApplicationCredentialName: p.AppCredName, ApplicationCredentialSecret: p.AppCredSecret,
		Token: p.Token, Endpoint: p.Endpoint,
	}
}

// legacy are the options of before auth_type. The original authenticates with
// version 2 of the API then, which no Keystone has any more; ours with version 3
// in the domain that version 2 meant.
func (p *plugin) legacy(b *paste.Build) (session.Credentials, string) {
	uri := strings.TrimRight(p.IdentityURI, "/")
	if uri == "" {
		uri = fmt.Sprintf("%s://%s", p.AuthProto, net.JoinHostPort(strings.Trim(p.AuthHost, "[]"), strconv.Itoa(p.AuthPort)))
		if prefix := strings.Trim(p.AuthPrefix, "/"); prefix != "" {
			uri += "/" + prefix
		}
	}
	if p.AdminToken == "" && p.AdminUser == "" {
		b.Warn("auth_type", "missing; no token can be checked, want auth_type = password with auth_url, username, password and project_name, here or in [keystone_authtoken] of a conf file")
		return session.Credentials{Type: session.Nobody}, hostOf(uri)
	}
	b.Warn("", "identity_uri, auth_host and admin_user are old, want auth_type = password with auth_url, username, password and project_name")
	root := hostOf(uri)
	if p.AdminToken != "" {
		return session.Credentials{Type: "admin_token", Token: p.AdminToken, Endpoint: uri}, root
	}
	return session.Credentials{
		Type: "v3password", AuthURL: uri, Username: p.AdminUser, Password: p.AdminPass, UserDomainID: "default",
		ProjectName: p.AdminTenant, ProjectDomainID: "default",
	}, root
}

// hostOf is a URL without its path.
func hostOf(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}
