// Package metrics is a filter that counts and times what lies below it.
package metrics

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Name string `paste:"name" help:"value of the label name; empty: the name of the section"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#metrics", Options{}, New,
		paste.Help("Counts and times the requests that pass it: by method and code, with their duration, length and number in flight."),
		paste.Example(`
[filter:measure]
use = egg:wheatpaste#metrics
name = uploads
`))
}

// New measures what lies below. Sections, and references to one section, that
// share a name share their series.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	s, err := newSeries(b.Registerer(), cmp.Or(o.Name, b.Name()))
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.inFlight.Inc()
			rec := newRecorder(w, r)
			start, returned := time.Now(), false
			defer func() {
				s.inFlight.Dec()
				s.duration.Observe(time.Since(start).Seconds())
				s.bytes.Add(float64(rec.bytes.Load()))
				s.counter(r.Method, rec.final(returned)).Inc()
			}()
			next.ServeHTTP(rec, r)
			returned = true
		})
	}, nil
}

// buckets are in seconds; a native histogram is kept beside them.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// counts are the metrics of one name, resolved when the filter is made.
type counts struct {
	name     string
	requests *prometheus.CounterVec
	inFlight prometheus.Gauge
	duration prometheus.Observer
	bytes    prometheus.Counter
	counters [len(methods)][lastCode - firstCode + 1]atomic.Pointer[prometheus.Counter]
}

// methods are the values of the label method; whatever else a client sends is
// the last one, so that no label grows with traffic.
var methods = [...]string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodConnect, http.MethodTrace, "COPY", "other",
}

// The codes whose counters are kept; there may be others, up to 999.
const (
	firstCode = 100
	lastCode  = 599
)

func newSeries(reg prometheus.Registerer, name string) (*counts, error) {
	requests, err1 := series.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wheatpaste_metrics_requests_total", Help: "Finished requests that passed the filter.",
	}, []string{"name", "method", "code"}))
	inFlight, err2 := series.Register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "wheatpaste_metrics_requests_in_flight", Help: "Requests that are being answered below the filter.",
	}, []string{"name"}))
	duration, err3 := series.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "wheatpaste_metrics_request_duration_seconds", Help: "Time that requests took below the filter.",
		Buckets: buckets, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		NativeHistogramMinResetDuration: time.Hour,
	}, []string{"name"}))
	bytes, err4 := series.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wheatpaste_metrics_response_bytes_total", Help: "Bytes of the bodies that were written below the filter.",
	}, []string{"name"}))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	s := &counts{
		name: name, requests: requests,
		inFlight: inFlight.WithLabelValues(name), duration: duration.WithLabelValues(name), bytes: bytes.WithLabelValues(name),
	}
	s.counter(http.MethodGet, http.StatusOK) // is there from the start, at 0
	return s, nil
}

// counter gives the counter of a method and a code; only the first request of
// its kind looks it up by labels.
func (s *counts) counter(method string, code int) prometheus.Counter {
	m := methodIndex(method)
	if code < firstCode || code > lastCode {
		return s.requests.WithLabelValues(s.name, methods[m], strconv.Itoa(code))
	}
	slot := &s.counters[m][code-firstCode]
	if c := slot.Load(); c != nil {
		return *c
	}
	c := s.requests.WithLabelValues(s.name, methods[m], strconv.Itoa(code))
	slot.Store(&c)
	return c
}

func methodIndex(method string) int {
	for i, m := range methods {
		if m == method {
			return i
		}
	}
	return len(methods) - 1
}

// codeClientClosed is nginx's code for a client that did not wait.
const codeClientClosed = 499

// clientGone reports whether the client left. A deadline is another matter.
func clientGone(r *http.Request) bool {
	return errors.Is(r.Context().Err(), context.Canceled)
}
