package protocol

import (
	"sync"
	"time"
)

// The time for which Keystone is left alone after it could not be reached
// doubles with each failure.
const (
	firstRest = 250 * time.Millisecond
	longRest  = 5 * time.Second
)

// breaker keeps requests from waiting for a Keystone that is down: after a
// failure all are refused at once for a while, then one of them tries.
type breaker struct {
	mu      sync.Mutex
	rest    time.Duration // 0 while Keystone is up
	until   time.Time
	trying  bool
	refused error
}

// enter gives nil to a request that may ask Keystone, else the last failure.
// The one that tries has patience for it.
func (b *breaker) enter(now time.Time, patience time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rest == 0 {
		return nil
	}
	if now.Before(b.until) {
		return b.refused
	}
	b.trying, b.until = true, now.Add(patience)
	return nil
}

// leave notes what came of it; first is true for the failure that follows on
// success, back for the success that follows on a failure. Of many failures at
// the same time one counts.
func (b *breaker) leave(now time.Time, failure error) (first, back bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case failure == nil:
		back = b.rest > 0
		b.rest, b.trying, b.refused = 0, false, nil
		return false, back
	case b.rest == 0:
		first, b.rest = true, firstRest
	case b.trying:
		b.rest = min(2*b.rest, longRest)
	default:
		return false, false
	}
	b.trying, b.until, b.refused = false, now.Add(b.rest), failure
	return first, false
}
