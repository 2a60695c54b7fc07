package basicauth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// result is what came of a password.
type result string

const (
	right   result = "ok"
	cached  result = "cached"
	missing result = "missing"
	refused result = "refused"
	busy    result = "busy"
)

// users checks passwords. A hash such as bcrypt takes some 60 ms of a processor:
// only so many are computed at once, the others wait their turn, and what was
// right is remembered for a while.
type users struct {
	hashes map[string]hash
	nobody hash // computed for names that are not there, as slow as the slowest
	slots  chan struct{}
	ttl    time.Duration
	secret [32]byte // of this process

	mu    sync.Mutex
	right map[[sha256.Size]byte]time.Time // until when
}

const (
	// maxRemembered bounds the passwords that are remembered.
	maxRemembered = 10000
	// maxWait is how long a request waits for its turn to be computed.
	maxWait = 5 * time.Second
	// maxLength bounds what is hashed.
	maxLength = 1024
)

func newUsers(hashes map[string]hash, ttl time.Duration, checks int) *users {
	u := &users{hashes: hashes, slots: make(chan struct{}, checks), ttl: ttl, right: map[[sha256.Size]byte]time.Time{}}
	_, _ = rand.Read(u.secret[:]) // it never fails
	u.nobody = slowest(hashes)
	return u
}

// verify takes the same time for a name that is not there as for a wrong
// password.
func (u *users) verify(ctx context.Context, user, password string) result {
	if len(user)+len(password) > maxLength {
		return refused
	}
	key := u.key(user, password)
	if u.remembers(key) {
		return cached
	}
	if !u.turn(ctx) {
		return busy
	}
	defer func() { <-u.slots }()
	if u.remembers(key) { // computed for another request while this one waited
		return cached
	}
	h, known := u.hashes[user]
	if !known {
		h = u.nobody
	}
	if !h.matches(password) || !known {
		return refused
	}
	u.remember(key)
	return right
}

func (u *users) turn(ctx context.Context) bool {
	select {
	case u.slots <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case u.slots <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// key stands for a user with a password. It is of no use outside of the process,
// and comparing it tells nothing about either.
func (u *users) key(user, password string) (key [sha256.Size]byte) {
	m := hmac.New(sha256.New, u.secret[:])
	_, _ = m.Write([]byte(user))
	_, _ = m.Write([]byte{0}) // in no name of the file
	_, _ = m.Write([]byte(password))
	m.Sum(key[:0])
	return key
}

func (u *users) remembers(key [sha256.Size]byte) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	until, ok := u.right[key]
	if ok && time.Now().After(until) {
		delete(u.right, key)
		return false
	}
	return ok
}

func (u *users) remember(key [sha256.Size]byte) {
	if u.ttl <= 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.right) >= maxRemembered {
		clear(u.right)
	}
	u.right[key] = time.Now().Add(u.ttl)
}
