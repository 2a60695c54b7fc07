package protocol

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/series"
)

// metrics are those of one section. A section that stands twice in a pipeline
// has two filters and one set of series.
type metrics struct {
	hits, misses, negative, oversized prometheus.Counter
	cacheErrors                       prometheus.Counter
	latency                           *prometheus.HistogramVec
	errors                            prometheus.Counter
	down                              prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	lookups, err1 := series.CounterVec(reg, "wheatpaste_keystone_token_lookups_total",
		"Tokens by where their description came from: hit (cache), negative (cache, unknown to Keystone), miss (Keystone was asked), refused (too long to be one).",
		"result", "hit", "miss", "negative", "refused")
	cacheErrors, err2 := series.Counter(reg, "wheatpaste_keystone_token_cache_errors_total", "Operations that no server of the token cache answered.")
	latency, err3 := series.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "wheatpaste_keystone_request_duration_seconds",
		Help:    "Requests to Keystone by operation and status; none stands for no answer.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"operation", "code"}))
	unavailable, err4 := series.Counter(reg, "wheatpaste_keystone_unavailable_total", "Tokens that could not be checked because Keystone was not available.")
	down, err5 := series.Gauge(reg, "wheatpaste_keystone_down", "1 while Keystone cannot be reached.")
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	return &metrics{
		hits: lookups.WithLabelValues("hit"), misses: lookups.WithLabelValues("miss"),
		negative: lookups.WithLabelValues("negative"), oversized: lookups.WithLabelValues("refused"),
		cacheErrors: cacheErrors, latency: latency, errors: unavailable, down: down,
	}, nil
}

// observe counts an answer of Keystone, whose codes are few.
func (m *metrics) observe(operation string, status int, d time.Duration) {
	code := "none"
	if status != 0 {
		code = strconv.Itoa(status)
	}
	m.latency.WithLabelValues(operation, code).Observe(d.Seconds())
}
