//go:build !linux

package control

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"
	"time"
)

// life tells the end of a process that is no child.
type life struct {
	pid    int
	unseen bool // nothing is known of it
}

// newLife follows a process. Windows does not tell: there the end of the
// connection has to do.
func newLife(pid int) *life { return &life{pid, runtime.GOOS == "windows"} }

// over asks with the signal 0, which does nothing.
func (l *life) over() bool {
	if l.unseen {
		return false
	}
	p, err := os.FindProcess(l.pid)
	if err != nil {
		return true
	}
	err = p.Signal(syscall.Signal(0))
	return errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH)
}

// wait returns at once for a process of which nothing is known.
func (l *life) wait(ctx context.Context) error {
	return poll(ctx, 50*time.Millisecond, func() bool { return l.unseen || l.over() })
}

func (l *life) close() {}
