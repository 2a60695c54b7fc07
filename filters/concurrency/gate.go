package concurrency

import (
	"container/list"
	"sync"
)

// gates holds a gate for each key that has requests; what it holds is bounded by
// them.
type gates struct {
	max, queue int

	mu    sync.Mutex
	byKey map[string]*gate
}

// gate counts the requests of one key.
type gate struct {
	running int
	waiting list.List // of *turn, the first come first
}

// turn is a place in a queue; ready is closed when it is a place inside.
type turn struct {
	ready   chan struct{}
	element *list.Element // nil once it has left the queue
}

// enter takes a place, or joins the queue and gives the turn to wait for; false
// if the queue is full.
func (g *gates) enter(key string) (*turn, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.byKey[key]
	if at == nil {
		at = &gate{}
		g.byKey[key] = at
	}
	switch {
	case at.running < g.max:
		at.running++
		return nil, true
	case at.waiting.Len() >= g.queue:
		return nil, false
	}
	t := &turn{ready: make(chan struct{})}
	t.element = at.waiting.PushBack(t)
	return t, true
}

// leave gives a place to the next in the queue.
func (g *gates) leave(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.byKey[key]
	if first := at.waiting.Front(); first != nil {
		t := at.waiting.Remove(first).(*turn)
		t.element = nil
		close(t.ready)
		return
	}
	if at.running--; at.running == 0 {
		delete(g.byKey, key)
	}
}

// giveUp leaves the queue; false when the turn has a place by now.
func (g *gates) giveUp(key string, t *turn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.element == nil {
		return false
	}
	g.byKey[key].waiting.Remove(t.element)
	t.element = nil
	return true
}
