package service

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// body is a request's body with a time for each read and a limit.
type body struct {
	io.ReadCloser
	x        *exchange
	timeout  time.Duration
	armed    time.Time
	over     bool
	tooLarge bool
}

// limitBody puts the body under the limits. The request is the application's
// copy: net/http still looks at its own.
func (x *exchange) limitBody(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	g := x.c.s.Group
	x.body = &body{ReadCloser: r.Body, x: x, timeout: g.BodyTimeout}
	if g.MaxBody > 0 {
		x.body.ReadCloser = http.MaxBytesReader(x.raw, r.Body, int64(g.MaxBody))
	}
	r.Body = x.body
}

func (b *body) Read(p []byte) (int, error) {
	b.arm()
	n, err := b.ReadCloser.Read(p)
	if err != nil && !b.over {
		b.over = true
		var limit *http.MaxBytesError
		b.tooLarge = errors.As(err, &limit)
	}
	b.disarm(err)
	return n, err
}

// arm gives the next read its time; see conn.beforeWrite for the eighth.
func (b *body) arm() {
	if b.timeout == 0 || b.over {
		return
	}
	if now := time.Now(); now.Sub(b.armed) > b.timeout/8 {
		b.armed = now
		b.setDeadline(now.Add(b.timeout))
	}
}

// disarm takes the deadline away after the end of the body, when net/http goes
// on reading to see the client leave; and in HTTP/2 after each read, because
// there a deadline ends the body even when nobody is reading.
func (b *body) disarm(err error) {
	if b.timeout > 0 && (errors.Is(err, io.EOF) || b.x.c.h2) && !b.armed.IsZero() {
		b.armed = time.Time{}
		b.setDeadline(time.Time{})
	}
}

// linger gives net/http a time to read what the application has left of the
// body, which it does before the answer, and after it. HTTP/2 has no need of
// that, and there the application may go on reading.
func (b *body) linger() {
	if b == nil || b.over || b.x.c.h2 {
		return
	}
	limit := lingerTime
	if b.timeout > 0 {
		limit = min(limit, b.timeout)
	}
	b.armed = time.Time{}
	b.setDeadline(time.Now().Add(limit))
}

func (b *body) setDeadline(t time.Time) {
	// Without deadlines, as behind a test's recorder, there is nothing to do.
	_ = http.NewResponseController(b.x.raw).SetReadDeadline(t)
}
