package catcherrors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// serve runs the filter round app; it gives the answer, what was logged and
// what the filter panicked with.
func serve(t *testing.T, r *http.Request, app http.HandlerFunc) (rec *httptest.ResponseRecorder, log string, problem any) {
	t.Helper()
	var text bytes.Buffer
	b := paste.NewBuild(&paste.Context{}, paste.BuildConfig{Logger: slog.New(slog.NewTextHandler(&text, nil))})
	filter, err := New(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rec = httptest.NewRecorder()
	defer func() {
		log, problem = text.String(), recover()
	}()
	_, w, r := pipeline.Begin(rec, r)
	filter(app).ServeHTTP(w, r)
	return rec, "", nil
}

const html = "<html>\n <head>\n  <title>500 Internal Server Error</title>\n </head>\n <body>\n  <h1>500 Internal Server Error</h1>\n" +
	"  The server has either erred or is incapable of performing the requested operation.<br /><br />\n\n\n\n </body>\n</html>"

func TestPanicBecomesPage(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/a?b", nil)
	r.Header.Set("Accept", "*/*")
	r.Header.Set("X-Auth-Token", "gAAAA")
	rec, log, problem := serve(t, r, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		panic("boom")
	})
	if problem != nil || rec.Code != 500 || rec.Body.String() != html {
		t.Errorf("answer %d %q, panic %v, want the page", rec.Code, rec.Body, problem)
	}
	if got, want := fmt.Sprint(rec.Header()), "map[Content-Length:[228] Content-Type:[text/html; charset=UTF-8]]"; got != want {
		t.Errorf("headers %s, want %s", got, want)
	}
	for _, want := range []string{`msg="An error occurred during processing the request"`, "panic=boom", "GET /a?b HTTP/1.1", "X-Auth-Token: *****", "TestPanicBecomesPage.func1"} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
	if strings.Contains(log, "gAAAA") {
		t.Errorf("log shows the token:\n%s", log)
	}
}

func TestPanicAfterTheAnswerBeganCuts(t *testing.T) {
	tests := []struct {
		name string
		app  http.HandlerFunc
	}{
		{"body", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x"); panic("boom") }},
		{"head", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK); panic("boom") }},
		{"flush", func(w http.ResponseWriter, _ *http.Request) { http.NewResponseController(w).Flush(); panic("boom") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec, log, problem := serve(t, httptest.NewRequest(http.MethodGet, "/", nil), tt.app)
			if err, _ := problem.(error); !errors.Is(err, http.ErrAbortHandler) || !strings.Contains(log, "panic=boom") {
				t.Errorf("panic %v, log %q, want %v and a log line", problem, log, http.ErrAbortHandler)
			}
			if rec != nil && rec.Code != 200 {
				t.Errorf("status %d, want 200", rec.Code)
			}
		})
	}
}

func TestAbortIsPassedOn(t *testing.T) {
	for _, abort := range []error{http.ErrAbortHandler, fmt.Errorf("copying: %w", http.ErrAbortHandler)} {
		_, log, problem := serve(t, httptest.NewRequest(http.MethodGet, "/", nil), func(http.ResponseWriter, *http.Request) { panic(abort) })
		if err, _ := problem.(error); !errors.Is(err, http.ErrAbortHandler) || log != "" {
			t.Errorf("panic %v, log %q, want %v and nothing", problem, log, abort)
		}
	}
}

func TestAnswersPass(t *testing.T) {
	rec, log, _ := serve(t, httptest.NewRequest(http.MethodGet, "/", nil), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "b")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "tea")
	})
	if rec.Code != 418 || rec.Body.String() != "tea" || rec.Header().Get("X-A") != "b" || log != "" {
		t.Errorf("answer %d %q %v, log %q", rec.Code, rec.Body, rec.Header(), log)
	}
}
