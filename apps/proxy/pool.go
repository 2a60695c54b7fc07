package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/paste"
)

// balance says which of several upstreams gets a request.
type balance string

const (
	roundRobin       balance = "round_robin"
	leastConnections balance = "least_connections"
)

// OptionType is the word for it in lists of options.
func (balance) OptionType() string { return "word" }

// UnmarshalText reads a word.
func (x *balance) UnmarshalText(text []byte) error {
	switch word := balance(text); word {
	case roundRobin, leastConnections:
		*x = word
		return nil
	}
	return fmt.Errorf("invalid value %q, want round_robin or least_connections", text)
}

// String writes the word.
func (x balance) String() string { return string(x) }

// pool is the transport to several upstreams: it chooses one for each request,
// and another one when that fails and the request may be sent again.
type pool struct {
	members []*member
	balance balance
	retries int
	budget  *budget
	turn    atomic.Uint64
	retried prometheus.Counter
	denied  prometheus.Counter
}

func newPooled(b *paste.Build, o Options, addresses []string) (http.Handler, error) {
	if err := o.checkPool(); err != nil {
		return nil, err
	}
	if len(addresses) > maxMembers {
		return nil, paste.BadOption("address", "%d URLs, want at most %d", len(addresses), maxMembers)
	}
	p := &pool{balance: o.Balance, retries: o.Retries, budget: newBudget(o.RetryBudget)}
	m, err := newPoolMetrics(b, p)
	if err != nil {
		return nil, err
	}
	checked := &upstream{}
	for _, address := range addresses {
		up, err := parseAddress(address, true)
		if err != nil {
			return nil, err
		}
		if checked.scheme != "https" {
			checked = up // one with TLS, if there is one: it uses the certificates
		}
		p.members = append(p.members, newMember(b, o, up, m, len(addresses) > 1))
	}
	if err := o.check(b, checked); err != nil {
		return nil, err
	}
	h := newRewriter(o, p.members[0].up)
	h.pool, h.join, h.refuse = p, joinBelow, refuseWith405
	h.reverse = newReverse(b.Logger(), p)
	h.reverse.Rewrite = h.rewrite
	h.reverse.ErrorHandler = p.fail(b.Logger())
	return h, nil
}

func (o *Options) checkPool() error {
	switch {
	case o.Retries < 0:
		return paste.BadOption("retries", "invalid number %d, want 0 or more", o.Retries)
	case o.RetryBudget < 0 || o.RetryBudget > 100:
		return paste.BadOption("retry_budget", "invalid number %d, want 0 to 100", o.RetryBudget)
	case o.MaxFails < 0:
		return paste.BadOption("max_fails", "invalid number %d, want 0 or more", o.MaxFails)
	case o.HealthPath != "" && !strings.HasPrefix(o.HealthPath, "/"):
		return paste.BadOption("health_path", "invalid path %q, want one that begins with a slash", o.HealthPath)
	case o.HealthInterval <= 0:
		return paste.BadOption("health_interval", "invalid time %s, want more than 0", o.HealthInterval)
	case o.HealthTimeout <= 0:
		return paste.BadOption("health_timeout", "invalid time %s, want more than 0", o.HealthTimeout)
	}
	return nil
}

// call is one request on its way through a pool; it stands in its context.
type call struct {
	in *url.URL // as the client wrote it
	at *member  // that it is with
}

type callKey struct{}

// serve passes a request on; the upstream it is with is busy until the answer
// has been sent, or the WebSocket has ended.
func (p *pool) serve(proxy *httputil.ReverseProxy, w http.ResponseWriter, r *http.Request) {
	c := &call{in: r.URL}
	defer func() { // ReverseProxy panics when an answer breaks off
		c.move(nil)
	}()
	proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
}

// move takes a request from one upstream to another one.
func (c *call) move(to *member) {
	if c.at != nil {
		c.at.leave()
	}
	if c.at = to; to != nil {
		to.enter()
	}
}

// fail answers when no upstream did.
func (p *pool) fail(logger *slog.Logger) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		name := "none"
		if c, ok := r.Context().Value(callKey{}).(*call); ok && c.at != nil {
			name = c.at.name
		}
		fail(logger, name)(w, r, err)
	}
}

// RoundTrip sends a request, if need be to several upstreams in turn.
func (p *pool) RoundTrip(r *http.Request) (*http.Response, error) {
	c, ok := r.Context().Value(callKey{}).(*call)
	if !ok {
		return nil, errors.New("a request did not come through its proxy")
	}
	p.budget.earn()
	body := hold(r)
	defer body.release()
	var tried uint64
	for try := 0; ; try++ {
		index := p.choose(tried)
		tried |= 1 << index
		m := p.members[index]
		c.move(m)
		resp, err := m.transport.RoundTrip(m.request(r, c.in, body))
		m.note(r.Context(), err)
		if try >= p.retries || int(tried) == 1<<len(p.members)-1 || !repeatable(r, body, resp, err) {
			return resp, err
		}
		if !p.budget.spend() {
			p.denied.Inc()
			return resp, err
		}
		p.retried.Inc()
		if resp != nil {
			_ = resp.Body.Close()
		}
	}
}

// repeatable reports whether a request may be sent once more: it has not reached
// an upstream; or it changes nothing (RFC 9110 9.2.1) and has no body. What took
// too long is not repeated, that would take twice as long.
func repeatable(r *http.Request, body *heldBody, resp *http.Response, err error) bool {
	if r.Context().Err() != nil {
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return !body.wasRead()
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	if !safe || body != nil || r.Header.Get("Upgrade") != "" {
		return false
	}
	if err != nil {
		var timeout net.Error
		return !errors.As(err, &timeout) || !timeout.Timeout()
	}
	return resp.StatusCode >= http.StatusBadGateway && resp.StatusCode <= http.StatusGatewayTimeout
}

// maxMembers is how many upstreams a pool has room for.
const maxMembers = 62

// choose picks an upstream that was not tried yet: one that is well, or if none
// is, any, because it is better to ask than to refuse.
func (p *pool) choose(tried uint64) int {
	now := time.Now()
	start := int((p.turn.Add(1) - 1) % uint64(len(p.members)))
	best, bestWell, bestActive := -1, false, int64(0)
	for i := range p.members {
		index := (start + i) % len(p.members)
		if tried&(1<<index) != 0 {
			continue
		}
		m := p.members[index]
		well, active := m.well(now), m.active.Load()
		better := best < 0 || well && !bestWell || well == bestWell && p.balance == leastConnections && active < bestActive
		if better {
			best, bestWell, bestActive = index, well, active
		}
	}
	return best
}
