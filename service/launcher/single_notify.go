package launcher

import (
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

const (
	// lookTime is how often a Single tells how it stands, if anybody wants to
	// know, and singleBeat how often it looks whether its servers move.
	lookTime   = 100 * time.Millisecond
	singleBeat = time.Second
	// stuckTime without a move makes a server one that does not answer, as it
	// makes a worker hung.
	stuckTime = 10 * time.Second
)

// look gives the clock of the loop: none when nobody wants to know.
func (s *Single) look() (c <-chan time.Time, stop func()) {
	if s.conf.Notify == nil {
		return nil, func() {}
	}
	tick := time.NewTicker(lookTime)
	return tick.C, tick.Stop
}

// looked notes which servers move, and tells how it stands.
func (s *Single) looked(now time.Time) {
	if now.After(s.nextBeat) {
		s.nextBeat = now.Add(singleBeat)
		for _, p := range s.parts {
			if p.state == control.WorkerReady && p.Server.Moving() {
				p.region.Process().BeatNow()
			}
		}
	}
	s.notify()
}

func (s *Single) notify() {
	if s.conf.Notify != nil {
		s.conf.Notify(s.stands())
	}
}

// stands tells of each server as of a worker. One that drains for a reload, or
// begins after it, is no reason to believe that the process hangs: both have
// limits of their own.
func (s *Single) stands() State {
	st := State{State: s.state, Wanted: len(s.parts), Answering: s.ready || s.conf.Former != nil, LastReload: s.lastReload}
	for _, p := range s.parts {
		switch p.state {
		case control.WorkerReady:
			st.Ready++
			st.Answering = st.Answering && p.region.Process().BeatAge() < stuckTime
		case control.WorkerDraining:
			st.Draining++
		}
	}
	if s.state == control.Draining {
		st.Deadline = s.drained
	}
	return st
}

// drainLimit is when a drain that begins now has ended. In a reload another one
// precedes it.
func (s *Single) drainLimit(now time.Time) time.Time {
	longest := time.Duration(0)
	for _, p := range s.parts {
		g := p.Server.Group
		if g.GracefulTimeout <= 0 {
			return time.Time{}
		}
		longest = max(longest, g.DrainAnnounce+g.GracefulTimeout)
	}
	if s.handing {
		longest *= 2
	}
	return now.Add(longest + hooksTime)
}
