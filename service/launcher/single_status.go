package launcher

import (
	"context"
	"errors"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// A Single is what the control socket speaks to.
var _ control.Master = (*Single)(nil)

// errOneProcess is for those who want workers.
var errOneProcess = errors.New("one process serves (workers = 0), want a restart with --workers N")

// Status shows each server as a worker of its own.
func (s *Single) Status() control.Status {
	st := control.Status{State: control.Stopped, PID: pid(), Version: s.conf.Version}
	s.call(func() {
		st.State, st.Generation, st.LastReload = s.state, s.generation, s.lastReload
		for _, p := range s.parts {
			st.Workers = append(st.Workers, s.describe(p))
		}
	})
	return st
}

func (s *Single) describe(p *part) control.Worker {
	counts := p.region.Process()
	return control.Worker{
		Server: p.Server.Group.Name, PID: pid(), Generation: s.generation, State: p.state,
		AgeSeconds: time.Since(p.started).Seconds(), Requests: uint64(max(counts.Requests.Load(), 0)),
		InFlight: counts.InFlight.Load(), RSSBytes: residentSize(pid()),
	}
}

// Reload reads everything anew. It returns when the reload is rejected; else
// the process becomes its new self, which tells of it in its status.
func (s *Single) Reload(ctx context.Context) control.Reload { return s.ReloadFor(ctx, "control") }

// ReloadFor is Reload for another reason than an order on the control socket.
func (s *Single) ReloadFor(ctx context.Context, why string) control.Reload {
	return s.ask(ctx, func(answer chan control.Reload) { s.reload(why, answer) })
}

// Upgrade executes the program's file on disk, once that has shown that it can go
// on. It returns when the upgrade is rejected; else as Reload.
func (s *Single) Upgrade(ctx context.Context) control.Reload {
	return s.ask(ctx, func(answer chan control.Reload) { s.upgrade("control", answer) })
}

// ask has the loop begin something, and waits for the outcome.
func (s *Single) ask(ctx context.Context, begin func(answer chan control.Reload)) control.Reload {
	answer := make(chan control.Reload, 1)
	if !s.post(func() { begin(answer) }) {
		return rejected(errGone)
	}
	select {
	case outcome := <-answer:
		return outcome
	case <-s.finished:
		return rejected(errGone)
	case <-ctx.Done():
		return rejected(errors.New("nobody waits for the outcome any more"))
	}
}

// Stop begins a graceful stop.
func (s *Single) Stop(context.Context) { s.post(func() { s.stop("control") }) }

// SetWorkers is refused: one process is not many.
func (s *Single) SetWorkers(context.Context, string, int) error { return errOneProcess }

// Reopen opens the log files anew.
func (s *Single) Reopen(context.Context) error {
	err := errGone
	s.call(func() { err = s.reopen() })
	return err
}

func (s *Single) reopen() error {
	s.log.Info("reopening the log files")
	var errs []error
	for _, p := range s.parts {
		errs = append(errs, p.Server.Reopen())
	}
	if s.conf.Reopen != nil {
		errs = append(errs, s.conf.Reopen())
	}
	err := errors.Join(errs...)
	if err != nil {
		s.log.Error("reopening the log files", "error", err)
	}
	return err
}
