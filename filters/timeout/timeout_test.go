package timeout

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
)

const use = "use = egg:wheatpaste#timeout\n"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve puts a server before the filter; the client keeps nothing open.
func serve(t *testing.T, lines string, app http.HandlerFunc) (*filtertest.Site, *httptest.Server, *http.Client) {
	t.Helper()
	s := filtertest.Load(t, use+lines, app)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

func get(t *testing.T, client *http.Client, url string) (*http.Response, string, error) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in 10 s: %s", what)
		}
	}
}

func TestInTime(t *testing.T) {
	_, server, client := serve(t, "after = 60", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-A", "1")
		w.Header().Set("Trailer", "X-T")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(201)
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-T", "t")
	})
	resp, err := client.Post(server.URL, "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 201 || string(body) != "body" || resp.Header.Get("X-A") != "1" || resp.Trailer.Get("X-T") != "t" {
		t.Errorf("%d %q %v %v", resp.StatusCode, body, resp.Header, resp.Trailer)
	}
	_, server, client = serve(t, "after = 60", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-A", "1") })
	if resp, _, err := get(t, client, server.URL); err != nil || resp.StatusCode != 200 || resp.Header.Get("X-A") != "1" {
		t.Errorf("a silent application: %v, %v", resp, err)
	}
}

// TestSlow: the client gets its 504, the application an ended context, and what
// it then writes is lost.
func TestSlow(t *testing.T) {
	type end struct {
		cause, write error
	}
	ends := make(chan end, 1)
	s, server, client := serve(t, "after = 30ms", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-A", "1")
		<-r.Context().Done()
		rc := http.NewResponseController(w)
		_, err := io.WriteString(w, "late")
		w.WriteHeader(299)
		_, _, hijack := rc.Hijack()
		ends <- end{context.Cause(r.Context()), errors.Join(err, hijack, rc.Flush(), rc.SetReadDeadline(time.Now()), rc.SetWriteDeadline(time.Now()), rc.EnableFullDuplex())}
	})
	resp, body, err := get(t, client, server.URL)
	if err != nil || resp.StatusCode != 504 || resp.Header.Get("X-A") != "" || !strings.Contains(body, "The application did not answer in time.") {
		t.Errorf("%v %q %v, want 504", resp, body, err)
	}
	got := <-ends
	if !errors.Is(got.cause, ErrTimeout) || !errors.Is(got.cause, context.DeadlineExceeded) {
		t.Errorf("cause %v, want %v", got.cause, ErrTimeout)
	}
	if want := strings.TrimSpace(strings.Repeat(http.ErrHandlerTimeout.Error()+"\n", 6)); got.write.Error() != want {
		t.Errorf("uses of the writer: %v, want %s", got.write, want)
	}
	eventually(t, "nothing is abandoned", func() bool { return s.Metric(t, "wheatpaste_timeout_abandoned") == 0 })
	if n := s.Metric(t, "wheatpaste_timeout_requests_total", "result=answered"); n != 1 {
		t.Errorf("%v counted, want 1", n)
	}
}

// TestAnApplicationThatDoesNotListen is answered for all the same.
func TestAnApplicationThatDoesNotListen(t *testing.T) {
	release := make(chan struct{})
	s, server, client := serve(t, "after = 20ms", func(http.ResponseWriter, *http.Request) {
		<-release
		panic("late")
	})
	if resp, _, err := get(t, client, server.URL); err != nil || resp.StatusCode != 504 {
		t.Errorf("%v, %v, want 504", resp, err)
	}
	if n := s.Metric(t, "wheatpaste_timeout_abandoned"); n != 1 {
		t.Errorf("%v abandoned, want 1", n)
	}
	close(release)
	eventually(t, "the panic is in the log", func() bool { return strings.Contains(s.Log(), `a request that had timed out ended in a panic`) })
	eventually(t, "nothing is abandoned", func() bool { return s.Metric(t, "wheatpaste_timeout_abandoned") == 0 })
}

func TestAStreamThatHasBegun(t *testing.T) {
	for _, streams := range []string{"leave", "cut"} {
		t.Run(streams, func(t *testing.T) {
			s, server, client := serve(t, "after = 50ms\nstreams = "+streams, func(w http.ResponseWriter, r *http.Request) {
				rc := http.NewResponseController(w)
				for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end) && r.Context().Err() == nil; {
					if _, err := io.WriteString(w, "x"); err != nil {
						return
					}
					_ = rc.Flush()
					time.Sleep(5 * time.Millisecond)
				}
				_, _ = io.WriteString(w, "end")
			})
			_, body, err := get(t, client, server.URL)
			if streams == "leave" && (err != nil || !strings.HasSuffix(body, "xend")) {
				t.Errorf("%q, %v, want the whole", body, err)
			}
			if streams == "cut" && (!errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(body, "end")) {
				t.Errorf("%q, %v, want it cut", body, err)
			}
			eventually(t, "nothing is abandoned", func() bool { return s.Metric(t, "wheatpaste_timeout_abandoned") == 0 })
		})
	}
}

// TestAClientThatDoesNotRead does not hold a stream that is to be cut.
func TestAClientThatDoesNotRead(t *testing.T) {
	ended := make(chan error, 1)
	_, server, _ := serve(t, "after = 100ms\nstreams = cut", func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for chunk := make([]byte, 1<<20); err == nil; {
			_, err = w.Write(chunk)
		}
		ended <- err
	})
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the write goes on")
	}
}

// TestABodyThatDoesNotCome: a read that waits for the client does not keep the
// 504 back.
func TestABodyThatDoesNotCome(t *testing.T) {
	read := make(chan error, 1)
	_, server, _ := serve(t, "after = 50ms", func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		_, again := r.Body.Read(make([]byte, 1))
		read <- errors.Join(err, again)
	})
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 504 || !resp.Close {
		t.Fatalf("%v, %v, want 504 and close", resp, err)
	}
	if err := <-read; err == nil || !strings.HasSuffix(err.Error(), errBodyGone.Error()) {
		t.Errorf("read: %v, want %v at the end", err, errBodyGone)
	}
}

func TestHijackedConnectionsAreLeftAlone(t *testing.T) {
	for _, streams := range []string{"leave", "cut"} {
		_, server, client := serve(t, "after = 10ms\nstreams = "+streams, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(50 * time.Millisecond) // past the time-out
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			_ = conn.Close()
		})
		if _, body, err := get(t, client, server.URL); body != "ok" || err != nil {
			t.Errorf("%s: %q, %v", streams, body, err)
		}
	}
}

func TestPanicsPass(t *testing.T) {
	s := filtertest.Load(t, use+"after = 60", func(http.ResponseWriter, *http.Request) { panic("boom") })
	if rec := s.Do(httptest.NewRequest("GET", "/", nil)); rec.Code != 500 || !strings.Contains(s.Log(), "boom") {
		t.Errorf("%d, log %s", rec.Code, s.Log())
	}
}

func TestOptions(t *testing.T) {
	for lines, want := range map[string]string{
		"":                        "paste.ini:1:1: [filter:f] after: missing, want after = seconds (how long the application may take until its answer begins, or with streams = cut until it ends)",
		"after = 0":               "paste.ini:3:9: [filter:f] after: invalid time 0s, want more than 0",
		"after = 1\nstreams = no": `paste.ini:4:11: [filter:f] streams: invalid value "no", want leave or cut`,
		"after = 1":               "",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#timeout")
}

func BenchmarkTimeout(b *testing.B) {
	wrap, err := New(filtertest.Build(), Options{After: time.Minute, Streams: leave})
	if err != nil {
		b.Fatal(err)
	}
	filtertest.Bench(b, wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })), httptest.NewRequest("GET", "/", nil))
}
