// Package strict is a load client that forgives nothing: every request whose
// answer is not complete and right is counted with its kind, and none is sent
// again, but where HTTP itself says that it was not processed.
//
// HTTP/1.1 is spoken over sockets of its own, because net/http's client repeats
// requests by itself and so hides what a server loses. HTTP/2 (prior knowledge,
// no TLS) is spoken in frames; only a stream above the last id of a GOAWAY, or
// one that is reset with REFUSED_STREAM, is sent again (RFC 9113, 6.8 and 8.7).
package strict

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Load says who sends what to whom.
type Load struct {
	Addr string // host:port
	Host string // the Host header; default Addr

	KeepAlive int // HTTP/1.1 clients that keep their connection until the server says Connection: close
	NewConn   int // HTTP/1.1 clients with a connection for each request
	H2        int // HTTP/2 clients of H2Streams requests at once
	H2Streams int // default 4

	Rate    float64       // requests a second of all clients together; 0 is as fast as it goes
	Timeout time.Duration // of one request; default 10 s

	Calls []Call // what is sent, each as often as its Weight says

	IDHeader     string // sent with a value of its own on each request, and wanted back; empty: none
	WorkerHeader string // names the process in each answer; empty: none

	// UntilRefused is for a server that is stopped: a client whose connection is
	// refused ends, and that is no failure.
	UntilRefused bool
}

// Call is one kind of request.
type Call struct {
	Weight int
	Method string
	Path   string
	Echo   bool   // a body of random bytes and length is sent in chunks, and wanted back
	Want   string // else the wanted body
	Status int    // default 200
}

// maxBody is the length of the longest body of an Echo. Four of them fit into
// the window that an HTTP/2 connection begins with.
const maxBody = 12 << 10

// Run is a load on its way.
type Run struct {
	clients []*client
	done    sync.WaitGroup
	began   time.Time
}

// Start sends the load until ctx ends. Each client finishes the request that it
// has begun: the end of a load loses nothing by itself.
func Start(ctx context.Context, l Load) *Run {
	l = l.withDefaults()
	r := &Run{began: time.Now()}
	for i := range l.KeepAlive + l.NewConn + l.H2 {
		c := newClient(&l, i)
		r.clients = append(r.clients, c)
		speak := c.runH1
		if i >= l.KeepAlive+l.NewConn {
			speak = c.runH2
		}
		r.done.Go(func() { speak(ctx) })
	}
	return r
}

// Wait waits for the clients, and sums up what they met.
func (r *Run) Wait() *Report {
	r.done.Wait()
	report := newReport(time.Since(r.began))
	for _, c := range r.clients {
		report.add(&c.tally)
	}
	report.finish()
	return report
}

func (l Load) withDefaults() Load {
	if l.Host == "" {
		l.Host = l.Addr
	}
	if l.H2Streams == 0 {
		l.H2Streams = 4
	}
	if l.Timeout == 0 {
		l.Timeout = 10 * time.Second
	}
	if len(l.Calls) == 0 {
		l.Calls = []Call{{Method: "GET", Path: "/"}}
	}
	return l
}

// client is one client; its goroutine alone uses it until the run is waited for.
type client struct {
	load     *Load
	number   int
	fresh    bool          // a connection for each request
	source   *rand.ChaCha8 // of bodies
	rand     *rand.Rand    // of their lengths
	schedule []int         // indexes of load.Calls by weight
	sent     int
	next     time.Time // of a load with a rate
	tally    tally
}

func newClient(l *Load, number int) *client {
	c := &client{load: l, number: number, tally: newTally()}
	c.fresh = number >= l.KeepAlive && number < l.KeepAlive+l.NewConn
	c.source = rand.NewChaCha8([32]byte{byte(number), byte(number >> 8)})
	c.rand = rand.New(c.source)
	for i, call := range l.Calls {
		for range max(call.Weight, 1) {
			c.schedule = append(c.schedule, i)
		}
	}
	return c
}

// pace waits until the next request is due. It is false when the load has ended.
func (c *client) pace(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	if c.load.Rate == 0 {
		return true
	}
	return c.waitUntil(ctx, c.due())
}

// due spreads the clients' first requests over one interval; after a stall
// nobody makes up for what was not sent.
func (c *client) due() time.Time {
	clients := c.load.KeepAlive + c.load.NewConn + c.load.H2
	interval := time.Duration(float64(clients) / c.load.Rate * float64(time.Second))
	now := time.Now()
	if c.next.IsZero() {
		c.next = now.Add(interval * time.Duration(c.number) / time.Duration(clients))
		return c.next
	}
	c.next = c.next.Add(interval)
	if c.next.Before(now) {
		c.next = now
	}
	return c.next
}

func (c *client) waitUntil(ctx context.Context, when time.Time) bool {
	wait := time.NewTimer(time.Until(when))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
		return false
	}
}
