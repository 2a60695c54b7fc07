package sdnotify

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Monotonic is the time by CLOCK_MONOTONIC, which systemd compares with its own.
func Monotonic() (time.Duration, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return time.Duration(now.Nano()), nil
}
