package ratelimit

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// limit is the rate for containers of at least a size.
type limit struct {
	size int64
	rate float64
}

// limits are sorted by size; between two the rate is interpolated.
type limits []limit

// readLimits collects the options PREFIX_SIZE = RATE of the section and of the
// global options.
func readLimits(global, local *paste.Conf, prefix string) (limits, error) {
	texts := map[string]string{}
	for key, v := range global.All() {
		if size, ok := strings.CutPrefix(key, prefix); ok {
			texts[size] = v.Text
		}
	}
	for size, v := range local.All() {
		texts[size] = v.Text
	}
	var list limits
	for size, text := range texts {
		n, err := paste.AsInt(size)
		if err != nil {
			return nil, paste.BadOption(prefix+size, "invalid size %q, want a number of objects", size)
		}
		rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || rate < 0 {
			return nil, paste.BadOption(prefix+size, "invalid rate %q, want requests a second", text)
		}
		list = append(list, limit{n, rate})
	}
	slices.SortFunc(list, func(a, b limit) int { return cmp.Compare(a.size, b.size) })
	return list, nil
}

// rate is the rate for a container; 0 is none. An empty container has none.
func (l limits) rate(size int64) float64 {
	if size == 0 {
		return 0
	}
	for i, v := range slices.Backward(l) {
		if size < v.size {
			continue
		}
		if i == len(l)-1 {
			return v.rate
		}
		slope := (l[i+1].rate - v.rate) / float64(l[i+1].size-v.size)
		return float64(size-v.size)*slope + v.rate
	}
	return 0
}
