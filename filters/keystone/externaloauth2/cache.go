package externaloauth2

import (
	"container/list"
	"sync"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/tokencache"
)

// cacheBytes is about how much memory the cache takes at most.
const cacheBytes = 16 << 20

// cache remembers what the server said about tokens: those that were used last.
// Its keys are hashes; the tokens themselves are not kept.
type cache struct {
	limit int

	mu    sync.Mutex
	size  int
	items map[tokencache.Key]*list.Element
	order *list.List // the one used last is in front
}

// item is what is known of a token; id is nil for one that is not good.
type item struct {
	key   tokencache.Key
	id    *identity
	until time.Time // zero for ever
	size  int
}

func newCache(limit int) *cache {
	return &cache{limit: limit, items: map[tokencache.Key]*list.Element{}, order: list.New()}
}

func (c *cache) get(key tokencache.Key, now time.Time) (*identity, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		return nil, false
	}
	it := e.Value.(*item)
	if !it.until.IsZero() && !now.Before(it.until) {
		c.drop(e)
		return nil, false
	}
	c.order.MoveToFront(e)
	return it.id, true
}

func (c *cache) set(key tokencache.Key, id *identity, now time.Time, ttl time.Duration) {
	it := &item{key: key, id: id, size: 256}
	if ttl > 0 {
		it.until = now.Add(ttl)
	}
	if id != nil {
		for _, h := range id.headers {
			it.size += 48 + 2*len(h.value)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.items[key]; ok {
		c.drop(old)
	}
	c.items[key] = c.order.PushFront(it)
	c.size += it.size
	for c.size > c.limit && len(c.items) > 1 {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(e *list.Element) {
	it := c.order.Remove(e).(*item)
	delete(c.items, it.key)
	c.size -= it.size
}
