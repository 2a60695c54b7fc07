// Package heap decides, in a process that serves, when garbage is collected and
// when memory goes back to the system.
package heap

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// lookTime is how often a process is looked at.
	lookTime = time.Second
	// wanted is the size that a small heap may have before it is collected.
	// Go's own 4 MB mean a dozen collections a second under load.
	wanted = 16 << 20
	// usual and most are the bounds of GOGC.
	usual, most = 100, 300
	// step is by how much GOGC changes at least: a change stops the world.
	step = 50
	// resting is what a process that rests allocates between two looks at most.
	resting = 256 << 10
	// worthwhile is how much must have been allocated since memory went back
	// the last time.
	worthwhile = 4 << 20
	// tight is a max_rss that leaves no room for any of this.
	tight = 128 << 20
)

// Tend looks after the heap until it is stopped. A small heap may grow before it
// is collected, and one that has come to rest is collected and given back: else
// it would stay as the load has left it until it has doubled, for hours maybe. An
// operator who sets GOGC decides for himself. The runtime collects earlier near
// GOMEMLIMIT, whatever GOGC is. maxRSS is the memory with which the process is
// replaced; 0 is none.
func Tend(maxRSS int64) (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	t := tender{percent: usual, atMost: most}
	if maxRSS > 0 && maxRSS < tight {
		t.atMost = usual
	}
	t.seen = read().allocated
	t.freed = t.seen
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t.tend(end)
	}()
	return func() { close(end); <-ended }
}

// figures are what is decided by.
type figures struct {
	allocated uint64 // since the process began
	live      uint64 // that the last collection has left
}

func read() figures {
	list := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(list)
	return figures{list[0].Value.Uint64(), list[1].Value.Uint64()}
}

type tender struct {
	atMost  int    // of percent
	percent int    // GOGC as it is
	seen    uint64 // allocated at the last look
	freed   uint64 // and when memory went back
}

func (t *tender) tend(end <-chan struct{}) {
	look := time.NewTicker(lookTime)
	defer look.Stop()
	defer func() { debug.SetGCPercent(usual) }()
	for {
		select {
		case <-look.C:
		case <-end:
			return
		}
		f := read()
		if t.changes(f.live) {
			debug.SetGCPercent(t.percent)
		}
		if t.rests(f.allocated) {
			debug.FreeOSMemory()
		}
	}
}

// changes chooses GOGC for what is live, and reports whether it is another than
// before.
func (t *tender) changes(live uint64) bool {
	percent := t.atMost
	if live > 0 {
		percent = int(min(wanted*100/live, most+usual)) - usual
	}
	percent = min(max(percent/step*step, usual), t.atMost)
	if percent == t.percent {
		return false
	}
	t.percent = percent
	return true
}

// rests reports whether memory must go back now: the process rests, and has not
// done so for long.
func (t *tender) rests(allocated uint64) bool {
	rests := allocated-t.seen <= resting
	t.seen = allocated
	if !rests || allocated-t.freed < worthwhile {
		return false
	}
	t.freed = allocated
	return true
}
