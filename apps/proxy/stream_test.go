package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"testing"
)

func TestAnswerStreamsThroughAsItIsWritten(t *testing.T) {
	for _, length := range []string{"", "8"} { // unknown, known
		release := make(chan struct{})
		address := upstreamFunc(t, func(w http.ResponseWriter, _ *http.Request) {
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			io.WriteString(w, "one.")
			http.NewResponseController(w).Flush()
			<-release
			io.WriteString(w, "two.")
		})
		front, _ := ours(t, func(o *Options) { o.Address = address }, nil)
		resp, err := front.Client().Do(request(t, "GET", front.URL, ""))
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 4)
		if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "one." {
			t.Fatalf("got %q, %v before the answer was complete", first, err)
		}
		close(release)
		if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "two." {
			t.Errorf("got %q, %v", rest, err)
		}
		resp.Body.Close()
	}
}

// TestBothSidesTalkAtOnce sends a line, reads its echo, sends the next: neither
// body may wait for the other to end.
func TestBothSidesTalkAtOnce(t *testing.T) {
	address := upstreamFunc(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		if err := rc.EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintln(w, "echo "+lines.Text())
			rc.Flush()
		}
	})
	front, _ := ours(t, func(o *Options) { o.Address = address }, nil)
	in, out := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, front.URL, in)
	if err != nil {
		t.Fatal(err)
	}
	go fmt.Fprintln(out, "a")
	resp, err := front.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answers := bufio.NewReader(resp.Body)
	for i, next := range []string{"b", "c", ""} {
		want := fmt.Sprintf("echo %c\n", 'a'+rune(i))
		if line, err := answers.ReadString('\n'); err != nil || line != want {
			t.Fatalf("got %q, %v, want %q", line, err, want)
		}
		if next != "" {
			fmt.Fprintln(out, next)
		}
	}
	out.Close()
	if rest, err := io.ReadAll(answers); err != nil || len(rest) != 0 {
		t.Errorf("got %q, %v at the end", rest, err)
	}
}

func TestWebSocketUpgradePassesThrough(t *testing.T) {
	address := upstreamFunc(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" || r.Header.Get("Sec-WebSocket-Key") != "abc" {
			t.Errorf("the upstream got %v", r.Header)
		}
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: def\r\n\r\n")
		line, _ := buf.ReadString('\n')
		io.WriteString(conn, "echo "+line)
	})
	front, _ := ours(t, func(o *Options) { o.Address = address }, nil)
	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\n")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Upgrade") != "websocket" || resp.Header.Get("Sec-WebSocket-Accept") != "def" {
		t.Fatalf("got %+v, %v", resp, err)
	}
	io.WriteString(conn, "hello\n")
	if line, err := in.ReadString('\n'); err != nil || line != "echo hello\n" {
		t.Errorf("got %q, %v", line, err)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after the upstream closed: %v, want EOF", err)
	}
}

func TestTrailersPassBothWays(t *testing.T) {
	address := upstreamFunc(t, func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != "body" {
			t.Errorf("the upstream got %q, %v", body, err)
		}
		if got := r.Trailer.Get("X-Sum"); got != "up" {
			t.Errorf("the upstream got the trailer %q, want up", got)
		}
		w.Header().Set("Trailer", "X-Announced")
		io.WriteString(w, "answer")
		w.Header().Set("X-Announced", "1")
		w.Header().Set(http.TrailerPrefix+"X-Sudden", "2")
	})
	front, _ := ours(t, func(o *Options) { o.Address = address }, nil)
	r := request(t, "POST", front.URL, "body")
	r.ContentLength = -1 // trailers need chunks
	r.Trailer = http.Header{"X-Sum": {"up"}}
	resp, body := do(t, r)
	if body != "answer" || resp.Trailer.Get("X-Announced") != "1" || resp.Trailer.Get("X-Sudden") != "2" {
		t.Errorf("got %q with trailers %v", body, resp.Trailer)
	}
}

func TestEarlyHintsPassThrough(t *testing.T) {
	address := upstreamFunc(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "page")
	})
	front, _ := ours(t, func(o *Options) { o.Address = address }, nil)
	var codes []int
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		codes = append(codes, code)
		if h.Get("Link") == "" {
			t.Errorf("%d without Link", code)
		}
		return nil
	}})
	r := request(t, "GET", front.URL, "").WithContext(ctx)
	if resp, body := do(t, r); resp.StatusCode != http.StatusOK || body != "page" || !slices.Equal(codes, []int{103}) {
		t.Errorf("got %v, then %d %q", codes, resp.StatusCode, body)
	}
}

func TestAClientThatLeavesCancelsTheUpstream(t *testing.T) {
	arrived, cancelled := make(chan struct{}), make(chan struct{})
	address := upstreamFunc(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(cancelled)
	})
	front, s := ours(t, func(o *Options) { o.Address = address }, nil)
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := front.Client().Do(request(t, "GET", front.URL, "").WithContext(ctx))
		done <- err
	}()
	<-arrived
	leave()
	if err := <-done; err == nil {
		t.Error("the client got an answer")
	}
	<-cancelled
	front.Close() // waits for the handler
	if log := s.log.String(); !containsAll(log, "level=DEBUG", `msg="the client left"`, "status=499") {
		t.Errorf("log %q", log)
	}
}

func TestAnAnswerThatBreaksOffIsNotMadeWhole(t *testing.T) {
	address := upstreamFunc(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	front, _ := ours(t, func(o *Options) { o.Address = address }, nil)
	resp, err := front.Client().Do(request(t, "GET", front.URL, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) || string(body) != "half" {
		t.Errorf("got %q, %v, want half and %v", body, err, io.ErrUnexpectedEOF)
	}
}
