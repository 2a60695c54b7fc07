//go:build !unix

package launcher

import (
	"errors"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/service"
)

// errNoReload is for systems on which a process cannot become its new self.
var errNoReload = errors.New("this system cannot reload, want a restart")

func mayReload() error { return errNoReload }

// Inherited gives nil: there is no former self.
func Inherited() (*Former, error) { return nil, nil }

func (f *Former) closeRest() {}

func replaceProcess(string, []string, []string) error { return errNoReload }

func (s *Single) execute(*singleChange) error { return s.exec("", nil, nil) }

func (s *Single) executeUpgrade(*singleChange) error { return errNoReload }

func (s *Single) upgrade(_ string, answer chan control.Reload) {
	s.answerAll([]chan control.Reload{answer}, rejected(errNoReload))
}

func (s *Single) goBack([]string) {}

func (s *Single) closeFormer() {}

func (s *Single) outcomeOf(f *Former) { s.reloaded(f.since) }

func (f *Former) mayGoBack() bool { return false }

// GoBack does nothing: there is no former self.
func (f *Former) GoBack([]string, []string) {}

// Probing is false.
func Probing() bool { return false }

// ProbeState fails.
func ProbeState() (bool, error) { return false, errNoReload }

// ProbeReady fails.
func ProbeReady([]byte) error { return errNoReload }

// copy gives the only listener that there is: without reloads it is never left.
func (k *keptSocket) copy() (net.Listener, error) { return k.origin, nil }

func (k *keptSocket) identify() pathID { return pathID{} }

func (k *keptSocket) prime(*service.Group) error { return nil }

func (k *keptSocket) leave() {} // the server closes it

// singleSignals are those that a Single handles: the system makes SIGTERM of
// the end of a session.
type singleSignals struct{ c chan os.Signal }

func listenSingleSignals() *singleSignals {
	s := &singleSignals{make(chan os.Signal, 8)}
	s.listen()
	return s
}

func (s *singleSignals) listen() { signal.Notify(s.c, os.Interrupt, syscall.SIGTERM) }

func (s *singleSignals) stop() { signal.Stop(s.c) }

func (s *singleSignals) leave() []os.Signal { return nil }

func (s *Single) other(os.Signal) {}
