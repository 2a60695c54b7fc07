//go:build linux

package control

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// stranger serves HTTP as others do.
func stranger(t *testing.T, path string) {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"pid": 1}`) }))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
}

// raw sends text and gives the whole answer: its status line, and its body.
func raw(t *testing.T, l *Listener, text string) (status, body string) {
	t.Helper()
	c, err := dial(t.Context(), l.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status, string(b)
}

func post(path, body string) string {
	q := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	var b strings.Builder
	q.Write(&b)
	return b.String()
}

// The JSON of design.md 8, to the letter.
func TestStatusJSON(t *testing.T) {
	f := newFake()
	l := serve(t, f)
	const get = "GET /status HTTP/1.1\r\nHost: x\r\n\r\n"
	f.status.PID = 4711
	want := `{"state":"Running","generation":1,"pid":4711,"version":"1.2.3","last_reload":null,"workers":[]}` + "\n"
	if status, body := raw(t, l, get); status != "200 OK" || body != want {
		t.Errorf("%s %s, want %s", status, body, want)
	}
	f.status.LastReload = &Reload{time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Rejected, []string{"a.ini:1:2: x\nb.ini:3:4: y\n"}}
	f.status.Workers = []Worker{{"main", 1, 4712, 1, WorkerReady, 1.5, 10, 2, 4096, 3, "signal 9"}}
	want = `{"state":"Running","generation":1,"pid":4711,"version":"1.2.3",` +
		`"last_reload":{"time":"2026-01-02T03:04:05.000006Z","result":"rejected","errors":["a.ini:1:2: x","b.ini:3:4: y"]},` +
		`"workers":[{"server":"main","slot":1,"pid":4712,"generation":1,"state":"ready","age_seconds":1.5,"requests":10,"in_flight":2,` +
		`"rss_bytes":4096,"restarts":3,"last_exit":"signal 9"}]}` + "\n"
	if _, body := raw(t, l, get); body != want {
		t.Errorf("%s, want %s", body, want)
	}
	if len(f.status.LastReload.Errors) != 1 {
		t.Error("the master's own status has been changed")
	}
}

func TestRefusals(t *testing.T) {
	f := newFake()
	f.err = errors.New("no server \"b\", want a\nor none")
	f.outcome = Reload{time.Unix(0, 0).UTC(), RolledBack, []string{"a.ini:1:1: x"}}
	l := serve(t, f)
	for _, c := range []struct{ name, send, status, body string }{
		{"unknown path", post("/restart", ""), "404 Not Found", `{"errors":["unknown path \"/restart\", want /status, /reload, /upgrade, /stop, /workers, /reopen or /report"]}`},
		{"wrong method", "GET /stop HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method Not Allowed", `{"errors":["method \"GET\", want POST"]}`},
		{"body too long", post("/workers", strings.Repeat(" ", maxBody+1)), "400 Bad Request", `{"errors":["http: request body too large"]}`},
		{"no JSON", post("/workers", "4"), "400 Bad Request", `{"errors":["json: cannot unmarshal number into Go value of type control.workersOrder, want {\"server\": NAME, \"workers\": 1 to 4096}"]}`},
		{"no number", post("/workers", `{"server":"a"}`), "400 Bad Request", `{"errors":["no number of workers, want {\"server\": NAME, \"workers\": 1 to 4096}"]}`},
		{"too many", post("/workers", `{"workers":4097}`), "400 Bad Request", `{"errors":["no number of workers, want {\"server\": NAME, \"workers\": 1 to 4096}"]}`},
		{"unknown key", post("/workers", `{"worker":1}`), "400 Bad Request", `{"errors":["json: unknown field \"worker\", want {\"server\": NAME, \"workers\": 1 to 4096}"]}`},
		{"refused by the master", post("/workers", `{"server":"b","workers":1}`), "409 Conflict", `{"errors":["no server \"b\", want a","or none"]}`},
		{"reopen", post("/reopen", ""), "409 Conflict", `{"errors":["no server \"b\", want a","or none"]}`},
		{"reload", post("/reload", ""), "409 Conflict", `{"time":"1970-01-01T00:00:00Z","result":"rolled_back","errors":["a.ini:1:1: x"]}`},
		{"garbage", "\x16\x03\x01\x00\r\n\r\n", "400 Bad Request", "400 Bad Request"},
		{"header too long", "GET /status HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxHeader+5000) + "\r\n\r\n", "431 Request Header Fields Too Large", "431 Request Header Fields Too Large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, body := raw(t, l, c.send); status != c.status || strings.TrimSpace(body) != c.body {
				t.Errorf("%s %s, want %s %s", status, body, c.status, c.body)
			}
		})
	}
}

func TestVerbs(t *testing.T) {
	f := newFake()
	l := serve(t, f)
	c := NewClient(l.Path())
	if r, err := c.Reload(t.Context()); err != nil || r.Result != OK || !r.Time.Equal(f.outcome.Time) {
		t.Errorf("Reload = %+v, %v", r, err)
	}
	if err := c.SetWorkers(t.Context(), "main", 4); err != nil {
		t.Error(err)
	}
	if err := c.Reopen(t.Context()); err != nil {
		t.Error(err)
	}
	f.err = errors.New("one\ntwo")
	for _, err := range []error{c.SetWorkers(t.Context(), "", 1), c.Reopen(t.Context())} {
		if err == nil || err.Error() != "one\ntwo" {
			t.Errorf("error %v, want both lines", err)
		}
	}
	want := []string{"reload", `workers "main" 4`, "reopen", `workers "" 1`, "reopen"}
	if !slices.Equal(f.calls, want) {
		t.Errorf("calls %q, want %q", f.calls, want)
	}
}

// A reload goes on when its client leaves.
func TestReloadOutlivesClient(t *testing.T) {
	f := newFake()
	f.hold = make(chan struct{})
	over := make(chan error, 1)
	l := serve(t, &observed{f, over})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := NewClient(l.Path()).Reload(ctx)
		failed <- err
	}()
	<-f.entered
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("Reload = %v, want canceled", err)
	}
	if _, err := NewClient(l.Path()).Status(t.Context()); err != nil {
		t.Error(err)
	}
	close(f.hold)
	if err := <-over; err != nil {
		t.Errorf("the master's context: %v", err)
	}
}

// observed tells the state of Reload's context at its end.
type observed struct {
	*fake
	over chan error
}

func (o *observed) Reload(ctx context.Context) Reload {
	r := o.fake.Reload(ctx)
	o.over <- ctx.Err()
	return r
}

// Clients that send half of a request, or nothing, hold up neither others nor
// the end.
func TestSlowClients(t *testing.T) {
	f := newFake()
	l := serve(t, f)
	for i := range maxClients - 1 {
		c, err := dial(t.Context(), l.Path())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, []string{"", "GET /sta", "POST /workers HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"}[i%3])
	}
	if _, err := NewClient(l.Path()).Status(t.Context()); err != nil {
		t.Error(err)
	}
	start := time.Now()
	l.Finish(0)
	if took := time.Since(start); took > 2*lastAnswers {
		t.Errorf("Finish took %v", took)
	}
}

// More clients than there is room for wait, and get in when others are thrown out.
func TestTooManyClients(t *testing.T) {
	l := serve(t, newFake())
	for range 2 * maxClients {
		c, err := dial(t.Context(), l.Path())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*readTimeout)
	defer cancel()
	if err := poll(ctx, 10*time.Millisecond, func() bool {
		_, err := NewClient(l.Path()).Status(ctx)
		return err == nil
	}); err != nil {
		t.Errorf("no status: %v", err)
	}
}

func TestFinish(t *testing.T) {
	t.Run("tells the code to all who wait", func(t *testing.T) {
		f := newFake()
		l := serve(t, f)
		bodies := make(chan string)
		for range 3 {
			go func() {
				_, body, err := NewClient(l.Path()).whole(context.Background(), http.MethodPost, "/stop", nil)
				if err != nil {
					t.Error(err)
				}
				bodies <- string(body)
			}()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := poll(ctx, time.Millisecond, func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.calls) == 3 }); err != nil {
			t.Fatal(err)
		}
		l.Finish(3)
		for range 3 {
			if got := <-bodies; got != "{\"exit_code\":3}\n" {
				t.Errorf("answer %q", got)
			}
		}
		if _, err := os.Lstat(l.Path()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the path: %v, want no such file", err)
		}
		l.Finish(4) // again: nothing
	})
	t.Run("without Serve", func(t *testing.T) {
		l, err := Listen(t.TempDir() + "/x.sock")
		if err != nil {
			t.Fatal(err)
		}
		l.Finish(1)
		if err := l.Serve(t.Context(), newFake()); err != nil {
			t.Errorf("Serve after Finish = %v, want nil", err)
		}
		if l.FD() != -1 {
			t.Errorf("descriptor %d after Finish, want -1", l.FD())
		}
	})
}

func TestServeTwice(t *testing.T) {
	l := serve(t, newFake())
	if _, err := NewClient(l.Path()).Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Serve(t.Context(), newFake()); err == nil || err.Error() != "control: Serve is called once" {
		t.Errorf("Serve = %v", err)
	}
}
