package scoreboard

import "golang.org/x/sys/unix"

// monotonic reads the clock that all processes share, in nanoseconds.
func monotonic() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0 // no such kernel
	}
	return t.Nano()
}
