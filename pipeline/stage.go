package pipeline

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/justinas/alice"
)

// chain is a pipeline that runs: its filters in order and what they wrap. Each
// filter is a stage. Between two stages stands a mark, by which the chain knows
// exactly who answered (design.md 5) and, for some of the requests, how long
// each filter took by itself.
type chain struct {
	name   string   // the section's name
	items  []string // the filters, as written
	level  int      // how many chains lie outside
	head   http.Handler
	series *chainSeries // nil without metrics
	sample uint32       // one request in so many is timed
	timed  atomic.Int64 // of the first requests, which are all timed
}

// timedFirst is how many requests of a chain are all timed.
const timedFirst = 1000

// newChain wraps app in the filters, the first outermost.
func newChain(name string, items []string, filters []alice.Constructor, app http.Handler, level int, m *metrics) *chain {
	c := &chain{name: name, items: items, level: level, series: m.chain(name, items), sample: m.sample}
	stages := make([]alice.Constructor, 0, 2*len(filters))
	for i, f := range filters {
		stages = append(stages, f, func(next http.Handler) http.Handler {
			return &mark{chain: c, index: int32(i), next: next}
		})
	}
	c.head = alice.New(stages...).Then(app)
	return c
}

// ServeHTTP runs the chain.
func (c *chain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e, w, r := Begin(w, r)
	f := e.trace.frame(c.level)
	f.enter(c)
	outer := e.trace.level.Swap(int32(c.level))
	var t *timing
	if c.draw() {
		t = &timing{start: time.Now(), below: make([]atomic.Int64, len(c.items))}
	}
	f.timing.Store(t)
	done := false
	defer func() {
		if !done {
			e.trace.panicked(c, f.at.Load())
		}
		e.trace.level.Store(outer)
		if t != nil {
			c.observe(f, t)
		}
	}()
	c.head.ServeHTTP(w, r)
	done = true
}

// draw decides whether a request is timed.
func (c *chain) draw() bool {
	if c.series == nil {
		return false
	}
	if c.timed.Load() < timedFirst {
		c.timed.Add(1)
		return true
	}
	return c.sample == 1 || rand.Uint32N(c.sample) == 0
}

// observe notes the time that each filter took without what lies below it.
func (c *chain) observe(f *frame, t *timing) {
	inside := int64(time.Since(t.start))
	for i := range min(int(f.reached.Load())+1, len(c.items)) {
		below := t.below[i].Load()
		c.series.durations[i].Observe(float64(max(inside-below, 0)) / float64(time.Second))
		inside = below
	}
}

// mark stands behind a filter: who comes here was let through by it.
type mark struct {
	chain *chain
	index int32
	next  http.Handler
}

func (m *mark) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := FromRequest(r)
	f := e.trace.frame(m.chain.level)
	f.at.Store(m.index + 1)
	if f.reached.Load() <= m.index {
		f.reached.Store(m.index + 1)
	}
	t := f.timing.Load()
	var start time.Time
	if t != nil {
		start = time.Now()
	}
	done := false
	defer func() {
		if !done {
			e.trace.panicked(m.chain, f.at.Load())
		}
		f.at.Store(m.index)
		if t != nil {
			t.below[m.index].Add(int64(time.Since(start)))
		}
	}()
	m.next.ServeHTTP(w, r)
	done = true
}

// timing is made for the requests that are timed.
type timing struct {
	start time.Time
	below []atomic.Int64 // per filter: nanoseconds spent in what it wraps
}

// frame is what one request does in one chain. Its fields are atomic because a
// filter may run the rest on another goroutine, and leave it behind.
type frame struct {
	chain    atomic.Pointer[chain]
	timing   atomic.Pointer[timing]
	at       atomic.Int32 // the stage that runs: an index into items, len(items) for the app
	reached  atomic.Int32 // the innermost stage so far
	answered atomic.Int32 // 1 + the stage that says it has replaced the answer
}

func (f *frame) enter(c *chain) {
	f.chain.Store(c)
	f.at.Store(0)
	f.reached.Store(0)
	f.answered.Store(0)
}

// inlineFrames is how deep chains usually lie in each other; deeper ones cost
// an allocation.
const inlineFrames = 6

// trace is the way of a request through the chains.
type trace struct {
	level  atomic.Int32 // of the chain that runs
	inline [inlineFrames]frame
	deep   atomic.Pointer[[maxLevels - inlineFrames]frame]

	panicChain atomic.Pointer[chain] // where a panic began
	panicAt    atomic.Int32
}

// maxLevels bounds how deep chains may lie in each other; a paste file that
// needs more does not build.
const maxLevels = 128

func (t *trace) frame(level int) *frame {
	if level < inlineFrames {
		return &t.inline[level]
	}
	deep := t.deep.Load()
	if deep == nil {
		t.deep.CompareAndSwap(nil, new([maxLevels - inlineFrames]frame))
		deep = t.deep.Load()
	}
	return &deep[level-inlineFrames]
}

// panicked notes where a panic began: the innermost stage says so first.
func (t *trace) panicked(c *chain, at int32) {
	if t.panicChain.CompareAndSwap(nil, c) {
		t.panicAt.Store(at)
	}
}

// adopt takes over the way that a copy of the Environ went, below the chains
// that both have in common.
func (t *trace) adopt(other *trace) {
	t.level.Store(other.level.Load())
	for level := range maxLevels {
		if level >= inlineFrames && other.deep.Load() == nil {
			break
		}
		from, to := other.frame(level), t.frame(level)
		to.chain.Store(from.chain.Load())
		to.timing.Store(from.timing.Load())
		to.at.Store(from.at.Load())
		to.reached.Store(from.reached.Load())
		to.answered.Store(from.answered.Load())
	}
}

// answer finds the filter that gave the answer: the outermost one that says it
// has replaced it, else the innermost chain's filter that did not call the
// next stage. Without one the application answered.
func (t *trace) answer() (*chain, int) {
	var chosen *chain
	at := 0
	for level := range maxLevels {
		if level >= inlineFrames && t.deep.Load() == nil {
			break
		}
		f := t.frame(level)
		c := f.chain.Load()
		if c == nil {
			continue
		}
		if by := f.answered.Load(); by > 0 {
			return c, int(by) - 1
		}
		if reached := int(f.reached.Load()); reached < len(c.items) {
			chosen, at = c, reached
		}
	}
	return chosen, at
}

// Answered is called by a filter that replaces the answer of what it wraps,
// after it has called it. Then that filter alone counts as the one that
// answered.
func Answered(r *http.Request) {
	t := &FromRequest(r).trace
	f := t.frame(int(t.level.Load()))
	if c := f.chain.Load(); c != nil && int(f.at.Load()) < len(c.items) {
		f.answered.Store(f.at.Load() + 1)
	}
}
