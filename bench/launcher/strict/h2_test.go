package strict

import (
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

// h2Peer is the server's end of a connection that a test writes by hand.
type h2Peer struct {
	*http2.Framer
	conn   net.Conn
	served *atomic.Int64
}

// batch waits for the end of four requests and returns their ids.
func (p h2Peer) batch() []uint32 {
	var ids []uint32
	for len(ids) < 4 {
		frame, err := p.ReadFrame()
		if err != nil {
			return nil
		}
		if f, ok := frame.(*http2.HeadersFrame); ok && f.StreamEnded() {
			ids = append(ids, f.StreamID)
		}
	}
	return ids
}

func (p h2Peer) answer(id uint32, status, length, body string) {
	var block strings.Builder
	enc := hpack.NewEncoder(&block)
	enc.WriteField(hpack.HeaderField{Name: ":status", Value: status})
	if length != "" {
		enc.WriteField(hpack.HeaderField{Name: "content-length", Value: length})
	}
	p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte(block.String()), EndHeaders: true})
	p.WriteData(id, true, []byte(body))
	p.served.Add(1)
}

func (p h2Peer) good(ids ...uint32) {
	for _, id := range ids {
		p.answer(id, "200", "2", "ok")
	}
}

// h2Server gives each connection, numbered from 0, to a function.
func h2Server(t *testing.T, served *atomic.Int64, serve func(p h2Peer, number int64)) string {
	t.Helper()
	var connections atomic.Int64
	return rawServer(t, func(conn net.Conn) {
		number := connections.Add(1) - 1
		if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		p := h2Peer{http2.NewFramer(conn, conn), conn, served}
		p.WriteSettings()
		serve(p, number)
		// What the client has sent meanwhile would turn the end into a reset.
		conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, conn)
	})
}

// keep answers each request until the client leaves.
func (p h2Peer) keep() {
	for {
		frame, err := p.ReadFrame()
		if err != nil {
			return
		}
		if f, ok := frame.(*http2.HeadersFrame); ok && f.StreamEnded() {
			p.good(f.StreamID)
		}
	}
}

// TestH2Unprocessed: only what GOAWAY or REFUSED_STREAM calls unprocessed is
// sent again, and is no failure (RFC 9113, 6.8 and 8.7).
func TestH2Unprocessed(t *testing.T) {
	for _, test := range []struct {
		name    string
		first   func(h2Peer) // what becomes of the first connection
		retries int
		lost    map[Kind]int
		detail  string
	}{
		{"above the last id", func(p h2Peer) {
			ids := p.batch()
			p.WriteGoAway(ids[1], http2.ErrCodeNo, nil)
			p.good(ids[:2]...)
		}, 2, nil, ""},
		{"all", func(p h2Peer) { p.batch(); p.WriteGoAway(0, http2.ErrCodeNo, nil) }, 4, nil, ""},
		{"a warning before", func(p h2Peer) {
			ids := p.batch()
			p.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil)
			p.good(ids[0])
			p.WriteGoAway(ids[0], http2.ErrCodeNo, nil)
		}, 3, nil, ""},
		{"refused stream", func(p h2Peer) {
			ids := p.batch()
			p.WriteRSTStream(ids[2], http2.ErrCodeRefusedStream)
			p.good(ids[0], ids[1], ids[3])
			p.keep()
		}, 1, nil, ""},
		{"processed, and not answered", func(p h2Peer) {
			ids := p.batch()
			p.WriteGoAway(ids[2], http2.ErrCodeNo, nil)
			p.good(ids[:2]...)
		}, 1, map[Kind]int{EarlyEnd: 1}, "stream 5: EOF (after a GOAWAY with last id 5)"},
		{"no GOAWAY", func(p h2Peer) { ids := p.batch(); p.good(ids[0]) }, 0, map[Kind]int{EarlyEnd: 3}, ""},
		{"reset", func(p h2Peer) { p.batch(); reset(p.conn.(*net.TCPConn)) }, 0, map[Kind]int{Reset: 4}, ""},
		{"reset stream", func(p h2Peer) {
			ids := p.batch()
			p.WriteRSTStream(ids[0], http2.ErrCodeInternal)
			p.good(ids[1:]...)
			p.keep()
		}, 0, map[Kind]int{Reset: 1}, "stream reset: INTERNAL_ERROR"},
		{"short", func(p h2Peer) {
			ids := p.batch()
			p.answer(ids[0], "200", "3", "ok")
			p.good(ids[1:]...)
			p.keep()
		}, 0, map[Kind]int{Malformed: 1}, "2 bytes, want the announced 3"},
		{"wrong", func(p h2Peer) {
			ids := p.batch()
			p.answer(ids[0], "500", "2", "ok")
			p.answer(ids[1], "200", "2", "OK")
			p.good(ids[2:]...)
			p.keep()
		}, 0, map[Kind]int{BadStatus: 1, WrongBody: 1}, ""},
		{"silence", func(p h2Peer) { p.batch(); io.Copy(io.Discard, p.conn) }, 0, map[Kind]int{Timeout: 4}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var served atomic.Int64
			addr := h2Server(t, &served, func(p h2Peer, number int64) {
				if number == 0 {
					test.first(p)
					return
				}
				p.keep()
			})
			load := Load{Addr: addr, H2: 1, Timeout: 200 * time.Millisecond, Calls: []Call{{Method: "GET", Path: "/", Want: "ok"}}}
			report := runUntil(t, load, func() bool { return served.Load() >= 40 })
			if report.Retries != test.retries || report.Answered+len(report.Failures) != report.Requests {
				t.Errorf("%s, want %d retries", report, test.retries)
			}
			if got := report.ByKind(); len(got) != len(test.lost) {
				t.Errorf("losses %v, want %v\n%s", got, test.lost, strings.Join(report.Examples(2), "\n"))
			}
			for kind, n := range test.lost {
				if report.ByKind()[kind] != n {
					t.Errorf("losses %v, want %v\n%s", report.ByKind(), test.lost, strings.Join(report.Examples(2), "\n"))
				}
			}
			if test.detail != "" && report.Failures[0].Detail != test.detail {
				t.Errorf("failure %q, want %q", report.Failures[0].Detail, test.detail)
			}
		})
	}
}

// TestH2UnprocessedForEver: a server that refuses the same requests again and
// again does not keep them from being counted.
func TestH2UnprocessedForEver(t *testing.T) {
	var served atomic.Int64
	addr := h2Server(t, &served, func(p h2Peer, _ int64) {
		if p.batch() == nil {
			return
		}
		p.WriteGoAway(0, http2.ErrCodeNo, nil)
		served.Add(1)
	})
	report := runUntil(t, Load{Addr: addr, H2: 1}, func() bool { return served.Load() > maxRetries+1 })
	if report.ByKind()[Timeout] < 4 || report.Answered != 0 {
		t.Errorf("%s, want the first four given up", report)
	}
}

// TestH2Shutdown: net/http's own graceful stop loses no stream of this client.
func TestH2Shutdown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served, unchunked atomic.Int64
	server := &http.Server{Handler: goodHandler(&served, &unchunked), Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute}
	server.Protocols.SetUnencryptedHTTP2(true)
	ended := make(chan error)
	go func() { ended <- server.Serve(l) }()
	run := Start(t.Context(), Load{Addr: l.Addr().String(), H2: 4, UntilRefused: true, IDHeader: "X-Load-Id", Calls: []Call{
		{Method: "GET", Path: "/", Want: "ok"}, {Method: "POST", Path: "/echo", Echo: true},
	}})
	for served.Load() < 500 {
		time.Sleep(time.Millisecond)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-ended
	report := run.Wait()
	if report.Ended != 4 || report.GoAways == 0 || report.Answered+len(report.Failures) != report.Requests {
		t.Errorf("%s, %d clients ended; want 4, told by GOAWAYs", report, report.Ended)
	}
	for _, f := range report.Failures {
		if f.Kind != Reset || !f.First {
			t.Errorf("failure %s, want none but of connections that the listener's end reset", f)
		}
	}
}
