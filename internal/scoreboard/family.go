package scoreboard

import "github.com/prometheus/client_golang/prometheus"

// Family is one of the metrics of design.md 9: a name, and labels that tell
// its series apart.
type Family struct {
	Name   string
	Help   string
	Labels []string

	id     uint32 // in the memory; never given to another family
	kind   kind
	scale  *scale // of a histogram
	desc   *prometheus.Desc
	values int // words of a series
}

type kind uint8

const (
	counterKind kind = iota
	gaugeKind
	histogramKind
)

// The families. Their numbers are part of the layout.
var (
	Requests       = counter(1, "wheatpaste_http_requests_total", "Finished requests.", "app", "method", "code")
	Duration       = histogram(2, requestBuckets, "wheatpaste_http_request_duration_seconds", "Time from the request's head to the end of its answer.", "app")
	InFlight       = gauge(3, "wheatpaste_http_requests_in_flight", "Requests that are being answered.", "app")
	Bytes          = counter(4, "wheatpaste_http_response_bytes_total", "Bytes of the bodies sent.", "app")
	FilterDuration = histogram(5, filterBuckets, "wheatpaste_filter_duration_seconds", "Time that a filter took by itself, sampled.", "pipeline", "filter")
	ShortCircuits  = counter(6, "wheatpaste_filter_short_circuits_total", "Requests that a filter answered in place of the application.", "pipeline", "filter", "code")
	FilterPanics   = counter(7, "wheatpaste_filter_panics_total", "Panics that began in a filter.", "pipeline", "filter")
	Workers        = gauge(8, "wheatpaste_workers", "Worker processes.", "server", "state")
	WorkerExits    = counter(9, "wheatpaste_worker_exits_total", "Worker processes that ended.", "server", "reason")
	Reloads        = counter(10, "wheatpaste_reloads_total", "Reloads that were asked for.", "result")
	Connections    = gauge(11, "wheatpaste_connections", "Open connections.", "server", "state")
	DrainCut       = counter(12, "wheatpaste_drain_cut_requests_total", "Requests that were cut when a drain ended.", "server")
	BuildInfo      = gauge(13, "wheatpaste_build_info", "What this program was built from.", "version", "revision", "goversion")
	ConfigInfo     = gauge(14, "wheatpaste_config_info", "The files that were loaded.", "file", "sha256")

	CertificateExpiry = gauge(15, "wheatpaste_certificate_expiry_timestamp_seconds", "When a server's certificate, or one of its chain, ends.", "server", "certificate")
)

// families has every family at its number.
var families = [...]*Family{
	1: Requests, Duration, InFlight, Bytes, FilterDuration, ShortCircuits, FilterPanics,
	Workers, WorkerExits, Reloads, Connections, DrainCut, BuildInfo, ConfigInfo, CertificateExpiry,
}

// The buckets for those who do not read native histograms, in seconds.
var (
	requestBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	filterBuckets  = []float64{1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, .1, .5, 1, 5}
)

func counter(id uint32, name, help string, labels ...string) *Family {
	return &Family{Name: name, Help: help, Labels: labels, id: id, kind: counterKind, values: 1, desc: prometheus.NewDesc(name, help, labels, nil)}
}

func gauge(id uint32, name, help string, labels ...string) *Family {
	f := counter(id, name, help, labels...)
	f.kind = gaugeKind
	return f
}

func histogram(id uint32, buckets []float64, name, help string, labels ...string) *Family {
	f := counter(id, name, help, labels...)
	f.kind, f.scale = histogramKind, newScale(buckets)
	f.values = 1 + f.scale.cells() // the sum comes first
	return f
}
