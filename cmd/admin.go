package cmd

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
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
		case control.Starting:
			http.Error(w, "STARTING", http.StatusServiceUnavailable)
		default:
			http.Error(w, "DRAINING", http.StatusServiceUnavailable)
		}
	})
	addProfiles(mux, master)
	return mux
}

// adminGroup is the server on the admin address.
func (r *runner) adminGroup() *service.Group {
	g := service.DefaultGroup()
	g.Name, g.Listen, g.AccessLog, g.GracefulTimeout, g.Workers = "admin", r.admin, accesslog.Off, time.Second, 0
	g.StartTimeout = time.Second             // there is nothing to start
	g.DrainIdleGrace = 50 * time.Millisecond // who scrapes asks again
	return g
}

// serveAdmin answers on the admin address, from the master.
func (r *runner) serveAdmin(ctx context.Context, master server) (stop func(), err error) {
	g := r.adminGroup()
	listeners, err := r.adminListeners(ctx, g)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	s := &service.Server{Group: g, Handler: adminHandler(r.board, master), Logger: r.logs.own}
	go func() {
		defer close(ended)
		if err := s.Serve(ctx, listeners...); err != nil && ctx.Err() == nil {
			r.logs.own.Error("the admin address", "error", err)
		}
	}()
	return func() { cancel(); <-ended }, nil
}

// adminFD is the name of a descriptor over an upgrade.
func adminFD(i int) string { return "admin/" + strconv.Itoa(i) }

// adminListeners are those of the program before an upgrade, else new ones.
func (r *runner) adminListeners(ctx context.Context, g *service.Group) (list []net.Listener, err error) {
	for i := range r.admin {
		fd, ok := r.handed.FD(adminFD(i))
		if !ok {
			break
		}
		l, err := service.FromFD(fd)
		if err != nil {
			return nil, fmt.Errorf("the admin address: %w", err)
		}
		list = append(list, l)
	}
	if list == nil {
		if list, err = service.Listen(ctx, g); err != nil {
			return nil, err
		}
	}
	for _, l := range list {
		if fd, err := service.DescriptorOf(l); err == nil { // else it is opened anew then
			r.adminFDs = append(r.adminFDs, fd)
		}
	}
	return list, nil
}
