//go:build unix

package launcher

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// singleSignals are those that a Single handles.
type singleSignals struct {
	c    chan os.Signal
	pipe chan os.Signal // takes SIGPIPE, which nobody reads: who loses the reader of his log goes on
}

func listenSingleSignals() *singleSignals {
	s := &singleSignals{make(chan os.Signal, 64), make(chan os.Signal, 1)}
	s.listen()
	return s
}

func (s *singleSignals) listen() {
	signal.Notify(s.pipe, syscall.SIGPIPE)
	signal.Notify(s.c, append(asking(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)...)
}

func (s *singleSignals) stop() {
	signal.Stop(s.c)
	signal.Stop(s.pipe)
}

// leave ends the handling before an exec, which keeps what is ignored, and gives
// those that came before. A SIGHUP that comes from now on asks for nothing new:
// the files are yet to be read. A SIGTERM or SIGQUIT ends the process at once,
// as anything would that comes before a program has begun.
func (s *singleSignals) leave() []os.Signal {
	signal.Ignore(append(asking(), syscall.SIGINT, syscall.SIGPIPE)...)
	s.stop()
	var pending []os.Signal
	for {
		select {
		case got := <-s.c:
			pending = append(pending, got)
		default:
			return pending
		}
	}
}

// other acts on the signals that do not end the process. While it drains they
// are ignored, with a line that says so (IMP-03).
func (s *Single) other(got os.Signal) {
	name := signalName(got)
	switch what := purposeOf(got, s.profile); {
	case what == wantsReport:
		s.reportBySignal(name)
	case what == wantsNothing:
		s.log.Info("ignored: the signal profile has no use for it", "signal", name, "signal_profile", string(s.profile))
	case s.state == control.Draining:
		s.log.Info("ignored: the server stops", "signal", name)
	case what == wantsReload:
		s.reload(name, nil)
	case what == wantsUpgrade:
		s.upgrade(name, nil)
	case what == wantsReopen:
		_ = s.reopen() // it tells
	default: // more workers, or less
		s.log.Warn("the number of workers stays", "signal", name, "error", errOneProcess)
	}
}
