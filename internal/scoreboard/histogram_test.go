package scoreboard

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// reference is what client_golang makes of the same options.
func reference(f *Family) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: f.Name, Help: f.Help, Buckets: f.scale.classic,
		NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: zeroBound,
	})
}

func written(t *testing.T, m prometheus.Metric) *dto.Histogram {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	out.Histogram.CreatedTimestamp = nil
	return out.Histogram
}

func own(t *testing.T, b *Board, f *Family) *dto.Histogram {
	t.Helper()
	for _, s := range b.snapshot() {
		if s.family == f {
			return written(t, s.metric())
		}
	}
	t.Fatal("no series")
	return nil
}

func TestHistogramsAreThoseOfClientGolang(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var spread, bounds, steps []float64
	for range 20_000 {
		spread = append(spread, math.Exp2(random.Float64()*35.9-23.95))
	}
	for _, f := range []*Family{Duration, FilterDuration} {
		for _, u := range f.scale.upper {
			bounds = append(bounds, u, math.Nextafter(u, 0))
			if u < 1<<maxPower {
				bounds = append(bounds, math.Nextafter(u, math.Inf(1)))
			}
		}
	}
	for i := range 4096 {
		steps = append(steps, float64(i)/64)
	}
	for name, values := range map[string][]float64{
		"nothing": nil, "zero": {0}, "one": {1}, "far apart": {1e-7, 1e3, 1e-3, 3e-3}, "near": {.1, .13, .14, .2},
		"all over": spread, "on the bounds": bounds, "with short binary fractions": steps,
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range []*Family{Duration, FilterDuration} {
				b, ref := New(), reference(f)
				h := b.Master().Histogram(f, slices.Repeat([]string{"x"}, len(f.Labels))...)
				for _, v := range values {
					h.Observe(v)
					ref.Observe(v)
				}
				got, want := own(t, b, f), written(t, ref)
				if g, w := got.GetSampleSum(), want.GetSampleSum(); math.Abs(g-w) > 1e-9*float64(len(values)) {
					t.Errorf("sum %v, want %v", g, w)
				}
				got.SampleSum, want.SampleSum = nil, nil
				if !slices.Equal(got.GetPositiveDelta(), want.GetPositiveDelta()) {
					t.Error("the native buckets differ")
				}
				got.PositiveDelta, want.PositiveDelta = nil, nil
				if g, w := got.String(), want.String(); g != w {
					t.Errorf("got\n%s\nwant\n%s", g, w)
				}
			}
		})
	}
}

func TestWhatIsBeyondTheScale(t *testing.T) {
	for _, test := range []struct {
		value       float64
		zero, count uint64
		sum         float64
	}{
		{-1, 1, 1, 0},
		{math.Inf(-1), 1, 1, 0},
		{math.NaN(), 0, 0, 0},
		{math.SmallestNonzeroFloat64, 1, 1, 0},
		{zeroBound, 1, 1, 6e-8},
		{5000, 0, 1, 5000},
		{1e300, 0, 1, maxSeconds},
		{math.Inf(1), 0, 1, maxSeconds},
	} {
		b := New()
		b.Master().Histogram(Duration, "x").Observe(test.value)
		h := own(t, b, Duration)
		if h.GetZeroCount() != test.zero || h.GetSampleCount() != test.count || h.GetSampleSum() != test.sum {
			t.Errorf("%v: zero %d, count %d, sum %v; want %d, %d, %v", test.value, h.GetZeroCount(), h.GetSampleCount(), h.GetSampleSum(), test.zero, test.count, test.sum)
		}
		if buckets := len(h.GetPositiveDelta()); uint64(buckets) != test.count-test.zero {
			t.Errorf("%v: %d native buckets", test.value, buckets)
		}
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := New().Master()
	c, g, h := m.Counter(Bytes, "x"), m.Gauge(InFlight, "x"), m.Histogram(Duration, "x")
	if n := testing.AllocsPerRun(100, func() { c.Inc(); g.Dec(); h.Observe(.2) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHistogramsShowTheirLabelsInOrder(t *testing.T) {
	b := New()
	b.Master().Histogram(FilterDuration, "p", "f").Observe(1)
	if got := shown(t, b, "wheatpaste_filter_duration_seconds"); !strings.Contains(got, `_count{filter="f",pipeline="p"} 1`) {
		t.Error(got)
	}
}

func BenchmarkCounter(b *testing.B) {
	b.Run("scoreboard", func(b *testing.B) {
		c := shared(b).Master().Counter(Bytes, "x")
		b.ReportAllocs()
		for b.Loop() {
			c.Inc()
		}
	})
	b.Run("client_golang", func(b *testing.B) {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "x_total", Help: "X."})
		b.ReportAllocs()
		for b.Loop() {
			c.Inc()
		}
	})
}

func BenchmarkHistogram(b *testing.B) {
	benchmark := func(b *testing.B, observe func(float64)) {
		b.Helper()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			observe(float64(i&1023) / 1000)
		}
	}
	b.Run("scoreboard", func(b *testing.B) { benchmark(b, shared(b).Master().Histogram(Duration, "x").Observe) })
	b.Run("client_golang", func(b *testing.B) { benchmark(b, reference(Duration).Observe) })
}

func BenchmarkScrape(b *testing.B) { // 8 workers, 3 applications, 36 filters
	board := shared(b)
	for slot := range 8 {
		r := claim(b, board, "main", slot, 1)
		for _, app := range []string{"a", "b", "c"} {
			r.Histogram(Duration, app).Observe(.01)
			for filter := range strings.FieldsSeq("a b c d e f g h i j k l") {
				r.Histogram(FilterDuration, app, filter).Observe(1e-5)
			}
		}
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(board.Collector())
	for b.Loop() {
		if _, err := reg.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
