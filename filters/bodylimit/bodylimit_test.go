package bodylimit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
)

const use = "use = egg:wheatpaste#body_limit\n"

const page = "413 Request Entity Too Large\n\nThe body of the request is larger than 10 bytes.\n\n   "

func body(n int, known bool) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", n)))
	if !known {
		r.ContentLength = -1
	}
	return r
}

func read(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%d %v", len(b), err)
}

func TestBodiesOfBothKindsAreLimited(t *testing.T) {
	apps := map[string]http.HandlerFunc{
		"answers anyway": read,
		"panics": func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				panic(fmt.Errorf("reading: %w", err))
			}
			fmt.Fprintf(w, "%d %v", len(b), err)
		},
	}
	for name, app := range apps {
		for _, known := range []bool{true, false} {
			s := filtertest.Load(t, use+"max = 10", app)
			for n, want := range map[int]string{0: "200 0 <nil>", 10: "200 10 <nil>", 11: "413 " + page, 1 << 20: "413 " + page} {
				rec := s.Do(body(n, known))
				if got := fmt.Sprintf("%d %s", rec.Code, rec.Body); got != want {
					t.Errorf("%s, %d bytes, length known %v: %q, want %q", name, n, known, got, want)
				}
				if closes := rec.Header().Get("Connection") == "close"; closes != (rec.Code == 413) {
					t.Errorf("%s, %d bytes: the connection closes: %v", name, n, closes)
				}
			}
			if got := s.Metric(t, "wheatpaste_body_limit_refused_total"); got != 2 {
				t.Errorf("%s: refused %v, want 2", name, got)
			}
		}
	}
}

func TestAnswerOnItsWayIsCut(t *testing.T) {
	s := filtertest.Load(t, use+"max = 10", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		_, _ = io.Copy(w, r.Body)
	})
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("panic %v, want %v", err, http.ErrAbortHandler)
		}
	}()
	s.Do(body(11, false))
}

func TestMethods(t *testing.T) {
	s := filtertest.Load(t, use+"max = 0\nmethods = PUT", read)
	r := body(5, true)
	if rec := s.Do(r); rec.Code != 200 {
		t.Errorf("POST: %d, want 200", rec.Code)
	}
	r = body(5, false)
	r.Method = "PUT"
	if rec := s.Do(r); rec.Code != 413 {
		t.Errorf("PUT: %d, want 413", rec.Code)
	}
}

// TestAnEndlessBodyIsRefusedOverTheWire: a chunked body without an end costs
// neither memory nor time, and no byte of it is taken for the next request.
func TestAnEndlessBodyIsRefusedOverTheWire(t *testing.T) {
	server := httptest.NewServer(filtertest.Load(t, use+"max = 1k", read))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
		for err := error(nil); err == nil; {
			_, err = io.WriteString(conn, "1a\r\nGET /next HTTP/1.1\r\nA: b\r\n\r\n")
		}
	}()
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); resp.StatusCode != 413 || !resp.Close || err != nil {
		t.Errorf("answer %d, close %v, %v, want 413 and close", resp.StatusCode, resp.Close, err)
	}
	if _, err := in.ReadByte(); err == nil {
		t.Error("there is a second answer")
	}
}

func TestOptions(t *testing.T) {
	for lines, want := range map[string]string{
		"max = -1":  `paste.ini:3:7: [filter:f] max: invalid size "-1", want bytes or a number with k, m or g`,
		"max = big": `paste.ini:3:7: [filter:f] max: invalid size "big", want bytes or a number with k, m or g`,
		"":          "",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#body_limit")
}

func BenchmarkBodyLimit(b *testing.B) {
	wrap, err := New(filtertest.Build(), Options{Max: 100})
	if err != nil {
		b.Fatal(err)
	}
	h := wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Run("length known", func(b *testing.B) { filtertest.Bench(b, h, body(5, true)) })
	b.Run("length unknown", func(b *testing.B) { filtertest.Bench(b, h, body(5, false)) })
}
