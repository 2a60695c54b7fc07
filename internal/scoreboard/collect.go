package scoreboard

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector shows the sum over all regions, of the living and of the dead. It
// waits for no process; see snapshot.
func (b *Board) Collector() prometheus.Collector { return b }

// Describe is for the registry.
func (b *Board) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range families[1:] {
		ch <- f.desc
	}
}

// Collect is for the registry.
func (b *Board) Collect(ch chan<- prometheus.Metric) {
	for _, s := range b.snapshot() {
		if m := s.metric(); m != nil {
			ch <- m
		}
	}
}

// sum is a series, added up.
type sum struct {
	family *Family
	labels []string
	values []uint64
}

type sums map[string]*sum

// snapshotTime is how long a reader tries to read between two changes of the
// master. A master that was killed in the middle of one costs so much once a
// scrape; what is shown then is off by one worker at most.
const snapshotTime = 250 * time.Millisecond

// snapshot reads all regions. No change of the master falls into it: else a
// count would be seen twice, or not at all, and the next scrape would see it
// go back.
func (b *Board) snapshot() sums {
	begin := monotonic()
	for {
		folds := b.header.load(headFolds)
		s := b.read()
		same := folds&1 == 0 && b.header.load(headFolds) == folds
		now := monotonic()
		if same || now-begin > int64(snapshotTime) {
			return s
		}
		b.header.store(headPlea, uint64(now+int64(pleaTime)))
		time.Sleep(pleaSleep)
	}
}

func (b *Board) read() sums {
	s := sums{}
	used := min(b.header.load(headUsed), maxRegions)
	for i := range int(used) {
		w := b.existing(i)
		if w == nil || w.load(wordState) != stateLive {
			continue
		}
		for e := range entries(w) {
			if e.visible {
				s.add(w, &e)
			}
		}
		if i >= firstWorker {
			s.process(w)
		}
	}
	return s
}

func (s sums) add(w words, e *entry) {
	t := s.series(e.family, e.key)
	for i := range t.values {
		t.values[i] += w.load(e.values + i)
	}
}

func (s sums) series(f *Family, key string) *sum {
	t := s[key]
	if t == nil {
		e := entry{key: key}
		t = &sum{f, e.labels(), make([]uint64, f.values)}
		s[key] = t
	}
	return t
}

// process adds what is a series of a server, but kept in the words of its
// processes.
func (s sums) process(w words) {
	name, p := server(w), process(w)
	for state, n := range p.connections() {
		s.series(Connections, seriesKey(Connections, []string{name, state})).values[0] += uint64(n)
	}
	s.series(DrainCut, seriesKey(DrainCut, []string{name})).values[0] += uint64(p.Cut.Load())
}

func (s *sum) metric() prometheus.Metric {
	if s.family.kind == histogramKind {
		return &histogramMetric{s}
	}
	t, value := prometheus.CounterValue, float64(s.values[0])
	if s.family.kind == gaugeKind {
		t, value = prometheus.GaugeValue, float64(int64(s.values[0]))
	}
	m, err := prometheus.NewConstMetric(s.family.desc, t, value, s.labels...)
	if err != nil {
		return nil // readEntry has checked the labels
	}
	return m
}
