package service

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen. The machine may be
// busy.
const patience = 30 * time.Second

// running is a server under test.
type running struct {
	*Server
	t    *testing.T
	addr string // of its first listener
	logs *syncBuffer
	stop context.CancelFunc
	done chan error
	once sync.Once
	err  error
}

// syncBuffer takes the log of a server.
type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// testGroup is a group on a free port with a short grace and a log in a file.
func testGroup(t *testing.T) *Group {
	t.Helper()
	g := DefaultGroup()
	g.Name = "test"
	g.Listen = []Address{{"tcp", "127.0.0.1:0"}}
	g.DrainIdleGrace = 100 * time.Millisecond
	g.GracefulTimeout = patience
	g.AccessLog = filepath.Join(t.TempDir(), "access.log")
	return g
}

// serve runs a server until the end of the test.
func serve(t *testing.T, g *Group, h http.HandlerFunc) *running {
	t.Helper()
	listeners, err := Listen(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, g, h, listeners...)
}

// serveWith is serve for a server with more than the usual fields.
func serveWith(t *testing.T, g *Group, h http.HandlerFunc, set func(*Server)) *running {
	t.Helper()
	listeners, err := Listen(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, g, h, set, listeners...)
}

func serveOn(t *testing.T, g *Group, h http.HandlerFunc, listeners ...net.Listener) *running {
	t.Helper()
	return start(t, g, h, func(*Server) {}, listeners...)
}

func start(t *testing.T, g *Group, h http.HandlerFunc, set func(*Server), listeners ...net.Listener) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	logs := &syncBuffer{}
	ready := make(chan struct{})
	r := &running{
		Server: &Server{
			Group: g, Handler: h, Ready: func() { close(ready) },
			Logger: slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		},
		t: t, addr: listeners[0].Addr().String(), logs: logs, stop: stop, done: make(chan error, 1),
	}
	set(r.Server)
	go func() { r.done <- r.Serve(ctx, listeners...) }()
	t.Cleanup(func() { r.end() })
	select {
	case <-ready:
	case err := <-r.done:
		r.done <- err
		t.Fatalf("Serve() = %v before it was ready", err)
	}
	return r
}

// end stops the server and gives what Serve returned.
func (r *running) end() error {
	r.stop()
	return r.wait()
}

func (r *running) wait() error {
	r.once.Do(func() {
		select {
		case r.err = <-r.done:
		case <-time.After(patience + 10*time.Second):
			r.t.Fatal("the server does not end")
		}
	})
	return r.err
}

// accessLog gives the lines of the log after the end.
func (r *running) accessLog() string {
	b, err := os.ReadFile(r.Group.AccessLog)
	if err != nil {
		r.t.Error(err)
	}
	return string(b)
}

// client is a connection on which the test speaks by hand.
type client struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func (r *running) dial() *client {
	r.t.Helper()
	network := "tcp"
	if strings.HasPrefix(r.addr, "/") {
		network = "unix"
	}
	nc, err := net.Dial(network, r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	return &client{r.t, nc, bufio.NewReader(nc)}
}

// send writes text, in which a line may end as it is written in a test.
func (c *client) send(text string) *client {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// answer is a response whose body was read.
type answer struct {
	*http.Response
	text string
}

func (c *client) answer(method string) answer {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("half an answer: %v", err)
	}
	return answer{resp, string(b)}
}

// closed checks that nothing more comes.
func (c *client) closed() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); len(rest) > 0 || isTimeout(err) {
		c.t.Errorf("the connection gave %q and %v, want its end", rest, err)
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello\n") }
