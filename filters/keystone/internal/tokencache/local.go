// Package tokencache remembers what Keystone said about tokens: in the process,
// and in memcached in the format of keystonemiddleware, so that both can share
// the servers. Keys are hashes of tokens; the tokens themselves are not kept.
package tokencache

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
)

// Key names a token in the process.
type Key [sha256.Size]byte

// KeyOf hashes a token.
func KeyOf(tok string) Key { return sha256.Sum256([]byte(tok)) }

// Local is a cache in the process: the tokens that were used last, up to a size.
type Local struct {
	limit int

	mu    sync.Mutex
	size  int
	nodes map[Key]*node
	root  node // of a ring; next is the one used last
}

type node struct {
	prev, next *node
	key        Key
	value      *token.Token
	until      time.Time // zero for ever
	size       int
}

// nodeSize is what an entry costs besides its token.
const nodeSize = 256

// NewLocal makes a cache for about limit bytes.
func NewLocal(limit int) *Local {
	l := &Local{limit: limit, nodes: map[Key]*node{}}
	l.root.prev, l.root.next = &l.root, &l.root
	return l
}

// Get finds an entry; its token is nil for one that Keystone does not know.
func (l *Local) Get(key Key, now time.Time) (*token.Token, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.nodes[key]
	if !ok {
		return nil, false
	}
	if !n.until.IsZero() && !now.Before(n.until) {
		l.drop(n)
		return nil, false
	}
	l.unlink(n)
	l.front(n)
	return n.value, true
}

// Set adds or replaces an entry; ttl 0 keeps it until the space is needed.
func (l *Local) Set(key Key, value *token.Token, now time.Time, ttl time.Duration) {
	n := &node{key: key, value: value, size: nodeSize}
	if value != nil {
		n.size += value.Size()
	}
	if ttl > 0 {
		n.until = now.Add(ttl)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.nodes[key]; ok {
		l.drop(old)
	}
	l.nodes[key] = n
	l.size += n.size
	l.front(n)
	for l.size > l.limit && len(l.nodes) > 1 {
		l.drop(l.root.prev)
	}
}

// Len is the number of entries.
func (l *Local) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.nodes)
}

func (l *Local) drop(n *node) {
	l.unlink(n)
	delete(l.nodes, n.key)
	l.size -= n.size
}

func (l *Local) unlink(n *node) { n.prev.next, n.next.prev = n.next, n.prev }

func (l *Local) front(n *node) {
	n.prev, n.next = &l.root, l.root.next
	n.prev.next, n.next.prev = n, n
}
