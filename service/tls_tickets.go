package service

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// ticketTime is how long a key makes session tickets; for as long again, it
// reads them.
const ticketTime = 12 * time.Hour

// secretSize is that of the secret from which the keys come.
const secretSize = 32

// tickets keeps the keys of a server's session tickets. All workers derive them
// from one secret of their generation and the time, so that a client's session
// goes on with any worker, also with one that was started later, and no worker
// has to tell another of a new key. A reload makes a new secret.
type tickets struct {
	secret []byte
	now    func() time.Time
	period atomic.Int64 // that the keys are for; 0 is none yet
}

// shareTickets makes the keys those of all workers of the group.
func (g *Group) shareTickets(c *tls.Config, clock func() time.Time) error {
	// Another group's tickets must not do: its clients may have shown other
	// certificates, or none.
	secret, err := g.files().Make("secret of the session tickets of server "+g.Name, func() ([]byte, error) {
		secret := make([]byte, secretSize)
		_, err := rand.Read(secret)
		return secret, err
	})
	if err != nil || len(secret) != secretSize {
		return err // Go's own keys do for one process
	}
	t := &tickets{secret: secret, now: clock}
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, t.refresh(c) }
	return t.refresh(c)
}

// refresh puts the keys of this time into the configuration. It is called before
// each handshake, and has something to do once in ticketTime.
func (t *tickets) refresh(c *tls.Config) error {
	period := t.now().Unix() / int64(ticketTime/time.Second)
	if t.period.Swap(period) == period {
		return nil
	}
	// The next one too: another worker may be there a moment before.
	var keys [3][sha256.Size]byte
	for i, p := range []int64{period, period - 1, period + 1} {
		key, err := hkdf.Key(sha256.New, t.secret, nil, "session tickets "+strconv.FormatInt(p, 10), sha256.Size)
		if err != nil {
			return fmt.Errorf("keys of the session tickets: %w", err)
		}
		copy(keys[i][:], key)
	}
	c.SetSessionTicketKeys(keys[:])
	return nil
}
