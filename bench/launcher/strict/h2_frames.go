package strict

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"golang.org/x/net/http2"
)

// take handles one frame. It returns requests that the frame calls unprocessed.
func (c *client) take(conn *h2, frame http2.Frame) []*request {
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			conn.wrote = errors.Join(conn.wrote, conn.framer.WriteSettingsAck())
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			conn.wrote = errors.Join(conn.wrote, conn.framer.WritePing(true, f.Data))
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			conn.window += int64(f.Increment)
		}
	case *http2.MetaHeadersFrame:
		c.takeHeaders(conn, f)
	case *http2.DataFrame:
		c.takeData(conn, f)
	case *http2.RSTStreamFrame:
		return c.takeReset(conn, f)
	case *http2.GoAwayFrame:
		return c.takeGoAway(conn, f)
	}
	return nil
}

func (c *client) takeHeaders(conn *h2, f *http2.MetaHeadersFrame) {
	s := conn.streams[f.StreamID]
	if s == nil {
		return
	}
	if s.answer.header == nil {
		s.answer.status, _ = strconv.Atoi(f.PseudoValue("status"))
		s.answer.header = http.Header{}
	}
	for _, field := range f.RegularFields() {
		s.answer.header.Add(field.Name, field.Value)
	}
	if f.StreamEnded() {
		c.complete(conn, f.StreamID, s)
	}
}

func (c *client) takeData(conn *h2, f *http2.DataFrame) {
	conn.unread += f.Length
	s := conn.streams[f.StreamID]
	if s == nil {
		return
	}
	s.body.Write(f.Data())
	if f.StreamEnded() {
		c.complete(conn, f.StreamID, s)
	}
}

// complete judges an answer that has ended.
func (c *client) complete(conn *h2, id uint32, s *stream) {
	delete(conn.streams, id)
	s.answer.body = s.body.Bytes()
	if length := s.answer.header.Get("Content-Length"); length != "" && length != strconv.Itoa(s.body.Len()) {
		c.judge(s.request, c.nameH2(), s.answer, fmt.Errorf("%d bytes, want the announced %s", s.body.Len(), length))
		return
	}
	c.judge(s.request, c.nameH2(), s.answer, nil)
	conn.worker = s.answer.header.Get(c.load.WorkerHeader)
}

// takeReset ends one stream. NO_ERROR only stops the rest of a request's body
// (RFC 9113, 8.1): the answer has been sent before it.
func (c *client) takeReset(conn *h2, f *http2.RSTStreamFrame) []*request {
	s := conn.streams[f.StreamID]
	if s == nil {
		return nil
	}
	delete(conn.streams, f.StreamID)
	if f.ErrCode == http2.ErrCodeRefusedStream {
		return c.unprocessed(s.request)
	}
	c.tally.bad(s.request, c.nameH2(), Failure{Kind: Reset, Detail: "stream reset: " + f.ErrCode.String()})
	return nil
}

// takeGoAway ends all streams above the last id.
func (c *client) takeGoAway(conn *h2, f *http2.GoAwayFrame) (again []*request) {
	c.tally.goAways++
	if f.LastStreamID != math.MaxInt32 {
		conn.leaving, conn.last = true, f.LastStreamID
	}
	for id, s := range conn.streams {
		if id > f.LastStreamID {
			delete(conn.streams, id)
			again = append(again, c.unprocessed(s.request)...)
		}
	}
	return again
}

// unprocessed are requests that may be sent again, unless that happens for ever.
func (c *client) unprocessed(q *request) []*request {
	if q.retries++; q.retries > maxRetries {
		c.tally.bad(q, c.nameH2(), Failure{Kind: Timeout, Detail: "unprocessed again and again"})
		return nil
	}
	c.tally.retries++
	return []*request{q}
}

// abandon counts what was on a connection that ended. Streams above a GOAWAY's
// last id were taken out of it before.
func (c *client) abandon(conn *h2, err error) {
	for id, s := range conn.streams {
		delete(conn.streams, id)
		f := broken(err)
		f.Detail = fmt.Sprintf("stream %d: %s", id, f.Detail)
		if conn.last != 0 {
			f.Detail += fmt.Sprintf(" (after a GOAWAY with last id %d)", conn.last)
		}
		c.tally.bad(s.request, c.nameH2(), f)
	}
}
