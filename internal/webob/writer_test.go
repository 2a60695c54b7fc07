package webob

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// serve runs a handler behind a Writer whose head notes the statuses it saw.
func serve(t *testing.T, replace bool, handler http.HandlerFunc) (*httptest.ResponseRecorder, []int, *Writer) {
	t.Helper()
	rec := httptest.NewRecorder()
	rec.Header().Set("Outer", "1")
	var seen []int
	var ww *Writer
	ww = NewWriter(rec, func(status int) bool {
		seen = append(seen, status)
		if replace {
			ww.Reset()
			rec.WriteHeader(299)
		}
		return replace
	})
	handler(ww, httptest.NewRequest(http.MethodGet, "/", nil))
	ww.Finish()
	return rec, seen, ww
}

func TestWriterSeesTheHeadOnce(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"nothing", func(http.ResponseWriter, *http.Request) {}, "[200] 200 \"\""},
		{"header", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "[404] 404 \"\""},
		{"body", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a"); io.WriteString(w, "b") }, "[200] 200 \"ab\""},
		{"flush", func(w http.ResponseWriter, _ *http.Request) { http.NewResponseController(w).Flush() }, "[200] 200 \"\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec, seen, ww := serve(t, false, tt.handler)
			if got := fmt.Sprintf("%v %d %q", seen, rec.Code, rec.Body); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if !ww.Started() {
				t.Error("Started() = false after Finish")
			}
		})
	}
}

func TestWriterPassesInformationalAnswersOn(t *testing.T) {
	var codes, heads []int
	ww := NewWriter(codeWriter{httptest.NewRecorder(), &codes}, func(status int) bool { heads = append(heads, status); return false })
	ww.WriteHeader(http.StatusEarlyHints)
	ww.WriteHeader(http.StatusCreated)
	if got := fmt.Sprint(codes, heads); got != "[103 201] [201]" {
		t.Errorf("sent and seen = %s, want [103 201] [201]", got)
	}
}

type codeWriter struct {
	http.ResponseWriter
	codes *[]int
}

func (w codeWriter) WriteHeader(code int) { *w.codes = append(*w.codes, code) }

func TestWriterDropsWhatWasReplaced(t *testing.T) {
	rec, seen, _ := serve(t, true, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Inner", "1")
		w.WriteHeader(http.StatusNotFound)
		if n, err := io.WriteString(w, "body"); n != 4 || err != nil {
			t.Errorf("Write = %d, %v, want 4, nil", n, err)
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	if got := fmt.Sprintf("%v %d %q %v", seen, rec.Code, rec.Body, rec.Header()); got != `[404] 299 "" map[Outer:[1]]` {
		t.Errorf("got %s", got)
	}
}

func TestWriterAfterHijack(t *testing.T) {
	answered := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		ww := NewWriter(w, func(int) bool { answered <- errors.New("a head after the hijack"); return false })
		conn, _, err := http.NewResponseController(ww).Hijack()
		if err != nil {
			answered <- err
			return
		}
		io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		conn.Close()
		ww.Finish()
		answered <- nil
	}))
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("Get = %v, %v, want 204", resp, err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestWriterWithoutHijack(t *testing.T) {
	ww := NewWriter(httptest.NewRecorder(), func(int) bool { return false })
	if _, _, err := ww.Hijack(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("Hijack() = %v, want %v", err, http.ErrNotSupported)
	}
	if ww.Started() {
		t.Error("Started() after a hijack that failed")
	}
}

func TestResponseMakesLocationAbsolute(t *testing.T) {
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://h/a/b?q", nil)
	ww := Response(rec, r, nil)
	ww.Header().Set("Location", "c")
	ww.WriteHeader(http.StatusFound)
	if got := rec.Header().Get("Location"); got != "http://h/a/c" {
		t.Errorf("Location = %q, want http://h/a/c", got)
	}
}
