package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
)

// serveFlags are those of serve alone.
type serveFlags struct {
	servers []string
	listen  []string
	workers string
	admin   string
	pidFile string
}

func (p *program) serveCommand() *cobra.Command {
	var s source
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve [URI] [var=value ...]",
		Short: "Serve a file",
		Long: `serve builds the application of a file (default ./api-paste.ini#main) and answers
requests: where [server:main] says, else where bind_port in [DEFAULT] says, else
on 127.0.0.1:8080. SIGTERM and SIGINT end it gracefully: requests in flight are
answered. A second SIGINT, or SIGQUIT, ends it at once.`,
		Example: "  wheatpaste serve\n  wheatpaste serve /etc/nova/api-paste.ini -n osapi_compute --missing stub --listen 127.0.0.1:8774\n  wheatpaste serve development.ini debug=true",
	}
	s.flags(c)
	c.Flags().StringArrayVar(&f.servers, "server-name", nil, "server section to run (repeatable, or all)")
	c.Flags().StringArrayVar(&f.listen, "listen", nil, "address in place of the server's: host:port, unix:/path or fd:3 (repeatable)")
	c.Flags().StringVar(&f.workers, "workers", "auto", "number of worker processes, 0 for this process alone")
	c.Flags().StringVar(&f.admin, "admin", "", "address for /metrics and /healthcheck: host:port or unix:/path")
	c.Flags().StringVar(&f.pidFile, "pid-file", "", "file for the process id")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := s.parse(c, args); err != nil {
			return err
		}
		loader, err := s.loader(p)
		if err != nil {
			return err
		}
		return serve(c.Context(), loader, &s, &f)
	}
	return c
}

// serve runs until a signal ends it.
func serve(ctx context.Context, loader *pipeline.Loader, s *source, f *serveFlags) error {
	if err := new(service.Workers).UnmarshalText([]byte(f.workers)); err != nil {
		return fmt.Errorf("--workers: %w", err)
	}
	made, err := plan.Make(plan.Request{
		Loader: loader, URI: s.uri, Name: s.name, Options: s.options(), Servers: f.servers, Listen: f.listen,
	})
	if errors.Is(err, plan.ErrUsage) {
		return err
	}
	if err != nil {
		return failed(err)
	}
	for _, w := range made.Warnings {
		logWarning(loader.Logger, w)
	}
	r := &runner{plan: made, logger: loader.Logger}
	if err := r.prepare(loader, f); err != nil {
		return err
	}
	if f.pidFile != "" {
		if err := os.WriteFile(f.pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil { //nolint:gosec // others may read it
			return failed(fmt.Errorf("pid file: %w", err))
		}
		defer os.Remove(f.pidFile)
	}
	return r.run(ctx)
}

// logWarning writes a problem with its place in fields of their own.
func logWarning(logger *slog.Logger, w *paste.Error) {
	text := w.Problem
	if w.Hint != "" {
		text += "; " + w.Hint
	}
	logger.Warn(text, "at", w.Pos.String(), "section", w.Section, "option", w.Option)
}

// runner serves a plan in this process.
type runner struct {
	plan    *plan.Plan
	logger  *slog.Logger
	servers []*service.Server
}

// prepare makes the servers, and metrics about them.
func (r *runner) prepare(loader *pipeline.Loader, f *serveFlags) error {
	for _, g := range r.plan.Groups {
		r.servers = append(r.servers, &service.Server{Group: g.Group, Handler: g.Application, Logger: r.logger})
	}
	registerProcess(loader, r.plan, r.servers)
	if f.admin == "" {
		return nil
	}
	address, err := service.ParseListen(f.admin)
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	g := service.DefaultGroup()
	g.Name, g.Listen, g.AccessLog = "admin", []service.Address{address}, "off"
	r.servers = append(r.servers, &service.Server{Group: g, Handler: adminHandler(loader), Logger: r.logger})
	return nil
}

// closeTimeout bounds the OnClose hooks.
const closeTimeout = 10 * time.Second

func (r *runner) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1)
	finished, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		r.watch(signals, stop, finished)
	}()
	err := r.start(ctx)
	if err == nil {
		err = service.Run(ctx, r.servers...)
	}
	close(finished)
	<-watched
	signal.Stop(signals)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	for _, g := range r.plan.Groups {
		if closeErr := g.Application.Close(closing); closeErr != nil {
			r.logger.Error("closing the application", "app", g.Application.Context.Label(), "error", closeErr)
		}
	}
	if err != nil {
		return &exit{service.ExitCode(err), err}
	}
	r.logger.Info("stopped")
	return nil
}

func (r *runner) start(ctx context.Context) error {
	for _, g := range r.plan.Groups {
		if err := g.Application.Start(ctx); err != nil {
			return fmt.Errorf("starting the application %s: %w", g.Application.Context.Label(), err)
		}
	}
	return nil
}

// watch acts on signals until everything has finished (design.md 6, as far as
// one process can).
func (r *runner) watch(signals <-chan os.Signal, stop context.CancelFunc, finished <-chan struct{}) {
	interrupted := false
	for {
		var got os.Signal
		select {
		case <-finished:
			return
		case got = <-signals:
		}
		switch got {
		case syscall.SIGHUP:
			r.logger.Warn("SIGHUP does nothing: one process without a launcher cannot reload; restart it")
			continue
		case syscall.SIGUSR1:
			r.reopen()
			continue
		case syscall.SIGQUIT:
			r.cut()
		case syscall.SIGINT:
			if interrupted {
				r.cut()
			}
			interrupted = true
		}
		r.logger.Info("stopping", "signal", got.String())
		stop()
	}
}

func (r *runner) cut() {
	for _, s := range r.servers {
		s.Cut()
	}
}

func (r *runner) reopen() {
	for _, s := range r.servers {
		if err := s.Reopen(); err != nil {
			r.logger.Error("reopening the access log", "error", err)
		}
	}
}
