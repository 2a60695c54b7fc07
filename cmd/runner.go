package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/service"
)

// runner serves a plan in this process.
type runner struct {
	plan    *plan.Plan
	logger  *slog.Logger
	servers []*service.Server
	pid     *pidFile // nil without --pid-file
}

// closeTimeout bounds the OnClose hooks.
const closeTimeout = 10 * time.Second

func (r *runner) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, handled...)
	finished, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		r.watch(signals, func() { stop(nil) }, finished)
	}()
	r.whenReady(func() {
		if err := r.pid.write(); err != nil {
			stop(err)
		} else if r.pid != nil {
			r.logger.Debug("pid file written", "path", r.pid.path)
		}
	})
	err := r.start(ctx)
	if err == nil {
		err = service.Run(ctx, r.servers...)
	}
	close(finished)
	<-watched
	signal.Stop(signals)
	r.close(ctx)
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	if err != nil {
		return &exit{service.ExitCode(err), err}
	}
	r.logger.Info("stopped")
	return nil
}

// whenReady calls a function once, when every server answers.
func (r *runner) whenReady(call func()) {
	var missing atomic.Int64
	missing.Store(int64(len(r.servers)))
	for _, s := range r.servers {
		s.Ready = func() {
			if missing.Add(-1) == 0 {
				call()
			}
		}
	}
}

func (r *runner) start(ctx context.Context) error {
	for _, g := range r.plan.Groups {
		if err := g.Application.Start(ctx); err != nil {
			return fmt.Errorf("starting the application %s: %w", g.Application.Context.Label(), err)
		}
	}
	return nil
}

func (r *runner) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	for _, g := range r.plan.Groups {
		if err := g.Application.Close(ctx); err != nil {
			r.logger.Error("closing the application", "app", g.Application.Context.Label(), "error", err)
		}
	}
}

// watch acts on signals until everything has finished (design.md 6, as far as
// one process can).
func (r *runner) watch(signals <-chan os.Signal, stop func(), finished <-chan struct{}) {
	stopping, interrupted := false, false
	for {
		var got os.Signal
		select {
		case <-finished:
			return
		case got = <-signals:
		}
		if r.other(got) {
			continue
		}
		if !stopping {
			r.logger.Info("stopping", "signal", got.String())
		}
		if got == syscall.SIGQUIT || got == os.Interrupt && interrupted {
			r.cut()
		}
		interrupted = interrupted || got == os.Interrupt
		stopping = true
		stop()
	}
}

func (r *runner) cut() {
	r.logger.Warn("stopping at once: requests in flight are cut")
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
