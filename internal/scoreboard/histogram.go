package scoreboard

import (
	"math"
	"slices"
	"sync/atomic"
	"unsafe"
)

// Histogram counts durations. It keeps classic and native buckets in one: its
// cells are bounded by the bounds of both, so that one addition counts for both
// and no reader ever sees them disagree.
type Histogram struct {
	scale *scale
	sum   *atomic.Uint64  // nanoseconds
	cells []atomic.Uint64 // one for each bound, the last also for what lies beyond
}

// Observe counts a duration in seconds. What is less than nothing is nothing,
// and what is not a number is not counted.
func (h *Histogram) Observe(seconds float64) {
	if seconds != seconds {
		return
	}
	seconds = max(seconds, 0)
	h.cells[h.scale.cell(seconds)].Add(1)
	h.sum.Add(uint64(min(seconds, maxSeconds)*1e9 + .5))
}

// maxSeconds is about 30 years: so much does one observation add at most.
const maxSeconds = 1e9

// The native buckets: eight to a power of two, which is what a growth of at
// most 1.1 asks for, from 60 ns to 68 minutes. What is less counts as zero,
// what is more as the longest.
const (
	nativeSchema = 3
	perPower     = 1 << nativeSchema
	minPower     = -24
	maxPower     = 12
	zeroBound    = 1.0 / (1 << -minPower)
)

// powers are the bounds within a power of two: 2^(i/8), rounded as Prometheus
// does.
var powers = [perPower]float64{
	1, 1.0905077326652576, 1.189207115002721, 1.2968395546510096,
	1.414213562373095, 1.5422108254079407, 1.6817928305074288, 1.8340080864093422,
}

// scale is how a family divides the time.
type scale struct {
	classic []float64
	upper   []float64 // of the cells; the first is the zero bucket's
	native  []int32   // of a cell: its bucket in the native histogram
	first   []uint16  // by the exponent and the first four bits of the mantissa: where to begin to look
}

func newScale(classic []float64) *scale {
	s := &scale{classic: classic, upper: []float64{zeroBound}}
	for key := minPower*perPower + 1; key <= maxPower*perPower; key++ {
		s.upper = append(s.upper, nativeBound(key))
	}
	s.upper = append(s.upper, classic...)
	slices.Sort(s.upper)
	s.upper = slices.Compact(s.upper)
	key := int32(minPower * perPower)
	for _, u := range s.upper {
		if u > nativeBound(int(key)) {
			key++
		}
		s.native = append(s.native, key)
	}
	at := 0
	for step := range uint64(maxPower-minPower) << 4 {
		low := math.Float64frombits((firstStep + step) << 48)
		for at < len(s.upper) && s.upper[at] < low {
			at++
		}
		s.first = append(s.first, uint16(at))
	}
	return s
}

// firstStep is the step of zeroBound: the exponent and four bits of it.
const firstStep = uint64(1023+minPower) << 4

// nativeBound is the upper bound of a native bucket.
func nativeBound(key int) float64 {
	return math.Ldexp(powers[key&(perPower-1)], key>>nativeSchema)
}

func (s *scale) cells() int { return len(s.upper) }

// cell finds the cell of a duration that is not negative.
func (s *scale) cell(v float64) int {
	if v <= zeroBound {
		return 0
	}
	step := math.Float64bits(v)>>48 - firstStep
	if step >= uint64(len(s.first)) {
		return len(s.upper) - 1
	}
	at := int(s.first[step])
	for s.upper[at] < v {
		at++
	}
	return at
}

func histogramAt(f *Family, w words, i int) *Histogram {
	cells := w[i+1 : i+f.values]
	return &Histogram{f.scale, w.cell(i), unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&cells[0])), len(cells))} //nolint:gosec // words are what an atomic.Uint64 is
}
