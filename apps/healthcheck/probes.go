package healthcheck

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// probe looks at one thing over the network. Its run ends with the context.
type probe struct {
	kind string // for the reason, in capitals
	name string // for details and logs; without user, password and query
	run  func(context.Context) error
	// hide takes passwords out of what is wrong.
	hide func(string) string
}

func (p *probe) result(err error) result {
	if err == nil {
		return result{true, "OK", p.name + " answers"}
	}
	return result{false, p.kind + " UNAVAILABLE", p.name + ": " + p.problem(err)}
}

func (p *probe) problem(err error) string {
	text := err.Error()
	if p.hide != nil {
		text = p.hide(text)
	}
	return text
}

// probes are asked together, by one request at a time; the others wait for its
// results, and who comes within the interval gets them, too.
type probes struct {
	list     []*probe
	timeout  time.Duration
	interval time.Duration
	now      func() time.Time
	log      *slog.Logger

	mu      sync.Mutex
	results []result // of the last round; nil before the first one
	until   time.Time
	running chan struct{} // closed when the round ends; nil without one
}

// maxAtOnce bounds the connections of a round.
const maxAtOnce = 16

// look gives one result for each probe, none for a client that has left.
func (p *probes) look(ctx context.Context) []result {
	if len(p.list) == 0 {
		return nil
	}
	for ctx.Err() == nil {
		p.mu.Lock()
		if p.results != nil && p.now().Before(p.until) {
			defer p.mu.Unlock()
			return p.results
		}
		wait := p.running
		if wait == nil {
			p.running = make(chan struct{})
			p.mu.Unlock()
			return p.finish(p.round(ctx))
		}
		p.mu.Unlock()
		select {
		case <-wait:
			if got := p.last(); got != nil {
				return got
			}
		case <-ctx.Done():
		}
	}
	return make([]result, len(p.list))
}

// last gives what the round has found that has just ended, whatever the
// interval: who has waited for it wants no other.
func (p *probes) last() []result {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.results
}

// round runs all probes side by side. They have the time-out together, so that no
// request waits for longer. It goes on when the client leaves: others may wait.
func (p *probes) round(ctx context.Context) []result {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
	defer cancel()
	results := make([]result, len(p.list))
	free := make(chan struct{}, maxAtOnce)
	var all sync.WaitGroup
	for i, one := range p.list {
		all.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			results[i] = one.result(one.run(ctx))
		})
	}
	all.Wait()
	return results
}

// finish keeps the results of a round, and logs what has changed.
func (p *probes) finish(results []result) []result {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, r := range results {
		before := p.results == nil || p.results[i].available
		switch {
		case before && !r.available:
			p.log.Warn("a health check fails", "check", p.list[i].kind, "details", r.details)
		case !before && r.available:
			p.log.Info("a health check succeeds again", "check", p.list[i].kind, "details", r.details)
		}
	}
	p.results, p.until = results, p.now().Add(p.interval)
	close(p.running)
	p.running = nil
	return results
}
