package externaloauth2

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/tokencache"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section, or in the group
// [ext_oauth2_auth] of the conf files.
type Options struct {
	Endpoint   string `paste:"introspect_endpoint,global" conf:"ext_oauth2_auth.introspect_endpoint" help:"URL of the authorization server's introspection (RFC 7662)"`
	Audience   string `paste:"audience,global" conf:"ext_oauth2_auth.audience" help:"URL of the authorization server's token endpoint: what clients without a good token are told, and whom our own assertions are for"`
	AuthMethod string `paste:"auth_method,global" conf:"ext_oauth2_auth.auth_method" help:"how this service proves who it is: client_secret_basic, client_secret_post, tls_client_auth, private_key_jwt or client_secret_jwt"`
	ClientID   string `paste:"client_id,global" conf:"ext_oauth2_auth.client_id" help:"id of this service at the authorization server"`
	Secret     string `paste:"client_secret,global,secret" conf:"ext_oauth2_auth.client_secret" help:"its secret, for client_secret_basic, client_secret_post and client_secret_jwt"`
	Thumbprint bool   `paste:"thumbprint_verify,global" conf:"ext_oauth2_auth.thumbprint_verify" help:"accept a token only with the client certificate that it is bound to (RFC 8705): the server must ask for one"`

	KeyFile   string `paste:"jwt_key_file,global" conf:"ext_oauth2_auth.jwt_key_file" help:"private key in PEM, for private_key_jwt"`
	Algorithm string `paste:"jwt_algorithm,global" conf:"ext_oauth2_auth.jwt_algorithm" help:"HS256, HS384 or HS512 for client_secret_jwt; RS256 and so on, PS256, ES256 or EdDSA for private_key_jwt"`
	Lifetime  int    `paste:"jwt_bearer_time_out,global" conf:"ext_oauth2_auth.jwt_bearer_time_out" help:"seconds for which an assertion of ours is good"`

	UserID            string `paste:"mapping_user_id,global" conf:"ext_oauth2_auth.mapping_user_id" help:"claim with the id of the user; dots lead into objects, as in all mappings"`
	UserName          string `paste:"mapping_user_name,global" conf:"ext_oauth2_auth.mapping_user_name" help:"claim with the user's name"`
	UserDomainID      string `paste:"mapping_user_domain_id,global" conf:"ext_oauth2_auth.mapping_user_domain_id" help:"claim with the id of the user's domain"`
	UserDomainName    string `paste:"mapping_user_domain_name,global" conf:"ext_oauth2_auth.mapping_user_domain_name" help:"claim with that domain's name"`
	ProjectID         string `paste:"mapping_project_id,global" conf:"ext_oauth2_auth.mapping_project_id" help:"claim with the id of the project; without one the token is for a domain"`
	ProjectName       string `paste:"mapping_project_name,global" conf:"ext_oauth2_auth.mapping_project_name" help:"claim with the project's name"`
	ProjectDomainID   string `paste:"mapping_project_domain_id,global" conf:"ext_oauth2_auth.mapping_project_domain_id" help:"claim with the id of the project's domain, or of the domain that the token is for"`
	ProjectDomainName string `paste:"mapping_project_domain_name,global" conf:"ext_oauth2_auth.mapping_project_domain_name" help:"claim with that domain's name"`
	Roles             string `paste:"mapping_roles,global" conf:"ext_oauth2_auth.mapping_roles" help:"claim with the roles: one text with commas between them"`
	SystemScope       string `paste:"mapping_system_scope,global" conf:"ext_oauth2_auth.mapping_system_scope" help:"claim that is true for a token for the whole deployment"`
	ExpiresAt         string `paste:"mapping_expires_at,global" conf:"ext_oauth2_auth.mapping_expires_at" help:"claim with the time until which the token is good, in seconds since 1970"`

	CertFile  string `paste:"certfile,global" conf:"ext_oauth2_auth.certfile" help:"client certificate for the authorization server, in PEM"`
	CertKey   string `paste:"keyfile,global" conf:"ext_oauth2_auth.keyfile" help:"its key; empty: it is in certfile"`
	CAFile    string `paste:"cafile,global" conf:"ext_oauth2_auth.cafile" help:"authorities that the server's certificate is checked with, in PEM; empty: those of the system"`
	Insecure  bool   `paste:"insecure,global" conf:"ext_oauth2_auth.insecure" help:"do not check the server's certificate"`
	Timeout   *int   `paste:"http_connect_timeout,global" conf:"ext_oauth2_auth.http_connect_timeout" help:"seconds to wait for the server; nothing: 30"`
	CacheTime int    `paste:"token_cache_time,global" conf:"ext_oauth2_auth.token_cache_time" help:"seconds for which the server is not asked again about a token; 0 as long as there is space, -1 always ask"`

	Servers   paste.CommaList `paste:"memcached_servers,global" old:"memcache_servers" conf:"ext_oauth2_auth.memcached_servers,ext_oauth2_auth.memcache_servers" help:"accepted without effect: tokens are kept in each process"`
	Security  string          `paste:"memcache_security_strategy,global" conf:"ext_oauth2_auth.memcache_security_strategy" help:"accepted without effect"`
	SecretKey string          `paste:"memcache_secret_key,global,secret" conf:"ext_oauth2_auth.memcache_secret_key" help:"accepted without effect"`
	DeadRetry int             `paste:"memcache_pool_dead_retry,global" conf:"ext_oauth2_auth.memcache_pool_dead_retry" help:"accepted without effect"`
	PoolSize  int             `paste:"memcache_pool_maxsize,global" conf:"ext_oauth2_auth.memcache_pool_maxsize" help:"accepted without effect"`
	PoolSock  int             `paste:"memcache_pool_socket_timeout,global" conf:"ext_oauth2_auth.memcache_pool_socket_timeout" help:"accepted without effect"`
	PoolUnuse int             `paste:"memcache_pool_unused_timeout,global" conf:"ext_oauth2_auth.memcache_pool_unused_timeout" help:"accepted without effect"`
	PoolWait  int             `paste:"memcache_pool_conn_get_timeout,global" conf:"ext_oauth2_auth.memcache_pool_conn_get_timeout" help:"accepted without effect"`
	Advanced  bool            `paste:"memcache_use_advanced_pool,global" conf:"ext_oauth2_auth.memcache_use_advanced_pool" help:"accepted without effect"`
	LogName   string          `paste:"log_name,global" help:"accepted without effect: the log names the section"`
}

var defaults = Options{
	AuthMethod: "client_secret_basic", Lifetime: 3600, UserID: "client_id", UserName: "username", CacheTime: 300,
	Security: "None", DeadRetry: 300, PoolSize: 10, PoolSock: 3, PoolUnuse: 60, PoolWait: 10, Advanced: true,
}

// algorithms are those that a method signs with.
var algorithms = map[string][]string{
	"client_secret_jwt": {"HS256", "HS384", "HS512"},
	"private_key_jwt":   {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"},
}

var methods = []string{"client_secret_basic", "client_secret_post", "tls_client_auth", "private_key_jwt", "client_secret_jwt"}

// check finds what no request could be served with.
func (o *Options) check() error {
	for _, r := range o.required() {
		if r.value == "" {
			return paste.BadOption(r.option, "missing, want %s", r.want)
		}
	}
	if u, err := url.Parse(o.Endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return paste.BadOption("introspect_endpoint", "invalid URL, want https://HOST:PORT/PATH")
	}
	if strings.ContainsFunc(o.Audience, func(r rune) bool { return r < ' ' || r == '"' || r == 0x7f }) {
		return paste.BadOption("audience", "invalid URL %q, want one without quotes", o.Audience)
	}
	if o.AuthMethod == "client_secret_basic" && strings.Contains(o.ClientID, ":") {
		return paste.BadOption("client_id", "invalid id %q with client_secret_basic, want one without a colon", o.ClientID)
	}
	if !slices.Contains(methods, o.AuthMethod) {
		return paste.BadOption("auth_method", "unknown method %q, want %s", o.AuthMethod, strings.Join(methods, ", "))
	}
	if known := algorithms[o.AuthMethod]; known != nil && !slices.Contains(known, o.Algorithm) {
		return paste.BadOption("jwt_algorithm", "invalid algorithm %q with %s, want %s", o.Algorithm, o.AuthMethod, strings.Join(known, ", "))
	}
	return o.checkNumbers()
}

func (o *Options) checkNumbers() error {
	switch {
	case o.Lifetime < 1:
		return paste.BadOption("jwt_bearer_time_out", "invalid number %d, want 1 or more seconds", o.Lifetime)
	case o.Timeout != nil && *o.Timeout < 1:
		return paste.BadOption("http_connect_timeout", "invalid number %d, want 1 or more seconds", *o.Timeout)
	case o.CacheTime < -1:
		return paste.BadOption("token_cache_time", "invalid number %d, want seconds, 0 for ever or -1 for never", o.CacheTime)
	}
	return nil
}

type requirement struct{ option, value, want string }

// required are the options that must be there, with the way of proving who the
// service is that was chosen.
func (o *Options) required() []requirement {
	list := []requirement{
		{"introspect_endpoint", o.Endpoint, "the URL of the introspection"},
		{"audience", o.Audience, "the URL of the token endpoint"},
		{"client_id", o.ClientID, "the id of this service at the authorization server"},
		{"mapping_roles", o.Roles, "the claim with the roles"},
		{"mapping_user_id", o.UserID, "the claim with the user's id"},
		{"mapping_user_name", o.UserName, "the claim with the user's name"},
		{"mapping_user_domain_id", o.UserDomainID, "the claim with the id of the user's domain"},
		{"mapping_user_domain_name", o.UserDomainName, "the claim with the name of the user's domain"},
	}
	if o.SystemScope == "" { // else there may be tokens for the whole deployment only
		list = append(list, requirement{"mapping_project_domain_id", o.ProjectDomainID, "the claim with the id of the project's domain"},
			requirement{"mapping_project_domain_name", o.ProjectDomainName, "the claim with the name of the project's domain"})
	}
	if o.ProjectID != "" {
		list = append(list, requirement{"mapping_project_name", o.ProjectName, "the claim with the project's name"})
	}
	switch o.AuthMethod {
	case "client_secret_basic", "client_secret_post", "client_secret_jwt":
		list = append(list, requirement{"client_secret", o.Secret, "the secret of this service at the authorization server"})
	case "private_key_jwt":
		list = append(list, requirement{"jwt_key_file", o.KeyFile, "the path of a private key in PEM"})
	case "tls_client_auth":
		list = append(list, requirement{"certfile", o.CertFile, "the path of a client certificate in PEM"})
	}
	return list
}

// protocol makes what all requests share. It connects to nothing before the
// start.
func (o *Options) protocol(b *paste.Build) (*protocol, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	m, err := o.mapping()
	if err != nil {
		return nil, err
	}
	if len(o.Servers) > 0 {
		b.Warn("memcached_servers", "has no effect: what is known about tokens is kept in each process")
	}
	if o.Insecure {
		b.Warn("insecure", "anybody in between can say which tokens are good, want cafile")
	}
	metrics, err := newMetrics(b.Registerer())
	if err != nil {
		return nil, err
	}
	p := &protocol{
		mapping: m, challenge: `Authorization OAuth 2.0 uri="` + o.Audience + `"`, log: b.Logger(), bound: o.Thumbprint,
		ttl: time.Duration(o.CacheTime) * time.Second, cached: newCache(cacheBytes), flights: map[tokencache.Key]*flight{}, now: time.Now,
		metrics: metrics,
	}
	c := &client{options: *o, timeout: 30 * time.Second, method: jwt.GetSigningMethod(o.Algorithm)}
	if o.Timeout != nil {
		c.timeout = time.Duration(*o.Timeout) * time.Second
	}
	p.client = c
	b.OnStart(func(context.Context) error { return c.open() })
	b.OnClose(func(context.Context) error { c.close(); return nil })
	return p, nil
}

// sameServer keeps tokens and secrets from being sent elsewhere.
func sameServer(r *http.Request, via []*http.Request) error {
	if first := via[0].URL; r.URL.Host != first.Host || r.URL.Scheme != first.Scheme || len(via) > 5 {
		return errRedirect
	}
	return nil
}
