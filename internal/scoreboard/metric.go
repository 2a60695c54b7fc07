package scoreboard

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// histogramMetric shows the cells of a histogram as classic and as native
// buckets.
type histogramMetric struct{ *sum }

// Desc is for the registry.
func (m *histogramMetric) Desc() *prometheus.Desc { return m.family.desc }

// Write is for the registry.
func (m *histogramMetric) Write(out *dto.Metric) error {
	cells, s := m.values[1:], m.family.scale
	out.Label = labelPairs(m.family.Labels, m.labels)
	h := &dto.Histogram{
		SampleSum:     new(float64(m.values[0]) / 1e9),
		Schema:        new(int32(nativeSchema)),
		ZeroThreshold: new(zeroBound),
		ZeroCount:     new(cells[0]),
	}
	h.Bucket, h.SampleCount = s.classicBuckets(cells)
	h.PositiveSpan, h.PositiveDelta = s.nativeBuckets(cells)
	out.Histogram = h
	return nil
}

func labelPairs(names, values []string) []*dto.LabelPair {
	var pairs []*dto.LabelPair
	for i, name := range names {
		pairs = append(pairs, &dto.LabelPair{Name: new(name), Value: new(values[i])})
	}
	slices.SortFunc(pairs, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	return pairs
}

// classicBuckets adds up the cells below each classic bound, and all.
func (s *scale) classicBuckets(cells []uint64) (buckets []*dto.Bucket, count *uint64) {
	var n uint64
	for i, c := range cells {
		n += c
		if at := len(buckets); at < len(s.classic) && s.upper[i] == s.classic[at] {
			buckets = append(buckets, &dto.Bucket{CumulativeCount: new(n), UpperBound: new(s.classic[at])})
		}
	}
	return buckets, new(n)
}

// maxGap is the number of empty native buckets that cost less than a new span.
const maxGap = 2

// nativeBuckets gives those that are not empty, each as the difference to the
// one before.
func (s *scale) nativeBuckets(cells []uint64) (spans []*dto.BucketSpan, deltas []int64) {
	var next int32 // the key after the last bucket
	var last int64 // its count
	push := func(n int64) {
		*spans[len(spans)-1].Length++
		deltas = append(deltas, n-last)
		last = n
		next++
	}
	for i := 1; i < len(cells); {
		key, n := s.native[i], int64(0)
		for ; i < len(cells) && s.native[i] == key; i++ {
			n += int64(cells[i])
		}
		if n == 0 {
			continue
		}
		if len(spans) == 0 || key-next > maxGap {
			spans = append(spans, &dto.BucketSpan{Offset: new(key - next), Length: new(uint32(0))})
			next = key
		}
		for next < key {
			push(0)
		}
		push(n)
	}
	return spans, deltas
}
