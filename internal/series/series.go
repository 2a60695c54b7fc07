// Package series registers the metrics of filters of which several instances
// may be built.
package series

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register gives the collector that is registered already, if there is one: a
// section that two pipelines name is built twice, and counts together. A nil
// registerer, as tests of factories have it, registers nothing.
func Register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	if reg == nil {
		return c, nil
	}
	err := reg.Register(c)
	if dup, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := dup.ExistingCollector.(C); ok {
			return existing, nil
		}
	}
	return c, err
}

// Counter registers a counter.
func Counter(reg prometheus.Registerer, name, help string) (prometheus.Counter, error) {
	return Register(reg, prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help}))
}

// CounterVec registers counters with one label, whose values are all there from
// the start.
func CounterVec(reg prometheus.Registerer, name, help, label string, values ...string) (*prometheus.CounterVec, error) {
	vec, err := Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label}))
	if err != nil {
		return nil, err
	}
	for _, value := range values {
		vec.WithLabelValues(value)
	}
	return vec, nil
}

// Gauge registers a gauge.
func Gauge(reg prometheus.Registerer, name, help string) (prometheus.Gauge, error) {
	return Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help}))
}
