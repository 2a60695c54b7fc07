package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/paste"
)

// member is one upstream of a pool.
type member struct {
	name      string
	up        *upstream
	transport *http.Transport
	log       *slog.Logger
	active    atomic.Int64

	maxFails    int // 0: failures are not counted
	failTimeout time.Duration
	mu          sync.Mutex
	fails       int       // in a row
	out         time.Time // left out until then
	checkFails  int       // health checks in a row
	sick        bool      // say the health checks

	upGauge, activeGauge prometheus.Gauge
	answered, failed     prometheus.Counter
}

// poolMetrics are those of a pool, with a label for the upstream, whose values
// come from the file.
type poolMetrics struct {
	up, active *prometheus.GaugeVec
	requests   *prometheus.CounterVec
}

func newPoolMetrics(b *paste.Build, p *pool) (*poolMetrics, error) {
	reg, label := b.Registerer(), []string{"upstream"}
	up, err1 := series.Register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "wheatpaste_proxy_upstream_up", Help: "1 for an upstream that requests are sent to, 0 for one that is left out."}, label))
	active, err2 := series.Register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "wheatpaste_proxy_upstream_active", Help: "Requests that an upstream is answering."}, label))
	requests, err3 := series.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wheatpaste_proxy_upstream_requests_total", Help: "Requests that were sent to an upstream, by whether it answered."}, []string{"upstream", "result"}))
	var err4, err5 error
	p.retried, err4 = series.Counter(reg, "wheatpaste_proxy_retries_total", "Requests that were sent to one more upstream.")
	p.denied, err5 = series.Counter(reg, "wheatpaste_proxy_retries_denied_total", "Retries that retry_budget did not allow.")
	return &poolMetrics{up, active, requests}, errors.Join(err1, err2, err3, err4, err5)
}

func newMember(b *paste.Build, o Options, up *upstream, metrics *poolMetrics, several bool) *member {
	name := up.String()
	m := &member{
		name: name, up: up, transport: startTransport(b, o, up), log: b.Logger(), failTimeout: o.FailTimeout,
		upGauge: metrics.up.WithLabelValues(name), activeGauge: metrics.active.WithLabelValues(name),
		answered: metrics.requests.WithLabelValues(name, "answered"), failed: metrics.requests.WithLabelValues(name, "failed"),
	}
	if several { // the only one is never left out
		m.maxFails = o.MaxFails
	}
	m.upGauge.Set(1)
	if o.HealthPath != "" {
		c := &checker{m: m, path: o.HealthPath, interval: o.HealthInterval, timeout: o.HealthTimeout}
		b.Go(c.run)
	}
	return m
}

func (m *member) enter() {
	m.active.Add(1)
	m.activeGauge.Inc()
}

func (m *member) leave() {
	m.active.Add(-1)
	m.activeGauge.Dec()
}

// request makes the request for this upstream.
func (m *member) request(r *http.Request, in *url.URL, body *heldBody) *http.Request {
	out := new(*r)
	out.URL = new(*r.URL)
	m.up.locate(out.URL, in, joinBelow)
	if body != nil {
		out.Body = body
	}
	return out
}

// note counts how it went. What the client is to blame for says nothing about
// the upstream.
func (m *member) note(ctx context.Context, err error) {
	var large *http.MaxBytesError
	switch {
	case err == nil:
		m.answered.Inc()
		m.recover()
	case ctx.Err() != nil || errors.As(err, &large):
	default:
		m.failed.Inc()
		m.stumble(err)
	}
}

func (m *member) stumble(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.maxFails == 0 {
		return
	}
	if m.fails++; m.fails < m.maxFails {
		return
	}
	now := time.Now()
	if !now.Before(m.out) {
		m.log.Warn("an upstream is left out", "upstream", m.name, "for", m.failTimeout, "failures", m.fails, "error", err)
	}
	m.out = now.Add(m.failTimeout)
	m.upGauge.Set(0)
}

func (m *member) recover() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails >= m.maxFails && m.maxFails > 0 {
		m.log.Info("an upstream answers again", "upstream", m.name)
	}
	m.fails, m.out = 0, time.Time{}
	if !m.sick {
		m.upGauge.Set(1)
	}
}

// well reports whether requests should be sent here. One whose time is over is
// tried again, and left out anew by its first failure.
func (m *member) well(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.sick && !now.Before(m.out)
}

// checker asks an upstream every now and then.
type checker struct {
	m                 *member
	path              string
	interval, timeout time.Duration
}

// checkFails is how many health checks must fail in a row; one that succeeds is
// enough to be well again.
const checkFails = 2

func (c *checker) run(ctx context.Context) {
	tick := time.NewTicker(c.interval)
	defer tick.Stop()
	for {
		err := c.check(ctx)
		if ctx.Err() != nil {
			return
		}
		c.m.diagnose(err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

var errStatus = errors.New("the status is not 2xx or 3xx")

// maxHealthBody is how much of an answer is read, so that the connection can be
// used again.
const maxHealthBody = 64 << 10

func (c *checker) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	path, query, _ := strings.Cut(c.path, "?")
	u := &url.URL{}
	c.m.up.locate(u, &url.URL{Path: path, RawQuery: query}, joinBelow)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "wheatpaste-health-check")
	resp, err := c.m.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxHealthBody)
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 399 {
		return errStatus
	}
	return nil
}

func (m *member) diagnose(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		if m.sick {
			m.log.Info("an upstream is well again", "upstream", m.name)
		}
		m.checkFails, m.sick = 0, false
		if !time.Now().Before(m.out) {
			m.upGauge.Set(1)
		}
		return
	}
	if m.checkFails++; m.checkFails < checkFails || m.sick {
		return
	}
	m.sick = true
	m.upGauge.Set(0)
	m.log.Warn("an upstream is not well", "upstream", m.name, "error", err)
}
