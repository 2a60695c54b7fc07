// Package ratelimit refuses requests of clients that send too many.
package ratelimit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/filters/internal/clients"
	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Rate         Rate              `paste:"rate,required" help:"how many requests in what time: 10/second, 100/minute, 5/30s"`
	Burst        int               `paste:"burst" help:"how many may come at once; 0: as many as rate has"`
	Key          clients.Key       `paste:"key" help:"whose requests are counted together: address (IPv6: its /64), user, project, header:NAME, or all"`
	Exempt       forwarded.Proxies `paste:"exempt" help:"addresses and networks that have no limit, unix for unix sockets"`
	Methods      []string          `paste:"methods" help:"methods that are counted; empty for all"`
	MaxKeys      int               `paste:"max_keys" help:"how many clients a worker remembers; the one that was longest away is forgotten first"`
	Redis        string            `paste:"redis,secret" help:"redis://[user:password@]host[:port][/db], rediss:// or unix:///path: all workers and machines count together there"`
	RedisPrefix  string            `paste:"redis_prefix" help:"begins the keys in Redis; limits with the same prefix and policy are one"`
	RedisTimeout time.Duration     `paste:"redis_timeout" help:"how long a request waits for Redis"`
	OnError      onError           `paste:"on_error" help:"while Redis is away: allow all, deny all (503), or count in each worker (local)"`
	Policy       string            `paste:"policy" help:"the name in the RateLimit headers; empty: the name of the section"`
	Headers      bool              `paste:"headers" help:"send RateLimit and RateLimit-Policy"`
	XHeaders     bool              `paste:"x_headers" help:"send X-RateLimit-Limit, -Remaining and -Reset"`
	Body         string            `paste:"body" help:"the body of a 429; empty: a page, JSON for those who ask for it"`
	ContentType  string            `paste:"content_type" help:"the type of body"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#ratelimit", Options{
		Key: clients.Address, MaxKeys: 100000, RedisPrefix: "wheatpaste:ratelimit:", RedisTimeout: 100 * time.Millisecond,
		OnError: failAllow, Headers: true, ContentType: "text/plain; charset=utf-8",
	}, New,
		paste.Help("Answers 429 to clients that send more requests than a rate, by address, user, project or header; in each worker, or shared by Redis."),
		paste.Example(`
[filter:ratelimit]
use = egg:wheatpaste#ratelimit
rate = 100/minute
burst = 20
key = project
exempt = 127.0.0.1 10.0.0.0/8
redis = redis://127.0.0.1:6379/0
on_error = local
`))
}

// onError says what becomes of requests while Redis is away.
type onError string

const (
	failAllow onError = "allow"
	failDeny  onError = "deny"
	failLocal onError = "local"
)

// OptionType is the word for it in lists of options.
func (onError) OptionType() string { return "word" }

// UnmarshalText reads a word.
func (e *onError) UnmarshalText(text []byte) error {
	switch word := onError(text); word {
	case failAllow, failDeny, failLocal:
		*e = word
		return nil
	}
	return fmt.Errorf("invalid value %q, want allow, deny or local", text)
}

// String writes the word.
func (e onError) String() string { return string(e) }

type filter struct {
	Options
	limit                                  limit
	local                                  *local
	shared                                 *shared // nil without Redis
	policy                                 []string
	name                                   string // quoted, as RateLimit has it
	limits                                 []string
	results                                *prometheus.CounterVec
	allowed, limited, exempt, open, closed prometheus.Counter
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	f := &filter{Options: o, limit: newLimit(o.Rate, o.Burst)}
	name := cmp.Or(o.Policy, b.Name())
	if !validPolicy(name) {
		return nil, paste.BadOption("policy", "invalid name %q, want printable ASCII", name)
	}
	f.name = quote(name)
	f.policy = []string{f.name + ";q=" + strconv.Itoa(f.limit.burst) + ";w=" + strconv.FormatInt(ceilSeconds(f.limit.window()), 10)}
	f.limits = []string{strconv.Itoa(f.limit.burst)}
	if err := f.register(b); err != nil {
		return nil, err
	}
	if o.Redis != "" {
		var err error
		if f.shared, err = newShared(b, o, f.limit, name); err != nil {
			return nil, err
		}
	}
	return f.wrap, nil
}

func (o *Options) check() error {
	switch {
	case o.Burst < 0 || o.Burst > maxCount:
		return paste.BadOption("burst", "invalid number %d, want 0 to %d", o.Burst, maxCount)
	case o.MaxKeys < 1:
		return paste.BadOption("max_keys", "invalid number %d, want 1 or more", o.MaxKeys)
	case o.RedisTimeout <= 0:
		return paste.BadOption("redis_timeout", "invalid time %s, want more than 0", o.RedisTimeout)
	}
	return nil
}

func (f *filter) register(b *paste.Build) error {
	reg := b.Registerer()
	var err1, err2, err3 error
	f.results, err1 = series.CounterVec(reg, "wheatpaste_ratelimit_requests_total",
		"Requests by what the limit made of them; open and closed are those while Redis was away.", "result", "allowed", "limited", "exempt", "open", "closed")
	evicted, err2 := series.Counter(reg, "wheatpaste_ratelimit_evicted_keys_total", "Clients that were forgotten before their time because there were more than max_keys.")
	keys, err3 := series.Gauge(reg, "wheatpaste_ratelimit_keys", "Clients that are remembered.")
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	f.local = newLocal(f.MaxKeys, keys, evicted)
	f.allowed, f.limited, f.exempt = f.results.WithLabelValues("allowed"), f.results.WithLabelValues("limited"), f.results.WithLabelValues("exempt")
	f.open, f.closed = f.results.WithLabelValues("open"), f.results.WithLabelValues("closed")
	return nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if clients.Exempt(f.Exempt, r) || len(f.Methods) > 0 && !slices.Contains(f.Methods, r.Method) {
			f.exempt.Inc()
			next.ServeHTTP(w, r)
			return
		}
		v, ok := f.take(r)
		switch {
		case !ok && f.OnError == failDeny:
			f.closed.Inc()
			w.Header().Set("Retry-After", "1")
			webob.Page{Status: http.StatusServiceUnavailable, Explanation: "The rate of requests cannot be checked at the moment."}.Write(w, r)
			return
		case !ok:
			f.open.Inc()
			next.ServeHTTP(w, r)
			return
		}
		f.tell(w.Header(), v)
		if !v.ok {
			f.limited.Inc()
			f.refuse(w, r, v)
			return
		}
		f.allowed.Inc()
		next.ServeHTTP(w, r)
	})
}

// take takes one request from what its client has left; false when nobody knows.
func (f *filter) take(r *http.Request) (verdict, bool) {
	key := f.Key.Of(r)
	if f.shared == nil {
		return f.local.take(key, f.limit, time.Now().UnixNano()), true
	}
	v, err := f.shared.take(r.Context(), key)
	if err == nil {
		return v, true
	}
	if f.OnError == failLocal || errors.Is(err, context.Canceled) {
		return f.local.take(key, f.limit, time.Now().UnixNano()), true
	}
	return verdict{}, false
}

// tell writes the headers of draft-ietf-httpapi-ratelimit-headers-10, and those
// that came before it.
func (f *filter) tell(h http.Header, v verdict) {
	remaining := strconv.Itoa(v.remaining)
	reset := strconv.FormatInt(ceilSeconds(v.reset), 10)
	if f.Headers {
		h["Ratelimit-Policy"] = f.policy
		h["Ratelimit"] = []string{f.name + ";r=" + remaining + ";t=" + reset}
	}
	if f.XHeaders {
		h["X-Ratelimit-Limit"] = f.limits
		h["X-Ratelimit-Remaining"] = []string{remaining}
		h["X-Ratelimit-Reset"] = []string{reset}
	}
}

func (f *filter) refuse(w http.ResponseWriter, r *http.Request, v verdict) {
	h := w.Header()
	h.Set("Retry-After", strconv.FormatInt(max(ceilSeconds(v.retry), 1), 10))
	if f.Body == "" {
		webob.Page{Status: http.StatusTooManyRequests, Explanation: "Too many requests. Try again after the time in Retry-After."}.Write(w, r)
		return
	}
	h.Set("Content-Type", f.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(f.Body)))
	w.WriteHeader(http.StatusTooManyRequests)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(f.Body)) // the client may have gone
	}
}

func ceilSeconds(nanoseconds int64) int64 {
	return (nanoseconds + int64(time.Second) - 1) / int64(time.Second)
}
