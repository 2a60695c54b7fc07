package strict

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// maxRetries is how often one request may be unprocessed before that counts.
const maxRetries = 20

// h2 is a connection of HTTP/2. One goroutine uses it: it sends a batch of
// requests and reads frames until each has its fate.
type h2 struct {
	conn    net.Conn
	framer  *http2.Framer
	fields  bytes.Buffer
	encoder *hpack.Encoder
	nextID  uint32
	window  int64 // bytes of bodies that the server takes
	unread  uint32
	used    bool
	worker  string
	leaving bool   // a GOAWAY came
	last    uint32 // its last id
	wrote   error  // of an answer to a control frame
	streams map[uint32]*stream
}

// stream is a request on its way.
type stream struct {
	request *request
	answer  answer
	body    bytes.Buffer
}

// runH2 sends batches; what was unprocessed is in the next one.
func (c *client) runH2(ctx context.Context) {
	var conn *h2
	var again []*request
	defer func() { conn.close() }()
	for len(again) > 0 || c.pace(ctx) {
		batch := c.batch(again)
		again = nil
		if conn == nil {
			opened, err := c.dialH2()
			if err != nil {
				if !c.batchUnconnected(ctx, batch, err) {
					return
				}
				continue
			}
			conn = opened
		}
		again = c.exchangeH2(conn, batch)
		if conn.leaving {
			conn.close()
			conn = nil
		}
	}
}

func (c *client) nameH2() string { return "h2 " + strconv.Itoa(c.number) }

// batch makes new requests, or takes those that are to be sent again.
func (c *client) batch(again []*request) []*request {
	if len(again) > 0 {
		return again
	}
	var batch []*request
	for range c.load.H2Streams {
		q := c.newRequest()
		q.began = time.Now()
		batch = append(batch, q)
	}
	return batch
}

// batchUnconnected counts what found no connection; false ends the client. What
// was unprocessed when an UntilRefused load ends has never been accepted.
func (c *client) batchUnconnected(ctx context.Context, batch []*request, err error) bool {
	failure := unconnected(err)
	if c.load.UntilRefused && failure.Kind == Refused {
		for _, q := range batch {
			c.tally.requests -= min(q.retries, 1)
		}
		c.tally.refusedEnds++
		return false
	}
	for _, q := range batch {
		if q.retries == 0 {
			c.tally.requests++
		}
		q.first = true
		c.tally.bad(q, c.nameH2(), failure)
	}
	return c.waitUntil(ctx, time.Now().Add(refusedPause))
}

func (c *client) dialH2() (*h2, error) {
	conn, err := c.dial()
	if err != nil {
		return nil, err
	}
	h := &h2{conn: conn, nextID: 1, window: 65535, streams: map[uint32]*stream{}}
	h.framer = http2.NewFramer(conn, conn)
	h.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.encoder = hpack.NewEncoder(&h.fields)
	// An error of these writes shows again in the first exchange.
	conn.SetDeadline(time.Now().Add(c.load.Timeout))                                        //nolint:errcheck // see above
	io.WriteString(conn, http2.ClientPreface)                                               //nolint:errcheck // see above
	h.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}, //nolint:errcheck // see above
		http2.Setting{ID: http2.SettingEnablePush, Val: 0})
	h.framer.WriteWindowUpdate(0, 1<<20) //nolint:errcheck // see above
	return h, nil
}

// exchangeH2 sends a batch and waits for all its answers. What it returns was
// unprocessed, by the server's word.
func (c *client) exchangeH2(conn *h2, batch []*request) (again []*request) {
	conn.conn.SetDeadline(time.Now().Add(c.load.Timeout)) //nolint:errcheck // the first read shows it
	c.awaitWindow(conn, batch)
	err := c.sendBatch(conn, batch)
	// The end of the connection may stand behind a GOAWAY: it is read for that.
	for len(conn.streams) > 0 {
		frame, readErr := conn.framer.ReadFrame()
		if readErr != nil {
			c.abandon(conn, errors.Join(err, conn.wrote, conn.detail(readErr)))
			conn.leaving = true
			break
		}
		again = append(again, c.take(conn, frame)...)
	}
	conn.used = true
	return again
}

// awaitWindow reads frames until the server takes the bodies of the batch.
func (c *client) awaitWindow(conn *h2, batch []*request) {
	need := int64(0)
	for _, q := range batch {
		need += int64(len(q.body))
	}
	for conn.window < need {
		frame, err := conn.framer.ReadFrame()
		if err != nil {
			return // the batch finds out
		}
		c.take(conn, frame)
	}
}

// detail adds what the framer knows about a frame that it does not like.
func (h *h2) detail(err error) error {
	if more := h.framer.ErrorDetail(); more != nil {
		return fmt.Errorf("%w: %w", err, more)
	}
	return err
}

// sendBatch writes the requests. After an error the rest is registered all the
// same: it shares the fate of the connection.
func (c *client) sendBatch(conn *h2, batch []*request) (err error) {
	for _, q := range batch {
		if q.retries == 0 {
			c.tally.requests++
		}
		q.first, q.worker = !conn.used, conn.worker
		id := conn.nextID
		conn.nextID += 2
		conn.streams[id] = &stream{request: q}
		if err == nil {
			err = conn.sendRequest(c.load, id, q)
		}
	}
	if err == nil && conn.unread > 0 {
		err = conn.framer.WriteWindowUpdate(0, conn.unread)
		conn.unread = 0
	}
	return err
}

func (h *h2) sendRequest(l *Load, id uint32, q *request) error {
	h.fields.Reset()
	h.field(":method", q.call.Method)
	h.field(":scheme", "http")
	h.field(":authority", l.Host)
	h.field(":path", q.call.Path)
	if q.id != "" {
		h.field(http.CanonicalHeaderKey(l.IDHeader), q.id)
	}
	err := h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: h.fields.Bytes(), EndHeaders: true, EndStream: !q.call.Echo})
	for i, chunk := range q.chunks {
		if err != nil {
			return err
		}
		h.window -= int64(len(chunk))
		err = h.framer.WriteData(id, i == len(q.chunks)-1, chunk)
	}
	return err
}

// field adds a header; HTTP/2 wants their names in small letters.
func (h *h2) field(name, value string) {
	h.encoder.WriteField(hpack.HeaderField{Name: string(bytes.ToLower([]byte(name))), Value: value}) //nolint:errcheck // a buffer
}

func (h *h2) close() {
	if h != nil {
		h.conn.Close() //nolint:errcheck // nothing is left to be lost
	}
}
