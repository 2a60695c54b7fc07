package service

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// ErrRequestTimeout is the cause of the contexts of requests that have taken
// longer than RequestTimeout.
var ErrRequestTimeout = fmt.Errorf("request_timeout: %w", context.DeadlineExceeded)

const (
	// noticeTime is how long a handler has, after its deadline, to notice that
	// its context has ended, and to answer as it likes.
	noticeTime = 100 * time.Millisecond
	// interruptAfter is how long a read or write of the handler may go on before
	// its connection is given up for that.
	interruptAfter = 10 * time.Millisecond
	// maxHungAfter bounds the time after which a worker with a handler that
	// does not return wants to be replaced.
	maxHungAfter = 30 * time.Second
)

// deadline runs one application for at most RequestTimeout (CHECK-11). The
// application gets a goroutine of its own and, for a writer and a body, ones that
// can be taken away from it: when it does not return in time it is left behind,
// and whatever it does has no effect any more.
type deadline struct {
	s      *Server
	x      *exchange
	cancel context.CancelCauseFunc
	timer  *time.Timer
	late   chan struct{} // closed at the deadline, unless the connection was hijacked
	done   chan struct{} // closed when the application has returned

	// alive is held for reading while the application uses the exchange; gone
	// forbids it.
	alive sync.RWMutex
	gone  atomic.Bool

	goroutine atomic.Pointer[string]
	header    http.Header // the application's own: the real one must be out of its reach
	returned  bool        // and not by a panic
	hijacked  bool
}

// newDeadline begins to count the time of a request.
func newDeadline(s *Server, r *http.Request) (*deadline, *http.Request) {
	ctx, cancel := context.WithCancelCause(r.Context())
	d := &deadline{s: s, cancel: cancel, late: make(chan struct{}), done: make(chan struct{}), header: http.Header{}}
	d.timer = time.AfterFunc(s.Group.RequestTimeout, func() {
		close(d.late) // first: an application that notices the end may return at once
		cancel(ErrRequestTimeout)
	})
	return d, r.WithContext(ctx)
}

func (d *deadline) stop() {
	d.timer.Stop()
	d.cancel(context.Canceled)
}

// run runs the application.
func (d *deadline) run(x *exchange, r *http.Request) {
	d.x = x
	if x.body != nil {
		r = d.guardBody(r)
	}
	go d.application(r)
	select {
	case <-d.done:
	case <-d.late:
		d.wait()
	}
	if isClosed(d.done) {
		d.finish()
		return
	}
	d.abandon()
	d.s.reportHung(d)
	d.answer()
}

func (d *deadline) wait() {
	notice := time.NewTimer(noticeTime)
	defer notice.Stop()
	select {
	case <-d.done:
	case <-notice.C:
	}
}

// application is the goroutine of the application.
func (d *deadline) application(r *http.Request) {
	defer close(d.done)
	defer d.recovered()
	id := goroutineID()
	d.goroutine.Store(&id)
	d.s.Handler.ServeHTTP(d, r)
	d.returned = true
}

// recovered logs a panic as net/http would, with the stack that it would not
// see. The connection ends in finish.
func (d *deadline) recovered() {
	value := recover()
	if value == nil {
		return
	}
	if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return
	}
	d.s.logger.Error("a request ended in a panic", append(d.x.attrs(), "panic", fmt.Sprint(value), "stack", string(debug.Stack()))...)
}

// finish ends a request whose application has returned.
func (d *deadline) finish() {
	x := d.x
	switch {
	case !d.returned:
		panic(http.ErrAbortHandler)
	case d.hijacked:
	case x.wrote:
		maps.Copy(x.Header(), d.header) // trailers
	case isClosed(d.late):
		d.answer()
	default:
		d.sendHeader()
	}
}

// answer gives the client a 504, or ends an answer that was begun in a way that
// it notices.
func (d *deadline) answer() {
	x := d.x
	if x.wrote {
		panic(http.ErrAbortHandler)
	}
	x.late = true
	clear(x.Header())
	if !x.c.h2 { // there it would end the connection for others, too
		x.Header().Set("Connection", "close")
	}
	http.Error(x, "504 "+http.StatusText(http.StatusGatewayTimeout), http.StatusGatewayTimeout)
}

// abandon takes the exchange away from the application. What it does with it at
// this moment is interrupted: first its reading, because the connection is still
// of use for the answer.
func (d *deadline) abandon() {
	d.gone.Store(true)
	rc := http.NewResponseController(d.x.raw)
	past := time.Unix(1, 0)
	for start := time.Now(); !d.alive.TryLock(); {
		_ = rc.SetReadDeadline(past)
		if time.Since(start) > interruptAfter {
			_ = rc.SetWriteDeadline(past)
		}
		time.Sleep(time.Millisecond)
	}
	d.alive.Unlock()
}

// enter reports whether the application may use the exchange; it leaves by
// d.alive.RUnlock.
func (d *deadline) enter() bool {
	d.alive.RLock()
	if d.gone.Load() {
		d.alive.RUnlock()
		return false
	}
	return true
}

// Header is the application's own until it is sent.
func (d *deadline) Header() http.Header { return d.header }

func (d *deadline) sendHeader() {
	h := d.x.Header()
	clear(h)
	maps.Copy(h, d.header)
}

// WriteHeader sends the header.
func (d *deadline) WriteHeader(code int) {
	if !d.enter() {
		return
	}
	defer d.alive.RUnlock()
	if !d.x.wrote {
		d.sendHeader()
	}
	d.x.WriteHeader(code)
}

func (d *deadline) Write(p []byte) (int, error) {
	if !d.enter() {
		return 0, http.ErrHandlerTimeout
	}
	defer d.alive.RUnlock()
	if !d.x.wrote {
		d.sendHeader()
	}
	return d.x.Write(p)
}

// What follows is forwarded by hand: by Unwrap an application would keep the
// writer that it must lose.

// FlushError sends what is there.
func (d *deadline) FlushError() error {
	return d.do(func() error {
		if !d.x.wrote {
			d.sendHeader()
		}
		return d.x.FlushError()
	})
}

// Flush is for applications that ask the writer itself.
func (d *deadline) Flush() { _ = d.FlushError() }

// Hijack takes the connection over; from then on there is no deadline.
func (d *deadline) Hijack() (conn net.Conn, rw *bufio.ReadWriter, err error) {
	err = d.do(func() error {
		if !d.timer.Stop() {
			return http.ErrHandlerTimeout
		}
		if conn, rw, err = d.x.Hijack(); err != nil {
			d.timer.Reset(max(time.Until(d.x.env.Start().Add(d.s.Group.RequestTimeout)), 1))
			return err
		}
		d.hijacked = true
		return nil
	})
	return conn, rw, err
}

// SetReadDeadline is http.ResponseController's.
func (d *deadline) SetReadDeadline(t time.Time) error {
	return d.do(func() error { return http.NewResponseController(d.x).SetReadDeadline(t) })
}

// SetWriteDeadline is http.ResponseController's.
func (d *deadline) SetWriteDeadline(t time.Time) error {
	return d.do(func() error { return http.NewResponseController(d.x).SetWriteDeadline(t) })
}

// EnableFullDuplex is http.ResponseController's.
func (d *deadline) EnableFullDuplex() error {
	return d.do(func() error { return http.NewResponseController(d.x).EnableFullDuplex() })
}

func (d *deadline) do(f func() error) error {
	if !d.enter() {
		return http.ErrHandlerTimeout
	}
	defer d.alive.RUnlock()
	return f()
}
