// Package protocol is what the filters that check tokens have in common: their
// options, the way from a token to its description, and the rules about who may
// use one.
package protocol

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/tokencache"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Group is the group of the conf files with the options.
const Group = "keystone_authtoken"

// Options of the filters. They may stand in the section, in [DEFAULT] of the
// paste file, or in [keystone_authtoken] of the conf files.
type Options struct {
	WWWAuthenticateURI string `paste:"www_authenticate_uri,global" old:"auth_uri" conf:"keystone_authtoken.www_authenticate_uri,keystone_authtoken.auth_uri" help:"the public URL of Keystone, which clients without a good token are told; empty: auth_url"`
	AuthVersion        string `paste:"auth_version,global" conf:"keystone_authtoken.auth_version" help:"version of Keystone's API; there is no other than v3"`
	Interface          string `paste:"interface,global" conf:"keystone_authtoken.interface" help:"which endpoint of Keystone checks tokens: public, internal or admin"`
	Region             string `paste:"region_name,global" conf:"keystone_authtoken.region_name" help:"region of that endpoint; empty: any"`
	Delay              bool   `paste:"delay_auth_decision,global" conf:"keystone_authtoken.delay_auth_decision" help:"let requests without a good token pass, marked so that the application decides"`

	Timeout  *int   `paste:"http_connect_timeout,global" conf:"keystone_authtoken.http_connect_timeout" help:"seconds until an attempt to talk to Keystone is given up; nothing: 30"`
	Retries  int    `paste:"http_request_max_retries,global" conf:"keystone_authtoken.http_request_max_retries" help:"further attempts when Keystone cannot be reached"`
	CertFile string `paste:"certfile,global" conf:"keystone_authtoken.certfile" help:"client certificate for Keystone, in PEM"`
	KeyFile  string `paste:"keyfile,global" conf:"keystone_authtoken.keyfile" help:"its key; empty: it is in certfile"`
	CAFile   string `paste:"cafile,global" conf:"keystone_authtoken.cafile" help:"authorities that Keystone's certificate is checked with, in PEM; empty: those of the system"`
	Insecure bool   `paste:"insecure,global" conf:"keystone_authtoken.insecure" help:"do not check Keystone's certificate"`

	Cache     string          `paste:"cache,global" conf:"keystone_authtoken.cache" help:"swift.cache to keep tokens in the cache of Swift's filter memcache"`
	CacheTime int             `paste:"token_cache_time,global" conf:"keystone_authtoken.token_cache_time" help:"seconds for which a good token is not checked again; 0 for ever, -1 never"`
	Servers   paste.CommaList `paste:"memcached_servers,global" old:"memcache_servers" conf:"keystone_authtoken.memcached_servers,keystone_authtoken.memcache_servers" help:"memcached servers, which may be shared with keystonemiddleware; empty: tokens are kept in each process"`
	Security  string          `paste:"memcache_security_strategy,global" conf:"keystone_authtoken.memcache_security_strategy" help:"what protects the descriptions of tokens in memcached: None, MAC or ENCRYPT"`
	Secret    string          `paste:"memcache_secret_key,global,secret" conf:"keystone_authtoken.memcache_secret_key" help:"what the keys for that are made of"`
	DeadRetry int             `paste:"memcache_pool_dead_retry,global" conf:"keystone_authtoken.memcache_pool_dead_retry" help:"seconds for which a server that failed is left alone, while another one answers"`
	PoolSize  int             `paste:"memcache_pool_maxsize,global" conf:"keystone_authtoken.memcache_pool_maxsize" help:"connections to each server"`
	PoolUnuse int             `paste:"memcache_pool_unused_timeout,global" conf:"keystone_authtoken.memcache_pool_unused_timeout" help:"seconds after which a connection that nobody uses is closed"`
	PoolWait  int             `paste:"memcache_pool_conn_get_timeout,global" conf:"keystone_authtoken.memcache_pool_conn_get_timeout" help:"seconds to wait for a connection"`
	Socket    int             `paste:"memcache_pool_socket_timeout,global" conf:"keystone_authtoken.memcache_pool_socket_timeout" help:"seconds to wait for a server"`
	Advanced  bool            `paste:"memcache_use_advanced_pool,global" conf:"keystone_authtoken.memcache_use_advanced_pool" help:"accepted without effect: there is one pool"`
	TLS       bool            `paste:"memcache_tls_enabled,global" conf:"keystone_authtoken.memcache_tls_enabled" help:"talk TLS to memcached"`
	TLSCA     string          `paste:"memcache_tls_cafile,global" conf:"keystone_authtoken.memcache_tls_cafile" help:"authorities that its certificate is checked with; empty: those of the system"`
	TLSCert   string          `paste:"memcache_tls_certfile,global" conf:"keystone_authtoken.memcache_tls_certfile" help:"client certificate for memcached"`
	TLSKey    string          `paste:"memcache_tls_keyfile,global" conf:"keystone_authtoken.memcache_tls_keyfile" help:"its key"`
	TLSCipher string          `paste:"memcache_tls_allowed_ciphers,global" conf:"keystone_authtoken.memcache_tls_allowed_ciphers" help:"accepted without effect: TLS 1.2 and later with Go's ciphers"`
	SASL      bool            `paste:"memcache_sasl_enabled,global" conf:"keystone_authtoken.memcache_sasl_enabled" help:"not supported: must be false"`
	SASLUser  string          `paste:"memcache_username,global" conf:"keystone_authtoken.memcache_username" help:"of SASL, without effect"`
	SASLPass  string          `paste:"memcache_password,global,secret" conf:"keystone_authtoken.memcache_password" help:"of SASL, without effect"`

	Catalog       bool            `paste:"include_service_catalog,global" conf:"keystone_authtoken.include_service_catalog" help:"ask for the service catalog and set X-Service-Catalog"`
	Bind          string          `paste:"enforce_token_bind,global" conf:"keystone_authtoken.enforce_token_bind" help:"what to do with tokens that are bound to something: disabled, permissive, strict, required, or the name of a binding that must be there"`
	ServiceRoles  paste.CommaList `paste:"service_token_roles,global" conf:"keystone_authtoken.service_token_roles" help:"roles of services; a service token with one of them lets an expired token of a user pass"`
	RolesRequired bool            `paste:"service_token_roles_required,global" conf:"keystone_authtoken.service_token_roles_required" help:"whether service tokens without such a role are refused"`
	ServiceType   string          `paste:"service_type,global" conf:"keystone_authtoken.service_type" help:"type of this service in the catalog, for the access rules of application credentials"`

	AuthSection string `paste:"auth_section,global" conf:"keystone_authtoken.auth_section" help:"group of the conf files with the options of the service user; empty: keystone_authtoken"`
	LogName     string `paste:"log_name,global" help:"accepted without effect: the log names the section"`

	// The rest is read by credentials; here are the names for the section.
	AuthType          string `paste:"auth_type,global" old:"auth_plugin" help:"how the service user authenticates: password, v3password, v3applicationcredential, token, v3token or admin_token"`
	AuthURL           string `paste:"auth_url,global" help:"URL of Keystone for the service user"`
	Username          string `paste:"username,global" old:"user_name" help:"the service user"`
	UserID            string `paste:"user_id,global" help:"the service user by id"`
	UserDomainName    string `paste:"user_domain_name,global" help:"domain of the service user"`
	UserDomainID      string `paste:"user_domain_id,global" help:"the same by id"`
	Password          string `paste:"password,global,secret" help:"password of the service user"`
	ProjectName       string `paste:"project_name,global" old:"tenant_name" help:"project of the service user"`
	ProjectID         string `paste:"project_id,global" old:"tenant_id" help:"the same by id"`
	ProjectDomainName string `paste:"project_domain_name,global" help:"domain of that project"`
	ProjectDomainID   string `paste:"project_domain_id,global" help:"the same by id"`
	DomainName        string `paste:"domain_name,global" help:"domain as the scope of the service user"`
	DomainID          string `paste:"domain_id,global" help:"the same by id"`
	DefaultDomainName string `paste:"default_domain_name,global" help:"domain of user and project where none is given"`
	DefaultDomainID   string `paste:"default_domain_id,global" help:"the same by id"`
	SystemScope       string `paste:"system_scope,global" help:"all: the scope of the service user is the whole deployment"`
	TrustID           string `paste:"trust_id,global" help:"trust as the scope of the service user"`
	AppCredID         string `paste:"application_credential_id,global" help:"of v3applicationcredential"`
	AppCredName       string `paste:"application_credential_name,global" help:"the same by name, with a user"`
	AppCredSecret     string `paste:"application_credential_secret,global,secret" help:"of v3applicationcredential"`
	Token             string `paste:"token,global,secret" help:"of token, v3token and admin_token"`
	Endpoint          string `paste:"endpoint,global" help:"URL of Keystone, of admin_token"`

	IdentityURI string `paste:"identity_uri,global" help:"old: URL of Keystone without a version, without auth_type"`
	AuthHost    string `paste:"auth_host,global" help:"old: host of Keystone, without identity_uri"`
	AuthPort    int    `paste:"auth_port,global" help:"old: its port"`
	AuthProto   string `paste:"auth_protocol,global" help:"old: http or https"`
	AuthPrefix  string `paste:"auth_admin_prefix,global" help:"old: path before the version"`
	AdminToken  string `paste:"admin_token,global,secret" help:"old: token that Keystone accepts by its configuration"`
	AdminUser   string `paste:"admin_user,global" help:"old: the service user, in the domain with the id default"`
	AdminPass   string `paste:"admin_password,global,secret" help:"old: password of admin_user"`
	AdminTenant string `paste:"admin_tenant_name,global" help:"old: project of admin_user"`
}

// Defaults are those of the original, except for http_connect_timeout.
var Defaults = Options{
	Interface: "internal", Retries: 3, CacheTime: 300, Security: "None", DeadRetry: 300, PoolSize: 10, PoolUnuse: 60,
	PoolWait: 10, Socket: 3, Advanced: true, Catalog: true, Bind: "permissive", ServiceRoles: paste.CommaList{"service"},
	AuthHost: "127.0.0.1", AuthPort: 35357, AuthProto: "https", AdminTenant: "admin",
}

// check refuses values that no later step would.
func (o *Options) check(b *paste.Build) error {
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, paste.BadOption(option, format, args...))
	}
	positive := map[string]int{
		"memcache_pool_maxsize": o.PoolSize, "memcache_pool_unused_timeout": o.PoolUnuse,
		"memcache_pool_conn_get_timeout": o.PoolWait, "memcache_pool_socket_timeout": o.Socket,
	}
	for _, name := range slices.Sorted(maps.Keys(positive)) {
		if positive[name] < 1 {
			bad(name, "invalid number %d, want 1 or more", positive[name])
		}
	}
	if o.Timeout != nil && *o.Timeout < 1 {
		bad("http_connect_timeout", "invalid number %d, want 1 or more seconds", *o.Timeout)
	}
	if o.Retries < 0 || o.Retries > 20 {
		bad("http_request_max_retries", "invalid number %d, want 0 to 20", o.Retries)
	}
	if o.CacheTime < -1 {
		bad("token_cache_time", "invalid number %d, want seconds, 0 for ever or -1 for never", o.CacheTime)
	}
	if o.DeadRetry < 0 {
		bad("memcache_pool_dead_retry", "invalid number %d, want seconds", o.DeadRetry)
	}
	if iface := strings.TrimSuffix(o.Interface, "URL"); !slices.Contains([]string{"public", "internal", "admin"}, iface) {
		bad("interface", "invalid interface %q, want public, internal or admin", o.Interface)
	}
	if o.Cache != "" && o.Cache != "swift.cache" {
		b.Warn("cache", fmt.Sprintf("unknown cache %q has no effect, want swift.cache", o.Cache))
	}
	if o.SASL {
		bad("memcache_sasl_enabled", "SASL with memcached is not supported, want false, and memcache_tls_certfile if the servers ask who comes")
	}
	if o.AuthVersion != "" && !strings.HasPrefix(strings.TrimPrefix(o.AuthVersion, "v"), "3") {
		b.Warn("auth_version", fmt.Sprintf("version %q does not exist any more, v3 is used", o.AuthVersion))
	}
	_, err := o.protection()
	return errors.Join(append(errs, err)...)
}

func (o *Options) protection() (tokencache.Protection, error) {
	p := tokencache.Protection{Secret: []byte(o.Secret)}
	switch strings.ToUpper(o.Security) {
	case "NONE":
		return p, nil
	case "MAC":
		p.Strategy = tokencache.MAC
	case "ENCRYPT":
		p.Strategy = tokencache.Encrypt
	default:
		return p, paste.BadOption("memcache_security_strategy", "invalid strategy %q, want None, MAC or ENCRYPT", o.Security)
	}
	if o.Secret == "" {
		return p, paste.BadOption("memcache_secret_key", "missing, want memcache_secret_key = text with a memcache_security_strategy")
	}
	return p, nil
}

// memcachedTLS reads the certificates; nil without memcache_tls_enabled.
func (o *Options) memcachedTLS() (*tls.Config, error) {
	if !o.TLS {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLSCA != "" {
		pem, err := os.ReadFile(o.TLSCA)
		if err != nil {
			return nil, fmt.Errorf("memcache_tls_cafile: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("memcache_tls_cafile: %q holds no certificate in PEM", o.TLSCA)
		}
	}
	if o.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(o.TLSCert, cmp.Or(o.TLSKey, o.TLSCert))
		if err != nil {
			return nil, fmt.Errorf("memcache_tls_certfile: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// userAgent is what Keystone's log says.
const userAgent = "wheatpaste keystonemiddleware.auth_token"
