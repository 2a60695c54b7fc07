package protocol

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/session"
	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/tokencache"
	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
	"github.com/wheatpaste/wheatpaste/paste"
)

var (
	// ErrInvalid says that a token is not good for the request.
	ErrInvalid = errors.New("the token is not valid")

	// ErrUnavailable says that nobody can tell whether it is.
	ErrUnavailable = session.ErrUnavailable
)

const (
	// maxToken is what Keystone never exceeds: its tokens have some hundred
	// bytes. A longer one is not even hashed.
	maxToken = 8 << 10

	// cacheSize bounds the memory of the tokens that are kept in the process.
	cacheSize = 32 << 20

	// A token that Keystone does not know is remembered in a place of its own,
	// so that made-up ones do not push out good ones; and not for long,
	// because a new one may be known a moment later.
	unknownSize = 2 << 20
	unknownTime = 5 * time.Second
)

// Protocol finds out what tokens are good for.
type Protocol struct {
	Options
	URI string // for WWW-Authenticate

	build   *paste.Build
	client  *session.Client
	metrics *metrics
	flight  flight
	breaker breaker
	known   *tokencache.Local
	unknown *tokencache.Local
	shared  *tokencache.Memcached // nil without memcached_servers
	now     func() time.Time
}

type flightKey struct {
	token        tokencache.Key
	allowExpired bool
}

// New reads the options of the service user and makes a Protocol, which
// connects to nothing before the start.
func New(b *paste.Build, o Options) (*Protocol, error) {
	if err := o.check(b); err != nil {
		return nil, err
	}
	credentials, uri, err := o.credentials(b)
	if err != nil {
		return nil, err
	}
	metrics, err := newMetrics(b.Registerer())
	if err != nil {
		return nil, err
	}
	p := &Protocol{
		Options: o, URI: o.WWWAuthenticateURI, build: b, metrics: metrics, now: time.Now,
		flight: flight{calls: map[flightKey]*call{}},
		known:  tokencache.NewLocal(cacheSize), unknown: tokencache.NewLocal(unknownSize),
	}
	if p.URI == "" {
		p.URI = uri
		b.Warn("www_authenticate_uri", "missing; clients are told auth_url, which they may not reach, want the public URL of Keystone")
	}
	config := session.Config{
		Credentials: credentials, Interface: o.Interface, Region: o.Region, Retries: o.Retries, Catalog: o.Catalog,
		CertFile: o.CertFile, KeyFile: o.KeyFile, CAFile: o.CAFile, Insecure: o.Insecure,
		UserAgent: userAgent, Logger: b.Logger(), Observe: p.metrics.observe,
	}
	if o.Timeout != nil {
		config.Timeout = seconds(*o.Timeout)
	}
	p.client = session.New(config)
	b.OnStart(func(context.Context) error { return p.client.Open() })
	b.OnClose(func(context.Context) error { p.client.Close(); return nil })
	return p, p.share()
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// share sets the cache in memcached up.
func (p *Protocol) share() error {
	if len(p.Servers) == 0 || p.CacheTime < 0 {
		return nil
	}
	protection, err := p.protection()
	if err != nil {
		return err
	}
	config := tokencache.Config{
		Servers: p.Servers, DeadRetry: seconds(p.DeadRetry), MaxConns: p.PoolSize, SocketTimeout: seconds(p.Socket),
		UnusedTimeout: seconds(p.PoolUnuse), PoolTimeout: seconds(p.PoolWait), TTL: seconds(p.CacheTime),
		Protection: protection, Logger: p.build.Logger(), Failed: p.metrics.cacheErrors.Inc,
	}
	if p.shared, err = tokencache.NewMemcached(config); err != nil {
		return paste.BadOption("memcached_servers", "%w", err)
	}
	if p.TLS {
		p.build.OnStart(func(context.Context) error {
			if config.TLS, err = p.memcachedTLS(); err != nil {
				return err
			}
			p.shared, err = tokencache.NewMemcached(config)
			return err
		})
	}
	p.build.OnClose(func(context.Context) error { p.shared.Close(); return nil })
	return nil
}

// Fetch gives the description of a token that came with a request. Its expiry is
// looked at whether it comes from a cache or not.
func (p *Protocol) Fetch(r *http.Request, text string, allowExpired bool) (*token.Token, error) {
	text = strings.TrimSpace(text)
	if !plausible(text) {
		p.metrics.oversized.Inc()
		return nil, ErrInvalid
	}
	t, err := p.describe(r, text, allowExpired)
	if err != nil {
		return nil, err
	}
	if !allowExpired && t.Expires.Before(p.now()) {
		return nil, ErrInvalid
	}
	return t, nil
}

// plausible reports whether Keystone may have issued a token: it is not too long
// and of letters that can be sent on in a header.
func plausible(text string) bool {
	if text == "" || len(text) > maxToken {
		return false
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

func (p *Protocol) describe(r *http.Request, text string, allowExpired bool) (*token.Token, error) {
	key := tokencache.KeyOf(text)
	swift := p.swiftCache(r)
	if p.CacheTime >= 0 {
		now := p.now()
		if p.shared == nil && swift == nil {
			if t, ok := p.known.Get(key, now); ok {
				p.metrics.hits.Inc()
				return t, nil
			}
		}
		if _, ok := p.unknown.Get(unknownKey(key, allowExpired), now); ok {
			p.metrics.negative.Inc()
			return nil, ErrInvalid
		}
	}
	return p.flight.do(r.Context(), flightKey{key, allowExpired}, func(ctx context.Context) (*token.Token, error) {
		if p.CacheTime < 0 {
			return p.ask(ctx, text, allowExpired)
		}
		if t := p.lookUp(ctx, swift, key, text); t != nil {
			p.metrics.hits.Inc()
			return t, nil
		}
		t, err := p.ask(ctx, text, allowExpired)
		switch {
		case err == nil:
			p.store(ctx, swift, key, text, t)
		case errors.Is(err, ErrInvalid):
			p.unknown.Set(unknownKey(key, allowExpired), nil, p.now(), min(unknownTime, p.lifetime()))
		}
		return t, err
	})
}

// unknownKey tells apart what an expired token is asked for: one that is refused
// may be accepted with a service token.
func unknownKey(key tokencache.Key, allowExpired bool) tokencache.Key {
	if allowExpired {
		key[0] ^= 0xff
	}
	return key
}

// lifetime is token_cache_time; 0 stands for ever there, which for unknown
// tokens is as long as they are kept at most.
func (p *Protocol) lifetime() time.Duration {
	if p.CacheTime == 0 {
		return unknownTime
	}
	return seconds(p.CacheTime)
}

// lookUp asks the caches. What is in the process is good while the shared cache
// is away.
func (p *Protocol) lookUp(ctx context.Context, swift *swiftCache, key tokencache.Key, text string) *token.Token {
	var raw []byte
	var err error
	switch {
	case swift != nil:
		raw, err = swift.get(ctx, key)
	case p.shared != nil:
		raw, err = p.shared.Get(ctx, text)
	}
	if swift == nil && p.shared == nil || err != nil {
		t, _ := p.known.Get(key, p.now())
		return t
	}
	if raw == nil {
		return nil
	}
	t, err := token.Parse(raw)
	if err != nil {
		return nil
	}
	return t
}

func (p *Protocol) store(ctx context.Context, swift *swiftCache, key tokencache.Key, text string, t *token.Token) {
	p.known.Set(key, t, p.now(), seconds(p.CacheTime))
	switch { // an error is in the log and counted
	case swift != nil:
		_ = swift.set(ctx, key, t.Raw, seconds(p.CacheTime))
	case p.shared != nil:
		_ = p.shared.Set(ctx, text, t.Raw)
	}
}

// ask asks Keystone, unless that is known to be down.
func (p *Protocol) ask(ctx context.Context, text string, allowExpired bool) (*token.Token, error) {
	p.metrics.misses.Inc()
	if err := p.breaker.enter(p.now(), p.client.Patience()); err != nil {
		p.metrics.errors.Inc()
		return nil, err
	}
	raw, err := p.client.Validate(ctx, text, allowExpired)
	var failure error
	if errors.Is(err, ErrUnavailable) && !errors.Is(err, session.ErrAnswer) {
		failure = err
	}
	p.note(failure)
	switch {
	case errors.Is(err, session.ErrUnknown):
		return nil, ErrInvalid
	case err != nil:
		p.metrics.errors.Inc()
		if failure == nil {
			p.build.Logger().Error("keystone gave no answer about a token", "error", err)
		}
		return nil, err
	}
	t, err := token.Parse(raw)
	if err != nil {
		p.build.Logger().Warn("keystone describes a token in a way that cannot be used", "error", err)
		return nil, ErrInvalid
	}
	return t, nil
}

// note says in the log when Keystone goes and when it comes back.
func (p *Protocol) note(failure error) {
	first, back := p.breaker.leave(p.now(), failure)
	switch {
	case first:
		p.metrics.down.Set(1)
		p.build.Logger().Error("tokens cannot be checked", "error", failure)
	case back:
		p.metrics.down.Set(0)
		p.build.Logger().Info("keystone is back")
	}
}
