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
func (s *Single) Reload(ctx context.Context) control.Reload {
	answer := make(chan control.Reload, 1)
	if !s.post(func() { s.reload("control", answer) }) {
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

// Upgrade is refused: one process has nobody who answers while the new program
// shows that it can.
func (s *Single) Upgrade(context.Context) control.Reload {
	return control.Reload{
		Time: time.Now(), Result: control.Rejected,
		Errors: []string{"one process serves (workers = 0), want a restart for another program"},
	}
}
