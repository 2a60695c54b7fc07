package service

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestRulesOfHTTP2 are the cases of h2spec about which there is something to say:
// docs/server.md does.
func TestRulesOfHTTP2(t *testing.T) {
	g := testGroup(t)
	g.H2C = true
	var seen atomic.Int64
	r := serve(t, g, func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/" {
			seen.Add(1)
		}
		_, _ = io.Copy(io.Discard, req.Body)
	})
	for _, tt := range []struct {
		name string
		send func(c *h2conn) error
		want string
	}{
		{"a frame above SETTINGS_MAX_FRAME_SIZE (4.2)", func(c *h2conn) error {
			return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: make([]byte, maxFrame+1), EndHeaders: true})
		}, "GOAWAY FRAME_SIZE_ERROR"},
		{"the window of a stream overflows (6.9.1)", func(c *h2conn) error {
			return errors.Join(c.request(1, false, "/"), c.WriteWindowUpdate(1, 1<<31-1), c.WriteWindowUpdate(1, 1<<31-1))
		}, "RST_STREAM FLOW_CONTROL_ERROR"},
		{"the window of a connection overflows (6.9.1)", func(c *h2conn) error {
			return errors.Join(c.WriteWindowUpdate(0, 1<<31-1), c.WriteWindowUpdate(0, 1<<31-1))
		}, "GOAWAY FLOW_CONTROL_ERROR"},
		{"a field of the connection (8.2.2)", func(c *h2conn) error { return c.request(1, true, "/bad", "connection", "keep-alive") }, "HEADERS 400"},
		{"TE without trailers (8.2.2)", func(c *h2conn) error { return c.request(1, true, "/bad", "te", "trailers, deflate") }, "HEADERS 400"},
		{"a setting twice (6.5.3)", func(c *h2conn) error {
			return c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
		}, "GOAWAY PROTOCOL_ERROR"},
		{"CONNECT (8.5)", func(c *h2conn) error { return c.connect("h:443") }, "HEADERS 501"},
		{"CONNECT without a port (8.5)", func(c *h2conn) error { return c.connect("h") }, "HEADERS 400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := dialH2(r.addr, true)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			if err := tt.send(c); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-c.said:
				if got != tt.want || seen.Load() > 0 {
					t.Errorf("%s, and the application saw %d requests; want %s and none", got, seen.Load(), tt.want)
				}
			case <-time.After(patience):
				t.Fatal("the server says nothing")
			}
		})
	}
}

// connect asks for a tunnel.
func (c *h2conn) connect(authority string) error {
	c.block.Reset()
	for _, f := range []hpack.HeaderField{{Name: ":method", Value: "CONNECT"}, {Name: ":authority", Value: authority}} {
		_ = c.enc.WriteField(f)
	}
	return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.block.Bytes(), EndStream: true, EndHeaders: true})
}
