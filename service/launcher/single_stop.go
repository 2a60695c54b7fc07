package launcher

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

func pid() int { return os.Getpid() }

// signal acts on one (design.md 6).
func (s *Single) signal(got os.Signal) {
	switch got {
	case syscall.SIGTERM:
		s.stop("SIGTERM")
	case os.Interrupt:
		again := s.interrupt
		s.interrupt = true
		s.stop("SIGINT")
		if again {
			s.cut("SIGINT again")
		}
	case syscall.SIGQUIT:
		s.stop("SIGQUIT")
		s.cut("SIGQUIT")
	default:
		s.other(got)
	}
}

// stop drains everything and ends. While it is stopping it does nothing (SIG-14).
func (s *Single) stop(why string) {
	if s.state == control.Draining || s.state == control.Stopped {
		return
	}
	s.log.Info("stopping", "reason", why)
	s.drain()
}

// drain ends the servers. Those that end already, for a reload, have left
// connections in the queues: the new plan begins in this process, and drains at
// once, so that these are answered, too.
func (s *Single) drain() {
	if s.state == control.Draining || s.state == control.Stopped {
		return
	}
	s.state = control.Draining
	if s.change != nil {
		s.cancelChange()
	}
	s.cancel()
	for _, p := range s.parts {
		p.state = control.WorkerDraining
	}
	s.showStates()
	s.drained = s.drainLimit(time.Now())
	s.notify()
	if s.began && !s.handing {
		s.leaveSockets()
	}
}

// cut ends at once: requests in flight are cut, logged and counted.
func (s *Single) cut(why string) {
	if s.cutting || s.state == control.Stopped {
		return
	}
	s.cutting = true
	s.log.Warn("stopping at once: requests in flight are cut", "reason", why)
	for _, p := range s.parts {
		p.Server.Cut()
	}
	if s.closing || !s.began { // there is only an application left to wait for
		s.state = control.Stopped
	}
}

// end settles the exit code, and answers those who still wait.
func (s *Single) end() {
	for _, p := range s.parts {
		p.state = control.WorkerDraining
	}
	s.showNone()
	s.answerAll(s.queued, rejected(errStops))
	s.queued = nil
	all := errors.Join(s.ends...)
	switch {
	case s.failed != nil:
		s.exitCode = service.ExitError
	case service.ExitCode(all) == service.ExitError:
		s.failed, s.exitCode = all, service.ExitError
	default:
		s.exitCode = service.ExitCode(all)
	}
	s.log.Info("stopped", "exit_code", s.exitCode)
}

// showStates shows in the metrics what each server does.
func (s *Single) showStates() {
	for _, p := range s.parts {
		for _, state := range workerStates {
			s.stateGauge(p, state).Set(0)
		}
		s.stateGauge(p, p.state).Set(1)
	}
}

// showNone takes the servers out of the metrics.
func (s *Single) showNone() {
	for _, p := range s.parts {
		for _, state := range workerStates {
			s.stateGauge(p, state).Set(0)
		}
	}
}

var workerStates = [...]string{control.WorkerStarting, control.WorkerReady, control.WorkerDraining, control.WorkerHung}

func (s *Single) stateGauge(p *part, state string) *scoreboard.Gauge {
	return s.conf.Board.Master().Gauge(scoreboard.Workers, p.Server.Group.Name, state)
}

// errStops is for those who ask a server that ends.
var errStops = errors.New("the server stops")

func rejectedText(text string) control.Reload { return rejected(errors.New(text)) }

func rejected(err error) control.Reload {
	return control.Reload{Time: time.Now(), Result: control.Rejected, Errors: errorLines(err)}
}
