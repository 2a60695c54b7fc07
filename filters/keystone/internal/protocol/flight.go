package protocol

import (
	"context"
	"sync"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/session"
	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
)

// flight lets many requests with one new token ask about it once.
type flight struct {
	mu    sync.Mutex
	calls map[flightKey]*call
}

type call struct {
	done  chan struct{}
	value *token.Token
	err   error
}

// do runs ask for the first of the requests, in its goroutine, and gives the
// result to all. ask gets a context that does not end when that one's client
// goes away.
func (f *flight) do(ctx context.Context, key flightKey, ask func(context.Context) (*token.Token, error)) (*token.Token, error) {
	f.mu.Lock()
	if c, ok := f.calls[key]; ok {
		f.mu.Unlock()
		select {
		case <-c.done:
			return c.value, c.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	c := &call{done: make(chan struct{}), err: session.ErrUnavailable} // in case that ask panics
	f.calls[key] = c
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.calls, key)
		f.mu.Unlock()
		close(c.done)
	}()
	c.value, c.err = ask(context.WithoutCancel(ctx))
	return c.value, c.err
}
