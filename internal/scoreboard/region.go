package scoreboard

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// Region is a part of a board in which one process counts. Its methods may be
// called by several goroutines. What they return is found by a look-up under
// a lock, and is to be kept by whoever counts with it.
type Region struct {
	board *Board
	index int
	mem   words

	mu    sync.Mutex
	known map[string]int // series, by family and labels, and where their values are
	full  bool
}

func newRegion(b *Board, index int, w words) *Region {
	r := &Region{board: b, index: index, mem: w, known: map[string]int{}}
	for e := range entries(w) { // of the process that had it before an upgrade
		if e.visible {
			r.known[e.key] = e.values
		}
	}
	return r
}

// Board is the board that the region is a part of.
func (r *Region) Board() *Board { return r.board }

// Index is the number by which another process finds the region.
func (r *Region) Index() int { return r.index }

// Server is the name of the worker's server group, shortened to 256 bytes.
func (r *Region) Server() string { return server(r.mem) }

// Slot is the worker's place in its group.
func (r *Region) Slot() int { return int(r.mem.load(wordSlot)) }

// Generation is the one that the worker belongs to.
func (r *Region) Generation() int { return int(r.mem.load(wordGeneration)) }

// Process gives the words that every process of the service keeps.
func (r *Region) Process() *Process { return process(r.mem) }

func process(w words) *Process { return at[Process](w, wordProcess) }

// Row is a series with its value.
type Row struct {
	Labels []string
	Value  int64
}

// Info makes these the only series of a family, each at 1, in place of those
// that were there. It is for the master's families of information, of which
// Gauge gives none.
func (r *Region) Info(f *Family, rows ...[]string) {
	var list []Row
	for _, row := range rows {
		list = append(list, Row{row, 1})
	}
	r.Table(f, list...)
}

// Table makes these the only series of a family, in place of those that were
// there. Gauge gives none of such a family.
func (r *Region) Table(f *Family, rows ...Row) {
	r.board.mu.Lock()
	defer r.board.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	var keys []string
	for _, row := range rows {
		f.check(row.Labels)
		keys = append(keys, seriesKey(f, row.Labels))
	}
	r.board.change(func() {
		hidden := r.hide(f)
		for i, key := range keys {
			hidden = r.show(f, key, uint64(rows[i].Value), hidden)
		}
	})
}

// hide takes the entries of a family out of sight.
func (r *Region) hide(f *Family) []entry {
	var hidden []entry
	for e := range entries(r.mem) {
		if e.family == f {
			setText(r.mem, &e, e.key, false)
			hidden = append(hidden, e)
		}
	}
	maps.DeleteFunc(r.known, func(key string, _ int) bool { return key[0] == byte(f.id) })
	return hidden
}

// show makes an entry with a value, where a hidden one leaves room for it if
// there is one: reloads shall not fill the region.
func (r *Region) show(f *Family, key string, value uint64, hidden []entry) []entry {
	for i := range hidden {
		if e := &hidden[i]; e.size == entryWords(f, key) && r.known[key] == 0 {
			setText(r.mem, e, key, true)
			r.mem.store(e.values, value)
			r.known[key] = e.values
			return slices.Delete(hidden, i, i+1)
		}
	}
	r.mem.store(r.find(f, key), value)
	return hidden
}

// at gives a part of the memory a type that consists of atomic words.
func at[T any](w words, i int) *T {
	_ = w[i : i+int(unsafe.Sizeof(*new(T))/8)]
	return (*T)(unsafe.Pointer(&w[i])) //nolint:gosec // its size was checked above
}

// Counter gives a series, which is made at 0 if there is none yet.
func (r *Region) Counter(f *Family, values ...string) *Counter {
	return at[Counter](r.mem, r.series(f, values))
}

// Gauge gives a series, which is made at 0 if there is none yet.
func (r *Region) Gauge(f *Family, values ...string) *Gauge {
	return at[Gauge](r.mem, r.series(f, values))
}

// Histogram gives a series, which is made empty if there is none yet.
func (r *Region) Histogram(f *Family, values ...string) *Histogram {
	return histogramAt(f, r.mem, r.series(f, values))
}

// series finds the values of a series.
func (r *Region) series(f *Family, values []string) int {
	f.check(values)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.find(f, seriesKey(f, values))
}

// find gives the values of a series, which is added if there is none yet. A
// region that has no room for it counts it among the others, rather than
// losing it.
func (r *Region) find(f *Family, key string) int {
	if at, ok := r.known[key]; ok {
		return at
	}
	at, ok := appendEntry(r.mem, f, key, reserveWords)
	if !ok {
		at = r.other(f)
	}
	r.known[key] = at
	return at
}

// other is the series of a family for which there is always room.
func (r *Region) other(f *Family) int {
	if !r.full {
		r.full = true
		slog.Warn("the scoreboard has no room for more series; they are counted with the label other", "region", r.index, "metric", f.Name)
	}
	key := seriesKey(f, strings.Split(strings.Repeat(" other", len(f.Labels))[1:], " "))
	if at, ok := r.known[key]; ok {
		return at
	}
	at, ok := appendEntry(r.mem, f, key, 0) // reserveWords is enough for all families
	if !ok {
		at = regionWords - wasteWords // but not when something has written over the region
	}
	r.known[key] = at
	return at
}
