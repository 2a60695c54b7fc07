package service

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// writeChunk is how much of one write the client has WriteTimeout for, so that
// a long one to a slow client may take its time.
const writeChunk = 64 << 10

// conn is a client's connection. It knows what net/http does with it, gives
// each write its time, and can be told to end without losing a request.
type conn struct {
	net.Conn
	s     *Server
	proxy *proxied // nil for one that begins without a header

	// quiet is set while no byte of a next request was read.
	quiet   atomic.Bool
	framing framing

	mu         sync.Mutex // guards what follows
	since      time.Time  // since when it is quiet
	poked      bool       // the read deadline is ours, to wake up the reader
	readBy     time.Time  // the one that net/http or a handler wants
	ownWriteBy bool       // a handler has set a write deadline
	armed      time.Time  // when the deadline of the writes was set
	state      http.ConnState
	h2         bool
	unanswered bool // a request was read, and no handler called yet
	closed     bool
	slot       bool // it holds one of the places that MaxConnections allows
	first      *exchange
	in         *atomic.Int64 // where the connection is counted
	upgraded   *request      // whose handler hijacked it and left it to others

	fresh atomic.Bool // the pool keeps a place for its first request
}

// Read is net.Conn's. When it was woken up by a poke it looks once more: what
// has arrived is read, and only else the connection is given up.
func (c *conn) Read(p []byte) (int, error) {
	if c.proxy != nil {
		c.proxy.once.Do(c.readHeader)
		if c.proxy.failed != nil {
			return 0, c.proxy.failed
		}
	}
	if c.s.tls != nil { // a secureConn sees the header
		return c.read(p)
	}
	if c.quiet.Load() && len(p) > readBuffer-4 { // net/http has peeked at no more than 3 bytes
		c.framing.begin()
	}
	n, err := c.read(p)
	c.framing.read(p[:n])
	return n, err
}

func (c *conn) read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 && c.quiet.Load() {
			c.quiet.Store(false)
		}
		if err == nil || !c.goOn(err) {
			return n, err
		}
	}
}

// goOn reports whether reading must go on after err.
func (c *conn) goOn(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.poked {
		return false
	}
	c.poked = false
	_ = c.Conn.SetReadDeadline(c.readBy)
	return !c.quiet.Load() || readable(c.Conn)
}

// poke wakes up the reader of a connection that has been quiet since before a
// time, so that it ends.
func (c *conn) poke(before time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.h2 || c.state == http.StateHijacked || !c.quiet.Load() || c.since.After(before) {
		return false
	}
	c.poked = true
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
	return true
}

// Write is net.Conn's, with WriteTimeout for each chunk.
func (c *conn) Write(p []byte) (int, error) {
	written := 0
	for {
		chunk := p[written:min(len(p), written+writeChunk)]
		c.beforeWrite(chunk)
		n, err := c.Conn.Write(chunk)
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// beforeWrite gives a chunk its time, unless a handler has set a deadline of
// its own. Moving the deadline for each small write would cost more than the
// eighth of it that may be missing.
func (c *conn) beforeWrite(chunk []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unanswered && c.s.tls == nil {
		c.noteOwnAnswer(chunk)
	}
	timeout := c.s.Group.WriteTimeout
	if timeout == 0 || c.ownWriteBy || c.state == http.StateHijacked {
		return
	}
	if now := time.Now(); now.Sub(c.armed) > timeout/8 {
		c.armed = now
		_ = c.Conn.SetWriteDeadline(now.Add(timeout))
	}
}

// SetDeadline is net.Conn's.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline is net.Conn's.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readBy, c.poked = t, false
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is net.Conn's: a handler's deadline goes before WriteTimeout.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.IsZero() && !c.ownWriteBy && c.state == http.StateActive {
		return nil // net/http does so after each answer: ours may stay
	}
	c.ownWriteBy, c.armed = !t.IsZero(), time.Time{}
	return c.Conn.SetWriteDeadline(t)
}

// CloseWrite is forwarded because net/http asks for it, to end a connection on
// which the client is still sending.
func (c *conn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return errors.ErrUnsupported
}

// NetConn is the system's connection, as tls.Conn has it, for handlers that
// hijack.
func (c *conn) NetConn() net.Conn { return c.Conn }

// Close is net.Conn's.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.mu.Lock()
	freed := c.slot
	c.slot, c.closed = false, true
	c.counted(http.StateClosed)
	c.unlock()
	if freed {
		<-c.s.slots
	}
	c.expectNothing()
	return err
}

// counted moves the connection to the gauge of a state.
func (c *conn) counted(state http.ConnState) {
	if c.in != nil {
		c.in.Add(-1)
	}
	if c.in = c.s.gauge(state); c.in != nil {
		c.in.Add(1)
	}
}

// setState follows net/http.
func (c *conn) setState(state http.ConnState) {
	c.mu.Lock()
	defer c.unlock()
	c.state = state
	if !c.closed {
		c.counted(state)
	}
	c.unanswered = state == http.StateActive && !c.h2
	c.quiet.Store(state == http.StateNew || state == http.StateIdle)
	switch state {
	case http.StateIdle:
		c.since = time.Now()
		c.dropDone()
	case http.StateClosed:
		c.dropDone()
	case http.StateHijacked: // whose deadlines are the handler's
		_ = c.Conn.SetWriteDeadline(time.Time{})
	}
}

// markHTTP2 notes that the connection has many requests at a time, and ends by a
// GOAWAY.
func (c *conn) markHTTP2() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.h2 = true
}

// begin notes a request in flight.
func (c *conn) begin(x *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unanswered = false
	x.next = c.first
	c.first = x
	c.s.counts.InFlight.Add(1)
}

// end notes that the handler is done. A request of HTTP/1 is in flight until
// net/http has sent what it holds of the answer, which the next state tells.
func (c *conn) end(x *exchange) {
	c.mu.Lock()
	defer c.unlock()
	x.done = true
	if c.state == http.StateHijacked {
		c.upgraded = &request{env: x.env, method: x.method, uri: x.uri, proto: x.proto}
	}
	if c.h2 || c.closed || c.state == http.StateHijacked {
		c.dropDone()
	}
}

func (c *conn) dropDone() {
	for at := &c.first; *at != nil; {
		if (*at).done {
			*at = (*at).next
			c.s.counts.InFlight.Add(-1)
		} else {
			at = &(*at).next
		}
	}
}

// unlock ends a change. A connection that is closed and for which no handler
// works is forgotten.
func (c *conn) unlock() {
	over := c.closed && c.first == nil
	c.mu.Unlock()
	if over {
		c.s.forget(c)
	}
}

// inFlight lists the requests in flight.
func (c *conn) inFlight() []*exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []*exchange
	for x := c.first; x != nil; x = x.next {
		list = append(list, x)
	}
	return list
}

// upgrade is the request of a hijacked connection whose handler has returned.
func (c *conn) upgrade() *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.upgraded
}

// unwrap finds our connection in what net/http hands to its hooks.
func unwrap(nc net.Conn) *conn {
	switch x := nc.(type) {
	case *conn:
		return x
	case *secureConn:
		return x.c
	case *tls.Conn:
		return unwrap(x.NetConn())
	case interface{ UnencryptedNetConn() net.Conn }:
		return unwrap(x.UnencryptedNetConn())
	default:
		return nil
	}
}
