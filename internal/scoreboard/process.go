package scoreboard

import (
	"iter"
	"sync/atomic"
	"time"
)

// Process is what a worker and its master tell each other without asking. It
// lies in the board itself: each field is one word that any process may read
// at any time.
type Process struct {
	Beat    atomic.Int64 // see BeatNow
	PID     atomic.Int64
	Started atomic.Int64 // Unix time in nanoseconds

	Requests atomic.Int64 // that ended
	InFlight atomic.Int64

	New      atomic.Int64 // connections, by state
	Active   atomic.Int64
	Idle     atomic.Int64
	Hijacked atomic.Int64

	Cut       atomic.Int64 // requests that a drain cut
	LinesLost atomic.Int64 // of the access log
	Draining  atomic.Int64 // 1 from the beginning of a drain
}

// connections are the open ones by state.
func (p *Process) connections() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		_ = yield("new", p.New.Load()) && yield("active", p.Active.Load()) &&
			yield("idle", p.Idle.Load()) && yield("hijacked", p.Hijacked.Load())
	}
}

// BeatNow notes that the process lives. The clock is the same in all processes
// of a machine, and stands still while it sleeps.
func (p *Process) BeatNow() { p.Beat.Store(monotonic()) }

// BeatAge is how long ago the last beat was; Claim counts for one.
func (p *Process) BeatAge() time.Duration {
	return max(time.Duration(monotonic()-p.Beat.Load()), 0)
}
