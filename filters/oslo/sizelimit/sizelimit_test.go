package sizelimit

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/apps/respond"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

const (
	byLength = "413 Request Entity Too Large\n\nRequest is too large. Larger than max_request_body_size (10).\n\n   "
	byCount  = "413 Request Entity Too Large\n\nRequest is too large. Larger than 10.\n\n   "
)

// serve runs the filter with a limit of 10 round app.
func serve(t *testing.T, r *http.Request, app http.HandlerFunc) (rec *httptest.ResponseRecorder, problem any) {
	t.Helper()
	filter, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), Options{Max: 10})
	if err != nil {
		t.Fatal(err)
	}
	rec = httptest.NewRecorder()
	defer func() { problem = recover() }()
	filter(app).ServeHTTP(rec, r)
	return rec, nil
}

// body makes a request of n bytes, with or without saying so.
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

func TestContentLength(t *testing.T) {
	for n, want := range map[int]string{0: "200 0 <nil>", 10: "200 10 <nil>", 11: "413 " + byLength} {
		rec, problem := serve(t, body(n, true), read)
		if got := fmt.Sprintf("%d %s", rec.Code, rec.Body); got != want || problem != nil {
			t.Errorf("%d bytes: %q, panic %v, want %q", n, got, problem, want)
		}
	}
}

func TestHandlerIsNotCalledForALongBody(t *testing.T) {
	serve(t, body(11, true), func(http.ResponseWriter, *http.Request) { t.Error("called") })
}

// TestCounted: whatever a handler makes of the error, the client gets the 413.
func TestCounted(t *testing.T) {
	apps := map[string]http.HandlerFunc{
		"answers 200": read,
		"answers 400": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Inner", "1")
			if _, err := io.ReadAll(r.Body); err != nil {
				http.Error(w, "bad request", http.StatusBadRequest)
				return
			}
			io.WriteString(w, "10 <nil>")
		},
		"answers nothing": func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err == nil {
				io.WriteString(w, "10 <nil>")
			}
		},
		"panics": func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				panic(fmt.Errorf("reading: %w", err))
			}
			io.WriteString(w, "10 <nil>")
		},
	}
	for name, app := range apps {
		t.Run(name, func(t *testing.T) {
			for n, want := range map[int]string{10: "200 10 <nil>", 11: "413 " + byCount, 100000: "413 " + byCount} {
				rec, problem := serve(t, body(n, false), app)
				if got := fmt.Sprintf("%d %s", rec.Code, rec.Body); got != want || problem != nil {
					t.Errorf("%d bytes: %q, panic %v, want %q", n, got, problem, want)
				}
				if rec.Header().Get("X-Inner") != "" && rec.Code == 413 {
					t.Error("a header of the replaced answer was sent")
				}
			}
		})
	}
}

func TestBodyThatNobodyReads(t *testing.T) {
	rec, problem := serve(t, body(11, false), func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") })
	if rec.Code != 200 || rec.Body.String() != "x" || problem != nil {
		t.Errorf("answer %d %q, panic %v, want 200 x", rec.Code, rec.Body, problem)
	}
}

func TestAnswerOnItsWayIsCut(t *testing.T) {
	_, problem := serve(t, body(11, false), func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "begun")
		io.Copy(w, r.Body)
	})
	if err, _ := problem.(error); !errors.Is(err, http.ErrAbortHandler) {
		t.Errorf("panic %v, want %v", problem, http.ErrAbortHandler)
	}
}

func TestOtherPanicsPass(t *testing.T) {
	for _, v := range []any{"boom", http.ErrAbortHandler, errors.New("x")} {
		if _, problem := serve(t, body(11, false), func(_ http.ResponseWriter, r *http.Request) { io.ReadAll(r.Body); panic(v) }); problem != v {
			t.Errorf("panic %v, want %v", problem, v)
		}
	}
}

func TestOptions(t *testing.T) {
	tests := []struct{ name, global, options, want string }{ // how many bytes pass
		{"default", "", "", "114688"},
		{"own", "", "max_request_body_size = 20", "20"},
		{"unit", "", "max_request_body_size = 1k", "1024"},
		{"old name", "", "osapi_max_request_body_size = 30", "30"},
		{"new name wins", "", "osapi_max_request_body_size = 30\nmax_request_body_size = 20", "20"},
		{"DEFAULT", "max_request_body_size = 40", "", "40"},
		{"section before DEFAULT", "max_request_body_size = 40", "set max_request_body_size = 50", "50"},
		{"negative", "", "max_request_body_size = -1", `paste.ini:5:25: [filter:f] max_request_body_size: invalid size "-1", want bytes or a number with k, m or g`},
		{"no number", "", "max_request_body_size = many", `paste.ini:5:25: [filter:f] max_request_body_size: invalid size "many", want bytes or a number with k, m or g`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ini := "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:oslo.middleware#sizelimit\n" + tt.options +
				"\n[app:app]\nuse = egg:wheatpaste#respond\n[DEFAULT]\n" + tt.global + "\n"
			app, err := pipelinetest.Try(t, ini)
			if err != nil {
				if err.Error() != tt.want {
					t.Errorf("error %q, want %q", err, tt.want)
				}
				return
			}
			var limit int
			if _, err := fmt.Sscan(tt.want, &limit); err != nil {
				t.Fatalf("no error, want %q", tt.want)
			}
			for n, want := range map[int]int{limit: 200, limit + 1: 413} {
				rec := httptest.NewRecorder()
				app.ServeHTTP(rec, body(n, true))
				if rec.Code != want {
					t.Errorf("%d bytes: status %d, want %d", n, rec.Code, want)
				}
			}
		})
	}
}

// TestThroughAProxy: the body is read on another goroutine, and what the proxy
// says of it is replaced.
func TestThroughAProxy(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(read))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	filter, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), Options{Max: 10})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(filter(proxy))
	defer server.Close()
	for n, want := range map[int]string{10: "200 10 <nil>", 11: "413 " + byCount} {
		resp, err := http.Post(server.URL, "", io.MultiReader(strings.NewReader(strings.Repeat("x", n))))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := fmt.Sprintf("%d %s", resp.StatusCode, text); got != want || err != nil {
			t.Errorf("%d bytes: %q, %v, want %q", n, got, err, want)
		}
	}
}

func TestClientSeesTheCut(t *testing.T) {
	filter, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), Options{Max: 10})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(filter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		http.NewResponseController(w).Flush()
		io.Copy(w, r.Body)
	})))
	defer server.Close()
	resp, err := http.Post(server.URL, "", io.MultiReader(strings.NewReader(strings.Repeat("x", 20))))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("body %q without an error, want a cut", text)
	}
}
