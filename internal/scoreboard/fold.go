package scoreboard

import (
	"errors"
	"log/slog"
	"time"
)

// check says whether the memory is a board that this program understands.
func (b *Board) check() error {
	if b.header.load(headMagic) != layoutMagic {
		return errors.New("it does not begin as one")
	}
	if got := b.header.load(headVersion); got != layoutSignature {
		return errors.New("its layout is that of another version")
	}
	w, err := b.words(regionMaster)
	if err == nil && w.load(wordState) != stateLive {
		err = errors.New("it has no master")
	}
	return err
}

// Release gives back the region of a worker that has died, in the master: its
// counters are added to those of the dead, its gauges vanish. A region that
// was given back already is left alone.
func (b *Board) Release(r *Region) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r == nil || r.index < firstWorker || b.regions[r.index] != r {
		return
	}
	dead, err := b.dead()
	if err != nil {
		slog.Error("the counts of a dead worker stay where they are", "region", r.index, "error", err)
		return
	}
	delete(b.regions, r.index)
	b.change(func() { bury(r, dead) })
}

// bury moves counts word by word, so that a new master can end what its
// predecessor began.
func bury(r, dead *Region) {
	for e := range entries(r.mem) {
		if e.family.kind == gaugeKind {
			continue
		}
		to := dead.find(e.family, e.key)
		for i := range e.family.values {
			dead.mem.cell(to + i).Add(r.mem.cell(e.values + i).Swap(0))
		}
	}
	cut := dead.find(DrainCut, seriesKey(DrainCut, []string{r.Server()}))
	dead.mem.cell(cut).Add(uint64(r.Process().Cut.Swap(0)))
	wipe(r.mem)
}

// dead is the region of the dead, in which only Release writes.
func (b *Board) dead() (*Region, error) {
	if r := b.regions[regionDead]; r != nil {
		return r, nil
	}
	w, err := b.wordsLocked(regionDead)
	if err != nil {
		return nil, err
	}
	if w.load(wordState) == stateFree {
		occupy(w, "", 0, 0)
	}
	r := newRegion(b, regionDead, w)
	b.regions[regionDead] = r
	return r, nil
}

// wipe makes a region a free one, all of which is 0.
func wipe(w words) {
	w.store(wordState, stateFree)
	end := w.load(wordReserved)
	if end < w.load(wordEnd) || end > uint64(len(w)) {
		end = uint64(len(w))
	}
	for i := range end {
		w.store(int(i), 0)
	}
}

// change runs what must not be seen half done. Readers try again; one who has
// tried in vain may ask, by headPlea, for a moment's rest, which it gets
// unless it is dead or mad.
func (b *Board) change(do func()) {
	b.waitForReaders()
	folds := b.header.cell(headFolds)
	folds.Store(folds.Load() | 1) // odd already when a master died here
	defer folds.Add(1)
	do()
}

// Readers that lose against changes ask for this much time.
const (
	pleaTime  = 10 * time.Millisecond
	pleaSleep = 100 * time.Microsecond
)

func (b *Board) waitForReaders() {
	begin := monotonic()
	for {
		now, until := monotonic(), int64(b.header.load(headPlea))
		if now >= until || now-begin >= int64(pleaTime) {
			return
		}
		time.Sleep(pleaSleep)
	}
}
