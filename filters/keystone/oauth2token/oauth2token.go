// Package oauth2token checks tokens of Keystone that come as OAuth 2.0 access
// tokens, as keystonemiddleware's oauth2_token and oauth2_mtls_token do.
package oauth2token

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/protocol"
	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filters, as they are written in their sections.
type Options = protocol.Options

func init() {
	const credentials = `
www_authenticate_uri = https://keystone.example.com
auth_type = password
auth_url = https://keystone.example.com
username = tacker
password = secret
user_domain_name = Default
project_name = service
project_domain_name = Default
`
	paste.RegisterFilter("egg:wheatpaste#oauth2_token", protocol.Defaults, New,
		paste.LooseAlias("egg:keystonemiddleware#oauth2_token", "keystonemiddleware.oauth2_token:filter_factory"),
		paste.Help("Checks the OAuth 2.0 access token (Authorization: Bearer) of each request, which is a token of Keystone. delay_auth_decision and the options about service tokens have no effect."),
		paste.Example("[filter:oauth2]\nuse = egg:keystonemiddleware#oauth2_token"+credentials),
	)
	paste.RegisterFilter("egg:wheatpaste#oauth2_mtls_token", protocol.Defaults, NewBound,
		paste.LooseAlias("egg:keystonemiddleware#oauth2_mtls_token", "keystonemiddleware.oauth2_mtls_token:filter_factory"),
		paste.Help("As oauth2_token, for tokens that are bound to the client's certificate (RFC 8705): the server must ask for one."),
		paste.Example("[filter:oauth2mtls]\nuse = egg:keystonemiddleware#oauth2_mtls_token"+credentials),
	)
}

type filter struct {
	*protocol.Protocol
	next  http.Handler
	bound bool // to a client certificate
}

// New makes the filter oauth2_token.
func New(b *paste.Build, o Options) (alice.Constructor, error) { return build(b, o, false) }

// NewBound makes the filter oauth2_mtls_token.
func NewBound(b *paste.Build, o Options) (alice.Constructor, error) { return build(b, o, true) }

func build(b *paste.Build, o Options, bound bool) (alice.Constructor, error) {
	o.Delay = false // there is no such mode
	p, err := protocol.New(b, o)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return &filter{p, next, bound} }, nil
}

// ServeHTTP checks the token of a request and passes it on.
func (f *filter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token.Strip(r.Header)
	t, err := f.check(r)
	switch {
	case errors.Is(err, protocol.ErrInvalid):
		f.Refuse(w)
		return
	case err != nil:
		protocol.Unavailable(w, r)
		return
	}
	env := pipeline.FromRequest(r)
	t.SetUser(r.Header, true)
	env.SetIdentity(t.Identity())
	token.Info.Set(env, t)
	token.Checked.Set(env, token.Auth{User: t})
	f.Pass(w, r, f.next)
}

func (f *filter) check(r *http.Request) (*token.Token, error) {
	text, ok := bearer(r)
	if !ok {
		return nil, protocol.ErrInvalid
	}
	t, err := f.Fetch(r, text, false)
	if err != nil {
		return nil, err
	}
	if !f.Allowed(r, t, false) || !f.Bound(t) || f.bound && !holds(r, t) {
		return nil, protocol.ErrInvalid
	}
	return t, nil
}

// bearer is the token of the header Authorization; the original takes no other
// spelling of Bearer.
func bearer(r *http.Request) (string, bool) {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	kind, text, ok := strings.Cut(values[0], " ")
	return text, ok && kind == "Bearer"
}

// holds reports whether the client has shown the certificate that the token is
// bound to. The thumbprint is of the certificate in PEM, as Keystone takes it,
// or of its DER, as RFC 8705, 3.1 has it.
func holds(r *http.Request, t *token.Token) bool {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || t.CertificateThumbprint == "" {
		return false
	}
	der := r.TLS.PeerCertificates[0].Raw
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return matches(text, t) || matches(der, t)
}

func matches(certificate []byte, t *token.Token) bool {
	sum := sha256.Sum256(certificate)
	want := strings.TrimRight(t.CertificateThumbprint, "=")
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(want)) == 1
}
