package strict

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// refusedPause is how long a client waits after it got no connection: the
// failure is counted, the processor is for others.
const refusedPause = 5 * time.Millisecond

// watched is a connection that keeps the error of its last read: net/http hides
// the end of a connection behind what it makes of the line before it.
type watched struct {
	net.Conn
	failed error
}

func (w *watched) Read(p []byte) (n int, err error) {
	n, err = w.Conn.Read(p)
	w.failed = err
	return n, err
}

// h1 is a connection of HTTP/1.1.
type h1 struct {
	conn   *watched
	in     *bufio.Reader
	out    bytes.Buffer
	body   bytes.Buffer
	used   bool
	worker string
}

// runH1 sends one request after the other.
func (c *client) runH1(ctx context.Context) {
	conn := &h1{in: bufio.NewReader(nil)}
	defer conn.close()
	for c.pace(ctx) {
		if !c.oneH1(ctx, conn) {
			return
		}
	}
}

func (c *client) name() string {
	if c.fresh {
		return "new " + strconv.Itoa(c.number)
	}
	return "h1 " + strconv.Itoa(c.number)
}

// oneH1 sends one request; false ends the client.
func (c *client) oneH1(ctx context.Context, conn *h1) bool {
	q := c.newRequest()
	q.began = time.Now()
	if conn.conn == nil {
		if more, connected := c.connect(ctx, q, conn); !connected {
			return more
		}
	}
	c.tally.requests++
	q.first, q.worker = !conn.used, conn.worker
	got, ended, err := c.exchange(conn, q)
	c.judge(q, c.name(), got, err)
	conn.used, conn.worker = true, got.header.Get(c.load.WorkerHeader)
	if ended || err != nil {
		conn.close()
	}
	return true
}

// connect opens a connection, and counts the request as lost when there is none.
func (c *client) connect(ctx context.Context, q *request, conn *h1) (more, connected bool) {
	opened, err := c.dial()
	if err == nil {
		conn.conn, conn.used, conn.worker = &watched{Conn: opened}, false, ""
		conn.in.Reset(conn.conn)
		return true, true
	}
	return c.noConnection(ctx, q, c.name(), err), false
}

func (c *client) dial() (net.Conn, error) {
	// Not under the load's context: its end is no reason to give a request up.
	conn, err := net.DialTimeout("tcp", c.load.Addr, c.load.Timeout)
	if err == nil {
		c.tally.connections++
	}
	return conn, err
}

// noConnection counts a connection that was not to be had; false ends the client.
func (c *client) noConnection(ctx context.Context, q *request, name string, err error) bool {
	failure := unconnected(err)
	if c.load.UntilRefused && failure.Kind == Refused {
		c.tally.refusedEnds++
		return false
	}
	q.first = true
	c.tally.requests++
	c.tally.bad(q, name, failure)
	return c.waitUntil(ctx, time.Now().Add(refusedPause))
}

// judge counts the request as good or as a failure.
func (c *client) judge(q *request, name string, got answer, err error) {
	if err != nil {
		c.tally.bad(q, name, broken(err))
		return
	}
	c.tally.status[got.status]++
	if wrong := q.check(c.load, got); wrong != nil {
		c.tally.bad(q, name, *wrong)
		return
	}
	c.tally.good(time.Since(q.began))
	if worker := got.header.Get(c.load.WorkerHeader); worker != "" {
		c.tally.workers[worker]++
	}
}

// exchange sends the request and reads its answer. The answer's body is valid
// until the next exchange. ended says that the connection is used up.
func (c *client) exchange(conn *h1, q *request) (got answer, ended bool, err error) {
	if err = conn.conn.SetDeadline(q.began.Add(c.load.Timeout)); err != nil {
		return answer{}, true, err
	}
	if err = conn.send(c.load, q, c.fresh); err != nil {
		return answer{}, true, fmt.Errorf("while sending: %w", err)
	}
	if _, err = conn.in.Peek(1); err != nil {
		return answer{}, true, fmt.Errorf("before the answer: %w", err)
	}
	resp, err := http.ReadResponse(conn.in, &http.Request{Method: q.call.Method})
	if err != nil {
		return answer{}, true, fmt.Errorf("in the answer's header: %w", cmp.Or(conn.conn.failed, err))
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end, or the connection is closed
	conn.body.Reset()
	_, err = conn.body.ReadFrom(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return answer{}, true, fmt.Errorf("after %d bytes of the answer's body: %w", conn.body.Len(), err)
	}
	return c.whole(conn, resp)
}

// whole looks at what stands around an answer that has been read.
func (c *client) whole(conn *h1, resp *http.Response) (got answer, ended bool, err error) {
	if resp.ProtoMajor != 1 || resp.ProtoMinor != 1 {
		return answer{}, true, fmt.Errorf("protocol %s, want HTTP/1.1", resp.Proto)
	}
	if resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 {
		return answer{}, true, errors.New("the answer has no length: nobody can tell whether it is whole")
	}
	if conn.in.Buffered() > 0 {
		return answer{}, true, fmt.Errorf("%d bytes behind the answer", conn.in.Buffered())
	}
	if resp.Close {
		c.tally.closes++
	}
	return answer{resp.StatusCode, resp.Header, conn.body.Bytes()}, resp.Close || c.fresh, nil
}

// send writes the request. A body goes out in chunks, each by a write of its own.
func (h *h1) send(l *Load, q *request, last bool) error {
	h.out.Reset()
	fmt.Fprintf(&h.out, "%s %s HTTP/1.1\r\nHost: %s\r\n", q.call.Method, q.call.Path, l.Host)
	if q.id != "" {
		fmt.Fprintf(&h.out, "%s: %s\r\n", l.IDHeader, q.id)
	}
	if last {
		h.out.WriteString("Connection: close\r\n")
	}
	if !q.call.Echo {
		h.out.WriteString("\r\n")
		return h.flush()
	}
	h.out.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	for _, chunk := range q.chunks {
		fmt.Fprintf(&h.out, "%x\r\n", len(chunk))
		h.out.Write(chunk)
		h.out.WriteString("\r\n")
		if err := h.flush(); err != nil {
			return err
		}
	}
	h.out.WriteString("0\r\n\r\n")
	return h.flush()
}

func (h *h1) flush() error {
	_, err := h.conn.Write(h.out.Bytes())
	h.out.Reset()
	return err
}

func (h *h1) close() {
	if h.conn != nil {
		h.conn.Close() //nolint:errcheck // nothing is left to be lost
		h.conn = nil
	}
}
