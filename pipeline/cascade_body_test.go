package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// bodies are of lengths around the limit of CAS-04.
var bodies = []int{1, 4095, 4096, 4097, 100_000}

func TestCascadeKeepsTheBody(t *testing.T) { // CAS-04
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	for _, length := range bodies {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprint(length, known), func(t *testing.T) {
				text := strings.Repeat("x", length-1) + "y"
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
				if !known {
					r.ContentLength = -1
				}
				half := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.CopyN(io.Discard, r.Body, int64(length/2))
					_ = r.Body.Close()
					w.WriteHeader(http.StatusNotFound)
				})
				w := answer(cascadeOf(half, echo(404), echo(404), echo(200)), r)
				if got, want := w.Body.String(), text+"|<nil>"; got != want {
					t.Errorf("the last application read %d bytes %.20q..., want %d", len(got), got, len(want))
				}
			})
		}
	}
	left, err := filepath.Glob(folder + "/*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestCascadeWithoutBodyReadsNothing(t *testing.T) { // CAS-04
	r := httptest.NewRequest(http.MethodPost, "/", iotest.ErrReader(errors.New("read")))
	r.ContentLength = 0
	if got, want := answer(cascadeOf(says(404, ""), tagApp("b")), r).Body.String(), `b "" "/"`; got != want {
		t.Errorf("answer %s, want %s", got, want)
	}
}

func TestCascadeOfOneDoesNotKeepTheBody(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("text"))
	body := r.Body
	same := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Body == body) })
	if got := answer(cascadeOf(same), r).Body.String(); got != "true" {
		t.Errorf("the body was replaced")
	}
}

func TestCascadeTruncatedBody(t *testing.T) { // CAS-04
	for _, test := range []struct {
		name          string
		length, comes int
		err           error
		status        int
		want          string
		firstCalled   bool
	}{
		{"short body, passed on short", 4096, 10, io.ErrUnexpectedEOF, 200, "xxxxxxxxxx|unexpected EOF", true},
		{"long body, an error", 4097, 10, io.ErrUnexpectedEOF, 400, "400 Bad Request\r\nThe request body is shorter than its Content-Length.\r\n\r\n\r\n", false},
		{"long body in a file, an error", 9000, 5000, io.ErrUnexpectedEOF, 400, "400 Bad Request\r\nThe request body is shorter than its Content-Length.\r\n\r\n\r\n", false},
		{"a refusal reaches the application", 9000, 5000, errors.New("too large"), 200, strings.Repeat("x", 5000) + "|too large", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(strings.Repeat("x", test.comes)), iotest.ErrReader(test.err)))
			r.ContentLength = int64(test.length)
			called := false
			first := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { called = true; w.WriteHeader(http.StatusNotFound) })
			w := answer(cascadeOf(first, echo(200)), r)
			if w.Code != test.status || w.Body.String() != test.want || called != test.firstCalled {
				t.Errorf("answer %d %.80q, first called %v; want %d %.80q %v", w.Code, w.Body, called, test.status, test.want, test.firstCalled)
			}
		})
	}
}

func TestCascadeWithoutRoomForTheBody(t *testing.T) { // CAS-04
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	var log bytes.Buffer
	c := NewCascade([]http.Handler{says(404, ""), says(200, "b")}, []int{404}, slog.New(slog.NewTextHandler(&log, nil)))
	w := answer(c, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", 5000))))
	if w.Code != 500 || w.Body.String() != "500 Internal Server Error\r\nThe request body could not be stored.\r\n\r\n\r\n" {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "the request body cannot be kept") || strings.Contains(w.Body.String(), os.TempDir()) {
		t.Errorf("log %q", log.String())
	}
}
