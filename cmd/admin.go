package cmd

import (
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
)

// adminHandler answers on the admin address. What it shows is the sum over all
// workers, which the master reads from their memory.
func adminHandler(board *scoreboard.Board, master control.Master) http.Handler {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(board.Collector(), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mux.HandleFunc("GET /healthcheck", func(w http.ResponseWriter, _ *http.Request) {
		switch master.Status().State {
		case control.Running, control.Reloading:
			_, _ = io.WriteString(w, "OK\n")
		default:
			http.Error(w, "DRAINING", http.StatusServiceUnavailable)
		}
	})
	return mux
}
