package ratelimit

import (
	"container/list"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Rate is an option: so many requests in such a time.
type Rate struct {
	Count  int
	Period time.Duration
}

// maxCount bounds rates and bursts, so that no time overflows.
const maxCount = 1_000_000

// OptionType is the word for it in lists of options.
func (Rate) OptionType() string { return "rate" }

// UnmarshalText reads a rate.
func (r *Rate) UnmarshalText(text []byte) error {
	count, period, _ := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	d, ok := parsePeriod(strings.TrimSpace(period))
	if err != nil || !ok || n < 1 || n > maxCount {
		return fmt.Errorf("invalid rate %q, want a number of requests and a time such as 10/second, 100/minute, 1000/hour or 5/30s", text)
	}
	*r = Rate{n, d}
	return nil
}

// String writes the rate as it is read.
func (r Rate) String() string {
	if r.Count == 0 {
		return ""
	}
	return strconv.Itoa(r.Count) + "/" + r.Period.String()
}

const day = 24 * time.Hour

func parsePeriod(text string) (time.Duration, bool) {
	unit := map[string]time.Duration{
		"s": time.Second, "second": time.Second, "m": time.Minute, "minute": time.Minute,
		"h": time.Hour, "hour": time.Hour, "d": day, "day": day,
	}[text]
	if unit > 0 {
		return unit, true
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= time.Millisecond && d <= 31*day
}

// limit is a rate as the generic cell rate algorithm has it. A client has one
// number, the theoretical arrival time: when everything that it has taken would
// have come in evenly.
type limit struct {
	interval int64 // nanoseconds between two requests that come evenly
	burst    int
}

func newLimit(r Rate, burst int) limit {
	if burst == 0 {
		burst = r.Count
	}
	return limit{max(int64(r.Period)/int64(r.Count), 1), burst}
}

// window is the time in which all of the burst comes back.
func (l limit) window() int64 { return l.interval * int64(l.burst) }

// verdict is what becomes of one request; times in nanoseconds.
type verdict struct {
	ok           bool
	remaining    int
	retry, reset int64 // until the next one is allowed, until all are
}

// next takes one request at a time now from a client whose number is tat, and
// gives the new number.
func (l limit) next(tat, now int64) (int64, verdict) {
	tat = max(tat, now)
	after := tat + l.interval
	if room := now - (after - l.window()); room < 0 {
		return tat, verdict{retry: -room, reset: tat - now}
	} else { //nolint:revive // room belongs to both
		return after, verdict{ok: true, remaining: int(room / l.interval), reset: after - now}
	}
}

// local remembers the clients of one worker.
type local struct {
	mu      sync.Mutex
	max     int
	byKey   map[string]*list.Element
	order   list.List // of *entry, the one that was here last first
	keys    prometheus.Gauge
	evicted prometheus.Counter
}

type entry struct {
	key string
	tat int64
}

func newLocal(maxKeys int, keys prometheus.Gauge, evicted prometheus.Counter) *local {
	return &local{max: maxKeys, byKey: map[string]*list.Element{}, keys: keys, evicted: evicted}
}

func (l *local) take(key string, by limit, now int64) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	element := l.byKey[key]
	if element == nil {
		l.makeRoom(now)
		element = l.order.PushFront(&entry{key: key})
		l.byKey[key] = element
		l.keys.Set(float64(len(l.byKey)))
	} else {
		l.order.MoveToFront(element)
	}
	e := element.Value.(*entry)
	var v verdict
	e.tat, v = by.next(e.tat, now)
	return v
}

// makeRoom forgets clients that have all of their burst again, which is no loss,
// a few at a time; and, when there are too many, the one that was longest away.
func (l *local) makeRoom(now int64) {
	for range 2 {
		oldest := l.order.Back()
		if oldest == nil {
			return
		}
		e := oldest.Value.(*entry)
		expired := e.tat <= now
		if !expired && len(l.byKey) < l.max {
			return
		}
		if !expired {
			l.evicted.Inc()
		}
		l.order.Remove(oldest)
		delete(l.byKey, e.key)
	}
}
