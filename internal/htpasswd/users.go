package htpasswd

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// Result is what came of a password.
type Result string

// The results.
const (
	Right   Result = "ok"
	Cached  Result = "cached"  // it was right before
	Refused Result = "refused" // the user or the password
	Busy    Result = "busy"    // there was no time to compute it
)

// Good reports whether the user may come in.
func (r Result) Good() bool { return r == Right || r == Cached }

// Users checks passwords. A hash such as bcrypt takes some 60 ms of a processor:
// only so many are computed at once, the others wait their turn, and what was
// right is remembered for a while.
type Users struct {
	hashes map[string]Hash
	nobody Hash // computed for names that are not there, as slow as the slowest
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

// NewUsers makes Users who remember what was right for a while, and compute as
// many passwords at once as checks says.
func NewUsers(hashes map[string]Hash, ttl time.Duration, checks int) *Users {
	u := &Users{hashes: hashes, slots: make(chan struct{}, checks), ttl: ttl, right: map[[sha256.Size]byte]time.Time{}}
	_, _ = rand.Read(u.secret[:]) // it never fails
	u.nobody = slowest(hashes)
	return u
}

// Verify takes the same time for a name that is not there as for a wrong
// password.
func (u *Users) Verify(ctx context.Context, user, password string) Result {
	if len(user)+len(password) > maxLength {
		return Refused
	}
	key := u.key(user, password)
	if u.remembers(key) {
		return Cached
	}
	if !u.turn(ctx) {
		return Busy
	}
	defer func() { <-u.slots }()
	if u.remembers(key) { // computed for another request while this one waited
		return Cached
	}
	h, known := u.hashes[user]
	if !known {
		h = u.nobody
	}
	if !h.matches(password) || !known {
		return Refused
	}
	u.remember(key)
	return Right
}

func (u *Users) turn(ctx context.Context) bool {
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
func (u *Users) key(user, password string) (key [sha256.Size]byte) {
	m := hmac.New(sha256.New, u.secret[:])
	_, _ = m.Write([]byte(user))
	_, _ = m.Write([]byte{0}) // in no name of the file
	_, _ = m.Write([]byte(password))
	m.Sum(key[:0])
	return key
}

func (u *Users) remembers(key [sha256.Size]byte) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	until, ok := u.right[key]
	if ok && time.Now().After(until) {
		delete(u.right, key)
		return false
	}
	return ok
}

func (u *Users) remember(key [sha256.Size]byte) {
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
