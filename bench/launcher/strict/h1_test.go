package strict

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rawServer answers each connection by a function; it is closed with the test.
func rawServer(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer conn.Close()
				answer(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); done.Wait() })
	return l.Addr().String()
}

// readRequest reads one request whole, with its body.
func readRequest(in *bufio.Reader) (*http.Request, []byte, error) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(r.Body)
	return r, body, err
}

// runUntil runs a load until the condition holds of what it counted, by giving
// the server's own view.
func runUntil(t *testing.T, l Load, enough func() bool) *Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	run := Start(ctx, l)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !enough() && ctx.Err() == nil {
		<-tick.C
	}
	if ctx.Err() != nil {
		t.Error("the load never got so far")
	}
	cancel()
	return run.Wait()
}

// once answers the first request of each connection with raw text, then ends it
// in the way given.
func once(served *atomic.Int64, text string, end func(*net.TCPConn)) func(net.Conn) {
	return func(conn net.Conn) {
		if _, _, err := readRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		served.Add(1)
		io.WriteString(conn, text)
		if end != nil {
			end(conn.(*net.TCPConn))
		}
	}
}

func reset(conn *net.TCPConn) {
	conn.SetLinger(0)
	conn.Close()
}

// TestLossesAreCounted holds the client against servers that each lose every
// request in one way: it must say so of every one of them, and repeat none.
func TestLossesAreCounted(t *testing.T) {
	const good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	silent := func(conn *net.TCPConn) { io.Copy(io.Discard, conn) }
	for _, test := range []struct {
		name, text string
		end        func(*net.TCPConn)
		kind       Kind
		detail     string
	}{
		{"reset before the answer", "", reset, Reset, "before the answer: "},
		{"closed before the answer", "", nil, EarlyEnd, "before the answer: EOF"},
		{"closed in the header", "HTTP/1.1 200 OK\r\nContent-Le", nil, EarlyEnd, "in the answer's header: EOF"},
		{"closed in the body", good + "\r\no", nil, EarlyEnd, "after 1 bytes of the answer's body: unexpected EOF"},
		{"closed in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", nil, EarlyEnd, "after 2 bytes of the answer's body: unexpected EOF"},
		{"closed before the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", nil, EarlyEnd, "after 2 bytes of the answer's body: unexpected EOF"},
		{"silence", "", silent, Timeout, "before the answer: "},
		{"silence in the body", good + "\r\no", silent, Timeout, "after 1 bytes of the answer's body: "},
		{"another status", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", nil, BadStatus, `GET /: status 503: "no"`},
		{"another body", good + "Connection: close\r\n\r\nOK", nil, WrongBody, `GET /: 2 bytes "OK", want 2 bytes "ok"`},
		{"no length", "HTTP/1.1 200 OK\r\n\r\nok", nil, Malformed, "the answer has no length: nobody can tell whether it is whole"},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", nil, Malformed, "protocol HTTP/1.0, want HTTP/1.1"},
		{"bytes behind the answer", good + "\r\nokHTTP/1.1 408 Request Timeout\r\n\r\n", nil, Malformed, "32 bytes behind the answer"},
		{"no HTTP", "SSH-2.0-OpenSSH\r\n", nil, Malformed, `in the answer's header: malformed HTTP response "SSH-2.0-OpenSSH"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var served atomic.Int64
			addr := rawServer(t, once(&served, test.text, test.end))
			load := Load{Addr: addr, KeepAlive: 2, NewConn: 1, Timeout: 100 * time.Millisecond, Calls: []Call{{Method: "GET", Path: "/", Want: "ok"}}}
			report := runUntil(t, load, func() bool { return served.Load() >= 9 })
			if report.Answered != 0 || len(report.Failures) != report.Requests || report.ByKind()[test.kind] != report.Requests {
				t.Errorf("%s, want all %s\n%s", report, test.kind, strings.Join(report.Examples(3), "\n"))
			}
			if int64(report.Requests) != served.Load() {
				t.Errorf("%d requests counted, the server got %d", report.Requests, served.Load())
			}
			if f := report.Failures[0]; !strings.HasPrefix(f.Detail, test.detail) || !f.First {
				t.Errorf("failure %s, want %q on a new connection", f, test.detail)
			}
		})
	}
}

// TestSilentCloseIsALoss: a server that closes kept connections without
// Connection: close loses the next request, and the client repeats none.
func TestSilentCloseIsALoss(t *testing.T) {
	var answered atomic.Int64
	addr := rawServer(t, once(&answered, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Worker: 7\r\n\r\nok", nil))
	load := Load{Addr: addr, KeepAlive: 2, WorkerHeader: "X-Worker", Calls: []Call{{Method: "GET", Path: "/", Want: "ok"}}}
	report := runUntil(t, load, func() bool { return answered.Load() >= 20 })
	if int64(report.Answered) != answered.Load() || report.Workers["7"] != report.Answered {
		t.Errorf("%d answers, %d by worker 7, the server gave %d", report.Answered, report.Workers["7"], answered.Load())
	}
	lost := report.ByKind()[Reset] + report.ByKind()[EarlyEnd]
	if lost != len(report.Failures) || lost < report.Answered-2 {
		t.Errorf("%s, want a loss after each answer", report)
	}
	for _, f := range report.Failures {
		if f.First || f.Worker != "7" {
			t.Errorf("failure %s, want it on the used connection of worker 7", f)
		}
	}
}

// TestGoodServerLosesNothing: keep-alive with a close now and then, chunked
// bodies both ways, HTTP/1.1 and HTTP/2.
func TestGoodServerLosesNothing(t *testing.T) {
	var served, unchunked atomic.Int64
	server := httptest.NewUnstartedServer(goodHandler(&served, &unchunked))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	load := Load{
		Addr: server.Listener.Addr().String(), KeepAlive: 4, NewConn: 2, H2: 2, IDHeader: "X-Load-Id",
		Calls: []Call{{Weight: 2, Method: "GET", Path: "/", Want: "ok"}, {Method: "POST", Path: "/echo", Echo: true}, {Method: "GET", Path: "/teapot", Want: "ok", Status: 418}},
	}
	report := runUntil(t, load, func() bool { return served.Load() >= 1000 })
	if len(report.Failures) != 0 || report.Answered != report.Requests || int64(report.Answered) != served.Load() {
		t.Errorf("%s, the server served %d, want no failures\n%s", report, served.Load(), strings.Join(report.Examples(3), "\n"))
	}
	if report.Closes == 0 || report.GoAways == 0 || report.Status[418] == 0 || unchunked.Load() != 0 {
		t.Errorf("%s, %d bodies with a length; want closes, GOAWAYs, 418s, and only chunks", report, unchunked.Load())
	}
	if report.P50 == 0 || report.P99 < report.P50 || report.Max < report.P99 {
		t.Errorf("p50 %s, p99 %s, max %s", report.P50, report.P99, report.Max)
	}
}

func goodHandler(served, unchunked *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if served.Add(1)%50 == 0 {
			w.Header().Set("Connection", "close")
		}
		w.Header().Set("X-Load-Id", r.Header.Get("X-Load-Id"))
		switch r.URL.Path {
		case "/echo":
			if r.ContentLength >= 0 {
				unchunked.Add(1)
			}
			body, _ := io.ReadAll(r.Body)
			w.Write(body)
		case "/teapot":
			w.WriteHeader(http.StatusTeapot)
			fallthrough
		default:
			io.WriteString(w, "ok")
		}
	}
}

// TestAnswersAreToTheirRequests: an echo that changes one byte, and an id of
// another request, are seen.
func TestAnswersAreToTheirRequests(t *testing.T) {
	var served atomic.Int64
	addr := rawServer(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			r, body, err := readRequest(in)
			if err != nil {
				return
			}
			id := r.Header.Get("X-Load-Id")
			switch n := served.Add(1); {
			case n%10 == 3:
				id += "0"
			case n%10 == 7 && len(body) > 0:
				body[len(body)/2] ^= 1
			}
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nX-Load-Id: %s\r\nContent-Length: %d\r\n\r\n%s", id, len(body), body)
		}
	})
	load := Load{Addr: addr, KeepAlive: 1, IDHeader: "X-Load-Id", Calls: []Call{{Method: "POST", Path: "/", Echo: true}}}
	report := runUntil(t, load, func() bool { return served.Load() >= 100 })
	if kinds := report.ByKind(); kinds[WrongID] < 10 || kinds[WrongBody] < 9 || report.Answered+len(report.Failures) != report.Requests {
		t.Errorf("%s, want one wrong id and one wrong body of ten", report)
	}
}

// TestRefused: a port without a listener.
func TestRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	load := Load{Addr: l.Addr().String(), KeepAlive: 1, NewConn: 1, H2: 1, H2Streams: 1}
	began := time.Now()
	report := runUntil(t, load, func() bool { return time.Since(began) > 30*time.Millisecond })
	if report.Requests < 3 || report.ByKind()[Refused] != report.Requests {
		t.Errorf("%s, want all refused", report)
	}
	load.UntilRefused = true
	report = Start(t.Context(), load).Wait()
	if report.Requests != 0 || report.Ended != 3 {
		t.Errorf("%s, %d clients ended; want all 3, without a failure", report, report.Ended)
	}
}

// TestRate: a load of 200 requests a second sends about so many.
func TestRate(t *testing.T) {
	var served, unchunked atomic.Int64
	server := httptest.NewServer(goodHandler(&served, &unchunked))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	report := Start(ctx, Load{Addr: server.Listener.Addr().String(), KeepAlive: 5, NewConn: 5, Rate: 200}).Wait()
	if report.Requests < 50 || report.Requests > 115 {
		t.Errorf("%d requests in half a second, want about 100", report.Requests)
	}
}
