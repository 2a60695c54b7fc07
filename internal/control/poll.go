package control

import (
	"context"
	"time"
)

// poll asks until something is true or the context ends.
func poll(ctx context.Context, every time.Duration, ask func() bool) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !ask() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
