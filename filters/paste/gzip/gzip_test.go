package gzip

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/paste/pastetest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// serve answers one request through the filter.
func serve(t *testing.T, o Options, r *http.Request, app http.HandlerFunc) *http.Response {
	t.Helper()
	f, err := New(nil, o)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	_, w, r := pipeline.Begin(rec, r)
	f(app).ServeHTTP(w, r)
	return rec.Result()
}

func request(method, acceptEncoding string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	if acceptEncoding != "" {
		r.Header.Set("Accept-Encoding", acceptEncoding)
	}
	return r
}

// answer is an app that answers with these headers ("Name: value") and body.
func answer(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// body reads a body and says whether it was compressed.
func body(t *testing.T, resp *http.Response) (text string, zipped bool) {
	t.Helper()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(raw), "\x1f\x8b") {
		return string(raw), false
	}
	return unzip(t, string(raw)), true
}

func unzip(t *testing.T, raw string) string {
	t.Helper()
	gz, err := gzip.NewReader(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(gz)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEP27WhatIsCompressed(t *testing.T) {
	const text = "Content-Type: text/plain"
	tests := []struct {
		name    string
		request *http.Request
		app     http.HandlerFunc
		zipped  bool
		vary    string
	}{
		{"text", request("GET", "gzip"), answer(200, "hello", text), true, "Accept-Encoding"},
		{"application", request("GET", "gzip"), answer(200, "{}", "Content-Type: application/json; charset=utf-8"), true, "Accept-Encoding"},
		{"errors too", request("POST", "deflate, gzip;q=0.5"), answer(500, "oops", text), true, "Accept-Encoding"},
		{"types in capitals", request("GET", "GZIP"), answer(200, "x", "Content-Type: TEXT/HTML"), true, "Accept-Encoding"},
		{"the old name of gzip", request("GET", "x-gzip"), answer(200, "x", text), true, "Accept-Encoding"},
		{"images are not", request("GET", "gzip"), answer(200, "x", "Content-Type: image/png"), false, ""},
		{"archives are not", request("GET", "gzip"), answer(200, "x", "Content-Type: application/Zip"), false, ""},
		{"answers without a type are not", request("GET", "gzip"), answer(200, "x"), false, ""},
		{"encoded answers are not", request("GET", "gzip"), answer(200, "x", text, "Content-Encoding: br"), false, ""},
		{"parts are not", request("GET", "gzip"), answer(206, "x", text, "Content-Range: bytes 0-0/5"), false, ""},
		{"whole documents with a range", request("GET", "gzip"), answer(200, "hello", text, "Content-Range: bytes 0-4/5"), true, "Accept-Encoding"},
		{"what the application forbids is not", request("GET", "gzip"), answer(200, "x", text, "Cache-Control: public, no-transform"), false, ""},
		{"empty bodies are not", request("GET", "gzip"), answer(200, "", text), false, "Accept-Encoding"},
		{"nobody asked", request("GET", ""), answer(200, "x", text), false, "Accept-Encoding"},
		{"q=0 is a refusal", request("GET", "gzip;q=0"), answer(200, "x", text), false, "Accept-Encoding"},
		{"q=0.000 too", request("GET", "br, gzip; Q=0.000"), answer(200, "x", text), false, "Accept-Encoding"},
		{"a weight that is none", request("GET", "gzip;q=high"), answer(200, "x", text), false, "Accept-Encoding"},
		{"a star is not enough", request("GET", "*"), answer(200, "x", text), false, "Accept-Encoding"},
		{"a longer word is not gzip", request("GET", "notgzip"), answer(200, "x", text), false, "Accept-Encoding"},
		{"Vary is added to", request("GET", "gzip"), answer(200, "x", text, "Vary: Origin"), true, "Origin,Accept-Encoding"},
		{"Vary is not repeated", request("GET", "gzip"), answer(200, "x", text, "Vary: Origin, accept-encoding"), true, "Origin, accept-encoding"},
		{"Vary * says it all", request("GET", "gzip"), answer(200, "x", text, "Vary: *"), true, "*"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plain := httptest.NewRecorder()
			tt.app(plain, tt.request)
			resp := serve(t, Options{Level: 6}, tt.request, tt.app)
			text, zipped := body(t, resp)
			if text != plain.Body.String() || zipped != tt.zipped || resp.StatusCode != plain.Code {
				t.Errorf("answer = %d %q zipped=%v, want %d %q zipped=%v", resp.StatusCode, text, zipped, plain.Code, plain.Body.String(), tt.zipped)
			}
			if got := resp.Header.Get("Content-Encoding") == "gzip"; got != tt.zipped {
				t.Errorf("Content-Encoding: gzip = %v, want %v", got, tt.zipped)
			}
			if got := strings.Join(resp.Header["Vary"], ","); got != tt.vary {
				t.Errorf("Vary = %q, want %q", got, tt.vary)
			}
		})
	}
}

func TestHeadersOfACompressedAnswer(t *testing.T) {
	tests := []struct{ etag, want string }{{`"a"`, `W/"a"`}, {`W/"a"`, `W/"a"`}, {"a", ""}, {"", ""}}
	for _, method := range []string{"GET", "HEAD"} {
		for _, tt := range tests {
			app := func(w http.ResponseWriter, _ *http.Request) {
				h := w.Header()
				h.Set("Content-Type", "text/plain")
				h.Set("Content-Length", "5")
				h.Set("Accept-Ranges", "bytes")
				h.Set("Content-MD5", "x")
				h.Set("Content-Digest", "x")
				if tt.etag != "" {
					h.Set("ETag", tt.etag)
				}
				_, _ = io.WriteString(w, "hello")
			}
			h := serve(t, Options{Level: 6}, request(method, "gzip"), app).Header
			if got := h.Get("ETag"); got != tt.want {
				t.Errorf("%s: ETag %q became %q, want %q", method, tt.etag, got, tt.want)
			}
			h.Del("ETag")
			want := "map[Content-Encoding:[gzip] Content-Type:[text/plain] Vary:[Accept-Encoding]]"
			if got := fmt.Sprint(h); got != want {
				t.Errorf("%s: headers = %s, want %s", method, got, want)
			}
		}
	}
}

func TestHeadIsLikeGetWithoutABody(t *testing.T) {
	app := answer(200, "", "Content-Type: text/plain", "Content-Length: 5", `Etag: "a"`)
	tests := []struct{ accept, want string }{
		{"gzip", `map[Content-Encoding:[gzip] Content-Type:[text/plain] Etag:[W/"a"] Vary:[Accept-Encoding]]`},
		{"", `map[Content-Length:[5] Content-Type:[text/plain] Etag:["a"] Vary:[Accept-Encoding]]`},
	}
	for _, tt := range tests {
		resp := serve(t, Options{Level: 6}, request("HEAD", tt.accept), app)
		raw, _ := io.ReadAll(resp.Body)
		if got := fmt.Sprint(resp.Header); got != tt.want || len(raw) > 0 {
			t.Errorf("HEAD with %q: %s and %d bytes, want %s and none", tt.accept, got, len(raw), tt.want)
		}
	}
}

func TestContentRangeOfWholeDocuments(t *testing.T) {
	tests := []struct {
		code  int
		value string
		want  string
	}{
		{http.StatusOK, "bytes 0-4/5", ""},
		{http.StatusRequestedRangeNotSatisfiable, "bytes */5", "bytes */5"},
	}
	for _, tt := range tests {
		resp := serve(t, Options{Level: 6}, request("GET", "gzip"), answer(tt.code, "hello", "Content-Type: text/plain", "Content-Range: "+tt.value))
		if got := resp.Header.Get("Content-Range"); got != tt.want || resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%d: Content-Range = %q, want %q; headers %v", tt.code, got, tt.want, resp.Header)
		}
	}
}

func TestEmptyAnswersKeepTheirLength(t *testing.T) {
	for _, method := range []string{"GET", "HEAD"} {
		resp := serve(t, Options{Level: 6}, request(method, "gzip"), answer(200, "", "Content-Type: text/plain", "Content-Length: 0"))
		want := "map[Content-Length:[0] Content-Type:[text/plain] Vary:[Accept-Encoding]]"
		if got := fmt.Sprint(resp.Header); got != want {
			t.Errorf("%s: headers = %s, want %s", method, got, want)
		}
	}
}

func TestNotModifiedIsNeverCompressed(t *testing.T) {
	tests := []struct {
		name, ifNoneMatch string
		headers           []string
		want              string
	}{
		{"the client has the plain answer", `"a"`, []string{`Etag: "a"`}, `map[Etag:["a"] Vary:[Accept-Encoding]]`},
		{"the client has the compressed answer", `"b", W/"a"`, []string{`Etag: "a"`}, `map[Etag:[W/"a"] Vary:[Accept-Encoding]]`},
		{"with a type", `W/"a"`, []string{`Etag: "a"`, "Content-Type: text/css"}, `map[Content-Type:[text/css] Etag:[W/"a"] Vary:[Accept-Encoding]]`},
		{"of an image", `"a"`, []string{`Etag: "a"`, "Content-Type: image/png"}, `map[Content-Type:[image/png] Etag:["a"]]`},
		{"without an ETag", "", nil, `map[Vary:[Accept-Encoding]]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request("GET", "gzip")
			r.Header.Set("If-None-Match", tt.ifNoneMatch)
			resp := serve(t, Options{Level: 6}, r, answer(304, "", tt.headers...))
			raw, _ := io.ReadAll(resp.Body)
			if got := fmt.Sprint(resp.Header); got != tt.want || len(raw) > 0 || resp.StatusCode != http.StatusNotModified {
				t.Errorf("answer = %d %s with %d bytes, want 304 %s", resp.StatusCode, got, len(raw), tt.want)
			}
		})
	}
}

func TestNoContentStaysEmpty(t *testing.T) {
	resp := serve(t, Options{Level: 6}, request("DELETE", "gzip"), answer(204, "", "Content-Type: text/plain"))
	if raw, _ := io.ReadAll(resp.Body); len(raw) > 0 || resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("204 has %d bytes and Content-Encoding %q, want none", len(raw), resp.Header.Get("Content-Encoding"))
	}
}

func TestTwoFiltersCompressOnce(t *testing.T) {
	inner, err := New(nil, Options{Level: 1})
	if err != nil {
		t.Fatal(err)
	}
	app := inner(answer(200, "hello", "Content-Type: text/plain"))
	resp := serve(t, Options{Level: 6}, request("GET", "gzip"), app.ServeHTTP)
	if text, zipped := body(t, resp); text != "hello" || !zipped || len(resp.Header["Content-Encoding"]) != 1 || len(resp.Header["Vary"]) != 1 {
		t.Errorf("body = %q zipped=%v, headers %v; want hello once", text, zipped, resp.Header)
	}
}

func TestLevels(t *testing.T) {
	text := strings.Repeat("a fairly long text that is easy to compress ", 50)
	sizes := map[int]int{}
	for level := -1; level <= 9; level++ {
		resp := serve(t, Options{Level: level}, request("GET", "gzip"), answer(200, text, "Content-Type: text/plain"))
		raw, _ := io.ReadAll(resp.Body)
		if unzip(t, string(raw)) != text {
			t.Errorf("level %d does not give the text back", level)
		}
		sizes[level] = len(raw)
	}
	if sizes[0] < len(text) || sizes[9] > len(text)/10 {
		t.Errorf("sizes of %d bytes = %v, want level 0 to store and level 9 to compress", len(text), sizes)
	}
	for _, level := range []int{-2, 10} {
		_, err := New(nil, Options{Level: level})
		var bad *paste.OptionError
		want := fmt.Sprintf("compress_level: invalid level %d, want a number from -1 to 9", level)
		if !errors.As(err, &bad) || err.Error() != want {
			t.Errorf("New with level %d: %v, want %q", level, err, want)
		}
	}
}

// TestStreaming reads each part before the next one is written.
func TestStreaming(t *testing.T) {
	f, err := New(nil, Options{Level: 6})
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan struct{}, 3)
	srv := httptest.NewServer(f(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		rc := http.NewResponseController(w)
		for i := range 3 {
			<-next
			if i > 0 { // the first flush sends the head alone
				fmt.Fprintf(w, "data: %d\n", i)
			}
			if err := rc.Flush(); err != nil {
				t.Error(err)
			}
		}
	})))
	defer srv.Close()
	r, _ := http.NewRequest(http.MethodGet, srv.URL, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	next <- struct{}{}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	next <- struct{}{}
	gz, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(gz)
	for i := 1; i < 3; i++ {
		if i > 1 {
			next <- struct{}{}
		}
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("part %d = %q, %v", i, line, err)
		}
	}
	if _, err := lines.ReadByte(); err != io.EOF {
		t.Errorf("end of the stream: %v, want EOF", err)
	}
}

func TestUpgradeGoesThrough(t *testing.T) {
	f, err := New(nil, Options{Level: 6})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(f(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nraw")
		_ = conn.Close()
	})))
	defer srv.Close()
	r, _ := http.NewRequest(http.MethodGet, srv.URL, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if raw, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusSwitchingProtocols || string(raw) != "raw" {
		t.Errorf("answer = %d %q, want 101 %q", resp.StatusCode, raw, "raw")
	}
}

func TestPanicDoesNotCompleteTheAnswer(t *testing.T) {
	f, err := New(nil, Options{Level: 6})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	func() {
		defer func() {
			if p, _ := recover().(error); !errors.Is(p, http.ErrAbortHandler) {
				t.Errorf("panic = %v, want http.ErrAbortHandler", p)
			}
		}()
		f(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, "part")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})).ServeHTTP(rec, request("GET", "gzip"))
	}()
	gz, err := gzip.NewReader(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(gz); string(text) != "part" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("body = %q, %v; want %q cut short", text, err, "part")
	}
}

func TestWritesAroundTheAnswer(t *testing.T) {
	f, err := New(nil, Options{Level: 6})
	if err != nil {
		t.Fatal(err)
	}
	late := make(chan http.ResponseWriter, 1)
	srv := httptest.NewServer(f(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		late <- w
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusTeapot) // too late
		if n, err := w.Write(nil); n != 0 || err != nil {
			t.Errorf("Write(nil) = %d, %v", n, err)
		}
		if n, err := w.Write([]byte("hello")); n != 5 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	})))
	r, _ := http.NewRequest(http.MethodGet, srv.URL, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, zipped := body(t, resp); resp.StatusCode != http.StatusAccepted || text != "hello" || !zipped {
		t.Errorf("answer = %d %q zipped=%v, want 202 hello zipped", resp.StatusCode, text, zipped)
	}
	srv.Close() // waits for the handler
	if _, err := (<-late).Write([]byte("x")); !errors.Is(err, errOver) {
		t.Errorf("a write after the end: %v, want %v", err, errOver)
	}
}

// TestOriginal compares with the original where it is right: not in answers
// without a body, parts, q=0, and Vary.
func TestOriginal(t *testing.T) {
	ask := [][2]string{{"Accept-Encoding", "deflate, gzip"}}
	with := func(headers ...[2]string) map[string]pastetest.Answer {
		return map[string]pastetest.Answer{"*": {Status: "200 OK", Headers: headers, Chunks: []string{"hel", "lo"}}}
	}
	cases := []pastetest.Case{
		{Answers: with([2]string{"Content-Type", "text/plain"})},
		{Headers: ask, Answers: with([2]string{"Content-Type", "text/plain"}, [2]string{"Content-Length", "5"})},
		{Headers: ask, Answers: with([2]string{"Content-Type", "application/json"}), Options: map[string]string{"compress_level": "0"}},
		{Headers: ask, Answers: with([2]string{"Content-Type", "application/x-gzip-foo"})},
		{Headers: ask, Answers: with([2]string{"Content-Type", "image/png"})},
		{Headers: ask, Answers: with()},
		{Headers: ask, Answers: with([2]string{"Content-Type", "text/plain"}, [2]string{"Content-Encoding", "br"})},
		{Headers: [][2]string{{"Accept-Encoding", "*"}}, Answers: with([2]string{"Content-Type", "text/plain"})},
		{Headers: [][2]string{{"Accept-Encoding", "x-gzip"}}, Answers: with([2]string{"Content-Type", "text/plain"})},
		{Headers: ask, Answers: map[string]pastetest.Answer{"*": {Status: "503 Why", Headers: [][2]string{{"Content-Type", "text/html"}}, Chunks: []string{"x"}}}},
	}
	for i := range cases {
		cases[i].Factory = "paste.gzipper:make_gzip_middleware"
	}
	for i, original := range pastetest.Run(t, cases) {
		f, err := New(nil, Options{Level: 6})
		if err != nil {
			t.Fatal(err)
		}
		resp := cases[i].Serve(f, nil).Result()
		text, zipped := body(t, resp)
		want, wantZipped := body(t, &http.Response{Body: io.NopCloser(strings.NewReader(latin1(original.Body)))})
		if text != want || zipped != wantZipped || !strings.HasPrefix(original.Status, fmt.Sprint(resp.StatusCode)) {
			t.Errorf("case %d: %d %q zipped=%v, the original %s %q zipped=%v", i, resp.StatusCode, text, zipped, original.Status, want, wantZipped)
		}
		if got, want := resp.Header["Content-Encoding"], original.Header("Content-Encoding"); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("case %d: Content-Encoding %v, the original %v", i, got, want)
		}
	}
}

// latin1 gives the bytes that WSGI's text stands for.
func latin1(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
	}
	return b.String()
}

func FuzzAccepts(f *testing.F) {
	for _, seed := range []string{"gzip", "gzip;q=0", "a,,;=;q", "x-gzip ; q = 1e-400", "gzip;q=NaN", "*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if accepts([]string{value}) && !strings.Contains(strings.ToLower(value), "gzip") {
			t.Errorf("accepts(%q) = true without gzip in it", value)
		}
	})
}

func BenchmarkSmallAnswer(b *testing.B) {
	f, err := New(nil, Options{Level: 6})
	if err != nil {
		b.Fatal(err)
	}
	h, r := f(answer(200, "hello", "Content-Type: text/plain")), request("GET", "gzip")
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
