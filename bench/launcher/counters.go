package main

import (
	"context"
	"sync"
	"time"
)

// counters scrapes all the time: no counter may go back (CHECK-12).
type counters struct {
	last    map[string]float64
	scrapes int
	missed  int // scrapes that hit a dying worker
	fell    []string
	done    sync.WaitGroup
	cancel  context.CancelFunc
}

// countersGrow begins to scrape.
func (s *server) countersGrow() *counters {
	ctx, cancel := context.WithCancel(s.b.ctx)
	c := &counters{cancel: cancel, last: map[string]float64{}}
	scraper := s.scraper()
	c.done.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				c.look(ctx, scraper)
			case <-ctx.Done():
				return
			}
		}
	})
	return c
}

// watched are the families that count what clients and operators did.
var watched = []string{
	"wheatpaste_http_requests_total", "wheatpaste_http_response_bytes_total", "wheatpaste_worker_exits_total", "wheatpaste_reloads_total",
}

func (c *counters) look(ctx context.Context, scraper *scraper) {
	metrics, err := scraper.scrape(ctx)
	if err != nil {
		c.missed++
		return
	}
	c.scrapes++
	for _, family := range watched {
		now := metrics.sum(family)
		if now < c.last[family] {
			c.fell = append(c.fell, family)
		}
		c.last[family] = now
	}
}

func (c *counters) end(b *bench) {
	c.cancel()
	c.done.Wait()
	b.note("%d scrapes, %d lost with a worker", c.scrapes, c.missed)
	b.check(c.scrapes > 0, "no scrape was answered")
	b.check(len(c.fell) == 0, "CHECK-12: counters went back: %v", c.fell)
	b.check(c.last["wheatpaste_http_requests_total"] > 0, "no request was counted")
}
