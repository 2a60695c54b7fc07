package main

import (
	"time"
)

// stall measures how long a goroutine that has nothing to do but to wake up is
// kept from it: what the machine itself, shared with others, adds to a latency.
type stall struct {
	end   chan struct{}
	worst chan time.Duration
}

// startStall begins to measure.
func startStall() *stall {
	s := &stall{make(chan struct{}), make(chan time.Duration)}
	go s.measure()
	return s
}

func (s *stall) measure() {
	const step = time.Millisecond
	tick := time.NewTimer(step)
	defer tick.Stop()
	worst := time.Duration(0)
	for last := time.Now(); ; last = time.Now() {
		tick.Reset(step)
		select {
		case <-tick.C:
			worst = max(worst, time.Since(last)-step)
		case <-s.end:
			s.worst <- worst
			return
		}
	}
}

// stop ends it and returns the longest delay.
func (s *stall) stop() time.Duration {
	close(s.end)
	return <-s.worst
}
