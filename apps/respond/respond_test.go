package respond

import (
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

func build(warnings *[]string) *paste.Build {
	return paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{
		Warn: func(e *paste.Error) { *warnings = append(*warnings, e.Option+": "+e.Problem) },
	})
}

func headers(pairs ...string) *paste.Conf {
	c := &paste.Conf{}
	for i := 0; i < len(pairs); i += 2 {
		c.Set(pairs[i], paste.Value{Text: pairs[i+1]})
	}
	return c
}

func TestAnswerOnTheWire(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		method  string
		status  int
		header  http.Header // without Date
		body    string
		warning string
	}{
		{"defaults", Options{Status: 200, ContentType: "text/plain"}, "GET", 200,
			http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"0"}}, "", ""},
		{"body", Options{Status: 200, ContentType: "text/plain", Body: "héllo"}, "POST", 200,
			http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"6"}}, "héllo", ""},
		{"head", Options{Status: 200, ContentType: "text/plain", Body: "hello"}, "HEAD", 200,
			http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"5"}}, "", ""},
		{"status and type", Options{Status: 503, ContentType: "text/html; charset=utf-8", Body: "<p>"}, "GET", 503,
			http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Content-Length": {"3"}}, "<p>", ""},
		{"no type is not guessed", Options{Status: 200, Body: "<html>"}, "GET", 200,
			http.Header{"Content-Length": {"6"}}, "<html>", ""},
		{"headers", Options{Status: 200, Headers: headers("retry-after", "5", "X-A", "a\n  b", "x-a", "c")}, "GET", 200,
			http.Header{"Content-Length": {"0"}, "Retry-After": {"5"}, "X-A": {"a", "b", "c"}}, "", ""},
		{"204 has no body", Options{Status: 204, ContentType: "text/plain", Body: "x"}, "GET", 204,
			http.Header{}, "", "body: an answer with status 204 has no body; it is not sent"},
		{"205 has no body", Options{Status: 205, ContentType: "text/plain", Body: "x"}, "GET", 205,
			http.Header{"Content-Length": {"0"}}, "", "body: an answer with status 205 has no body; it is not sent"},
		{"304 has no body", Options{Status: 304, ContentType: "text/plain", Headers: headers("ETag", `"1"`)}, "GET", 304,
			http.Header{"Etag": {`"1"`}}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var warnings []string
			h, err := New(build(&warnings), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(warnings, "; "); got != tt.warning {
				t.Errorf("warnings %q, want %q", got, tt.warning)
			}
			s := httptest.NewServer(h)
			defer s.Close()
			r, _ := http.NewRequest(tt.method, s.URL+"/any/path", nil)
			resp, err := s.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			resp.Header.Del("Date")
			if resp.StatusCode != tt.status || string(body) != tt.body || !reflect.DeepEqual(resp.Header, tt.header) {
				t.Errorf("got %d %v %q\nwant %d %v %q", resp.StatusCode, resp.Header, body, tt.status, tt.header, tt.body)
			}
		})
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	tests := []struct {
		options Options
		want    string
	}{
		{Options{Status: 100}, "status: invalid status 100, want 200 to 599"},
		{Options{Status: 600}, "status: invalid status 600, want 200 to 599"},
		{Options{Status: 200, ContentType: "plain"}, `content_type: invalid media type "plain", want one such as text/plain; charset=utf-8`},
		{Options{Status: 200, ContentType: "text/plain;\n x=1"}, `content_type: invalid media type "text/plain;\n x=1", want one such as text/plain; charset=utf-8`},
		{Options{Status: 200, Headers: headers("X Y", "1")}, "header X Y: invalid header name \"X Y\", want letters, digits and any of !#$%&'*+-.^_`|~"},
		{Options{Status: 200, Headers: headers("X-Ä", "1")}, "header X-Ä: invalid header name \"X-Ä\", want letters, digits and any of !#$%&'*+-.^_`|~"},
		{Options{Status: 200, Headers: headers("X", "a\x00")}, `header X: invalid header value "a\x00", want no control characters`},
		{Options{Status: 200, Headers: headers("content-type", "a/b")}, "header content-type: header Content-Type cannot be set here, want content_type"},
		{Options{Status: 200, Headers: headers("Content-Length", "9")}, "header Content-Length: header Content-Length cannot be set here, it is taken from body"},
		{Options{Status: 200, Headers: headers("Connection", "x")}, "header Connection: header Connection cannot be set here, it belongs to the server"},
		{Options{Status: 200, Headers: headers("Transfer-Encoding", "x")}, "header Transfer-Encoding: header Transfer-Encoding cannot be set here, it belongs to the server"},
		{Options{Status: 200, Headers: headers("Trailer", "x")}, "header Trailer: header Trailer cannot be set here, the answer has none"},
		{Options{Status: 200, ContentType: "x", Headers: headers("A B", "1")}, "content_type: invalid media type \"x\", want one such as text/plain; charset=utf-8\n" +
			"header A B: invalid header name \"A B\", want letters, digits and any of !#$%&'*+-.^_`|~"},
	}
	for _, tt := range tests {
		_, err := New(build(new([]string)), tt.options)
		if err == nil || err.Error() != tt.want {
			t.Errorf("New(%+v) = %v\nwant %s", tt.options, err, tt.want)
		}
	}
}

func TestAFilterThatAppendsDoesNotChangeTheNextAnswer(t *testing.T) {
	h, err := New(build(new([]string)), Options{Status: 200, Headers: headers("Vary", "A\nB")})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		w.Header().Add("Vary", "C")
		if got := w.Header()["Vary"]; !slices.Equal(got, []string{"A", "B", "C"}) {
			t.Errorf("Vary = %v, want A B C", got)
		}
	}
}

type sink struct{ h http.Header }

func (s sink) Header() http.Header         { return s.h }
func (s sink) Write(p []byte) (int, error) { return len(p), nil }
func (s sink) WriteHeader(int)             {}

func TestHandlerAllocatesNothing(t *testing.T) {
	h, err := New(build(new([]string)), Options{Status: 200, ContentType: "text/plain", Body: "hi", Headers: headers("X-A", "1")})
	if err != nil {
		t.Fatal(err)
	}
	w, r := sink{http.Header{}}, httptest.NewRequest(http.MethodGet, "/", nil)
	if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); n != 0 {
		t.Errorf("%v allocations per request, want 0", n)
	}
}
