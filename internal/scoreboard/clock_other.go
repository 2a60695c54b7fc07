//go:build !linux

package scoreboard

import "time"

// epoch gives the times of this process, the only one that there is, a
// beginning.
var epoch = time.Now()

// monotonic is the time since the start, in nanoseconds, never 0.
func monotonic() int64 { return int64(time.Since(epoch)) + 1 }
