package service

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// freshTime is how long a connection that was just accepted counts for the
// request that it will bring. One that is silent for longer holds up nobody.
const freshTime = 50 * time.Millisecond

// errPoolFull is why a request is not even let into the queue.
var errPoolFull = errors.New("too many requests wait")

// pool holds the places for requests at once. Those that find none wait in
// order.
type pool struct {
	full func() // called when there is no room for a connection any more

	mu    sync.Mutex
	free  int
	bound int       // of the queue
	queue list.List // of chan struct{}, closed for the one that gets the place
	fresh int       // connections that will bring a request
	// roomy is closed while there is room for one more connection.
	roomy  chan struct{}
	isRoom bool
}

func newPool(size, queue int, full func()) *pool {
	p := &pool{full: full, free: size, bound: queue, roomy: make(chan struct{}), isRoom: true}
	close(p.roomy)
	return p
}

// enter waits for a place. It fails with errPoolFull, or with the cause of the
// context's end. The request may be the one for which its connection counts.
func (p *pool) enter(ctx context.Context, fresh bool) error {
	p.mu.Lock()
	if fresh {
		p.fresh--
	}
	if p.free > 0 {
		p.free--
		p.settle()
		p.mu.Unlock()
		return nil
	}
	p.settle()
	if p.queue.Len() >= p.bound {
		p.mu.Unlock()
		return errPoolFull
	}
	turn := make(chan struct{})
	place := p.queue.PushBack(turn)
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		p.giveUp(place, turn)
		return context.Cause(ctx)
	}
}

// giveUp leaves the queue. A place that was given in this moment goes to the
// next one.
func (p *pool) giveUp(place *list.Element, turn <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if isClosed(turn) {
		p.pass()
		return
	}
	p.queue.Remove(place)
}

// leave gives a place back.
func (p *pool) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pass()
}

func (p *pool) pass() {
	if next := p.queue.Front(); next != nil {
		close(p.queue.Remove(next).(chan struct{}))
		return
	}
	p.free++
	p.settle()
}

// expect counts a connection for the request that it will bring, or takes that
// back.
func (p *pool) expect(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fresh += n
	p.settle()
}

// room is closed when there is room for one more connection.
func (p *pool) room() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.roomy
}

func (p *pool) settle() {
	is := p.free > p.fresh
	if is == p.isRoom {
		return
	}
	p.isRoom = is
	if is {
		close(p.roomy)
		return
	}
	p.roomy = make(chan struct{})
	p.full()
}

// expectRequest lets a connection that was just accepted count as the request
// that it will bring: else one more would be accepted before the pool is seen
// to be full (CHECK-15).
func (c *conn) expectRequest() {
	c.fresh.Store(true)
	c.s.pool.expect(1)
	time.AfterFunc(freshTime, c.expectNothing)
}

func (c *conn) expectNothing() {
	if c.fresh.Swap(false) {
		c.s.pool.expect(-1)
	}
}
