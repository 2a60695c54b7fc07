package protocol

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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

func newMetrics(reg prometheus.Registerer) *metrics {
	lookups := register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wheatpaste_keystone_token_lookups_total",
		Help: "Tokens by where their description came from: hit (cache), negative (cache, unknown to Keystone), miss (Keystone was asked), refused (too long to be one).",
	}, []string{"result"}))
	return &metrics{
		hits: lookups.WithLabelValues("hit"), misses: lookups.WithLabelValues("miss"),
		negative: lookups.WithLabelValues("negative"), oversized: lookups.WithLabelValues("refused"),
		cacheErrors: register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "wheatpaste_keystone_token_cache_errors_total",
			Help: "Operations that no server of the token cache answered.",
		})),
		latency: register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "wheatpaste_keystone_request_duration_seconds",
			Help:    "Requests to Keystone by operation and status; none stands for no answer.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"operation", "code"})),
		errors: register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "wheatpaste_keystone_unavailable_total",
			Help: "Tokens that could not be checked because Keystone was not available.",
		})),
		down: register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "wheatpaste_keystone_down",
			Help: "1 while Keystone cannot be reached.",
		})),
	}
}

// register gives the collector that stands there already, if there is one.
// Without a registerer it counts for nobody.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	var twice prometheus.AlreadyRegisteredError
	if reg != nil && errors.As(reg.Register(c), &twice) {
		if old, ok := twice.ExistingCollector.(C); ok {
			return old
		}
	}
	return c
}

// observe counts an answer of Keystone, whose codes are few.
func (m *metrics) observe(operation string, status int, d time.Duration) {
	code := "none"
	if status != 0 {
		code = strconv.Itoa(status)
	}
	m.latency.WithLabelValues(operation, code).Observe(d.Seconds())
}
