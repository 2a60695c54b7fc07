package control

import (
	"context"
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// life tells the end of a process that is no child. A pidfd does not take the
// next process with the same number for it.
type life struct {
	pid    int
	fd     int  // -1 without
	unseen bool // it is in a process namespace that this one does not see
}

// newLife follows a process; 0 is one that is not seen.
func newLife(pid int) *life {
	if pid <= 0 {
		return &life{fd: -1, unseen: true}
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil { // it is gone, Linux is older than 5.3, or a container forbids it
		fd = -1
	}
	return &life{pid: pid, fd: fd}
}

// over also holds for a zombie, when there is a pidfd.
func (l *life) over() bool {
	switch {
	case l.unseen:
		return false
	case l.fd < 0:
		return errors.Is(syscall.Kill(l.pid, 0), syscall.ESRCH)
	}
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}, 0)
	return err == nil && n == 1
}

// wait returns at once for a process that is not seen: the end of its connection
// has to do.
func (l *life) wait(ctx context.Context) error {
	return poll(ctx, 10*time.Millisecond, func() bool { return l.unseen || l.over() })
}

func (l *life) close() {
	if l.fd >= 0 {
		_ = unix.Close(l.fd) // only looked at
	}
}
