package conformance

import "math/rand/v2"

// dice is the randomness of one case.
type dice struct{ *rand.Rand }

// chance is true in percent of a hundred throws.
func (d dice) chance(percent float64) bool { return d.Float64()*100 < percent }

// between gives a number from low to high, both included.
func (d dice) between(low, high int) int { return low + d.IntN(high-low+1) }

func (d dice) pick(from []string) string { return from[d.IntN(len(from))] }

// few picks up to most texts of from, none twice.
func (d dice) few(most int, from []string) []string {
	n := min(d.IntN(most+1), len(from))
	out := make([]string, 0, n)
	for _, i := range d.Perm(len(from))[:n] {
		out = append(out, from[i])
	}
	return out
}

// way is one of several things to do, with its share.
type way struct {
	share int
	do    func()
}

// oneOf does one of ways.
func (d dice) oneOf(ways ...way) {
	total := 0
	for _, w := range ways {
		total += w.share
	}
	throw := d.IntN(total)
	for _, w := range ways {
		if throw < w.share {
			w.do()
			return
		}
		throw -= w.share
	}
}

// text is one of several texts, with its share.
type text struct {
	share int
	make  func() string
}

// oneText makes one of texts.
func (d dice) oneText(texts ...text) string {
	var out string
	ways := make([]way, len(texts))
	for i, t := range texts {
		ways[i] = way{t.share, func() { out = t.make() }}
	}
	d.oneOf(ways...)
	return out
}

// always is a text that needs no making.
func always(s string) func() string { return func() string { return s } }
