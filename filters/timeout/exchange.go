package timeout

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// exchange is the writer of an application that can be taken away from it: then
// whatever it still does has no effect. There is no Unwrap, by which it would keep
// the writer beneath; what a ResponseController asks for is forwarded by hand.
type exchange struct {
	w      http.ResponseWriter
	body   *body         // nil without one
	header http.Header   // the application's own: the real one is not safe from it
	done   chan struct{} // closed when the application has returned

	mu       sync.Mutex  // held while the application uses w
	gone     atomic.Bool // it may not any more
	begun    atomic.Bool // the head was sent
	hijacked bool        // under mu
	problem  any         // a panic, to be read after done
	stack    string      // of it
}

// request gives the application its own headers and a body that it can lose.
func (e *exchange) request(r *http.Request) *http.Request {
	r.Header = r.Header.Clone()
	if r.Body != nil && r.Body != http.NoBody {
		e.body = &body{ReadCloser: r.Body}
		r.Body = e.body
	}
	return r
}

// finish ends a request whose application has returned in time.
func (e *exchange) finish() {
	switch {
	case e.problem != nil:
		panic(e.problem)
	case e.hijacked:
	case e.begun.Load():
		maps.Copy(e.w.Header(), e.header) // trailers
	default:
		e.sendHeader()
	}
}

// abandon takes the exchange away from the application; false when the
// application keeps it, because its answer has begun or the connection is its own.
func (e *exchange) abandon(cut bool) bool {
	if !cut && e.begun.Load() {
		return false
	}
	if cut {
		e.gone.Store(true) // first: what comes now has to fail
	}
	e.lock(cut)
	keeps := e.hijacked || !cut && e.begun.Load()
	e.gone.Store(!keeps)
	e.mu.Unlock()
	if !keeps && e.body != nil {
		e.body.abandon(e.w)
	}
	return !keeps
}

// pollEvery is how often a read or write that is being interrupted is looked at.
const pollEvery = time.Millisecond

// lock waits until the application does not use the writer. A write to a client
// that reads nothing is interrupted when the answer is to be cut.
func (e *exchange) lock(interrupt bool) {
	if !interrupt {
		e.mu.Lock()
		return
	}
	for !e.mu.TryLock() {
		_ = http.NewResponseController(e.w).SetWriteDeadline(time.Unix(1, 0))
		time.Sleep(pollEvery)
	}
}

// Header is the application's own until it is sent.
func (e *exchange) Header() http.Header { return e.header }

func (e *exchange) sendHeader() {
	h := e.w.Header()
	clear(h)
	maps.Copy(h, e.header)
}

// do runs what uses the writer.
func (e *exchange) do(use func() error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone.Load() {
		return http.ErrHandlerTimeout
	}
	return use()
}

// begin sends the header once.
func (e *exchange) begin() {
	if !e.begun.Load() {
		e.sendHeader()
		e.begun.Store(true)
	}
}

// WriteHeader sends the header; informational answers come before it.
func (e *exchange) WriteHeader(code int) {
	_ = e.do(func() error {
		if code < 200 && code != http.StatusSwitchingProtocols {
			e.sendHeader()
		} else {
			e.begin()
		}
		e.w.WriteHeader(code)
		return nil
	})
}

func (e *exchange) Write(p []byte) (n int, err error) {
	err = e.do(func() error {
		e.begin()
		n, err = e.w.Write(p)
		return err
	})
	return n, err
}

// FlushError sends what is there.
func (e *exchange) FlushError() error {
	return e.do(func() error {
		e.begin()
		return http.NewResponseController(e.w).Flush()
	})
}

// Flush is for applications that ask the writer itself.
func (e *exchange) Flush() { _ = e.FlushError() }

// Hijack takes the connection over; from then on there is no time-out.
func (e *exchange) Hijack() (conn net.Conn, rw *bufio.ReadWriter, err error) {
	err = e.do(func() error {
		conn, rw, err = http.NewResponseController(e.w).Hijack()
		e.hijacked = err == nil
		return err
	})
	return conn, rw, err
}

// SetReadDeadline is http.ResponseController's.
func (e *exchange) SetReadDeadline(t time.Time) error {
	return e.do(func() error { return http.NewResponseController(e.w).SetReadDeadline(t) })
}

// SetWriteDeadline is http.ResponseController's.
func (e *exchange) SetWriteDeadline(t time.Time) error {
	return e.do(func() error { return http.NewResponseController(e.w).SetWriteDeadline(t) })
}

// EnableFullDuplex is http.ResponseController's.
func (e *exchange) EnableFullDuplex() error {
	return e.do(func() error { return http.NewResponseController(e.w).EnableFullDuplex() })
}

var errBodyGone = errors.New("the request has timed out")

// body is a request body that can be taken away: net/http waits for a Read that
// runs when the request is over.
type body struct {
	io.ReadCloser
	mu   sync.Mutex
	gone atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone.Load() {
		return 0, errBodyGone
	}
	return b.ReadCloser.Read(p)
}

// patience bounds the wait for a Read that cannot be interrupted.
const patience = 100 * time.Millisecond

func (b *body) abandon(w http.ResponseWriter) {
	b.gone.Store(true)
	for end := time.Now().Add(patience); !b.mu.TryLock(); time.Sleep(pollEvery) {
		if http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) != nil && time.Now().After(end) {
			return
		}
	}
	b.mu.Unlock()
}
