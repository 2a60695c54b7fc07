//go:build unix

package launcher

import (
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/service"
)

// realtimeReport is SIGRTMIN+1 as the C library counts, of which the kernel's
// first two are taken. Other systems count otherwise, or have none.
const realtimeReport = syscall.Signal(35)

// asking are the signals that ask a running server for something, and do not end
// it.
func asking() []os.Signal {
	list := []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU}
	if runtime.GOOS == "linux" {
		list = append(list, realtimeReport)
	}
	return list
}

// purpose is what a signal asks for.
type purpose int

const (
	wantsNothing purpose = iota
	wantsReload
	wantsReopen
	wantsReport
	wantsUpgrade
	wantsMore
	wantsLess
)

// purposeOf reads a signal as a profile means it (design.md 6, SIG-17).
func purposeOf(s os.Signal, p service.SignalProfile) purpose {
	switch s {
	case syscall.SIGHUP:
		return wantsReload
	case syscall.SIGTTIN:
		return wantsMore
	case syscall.SIGTTOU:
		return wantsLess
	case syscall.SIGUSR1:
		if p == service.SwiftSignals {
			return wantsUpgrade
		}
		return wantsReopen
	case syscall.SIGUSR2:
		if p == service.WebSignals {
			return wantsUpgrade
		}
		return wantsReport
	case realtimeReport:
		if p == service.WebSignals {
			return wantsReport
		}
	}
	return wantsNothing
}

// signalName is as people write it.
func signalName(s os.Signal) string {
	n, ok := s.(syscall.Signal)
	if !ok {
		return s.String()
	}
	if n == realtimeReport {
		return "SIGRTMIN+1"
	}
	if name := unix.SignalName(n); name != "" {
		return name
	}
	return "signal " + strconv.Itoa(int(n))
}
