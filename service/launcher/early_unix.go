//go:build unix

package launcher

import (
	"os"
	"os/signal"
	"syscall"
)

// Early is called before the first rehearsal. From then on the signals that ask
// a running server for something do not end one that has yet to begin: its files
// are about to be read.
func Early() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU)
}
