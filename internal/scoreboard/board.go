// Package scoreboard keeps the counts of all processes of a service in one
// memory, so that they outlive the process that counted (design.md 9).
//
// The master makes a Board and claims a Region of it for each worker; the
// worker counts in its own region, with one atomic addition and no system
// call; whoever is asked for the metrics adds up all regions, those of the dead
// among them. When a worker has died, the master adds its counters to those of
// the dead and frees its region. A process without a master uses a Board in
// its own memory in the same way.
package scoreboard

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// Board is the memory that is shared. It is a prometheus.Collector, see
// Collector.
type Board struct {
	fd     int  // guarded by mu once there are readers
	shared bool // with other processes
	header words
	maps   [maxRegions]atomic.Pointer[words]

	mu      sync.Mutex
	regions map[int]*Region
}

// words are a part of the memory. They are read and written atomically only.
type words []uint64

func (w words) cell(i int) *atomic.Uint64 { return at[atomic.Uint64](w, i) }
func (w words) load(i int) uint64         { return atomic.LoadUint64(&w[i]) }
func (w words) store(i int, v uint64)     { atomic.StoreUint64(&w[i], v) }

// New makes a board in the memory of this process alone.
func New() *Board {
	b := &Board{fd: noFD, header: make(words, headerWords), regions: map[int]*Region{}}
	if err := b.format(); err != nil {
		panic(err) // nothing of it fails without a descriptor
	}
	return b
}

// format writes the header and makes the region of the master.
func (b *Board) format() error {
	w, err := b.words(regionMaster)
	if err != nil {
		return err
	}
	occupy(w, "", 0, 0)
	b.header.store(headUsed, firstWorker)
	b.header.store(headVersion, layoutSignature)
	b.header.store(headMagic, layoutMagic)
	return nil
}

// words gives the memory of a region, which is mapped, or made, when somebody
// first wants it.
func (b *Board) words(index int) (words, error) {
	if w := b.maps[index].Load(); w != nil {
		return *w, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wordsLocked(index)
}

func (b *Board) wordsLocked(index int) (words, error) {
	if w := b.maps[index].Load(); w != nil {
		return *w, nil
	}
	var w words
	var err error
	if b.fd == noFD {
		w = make(words, regionWords)
	} else if w, err = mapWords(b.fd, headerWords+int64(index)*regionWords, regionWords); err != nil {
		return nil, fmt.Errorf("mapping region %d of the scoreboard: %w", index, err)
	}
	b.maps[index].Store(&w)
	return w, nil
}

// existing gives the memory of a region to readers, nil when nobody can have
// written to it.
func (b *Board) existing(index int) words {
	if w := b.maps[index].Load(); w != nil {
		return *w
	}
	if !b.shared {
		return nil
	}
	w, _ := b.words(index) // without memory, or closed: as much as can be seen
	return w
}

// FD is the descriptor to be inherited, -1 of a board that cannot be.
func (b *Board) FD() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.fd, noFD)
}

// Close gives up the descriptor. What is mapped stays, because counters point
// into it; regions that are new to this process are seen no more.
func (b *Board) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd < 0 {
		return nil
	}
	fd := b.fd
	b.fd = closedFD
	return closeFD(fd)
}

// A board in the memory of one process has no descriptor; one that is closed
// has one that maps nothing.
const (
	noFD     = -1
	closedFD = -2
)

// ErrFull says that there are MaxWorkers regions in use.
var ErrFull = errors.New("the scoreboard is full")

// Claim takes a region for a worker, in the master.
func (b *Board) Claim(server string, slot, generation int) (*Region, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	index, w, err := b.free()
	if err != nil {
		return nil, err
	}
	b.change(func() {
		occupy(w, server, slot, generation)
		b.header.store(headUsed, max(b.header.load(headUsed), uint64(index)+1))
	})
	r := newRegion(b, index, w)
	b.regions[index] = r
	return r, nil
}

// free finds a region that nobody has, the lowest so that readers have few to
// read.
func (b *Board) free() (int, words, error) {
	for index := firstWorker; index < maxRegions; index++ {
		w, err := b.wordsLocked(index)
		if err != nil {
			return 0, nil, err
		}
		if w.load(wordState) == stateFree {
			return index, w, nil
		}
	}
	return 0, nil, fmt.Errorf("%w: %d workers live", ErrFull, MaxWorkers)
}

// occupy makes a region, all of which is 0, a living one.
func occupy(w words, server string, slot, generation int) {
	server = shortened(server, serverWords*8)
	w.store(wordSlot, uint64(slot))
	w.store(wordGeneration, uint64(generation))
	w.store(wordServerLen, uint64(len(server)))
	storeString(w[wordServer:wordServer+serverWords], server)
	w.store(wordEnd, wordEntries)
	w.store(wordReserved, wordEntries)
	process(w).BeatNow()
	w.store(wordState, stateLive)
}

func shortened(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}

// Region gives a region by its number: a worker its own, the master those of
// workers that it adopts. A region belongs to one process at a time.
func (b *Board) Region(index int) (*Region, error) {
	if index < regionMaster || index >= maxRegions {
		return nil, fmt.Errorf("region %d of the scoreboard, want %d to %d", index, regionMaster, maxRegions-1)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.regions[index]; r != nil {
		return r, nil
	}
	if uint64(index) >= b.header.load(headUsed) {
		return nil, fmt.Errorf("region %d of the scoreboard is not in use", index)
	}
	w, err := b.wordsLocked(index)
	if err != nil {
		return nil, err
	}
	if w.load(wordState) != stateLive {
		return nil, fmt.Errorf("region %d of the scoreboard is not in use", index)
	}
	r := newRegion(b, index, w)
	b.regions[index] = r
	return r, nil
}

// Master is the region for what the master counts, and for everything in a
// process that has no master.
func (b *Board) Master() *Region {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.regions[regionMaster]
	if r == nil {
		r = newRegion(b, regionMaster, *b.maps[regionMaster].Load()) // mapped by format and check
		b.regions[regionMaster] = r
	}
	return r
}
