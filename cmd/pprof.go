package cmd

import (
	"context"
	"io"
	"net/http"
	"net/http/pprof"
	"os"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/report"
)

// profiler is a master with workers of which it can have profiles.
type profiler interface {
	Profile(ctx context.Context, server string, slot int, name string, seconds, debug int) ([]byte, error)
}

// addProfiles answers under /debug/pprof/ for this process, and under
// /debug/pprof/worker/SLOT/ for the workers.
func addProfiles(mux *http.ServeMux, master control.Master) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/cmdline", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Join(report.Arguments(os.Args), "\x00")) // pprof's own shows secrets
	})
	p, ok := master.(profiler)
	if !ok {
		return
	}
	mux.HandleFunc("GET /debug/pprof/worker/{slot}/{name}", func(w http.ResponseWriter, r *http.Request) {
		slot, err := strconv.Atoi(r.PathValue("slot"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		seconds, _ := strconv.Atoi(r.FormValue("seconds")) // else the usual time, as pprof does it
		debug, _ := strconv.Atoi(r.FormValue("debug"))
		data, err := p.Profile(r.Context(), r.FormValue("server"), slot, r.PathValue("name"), seconds, debug)
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Type", "application/octet-stream")
		if debug > 0 {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		_, _ = w.Write(data) // the client has left
	})
}
