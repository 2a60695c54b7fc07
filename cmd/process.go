package cmd

import (
	"encoding/hex"
	"io"
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
)

// registerProcess adds the metrics of the process to those of the pipelines.
func registerProcess(loader *pipeline.Loader, p *plan.Plan, servers []*service.Server) {
	loader.Gatherer() // makes the registry
	version, revision := buildVersion()
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "wheatpaste_build_info", Help: "What this program was built from."}, []string{"version", "revision", "goversion"})
	build.WithLabelValues(version, revision, runtime.Version()).Set(1)
	files := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "wheatpaste_config_info", Help: "The files that were loaded."}, []string{"file", "sha256"})
	for _, f := range p.Files {
		files.WithLabelValues(f.Path, hex.EncodeToString(f.SHA256[:])).Set(1)
	}
	loader.Metrics.MustRegister(build, files, connections{servers},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}

// connections collects what the servers count.
type connections struct{ servers []*service.Server }

var connectionsDesc = prometheus.NewDesc("wheatpaste_connections", "Open connections.", []string{"server", "state"}, nil)

// Describe is for the registry.
func (c connections) Describe(ch chan<- *prometheus.Desc) { ch <- connectionsDesc }

// Collect reads the counts.
func (c connections) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.servers {
		st := s.Stats()
		for state, n := range map[string]int{"new": st.New, "active": st.Active, "idle": st.Idle, "hijacked": st.Hijacked} {
			ch <- prometheus.MustNewConstMetric(connectionsDesc, prometheus.GaugeValue, float64(n), s.Group.Name, state)
		}
	}
}

// adminHandler answers on the admin address.
func adminHandler(loader *pipeline.Loader) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(loader.Gatherer(), promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mux.HandleFunc("GET /healthcheck", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "OK\n")
	})
	return mux
}
