package service

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2conn is a client of HTTP/2 that keeps to no rule.
type h2conn struct {
	net.Conn
	*http2.Framer
	enc   *hpack.Encoder
	block bytes.Buffer
	ended chan struct{} // closed when the server says nothing more
	said  chan string   // its GOAWAYs and RST_STREAMs
}

// dialH2 opens a connection and reads all that the server says, or nothing.
func dialH2(addr string, reads bool) (*h2conn, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, http2.ClientPreface); err != nil {
		nc.Close()
		return nil, err
	}
	c := &h2conn{Conn: nc, Framer: http2.NewFramer(nc, nc), ended: make(chan struct{}), said: make(chan string, 100)}
	c.enc = hpack.NewEncoder(&c.block)
	c.AllowIllegalWrites = true
	if !reads {
		close(c.ended)
		return c, c.WriteSettings()
	}
	go c.listen()
	return c, c.WriteSettings()
}

func (c *h2conn) listen() {
	defer close(c.ended)
	dec := hpack.NewDecoder(4096, nil)
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return
		}
		word := ""
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			word = "GOAWAY " + f.ErrCode.String()
		case *http2.RSTStreamFrame:
			word = "RST_STREAM " + f.ErrCode.String()
		case *http2.HeadersFrame:
			word = "HEADERS " + status(dec, f)
		}
		if word != "" {
			select {
			case c.said <- word:
			default:
			}
		}
	}
}

// status is that of an answer whose header is one frame.
func status(dec *hpack.Decoder, f *http2.HeadersFrame) string {
	fields, err := dec.DecodeFull(f.HeaderBlockFragment())
	if err != nil || len(fields) == 0 {
		return ""
	}
	return fields[0].Value
}

// close ends the connection, and waits for its reader.
func (c *h2conn) close() {
	c.Close()
	<-c.ended
}

// fields encodes a request to a path, with more fields.
func (c *h2conn) fields(path string, more ...string) []byte {
	c.block.Reset()
	all := append([]string{":method", "GET", ":scheme", "http", ":authority", "h", ":path", path}, more...)
	for i := 0; i < len(all); i += 2 {
		_ = c.enc.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]})
	}
	return c.block.Bytes()
}

func (c *h2conn) request(stream uint32, end bool, path string, more ...string) error {
	return c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.fields(path, more...), EndStream: end, EndHeaders: true})
}

// many makes a function of count calls of one, on as many connections as the
// server wants: one that it ends is opened anew.
func many(count int, one func(c *h2conn, i int) error) func(addr string) error {
	return func(addr string) error {
		sent, opened := 0, 0
		for ; sent < count && opened < count; opened++ {
			c, err := dialH2(addr, true)
			if err != nil {
				return err
			}
			for i := 0; sent < count && err == nil; i++ {
				if err = one(c, i); err == nil {
					sent++
				}
			}
			c.close()
		}
		if sent < count {
			return errors.New("the flood was not to be had")
		}
		return nil
	}
}

// TestHTTP2Floods: each flood is one that has brought servers down. Others are
// served under it, and memory and goroutines are bounded (CVE-2023-44487,
// CVE-2023-45288, CVE-2019-9512 to 9518).
func TestHTTP2Floods(t *testing.T) {
	junk := []byte(strings.Repeat("\x00\x01a\x7f\x80\x00"+strings.Repeat("b", 127), 100)) // fields that no table keeps
	floods := []struct {
		name string
		run  func(addr string) error
	}{
		{"rapid reset", many(100_000, func(c *h2conn, i int) error {
			stream := uint32(2*i + 1)
			return errors.Join(c.request(stream, true, "/wait"), c.WriteRSTStream(stream, http2.ErrCodeCancel))
		})},
		{"requests that are never reset", many(20_000, func(c *h2conn, i int) error {
			return c.request(uint32(2*i+1), true, "/wait")
		})},
		{"CONTINUATION", many(500, func(c *h2conn, i int) error {
			if i == 0 {
				return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields("/")})
			}
			return c.WriteContinuation(1, false, junk)
		})},
		{"empty CONTINUATION", many(20_000, func(c *h2conn, i int) error {
			if i == 0 {
				return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields("/")})
			}
			return c.WriteContinuation(1, false, nil)
		})},
		{"PING", many(100_000, func(c *h2conn, _ int) error { return c.WritePing(false, [8]byte{}) })},
		{"PING whose answers are not read", unread(100_000, func(c *h2conn) error { return c.WritePing(false, [8]byte{}) })},
		{"SETTINGS", many(100_000, func(c *h2conn, _ int) error { return c.WriteSettings() })},
		{"SETTINGS whose answers are not read", unread(100_000, func(c *h2conn) error { return c.WriteSettings() })},
		{"empty DATA", many(50_000, func(c *h2conn, i int) error {
			if i == 0 {
				return c.request(1, false, "/read")
			}
			return c.WriteData(1, false, nil)
		})},
		{"PRIORITY", many(100_000, func(c *h2conn, i int) error {
			return c.WritePriority(uint32(2*i+1), http2.PriorityParam{StreamDep: uint32(2*i + 3), Weight: 7})
		})},
		{"WINDOW_UPDATE", many(50_000, func(c *h2conn, _ int) error { return c.WriteWindowUpdate(0, 1) })},
		{"an HPACK bomb", many(60, func(c *h2conn, i int) error {
			more := []string{}
			for range 3000 { // one byte each from the second on
				more = append(more, "bomb", strings.Repeat("b", 3000))
			}
			return c.request(uint32(2*i+1), true, "/bomb", more...)
		})},
	}
	for _, flood := range floods {
		t.Run(flood.name, func(t *testing.T) {
			g := testGroup(t)
			g.H2C = true
			app := &floodApp{}
			r := serve(t, g, app.serve)
			underFlood(t, r, func() {
				if err := flood.run(r.addr); err != nil {
					t.Error(err)
				}
			})
			if n := app.bombs.Load(); n > 0 {
				t.Errorf("the application saw %d headers that are too large", n)
			}
			if n := app.most.Load(); n > 600 { // net/http's 250 streams, of the connections that end at the time
				t.Errorf("%d requests at a time, want no more than the streams of two connections", n)
			}
			if err := r.end(); err != nil {
				t.Errorf("Serve() = %v, want nil", err)
			}
		})
	}
}

// unread sends on one connection whose answers nobody reads, until all is sent
// or the server has had enough.
func unread(count int, one func(c *h2conn) error) func(addr string) error {
	return func(addr string) error {
		c, err := dialH2(addr, false)
		if err != nil {
			return err
		}
		defer c.close()
		_ = c.SetWriteDeadline(time.Now().Add(3 * time.Second)) // the server may leave the connection full
		for range count {
			if one(c) != nil {
				return nil
			}
		}
		return nil
	}
}

type floodApp struct{ now, most, bombs atomic.Int64 }

func (a *floodApp) serve(w http.ResponseWriter, r *http.Request) {
	now := a.now.Add(1)
	defer a.now.Add(-1)
	for most := a.most.Load(); now > most && !a.most.CompareAndSwap(most, now); most = a.most.Load() {
	}
	switch r.URL.Path {
	case "/wait":
		<-r.Context().Done()
	case "/read":
		_, _ = io.Copy(io.Discard, r.Body)
	case "/bomb":
		a.bombs.Add(1)
	default:
		hello(w, r)
	}
}

// TestHTTP2Misuse: what no client may send ends the stream or the connection, as
// RFC 9113 says, and reaches no application.
func TestHTTP2Misuse(t *testing.T) {
	tests := []struct {
		name string
		send func(c *h2conn) error
		want string
	}{
		{"a stream with an even number (5.1.1)", func(c *h2conn) error { return c.request(2, true, "/bad") }, "GOAWAY PROTOCOL_ERROR"},
		{"a stream with a lower number (5.1.1)", func(c *h2conn) error {
			return errors.Join(c.request(5, true, "/"), c.request(3, true, "/bad"))
		}, "GOAWAY PROTOCOL_ERROR"},
		{"HEADERS on stream 0 (6.2)", func(c *h2conn) error { return c.request(0, true, "/bad") }, "GOAWAY PROTOCOL_ERROR"},
		{"DATA on an idle stream (5.1)", func(c *h2conn) error { return c.WriteData(1, true, nil) }, "GOAWAY PROTOCOL_ERROR"},
		{"RST_STREAM on an idle stream (6.4)", func(c *h2conn) error { return c.WriteRSTStream(1, 0) }, "GOAWAY PROTOCOL_ERROR"},
		{"CONTINUATION without HEADERS (6.10)", func(c *h2conn) error { return c.WriteContinuation(1, true, nil) }, "GOAWAY PROTOCOL_ERROR"},
		{"another frame between HEADERS and CONTINUATION (6.10)", func(c *h2conn) error {
			return errors.Join(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields("/bad")}), c.WritePing(false, [8]byte{}))
		}, "GOAWAY PROTOCOL_ERROR"},
		{"the window of the connection overflows (6.9.1)", func(c *h2conn) error { return c.WriteWindowUpdate(0, 1<<31-1) }, "GOAWAY FLOW_CONTROL_ERROR"},
		{"the window of a stream overflows (6.9.1)", func(c *h2conn) error {
			return errors.Join(c.request(1, false, "/"), c.WriteWindowUpdate(1, 1<<31-1))
		}, "RST_STREAM FLOW_CONTROL_ERROR"},
		{"an increment of 0 (6.9)", func(c *h2conn) error { return c.WriteWindowUpdate(0, 0) }, "GOAWAY PROTOCOL_ERROR"},
		{"a stream that depends on itself (5.3.1)", func(c *h2conn) error {
			return errors.Join(c.request(1, false, "/"), c.WritePriority(1, http2.PriorityParam{StreamDep: 1}))
		}, "RST_STREAM PROTOCOL_ERROR"},
		{"a push by the client (8.4)", func(c *h2conn) error {
			return c.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true, BlockFragment: c.fields("/bad")})
		}, "GOAWAY PROTOCOL_ERROR"},
		{"a frame that is too large (4.2)", func(c *h2conn) error { return c.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 1<<20+1)) }, "GOAWAY FRAME_SIZE_ERROR"},
		{"PING of 7 bytes (6.7)", func(c *h2conn) error { return c.WriteRawFrame(http2.FramePing, 0, 0, make([]byte, 7)) }, "GOAWAY FRAME_SIZE_ERROR"},
		{"SETTINGS with a window that is too large (6.5.2)", func(c *h2conn) error {
			return c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
		}, "GOAWAY FLOW_CONTROL_ERROR"},
		{"a header block that is none (4.3)", func(c *h2conn) error {
			return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, EndStream: true, EndHeaders: true})
		}, "GOAWAY COMPRESSION_ERROR"},
		{"a name in capitals (8.2)", func(c *h2conn) error { return c.request(1, true, "/bad", "X-Y", "z") }, "RST_STREAM PROTOCOL_ERROR"},
		{"a line end in a value (8.2.1)", func(c *h2conn) error { return c.request(1, true, "/bad", "x", "a\r\nb: c") }, "RST_STREAM PROTOCOL_ERROR"},
		{"a zero byte in a value (8.2.1)", func(c *h2conn) error { return c.request(1, true, "/bad", "x", "a\x00") }, "RST_STREAM PROTOCOL_ERROR"},
		{"a pseudo field after others (8.3)", func(c *h2conn) error { return c.request(1, true, "/bad", "x", "y", ":path", "/") }, "RST_STREAM PROTOCOL_ERROR"},
		{"an unknown pseudo field (8.3)", func(c *h2conn) error { return c.request(1, true, "/bad", ":evil", "x") }, "RST_STREAM PROTOCOL_ERROR"},
		{"a pseudo field twice (8.3.1)", func(c *h2conn) error { return c.request(1, true, "/bad", ":path", "/") }, "RST_STREAM PROTOCOL_ERROR"},
		{"a path that does not begin with a slash (8.3.1)", func(c *h2conn) error { return c.request(1, true, "bad") }, "RST_STREAM PROTOCOL_ERROR"},
		// The application reads an error, and the stream goes on: the error that is
		// waited for is another.
		{"less body than the length (8.1.1)", func(c *h2conn) error {
			return errors.Join(c.request(1, false, "/read", "content-length", "5"), c.WriteData(1, true, []byte("abc")), c.WriteWindowUpdate(0, 0))
		}, "GOAWAY PROTOCOL_ERROR"},
		{"more body than the length (8.1.1)", func(c *h2conn) error {
			return errors.Join(c.request(1, false, "/read", "content-length", "2"), c.WriteData(1, false, []byte("abc")))
		}, "RST_STREAM PROTOCOL_ERROR"},
	}
	g := testGroup(t)
	g.H2C = true
	bad := make(chan string, 10)
	r := serve(t, g, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if strings.Contains(r.RequestURI, "bad") || r.RequestURI == "/read" && err == nil {
			bad <- r.RequestURI
		}
	})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := dialH2(r.addr, true)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			if err := tt.send(c); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), caseTime)
			defer cancel()
			if got := c.errorWord(ctx); got != tt.want {
				t.Errorf("the server says %q, want %q", got, tt.want)
			}
			select {
			case uri := <-bad:
				t.Errorf("the application saw %q", uri)
			default:
			}
		})
	}
}

// errorWord is the first error of the server.
func (c *h2conn) errorWord(ctx context.Context) string {
	for {
		select {
		case word := <-c.said:
			if !strings.HasPrefix(word, "HEADERS") {
				return word
			}
		case <-c.ended:
			select {
			case word := <-c.said:
				if !strings.HasPrefix(word, "HEADERS") {
					return word
				}
			default:
				return "nothing"
			}
		case <-ctx.Done():
			return "nothing in time"
		}
	}
}
