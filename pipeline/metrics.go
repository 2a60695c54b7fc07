package pipeline

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
)

// metrics are the series of design.md 9 that loaded applications keep.
type metrics struct {
	region *scoreboard.Region
	sample uint32

	mu   sync.Mutex
	apps map[string]*appSeries
}

func newMetrics(region *scoreboard.Region, sample int) *metrics {
	return &metrics{region: region, sample: uint32(max(sample, 1)), apps: map[string]*appSeries{}}
}

// registered shows a board's series in a registry. When there is a board in it
// already, that one is given.
func registered(reg prometheus.Registerer, board *scoreboard.Board) *scoreboard.Board {
	err := reg.Register(board.Collector())
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if first, ok := already.ExistingCollector.(*scoreboard.Board); ok {
			return first
		}
	}
	if err != nil {
		panic(err) // something else keeps series under our names
	}
	return board
}

// methods are the values of the label method; all others are "other".
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodConnect, http.MethodTrace, "COPY", "other",
}

func methodLabel(method string) string {
	for _, m := range methods {
		if m == method {
			return m
		}
	}
	return "other"
}

// appSeries are the series of one value of the label app.
type appSeries struct {
	name     string
	duration *scoreboard.Histogram
	inFlight *scoreboard.Gauge
	bytes    *scoreboard.Counter
	requests counters // by method and code
}

func (m *metrics) app(name string) *appSeries {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.apps[name]; s != nil {
		return s
	}
	s := &appSeries{
		name:     name,
		duration: m.region.Histogram(scoreboard.Duration, name),
		inFlight: m.region.Gauge(scoreboard.InFlight, name),
		bytes:    m.region.Counter(scoreboard.Bytes, name),
	}
	s.requests.make = func(method, code string) *scoreboard.Counter {
		return m.region.Counter(scoreboard.Requests, name, method, code)
	}
	s.inFlight.Set(0)                             // what a process before this one left in the region is over
	s.requests.get(http.MethodGet, http.StatusOK) // exists from the start, at 0
	m.apps[name] = s
	return s
}

// chainSeries are the series of one pipeline, by filter.
type chainSeries struct {
	durations []*scoreboard.Histogram
	panics    []*scoreboard.Counter
	short     []*counters // by code
}

func (m *metrics) chain(pipeline string, items []string) *chainSeries {
	s := &chainSeries{}
	for _, item := range items {
		s.durations = append(s.durations, m.region.Histogram(scoreboard.FilterDuration, pipeline, item))
		s.panics = append(s.panics, m.region.Counter(scoreboard.FilterPanics, pipeline, item))
		s.short = append(s.short, &counters{make: func(_, code string) *scoreboard.Counter {
			return m.region.Counter(scoreboard.ShortCircuits, pipeline, item, code)
		}})
	}
	return s
}

// counters finds counters by method and code. There are few of them, so that a
// scan beats a look-up by labels.
type counters struct {
	make  func(method, code string) *scoreboard.Counter
	known atomic.Pointer[[]codeCounter]
	mu    sync.Mutex
}

type codeCounter struct {
	method  string
	code    int
	counter *scoreboard.Counter
}

func (s *counters) get(method string, code int) *scoreboard.Counter {
	if list := s.known.Load(); list != nil {
		for i := range *list {
			if c := &(*list)[i]; c.code == code && c.method == method {
				return c.counter
			}
		}
	}
	method = methodLabel(method) // else the client would choose what is kept
	c := s.make(method, strconv.Itoa(code))
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []codeCounter
	if old := s.known.Load(); old != nil {
		list = append(list, *old...)
	}
	if len(list) < maxKnown && !slices.ContainsFunc(list, func(k codeCounter) bool { return k.counter == c }) {
		list = append(list, codeCounter{method, code, c})
		s.known.Store(&list)
	}
	return c
}

// maxKnown is from where on a look-up by labels is as fast.
const maxKnown = 64
