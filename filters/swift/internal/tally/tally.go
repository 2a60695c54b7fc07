// Package tally registers the counters of Swift's filters: a filter that stands
// twice in a pipeline has two instances and one set of series.
package tally

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Counter registers a counter, or gives the one that is registered already.
// Without a registerer it counts for nobody.
func Counter(reg prometheus.Registerer, name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	if old, ok := registered(reg, c).(prometheus.Counter); ok {
		return old
	}
	return c
}

// Vector is Counter with one label.
func Vector(reg prometheus.Registerer, name, help, label string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	if old, ok := registered(reg, c).(*prometheus.CounterVec); ok {
		return old
	}
	return c
}

// registered registers c and gives the collector that stood there before.
func registered(reg prometheus.Registerer, c prometheus.Collector) prometheus.Collector {
	if reg == nil {
		return nil
	}
	if twice, ok := errors.AsType[prometheus.AlreadyRegisteredError](reg.Register(c)); ok {
		return twice.ExistingCollector
	}
	return nil
}
