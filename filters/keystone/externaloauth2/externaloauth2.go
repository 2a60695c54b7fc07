// Package externaloauth2 checks OAuth 2.0 access tokens with an authorization
// server other than Keystone, as keystonemiddleware's external_oauth2_token does.
package externaloauth2

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/tokencache"
	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func init() {
	paste.RegisterFilter("egg:wheatpaste#external_oauth2_token", defaults, New,
		paste.LooseAlias("egg:keystonemiddleware#external_oauth2_token", "keystonemiddleware.external_oauth2_token:filter_factory"),
		paste.Help("Checks the OAuth 2.0 access token (Authorization: Bearer) of each request with an authorization server (RFC 7662) and tells the application by headers who it is from. Forged headers of that kind are removed."),
		paste.Example(`
[filter:oauth2]
use = egg:keystonemiddleware#external_oauth2_token
introspect_endpoint = https://idp.example.com/introspect
audience = https://idp.example.com/token
auth_method = client_secret_basic
client_id = nova
client_secret = secret
mapping_roles = roles
mapping_project_id = project.id
mapping_project_name = project.name
mapping_project_domain_id = project.domain.id
mapping_project_domain_name = project.domain.name
mapping_user_id = sub
mapping_user_name = username
mapping_user_domain_id = user_domain.id
mapping_user_domain_name = user_domain.name
mapping_expires_at = exp
`),
	)
}

// protocol finds out what tokens are good for.
type protocol struct {
	mapping
	challenge string // of WWW-Authenticate
	log       *slog.Logger
	client    *client
	bound     bool
	ttl       time.Duration // negative: nothing is kept
	cached    *cache
	now       func() time.Time
	metrics   *metrics
	down      atomic.Bool // the log has said that the server gives no answer

	mu      sync.Mutex
	flights map[tokencache.Key]*flight
}

// flight is a question that is on its way, for all who have it.
type flight struct {
	done chan struct{}
	id   *identity
	err  error
}

type metrics struct{ hits, misses, errors prometheus.Counter }

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	tokens, err := series.CounterVec(reg, "wheatpaste_oauth2_token_lookups_total",
		"Tokens by where the answer came from: hit (cache), miss (the authorization server), error (it gave none).", "result", "hit", "miss", "error")
	if err != nil {
		return nil, err
	}
	return &metrics{tokens.WithLabelValues("hit"), tokens.WithLabelValues("miss"), tokens.WithLabelValues("error")}, nil
}

type filter struct {
	*protocol
	next http.Handler
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	p, err := o.protocol(b)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return &filter{p, next} }, nil
}

// ServeHTTP checks the token of a request and passes it on.
func (f *filter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token.Strip(r.Header)
	id, err := f.check(r)
	if err != nil {
		f.refuse(w, err)
		return
	}
	id.set(r.Header)
	pipeline.FromRequest(r).SetIdentity(id.Identity)
	ww := webob.Response(w, r, func(status int) bool {
		if status == http.StatusUnauthorized {
			w.Header().Add("Www-Authenticate", f.challenge)
		}
		return false
	})
	f.next.ServeHTTP(ww, r)
	ww.Finish()
}

// maxToken is longer than the tokens of any server.
const maxToken = 16 << 10

// bearer is the token of the header Authorization, in the letters that RFC 6750,
// 2.1 allows; the original takes no other spelling of Bearer.
func bearer(r *http.Request) (string, bool) {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	kind, text, ok := strings.Cut(values[0], " ")
	if !ok || kind != "Bearer" || text == "" || len(text) > maxToken {
		return "", false
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return "", false
		}
	}
	return text, true
}

func (p *protocol) check(r *http.Request) (*identity, error) {
	text, ok := bearer(r)
	if !ok {
		return nil, errInvalid
	}
	id, err := p.fetch(r.Context(), text)
	if err != nil {
		return nil, err
	}
	if !id.expires.IsZero() && id.expires.Before(p.now().Truncate(time.Second)) {
		return nil, errInvalid
	}
	if p.bound && !holds(r, id.thumbprint) {
		return nil, errInvalid
	}
	return id, nil
}

// holds reports whether the client has shown the certificate that the token is
// bound to (RFC 8705, 3.1).
func holds(r *http.Request, thumbprint string) bool {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || thumbprint == "" {
		return false
	}
	sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(thumbprint)) == 1
}

// fetch finds out about a token: in the cache, or from the server, which is
// asked once for all who want to know at the same time.
func (p *protocol) fetch(ctx context.Context, text string) (*identity, error) {
	key := tokencache.KeyOf(text)
	if id, ok := p.cached.get(key, p.now()); ok && p.ttl >= 0 {
		p.metrics.hits.Inc()
		if id == nil {
			return nil, errInvalid
		}
		return id, nil
	}
	p.mu.Lock()
	if f, ok := p.flights[key]; ok {
		p.mu.Unlock()
		select {
		case <-f.done:
			return f.id, f.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	f := &flight{done: make(chan struct{}), err: errors.New("the question was given up")} // in case of a panic
	p.flights[key] = f
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.flights, key)
		p.mu.Unlock()
		close(f.done)
	}()
	f.id, f.err = p.ask(context.WithoutCancel(ctx), key, text)
	return f.id, f.err
}

// ask asks the server. What it says of a token is kept, good or not.
func (p *protocol) ask(ctx context.Context, key tokencache.Key, text string) (*identity, error) {
	ctx, cancel := context.WithTimeout(ctx, p.client.timeout)
	defer cancel()
	raw, err := p.client.introspect(ctx, text)
	var claims map[string]any
	if err == nil {
		claims, err = decode(raw)
	}
	if err != nil {
		p.metrics.errors.Inc()
		if !p.down.Swap(true) {
			p.log.Error("tokens cannot be checked: no answer of the authorization server", "error", err)
		}
		return nil, err
	}
	if p.down.Swap(false) {
		p.log.Info("the authorization server is back")
	}
	p.metrics.misses.Inc()
	if active, ok := claims["active"].(bool); !ok || !active { // RFC 7662, 2.2
		p.keep(key, nil)
		return nil, errInvalid
	}
	id, err := p.read(claims)
	if err != nil {
		p.log.Warn("a good token is refused: its claims do not fit the mappings", "error", err)
		return nil, err
	}
	p.keep(key, id)
	return id, nil
}

func (p *protocol) keep(key tokencache.Key, id *identity) {
	if p.ttl >= 0 {
		p.cached.set(key, id, p.now(), p.ttl)
	}
}

// The bodies of refusals.
const (
	unauthorized  = `{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made is denied, because the token is invalid."}}`
	forbidden     = `{"error": {"code": 403, "title": "Forbidden", "message": "The request you have made is denied, because the necessary information could not be parsed."}}`
	misconfigured = `{"error": {"code": 500, "title": "Internal Server Error", "message": "The request you have made is denied, ` +
		`because the configuration parameters are incorrect and the token can not be verified."}}`
	unavailable = `{"error": {"code": 500, "title": "Internal Server Error", "message": "The request you have made is denied, ` +
		`because an exception occurred while accessing the external authentication server for token validation."}}`
)

// refuse answers a request whose token is not good, or that nobody can check.
func (p *protocol) refuse(w http.ResponseWriter, err error) {
	status, body := http.StatusInternalServerError, unavailable
	switch {
	case errors.Is(err, errInvalid):
		status, body = http.StatusUnauthorized, unauthorized
		w.Header().Add("Www-Authenticate", p.challenge)
	case errors.Is(err, errForbidden):
		status, body = http.StatusForbidden, forbidden
	case errors.Is(err, errConfig):
		body = misconfigured
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // the client may have gone
}
