// Package concurrency bounds how many requests are answered at once; further
// ones wait in a queue, and are refused when that is too long.
package concurrency

import (
	"errors"
	"net/http"
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
	Max        int               `paste:"max,required" help:"how many requests are answered at once, for each key, in each worker"`
	Queue      int               `paste:"queue" help:"how many more wait, for each key; further ones get 503"`
	Wait       time.Duration     `paste:"wait" help:"how long they wait, then they get 503"`
	Key        clients.Key       `paste:"key" help:"whose requests are counted together: all, address (IPv6: its /64), user, project or header:NAME"`
	Exempt     forwarded.Proxies `paste:"exempt" help:"addresses and networks that have no limit, unix for unix sockets"`
	RetryAfter time.Duration     `paste:"retry_after" help:"the Retry-After of a 503"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#concurrency", Options{Queue: 100, Wait: 10 * time.Second, RetryAfter: time.Second}, New,
		paste.Help("Answers so many requests at once, of all clients or of each; others wait in order, then get 503."),
		paste.Example(`
[filter:concurrency]
use = egg:wheatpaste#concurrency
max = 4
queue = 20
wait = 5
key = project
`))
}

type filter struct {
	Options
	gates      gates
	retryAfter string
	running    prometheus.Gauge
	waiting    prometheus.Gauge
	refused    *prometheus.CounterVec
	waited     prometheus.Histogram
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	switch {
	case o.Max < 1:
		return nil, paste.BadOption("max", "invalid number %d, want 1 or more", o.Max)
	case o.Queue < 0:
		return nil, paste.BadOption("queue", "invalid number %d, want 0 or more", o.Queue)
	case o.Queue > 0 && o.Wait <= 0:
		return nil, paste.BadOption("wait", "invalid time %s, want more than 0, or queue = 0", o.Wait)
	}
	f := &filter{Options: o, gates: gates{max: o.Max, queue: o.Queue, byKey: map[string]*gate{}}}
	f.retryAfter = strconv.FormatInt(int64(max((o.RetryAfter+time.Second-1)/time.Second, 1)), 10)
	return f.wrap, f.register(b.Registerer())
}

func (f *filter) register(reg prometheus.Registerer) error {
	var err1, err2, err3, err4 error
	f.running, err1 = series.Gauge(reg, "wheatpaste_concurrency_running", "Requests that have passed and are being answered.")
	f.waiting, err2 = series.Gauge(reg, "wheatpaste_concurrency_waiting", "Requests in the queues.")
	f.refused, err3 = series.CounterVec(reg, "wheatpaste_concurrency_refused_total",
		"Requests that did not pass: the queue was full, the wait was over, the client left.", "reason", "full", "timeout", "left")
	f.waited, err4 = series.Register(reg, prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "wheatpaste_concurrency_wait_seconds", Help: "Time that requests which passed spent in the queue.",
		Buckets: []float64{.001, .01, .1, .5, 1, 5, 10, 30},
	}))
	return errors.Join(err1, err2, err3, err4)
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if clients.Exempt(f.Exempt, r) {
			next.ServeHTTP(w, r)
			return
		}
		key := f.Key.Of(r)
		if reason := f.pass(key, r); reason != "" {
			f.refused.WithLabelValues(reason).Inc()
			f.refuse(w, r, reason)
			return
		}
		f.running.Inc()
		defer func() { // also when the application panics
			f.running.Dec()
			f.gates.leave(key)
		}()
		next.ServeHTTP(w, r)
	})
}

// pass waits for a place; it gives the reason when there is none.
func (f *filter) pass(key string, r *http.Request) (reason string) {
	turn, ok := f.gates.enter(key)
	switch {
	case !ok:
		return "full"
	case turn == nil:
		return ""
	}
	start := time.Now()
	f.waiting.Inc()
	defer f.waiting.Dec()
	timer := time.NewTimer(f.Wait)
	defer timer.Stop()
	select {
	case <-turn.ready:
		f.waited.Observe(time.Since(start).Seconds())
		return ""
	case <-timer.C:
		reason = "timeout"
	case <-r.Context().Done():
		reason = "left"
	}
	if f.gates.giveUp(key, turn) {
		return reason
	}
	// The place came at the same moment. Who left does not need it.
	if reason == "left" {
		f.gates.leave(key)
		return reason
	}
	return ""
}

// leftStatus is what logs and metrics show of a client that did not wait.
const leftStatus = 499

func (f *filter) refuse(w http.ResponseWriter, r *http.Request, reason string) {
	if reason == "left" {
		w.WriteHeader(leftStatus)
		return
	}
	w.Header().Set("Retry-After", f.retryAfter)
	webob.Page{Status: http.StatusServiceUnavailable, Explanation: "Too many requests are being answered. Try again after the time in Retry-After."}.Write(w, r)
}
