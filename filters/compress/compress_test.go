package compress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
)

const use = "use = egg:wheatpaste#compress\n"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var long = strings.Repeat("all work and no play makes jack a dull boy\n", 100)

func request(accept string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if accept != "" {
		r.Header.Set("Accept-Encoding", accept)
	}
	return r
}

// answer gives a body with these headers.
func answer(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range headers {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(code)
		if body != "" {
			_, _ = io.WriteString(w, body)
		}
	}
}

// unpackAll reads a body by the Content-Encoding that it says.
func unpackAll(t testing.TB, coding string, body io.Reader) string {
	t.Helper()
	var err error
	switch coding {
	case "gzip":
		body, err = gzip.NewReader(body)
	case "br":
		body = brotli.NewReader(body)
	case "zstd":
		z, zerr := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err = zerr; err == nil {
			defer z.Close()
		}
		body = z
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNegotiation(t *testing.T) {
	s := filtertest.Load(t, use, answer(200, long, "Content-Type: text/plain; charset=utf-8"))
	tests := []struct{ accept, want string }{
		{"gzip", "gzip"}, {"x-gzip", "gzip"}, {"br", "br"}, {"zstd", "zstd"}, {"GZIP", "gzip"},
		{"gzip, deflate, br, zstd", "zstd"}, {"gzip, deflate, br", "br"},
		{"gzip;q=1.0, br;q=0.9", "gzip"}, {"gzip;q=0.5, *;q=0.1", "gzip"}, {"*", "zstd"}, {"zstd;q=0, *", "br"},
		{"zstd;q=0, br;q=0, gzip;q=0", ""}, {"*;q=0", ""}, {"deflate", ""}, {"", ""}, {"identity, gzip;q=0.5", ""},
		{"gzip;q=0.5, identity;q=0.4", "gzip"}, {"gzip;q=2", ""}, {"gzip;q=x", ""}, {"gzip;q=NaN", ""}, {"gzip;q=0.0001", ""}, {",;, gzip ; q = 1 ,", "gzip"},
	}
	for _, tt := range tests {
		rec := s.Do(request(tt.accept))
		coding := rec.Header().Get("Content-Encoding")
		if coding != tt.want {
			t.Errorf("%q: %q, want %q", tt.accept, coding, tt.want)
		}
		if got := unpackAll(t, coding, rec.Body); got != long {
			t.Errorf("%q: a body of %d bytes, want the %d of the application", tt.accept, len(got), len(long))
		}
		if got := rec.Header()["Vary"]; fmt.Sprint(got) != "[Accept-Encoding]" {
			t.Errorf("%q: Vary %q", tt.accept, got)
		}
	}
	if got := s.Metric(t, "wheatpaste_compress_answers_total", "coding=zstd"); got != 3 {
		t.Errorf("%v answers by zstd were counted, want 3", got)
	}
}

func TestWhatIsLeftAlone(t *testing.T) {
	const text = "Content-Type: text/plain"
	tests := []struct {
		name   string
		method string
		app    http.HandlerFunc
		vary   string
	}{
		{"short", "GET", answer(200, "short", text), "Accept-Encoding"},
		{"short by its length", "GET", answer(200, "short", text, "Content-Length: 5"), ""},
		{"packed already", "GET", answer(200, long, text, "Content-Encoding: gzip"), ""},
		{"a picture", "GET", answer(200, long, "Content-Type: image/png"), ""},
		{"no-transform", "GET", answer(200, long, text, "Cache-Control: public, No-Transform"), ""},
		{"a part", "GET", answer(206, long, text, "Content-Range: bytes 0-1/2"), ""},
		{"a part by its range", "GET", answer(200, long, text, "Content-Range: bytes 0-1/2"), ""},
		{"204", "GET", answer(204, ""), ""},
		{"304", "GET", answer(304, "", `Etag: "a"`), "Accept-Encoding"},
		{"HEAD", "HEAD", answer(200, "", text, "Content-Length: 5000"), "Accept-Encoding"},
		{"nothing", "GET", answer(200, "", text), "Accept-Encoding"},
		{"silent", "GET", func(http.ResponseWriter, *http.Request) {}, ""},
		{"guessed to be none of the types", "GET", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(append([]byte("\x89PNG\x0D\x0A\x1A\x0A"), long...))
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request("gzip")
			r.Method = tt.method
			plain, got := httptest.NewRecorder(), filtertest.Load(t, use, tt.app).Do(r)
			tt.app(plain, r)
			if got.Code != plain.Code || got.Body.String() != plain.Body.String() || got.Header().Get("Content-Length") != plain.Header().Get("Content-Length") ||
				got.Header().Get("Content-Encoding") != plain.Header().Get("Content-Encoding") || got.Header().Get("Etag") != plain.Header().Get("Etag") {
				t.Errorf("got %d %v and %d bytes", got.Code, got.Header(), got.Body.Len())
			}
			if got := got.Header().Get("Vary"); got != tt.vary {
				t.Errorf("Vary %q, want %q", got, tt.vary)
			}
		})
	}
}

func TestHeadersOfACompressedAnswer(t *testing.T) {
	s := filtertest.Load(t, use, answer(200, long, "Content-Type: application/problem+json", `Etag: "a"`, "Content-Length: "+fmt.Sprint(len(long)),
		"Accept-Ranges: bytes", "Vary: Origin", "Content-Digest: x"))
	h := s.Do(request("br")).Header()
	if got := fmt.Sprint(h["Etag"], h["Vary"], h["Content-Length"], h["Accept-Ranges"], h["Content-Digest"]); got != `[W/"a"] [Origin Accept-Encoding] [] [] []` {
		t.Errorf("headers %s", got)
	}
	for etag, want := range map[string]string{`W/"a"`: `W/"a"`, `"a"`: `W/"a"`, "a": "", "": ""} {
		h := http.Header{"Etag": {etag}}
		if weaken(h); h.Get("Etag") != want {
			t.Errorf("%s becomes %s, want %s", etag, h.Get("Etag"), want)
		}
	}
	r := request("br")
	r.Header.Set("If-None-Match", `W/"a"`)
	if got := filtertest.Load(t, use, answer(304, "", `Etag: "a"`)).Do(r).Header().Get("Etag"); got != `W/"a"` {
		t.Errorf("Etag of a 304 %s", got)
	}
}

func TestTypeIsGuessedBeforeTheCompression(t *testing.T) {
	s := filtertest.Load(t, use, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>"+long) })
	rec := s.Do(request("gzip"))
	if got := rec.Header().Get("Content-Type"); got != "text/html; charset=utf-8" || rec.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("Content-Type %q, %v", got, rec.Header())
	}
}

// TestStreaming reads each part before the next one is written.
func TestStreaming(t *testing.T) {
	for _, coding := range []string{"gzip", "br", "zstd"} {
		t.Run(coding, func(t *testing.T) {
			next := make(chan struct{}, 1)
			srv := httptest.NewServer(filtertest.Load(t, use, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for i := range 3 {
					<-next
					fmt.Fprintf(w, "data: %d\n", i)
					if err := http.NewResponseController(w).Flush(); err != nil {
						t.Error(err)
					}
				}
			}))
			defer srv.Close()
			r, _ := http.NewRequest("GET", srv.URL, nil)
			r.Header.Set("Accept-Encoding", coding)
			next <- struct{}{}
			client := &http.Transport{DisableCompression: true}
			defer client.CloseIdleConnections()
			resp, err := client.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			readStream(t, coding, resp.Body, next)
		})
	}
}

func readStream(t *testing.T, coding string, body io.Reader, next chan<- struct{}) {
	t.Helper()
	var err error
	switch coding {
	case "gzip":
		body, err = gzip.NewReader(body)
	case "br":
		body = brotli.NewReader(body)
	case "zstd":
		var z *zstd.Decoder
		z, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		defer z.Close()
		body = z
	}
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("data: 0\n"))
	for i := range 3 {
		if i > 0 {
			next <- struct{}{}
		}
		if _, err := io.ReadFull(body, line); err != nil || string(line) != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("part %d = %q, %v", i, line, err)
		}
	}
	if rest, err := io.ReadAll(body); len(rest) != 0 || err != nil {
		t.Errorf("end of the stream: %q, %v", rest, err)
	}
}

func TestAPanicDoesNotCompleteTheAnswer(t *testing.T) {
	s := filtertest.Load(t, use, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, long)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	rec := httptest.NewRecorder()
	func() {
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("panic %v", err)
			}
		}()
		s.ServeHTTP(rec, request("gzip"))
	}()
	gz, err := gzip.NewReader(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(gz); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("end of the body: %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestHijackGoesThrough(t *testing.T) {
	srv := httptest.NewServer(filtertest.Load(t, use, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nraw")
		_ = conn.Close()
	}))
	defer srv.Close()
	r, _ := http.NewRequest("GET", srv.URL, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if raw, _ := io.ReadAll(resp.Body); resp.StatusCode != 101 || string(raw) != "raw" {
		t.Errorf("answer %d %q", resp.StatusCode, raw)
	}
}

func TestOptions(t *testing.T) {
	for lines, want := range map[string]string{
		"encodings = gzip deflate": `paste.ini:3:13: [filter:f] encodings: unknown coding "deflate", want some of zstd, br and gzip`,
		"encodings =":              "paste.ini:3:12: [filter:f] encodings: none given, want some of zstd, br and gzip",
		"gzip_level = 0":           "paste.ini:3:14: [filter:f] gzip_level: invalid level 0, want 1 to 9",
		"zstd_level = 5":           "paste.ini:3:14: [filter:f] zstd_level: invalid level 5, want 1 to 4",
		"brotli_level = 12":        "paste.ini:3:16: [filter:f] brotli_level: invalid level 12, want 0 to 11",
		"min_size = 2m":            "paste.ini:3:12: [filter:f] min_size: invalid size 2097152, want at most 1m: so much of each answer is held back",
		"types = text":             `paste.ini:3:9: [filter:f] types: invalid media type "text", want application/json, text/* or +json`,
		"":                         "",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#compress")
}

func FuzzWeight(f *testing.F) {
	for _, seed := range []string{"gzip", "gzip;q=0", "a,,;=;q", "x-gzip ; q = 1e-400", "gzip;q=NaN", "*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got := weightOf("gzip", []string{value}); got < 0 || got > 1000 || got > 0 && !strings.Contains(strings.ToLower(value), "gzip") && !strings.Contains(value, "*") {
			t.Errorf("the weight of gzip in %q is %d", value, got)
		}
	})
}

func BenchmarkCompress(b *testing.B) {
	wrap, err := New(filtertest.Build(), defaults())
	if err != nil {
		b.Fatal(err)
	}
	body := []byte(strings.Repeat(long, 3))
	text := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = w.Write(body)
	})
	for _, accept := range []string{"identity", "gzip", "br", "zstd"} {
		b.Run(accept, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			filtertest.Bench(b, wrap(text), request(accept))
		})
	}
	b.Run("short", func(b *testing.B) {
		filtertest.Bench(b, wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body[:100]) })), request("gzip"))
	})
}

// pack compresses a text by a coding.
func pack(t testing.TB, coding string, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
