//go:build unix

package cmd

import (
	"os"
	"syscall"
)

// handled are the signals that have a meaning for one process, or would end it
// by default where the contract has another meaning for them. SIGPIPE is among
// them so that a reader of the access log who goes away ends nothing.
var handled = []os.Signal{
	syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2,
	syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGPIPE,
}

// other acts on the signals that do not stop the process.
func (r *runner) other(got os.Signal) bool {
	switch got {
	case syscall.SIGPIPE:
	case syscall.SIGUSR1:
		r.reopen()
	case syscall.SIGHUP:
		r.logger.Warn("SIGHUP does nothing: one process without a launcher cannot reload; restart it")
	case syscall.SIGUSR2:
		r.logger.Warn("SIGUSR2 does nothing: one process without a launcher gives no report")
	case syscall.SIGTTIN, syscall.SIGTTOU:
		r.logger.Warn("one process serves: the number of workers cannot be changed")
	default:
		return false
	}
	return true
}
