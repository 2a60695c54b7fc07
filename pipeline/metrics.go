package pipeline

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the series of design.md 9 that loaded applications keep.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	bytes    *prometheus.CounterVec
	filters  *prometheus.HistogramVec
	short    *prometheus.CounterVec
	panics   *prometheus.CounterVec
	sample   uint32

	mu   sync.Mutex
	apps map[string]*appSeries
}

// buckets are in seconds; native histograms are kept beside the classic ones.
var (
	requestBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	filterBuckets  = []float64{1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, .1, .5, 1, 5}
)

func newMetrics(reg prometheus.Registerer, sample int) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return registered(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels))
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return registered(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100}, labels))
	}
	return &metrics{
		requests: counter("wheatpaste_http_requests_total", "Finished requests.", "app", "method", "code"),
		duration: histogram("wheatpaste_http_request_duration_seconds", "Time from the request's head to the end of its answer.", requestBuckets, "app"),
		inFlight: registered(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "wheatpaste_http_requests_in_flight", Help: "Requests that are being answered."}, []string{"app"})),
		bytes:    counter("wheatpaste_http_response_bytes_total", "Bytes of the bodies sent.", "app"),
		filters:  histogram("wheatpaste_filter_duration_seconds", "Time that a filter took by itself, sampled.", filterBuckets, "pipeline", "filter"),
		short:    counter("wheatpaste_filter_short_circuits_total", "Requests that a filter answered in place of the application.", "pipeline", "filter", "code"),
		panics:   counter("wheatpaste_filter_panics_total", "Panics that began in a filter.", "pipeline", "filter"),
		sample:   uint32(max(sample, 1)),
		apps:     map[string]*appSeries{},
	}
}

// registered registers a collector, or gives the one that is registered
// already.
func registered[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	err := reg.Register(c)
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		return already.ExistingCollector.(C)
	}
	if err != nil {
		panic(err) // a mistake in this file
	}
	return c
}

// methods are the values of the label method; all others are "other".
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodConnect, http.MethodTrace, "COPY", "other",
}

func methodLabel(method string) string {
	for _, m := range methods {
		if m == method {
			return m
		}
	}
	return "other"
}

// appSeries are the series of one value of the label app.
type appSeries struct {
	name     string
	duration prometheus.Observer
	inFlight prometheus.Gauge
	bytes    prometheus.Counter
	requests counters // by method and code
}

func (m *metrics) app(name string) *appSeries {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.apps[name]; s != nil {
		return s
	}
	s := &appSeries{
		name:     name,
		duration: m.duration.WithLabelValues(name),
		inFlight: m.inFlight.WithLabelValues(name),
		bytes:    m.bytes.WithLabelValues(name),
	}
	s.requests.make = func(method, code string) prometheus.Counter {
		return m.requests.WithLabelValues(name, method, code)
	}
	s.requests.get(http.MethodGet, http.StatusOK) // exists from the start, at 0
	m.apps[name] = s
	return s
}

// chainSeries are the series of one pipeline, by filter.
type chainSeries struct {
	durations []prometheus.Observer
	panics    []prometheus.Counter
	short     []*counters // by code
}

func (m *metrics) chain(pipeline string, items []string) *chainSeries {
	s := &chainSeries{}
	for _, item := range items {
		s.durations = append(s.durations, m.filters.WithLabelValues(pipeline, item))
		s.panics = append(s.panics, m.panics.WithLabelValues(pipeline, item))
		s.short = append(s.short, &counters{make: func(_, code string) prometheus.Counter {
			return m.short.WithLabelValues(pipeline, item, code)
		}})
	}
	return s
}

// counters finds counters by method and code. There are few of them, so that a
// scan beats a look-up by labels.
type counters struct {
	make  func(method, code string) prometheus.Counter
	known atomic.Pointer[[]codeCounter]
	mu    sync.Mutex
}

type codeCounter struct {
	method  string
	code    int
	counter prometheus.Counter
}

func (s *counters) get(method string, code int) prometheus.Counter {
	if list := s.known.Load(); list != nil {
		for i := range *list {
			if c := &(*list)[i]; c.code == code && c.method == method {
				return c.counter
			}
		}
	}
	method = methodLabel(method) // else the client would choose what is kept
	c := s.make(method, strconv.Itoa(code))
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []codeCounter
	if old := s.known.Load(); old != nil {
		list = append(list, *old...)
	}
	if len(list) < maxKnown && !slices.ContainsFunc(list, func(k codeCounter) bool { return k.counter == c }) {
		list = append(list, codeCounter{method, code, c})
		s.known.Store(&list)
	}
	return c
}

// maxKnown is from where on a look-up by labels is as fast.
const maxKnown = 64
