package lint

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

var rule = regexp.MustCompile(`rule="([^"\\]*(?:\\.[^"\\]*)*)"`)

// findings are what the filter says about an application.
func findings(t *testing.T, method string, app http.HandlerFunc) string {
	t.Helper()
	var log bytes.Buffer
	f, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{
		Logger: slog.New(slog.NewTextHandler(&log, nil)), Registerer: prometheus.NewRegistry(),
	}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest(method, "/", nil))
	f(app).ServeHTTP(w, r)
	var list []string
	for _, m := range rule.FindAllStringSubmatch(log.String(), -1) {
		list = append(list, m[1])
	}
	return strings.Join(list, "; ")
}

func TestFindings(t *testing.T) {
	set := func(status int, body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for _, h := range headers {
				name, value, _ := strings.Cut(h, ": ")
				w.Header()[name] = append(w.Header()[name], value)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	tests := []struct {
		name, method string
		app          http.HandlerFunc
		want         string
	}{
		{"good", "GET", set(200, "hi", "Content-Type: text/plain", "Content-Length: 2"), ""},
		{"nothing at all", "GET", func(http.ResponseWriter, *http.Request) {}, ""},
		{"good HEAD", "HEAD", set(200, "", "Content-Type: text/plain", "Content-Length: 2"), ""},
		{"too long", "GET", set(200, "hi!", "Content-Type: text/plain", "Content-Length: 2"), "the Content-Length is 2, 3 bytes were written"},
		{"too short", "GET", set(200, "h", "Content-Type: text/plain", "Content-Length: 2"), "the Content-Length is 2, 1 bytes were written"},
		{"no length", "GET", set(200, "h", "Content-Type: text/plain", "Content-Length: x"), `the Content-Length \"x\" is no length`},
		{"no type", "GET", set(200, "hi"), "the body has no Content-Type"},
		{"body of 204", "GET", set(204, "hi"), "an answer with the status 204 has no body, 2 bytes were written"},
		{"no Location", "GET", set(302, ""), "the status 302 has no Location"},
		{"no challenge", "GET", set(401, ""), "the status 401 has no WWW-Authenticate"},
		{"no Allow", "GET", set(405, ""), "the status 405 has no Allow"},
		{"header of the server", "GET", set(200, "", "Connection: close"), "the header Connection belongs to the server"},
		{"odd name", "GET", set(200, "", "x-lower: 1"), `the header \"x-lower\" is not set by its canonical name, other filters do not find it`},
		{"bad name", "GET", set(200, "", "X Y: 1"), `the header name \"X Y\" is not allowed`},
		{"line break", "GET", set(200, "", "X-Y: 1\r\nZ: 2"), "the header X-Y has a line break"},
		{"twice", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.WriteHeader(201) }, "WriteHeader is called twice, the second time with 201"},
		{"too late", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.Header().Set("X-Late", "1") }, "the header X-Late is set after the head was sent"},
		{"trailer", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Late")
			w.WriteHeader(200)
			w.Header().Set("X-Late", "1")
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := findings(t, tt.method, tt.app); got != tt.want {
				t.Errorf("findings %s\nwant     %s", got, tt.want)
			}
		})
	}
}

func TestTheAnswerStreamsThrough(t *testing.T) {
	flushed := false
	findings(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
		flushed = http.NewResponseController(w).Flush() == nil
	})
	if !flushed {
		t.Error("the answer cannot be flushed")
	}
}

func BenchmarkLint(b *testing.B) {
	f, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}), Options{})
	if err != nil {
		b.Fatal(err)
	}
	h := f(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
