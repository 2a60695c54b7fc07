package strict

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// request is one request, and what is wanted as its answer.
type request struct {
	call    Call
	id      string
	body    []byte   // of an Echo
	chunks  [][]byte // body, in pieces
	first   bool     // on its connection
	worker  string   // the one that answered on its connection before, if known
	began   time.Time
	retries int // of HTTP/2: how often it was unprocessed
}

// newRequest makes the next request of the client's schedule.
func (c *client) newRequest() *request {
	call := c.load.Calls[c.schedule[(c.sent+c.number)%len(c.schedule)]]
	c.sent++
	q := &request{call: call}
	if c.load.IDHeader != "" {
		q.id = strconv.Itoa(c.number) + "-" + strconv.Itoa(c.sent)
	}
	if call.Echo {
		q.body = make([]byte, 1+c.rand.IntN(maxBody))
		c.source.Read(q.body) //nolint:errcheck // it has no errors
		q.chunks = c.split(q.body)
	}
	return q
}

// split cuts a body into one to four pieces.
func (c *client) split(body []byte) [][]byte {
	var chunks [][]byte
	for range c.rand.IntN(4) {
		if len(body) < 2 {
			break
		}
		n := 1 + c.rand.IntN(len(body)-1)
		chunks = append(chunks, body[:n])
		body = body[n:]
	}
	return append(chunks, body)
}

// answer is what came back whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// check holds the answer against what the request wants.
func (q *request) check(l *Load, a answer) *Failure {
	if want := max(q.call.Status, 0); a.status != want && (want != 0 || a.status != http.StatusOK) {
		return &Failure{Kind: BadStatus, Detail: fmt.Sprintf("%s %s: status %d: %.60q", q.call.Method, q.call.Path, a.status, a.body)}
	}
	if q.id != "" && a.header.Get(l.IDHeader) != q.id {
		return &Failure{Kind: WrongID, Detail: fmt.Sprintf("%s %s: %s %q, want %q", q.call.Method, q.call.Path, l.IDHeader, a.header.Get(l.IDHeader), q.id)}
	}
	want := []byte(q.call.Want)
	if q.call.Echo {
		want = q.body
	}
	if !bytes.Equal(a.body, want) {
		return &Failure{Kind: WrongBody, Detail: fmt.Sprintf("%s %s: %d bytes %.40q, want %d bytes %.40q", q.call.Method, q.call.Path, len(a.body), a.body, len(want), want)}
	}
	return nil
}
