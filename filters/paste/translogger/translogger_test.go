package translogger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/paste/pastetest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

var defaults = Options{LoggerName: "wsgi", Format: combined, LoggingLevel: levelInfo, Console: true, LoggerLevel: levelDebug}

// noon is when all requests of the tests come.
func noon() time.Time {
	return time.Date(2026, 2, 3, 12, 0, 5, 0, time.FixedZone("IST", 5*3600+1800))
}

func build(cfg paste.BuildConfig) *paste.Build {
	return paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, cfg)
}

// filter makes the filter; its lines go to the buffer.
func filter(t *testing.T, o Options) (alice.Constructor, *bytes.Buffer) {
	t.Helper()
	var console bytes.Buffer
	f, err := newFilter(build(paste.BuildConfig{}), o, &console, noon)
	if err != nil {
		t.Fatal(err)
	}
	return f, &console
}

// get serves one request to app through the filter and gives the lines.
func get(t *testing.T, o Options, r *http.Request, app http.HandlerFunc) string {
	t.Helper()
	f, console := filter(t, o)
	_, w, r := pipeline.Begin(httptest.NewRecorder(), r)
	f(app).ServeHTTP(w, r)
	return console.String()
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func TestEP35CombinedLine(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/a%20b?q=1", nil)
	r.Header.Set("Referer", "http://x.test/")
	r.Header.Set("User-Agent", "curl/8")
	got := get(t, defaults, r, func(w http.ResponseWriter, r *http.Request) {
		pipeline.FromRequest(r).SetIdentity(pipeline.Identity{UserName: "joe"})
		w.Header().Set("Content-Length", "2")
		w.WriteHeader(http.StatusCreated)
	})
	want := `192.0.2.1 - joe [03/Feb/2026:12:00:05 +0530] "POST /a%20b?q=1 HTTP/1.1" 201 2 "http://x.test/" "curl/8"` + "\n"
	if got != want {
		t.Errorf("line = %q, want %q", got, want)
	}
}

func TestEP35Fields(t *testing.T) {
	mapped := func(r *http.Request) *http.Request {
		_, _, r = pipeline.Begin(httptest.NewRecorder(), r)
		pipeline.FromRequest(r).SetScriptName("/api")
		return r
	}
	with := func(name string, values ...string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header[name] = values
		return r
	}
	tests := []struct {
		name    string
		format  string
		request *http.Request
		want    string
	}{
		{"absent headers are a dash", "%(HTTP_REFERER)s %(HTTP_USER_AGENT)s %(REMOTE_USER)s %(bytes)s", with("X"), "- - - -"},
		{"empty headers are empty", "<%(HTTP_REFERER)s|%(HTTP_USER_AGENT)s>", with("Referer", ""), "<|->"},
		{"the whole X-Forwarded-For", "%(REMOTE_ADDR)s", with("X-Forwarded-For", "1.1.1.1, 2.2.2.2", "3.3.3.3"), "1.1.1.1, 2.2.2.2,3.3.3.3"},
		{"an empty X-Forwarded-For counts for nothing", "%(REMOTE_ADDR)s", with("X-Forwarded-For", ""), "192.0.2.1"},
		{"SCRIPT_NAME stands before the path", "%(REQUEST_URI)s", mapped(httptest.NewRequest(http.MethodGet, "/v1", nil)), "/api/v1"},
		{"bytes of the path are escaped one by one", "%(REQUEST_URI)s", httptest.NewRequest(http.MethodGet, "/%C3%A9%22~'(*)%2F", nil), "/%C3%A9%22~%27%28%2A%29/"},
		{"the query stays as it came", "%(REQUEST_URI)s", httptest.NewRequest(http.MethodGet, "/?a=%20b+c&d", nil), "/?a=%20b+c&d"},
		{"method and version", "%(REQUEST_METHOD)s %(HTTP_VERSION)s", with("X"), "GET HTTP/1.1"},
		{"width, precision and percent signs", "%(status)5s|%(status)-5s|%(status).1s|%(status)5.2s|%%", with("X"), "  200|200  |2|   20|%"},
		{"an empty format is the default", "", with("User-Agent", "a"), `192.0.2.1 - - [03/Feb/2026:12:00:05 +0530] "GET / HTTP/1.1" 200 - "-" "a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := defaults
			o.Format = tt.format
			if got := get(t, o, tt.request, hello); got != tt.want+"\n" {
				t.Errorf("line = %q, want %q", got, tt.want+"\n")
			}
		})
	}
}

func TestClientsCannotForgeLines(t *testing.T) {
	tests := []struct{ agent, want string }{
		{"a\r\n1.2.3.4 - - forged", `a\x0d\x0a1.2.3.4 - - forged`},
		{`x" 200 5 "y`, `x\" 200 5 \"y`},
		{`back\slash`, `back\\slash`},
		{"\x1b[31mred\x7f", `\x1b[31mred\x7f`},
		{"caf\u00e9 \u2028\u0085 \xff \ufffd", "caf\u00e9 " + `\u2028\x85 \xff ` + "\ufffd"},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("User-Agent", tt.agent)
		r.Header.Set("Referer", tt.agent)
		r.Header.Set("X-Forwarded-For", tt.agent)
		r.URL.RawQuery = tt.agent
		o := defaults
		o.Format = "%(HTTP_USER_AGENT)s|%(HTTP_REFERER)s|%(REMOTE_ADDR)s|%(REQUEST_URI)s"
		want := strings.Join([]string{tt.want, tt.want, tt.want, "/?" + tt.want}, "|") + "\n"
		if got := get(t, o, r, hello); got != want {
			t.Errorf("line for %q = %q, want %q", tt.agent, got, want)
		}
	}
}

func TestAddressThatAFilterBelowTranslated(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Forwarded-For", "1.1.1.1, 2.2.2.2")
	o := defaults
	o.Format = "%(REMOTE_ADDR)s"
	got := get(t, o, r, func(w http.ResponseWriter, r *http.Request) {
		pipeline.FromRequest(r).SetClientAddr("1.1.1.1")
		hello(w, r)
	})
	if got != "1.1.1.1\n" {
		t.Errorf("line = %q, want %q", got, "1.1.1.1\n")
	}
}

func TestLineIsWrittenWhenTheAnswerStarts(t *testing.T) {
	start := map[string]func(w http.ResponseWriter){
		"WriteHeader": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"Write":       func(w http.ResponseWriter) { _, _ = w.Write(nil) },
		"Flush":       func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	}
	for name, begin := range start {
		t.Run(name, func(t *testing.T) {
			o := defaults
			o.Format = "%(status)s"
			f, console := filter(t, o)
			app := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusEarlyHints)
				if got := console.String(); got != "" {
					t.Errorf("line after early hints = %q, want none", got)
				}
				begin(w)
				if got := console.String(); got != "200\n" {
					t.Errorf("line at the start = %q, want %q", got, "200\n")
				}
				_, _ = io.WriteString(w, "more")
			})
			f(app).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
			if got := console.String(); got != "200\n" {
				t.Errorf("lines at the end = %q, want %q", got, "200\n")
			}
		})
	}
}

func TestAnswerThatTheServerMakes(t *testing.T) {
	o := defaults
	o.Format = "%(status)s %(bytes)s"
	if got := get(t, o, httptest.NewRequest(http.MethodGet, "/", nil), func(http.ResponseWriter, *http.Request) {}); got != "200 -\n" {
		t.Errorf("line = %q, want %q", got, "200 -\n")
	}
}

func TestNoLineWhenTheApplicationPanics(t *testing.T) {
	f, console := filter(t, defaults)
	defer func() {
		if p, _ := recover().(error); !errors.Is(p, http.ErrAbortHandler) {
			t.Errorf("panic = %v, want http.ErrAbortHandler", p)
		}
		if console.Len() > 0 {
			t.Errorf("line = %q, want none", console)
		}
	}()
	f(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}

func TestUpgradeIsLoggedWhenItHappens(t *testing.T) {
	o := defaults
	o.Format = "%(status)s"
	f, console := filter(t, o)
	logged := make(chan string, 1)
	srv := httptest.NewServer(f(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		logged <- console.String()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_ = conn.Close()
	})))
	defer srv.Close()
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := <-logged; got != "101\n" || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("line = %q with status %d, want %q with 101", got, resp.StatusCode, "101\n")
	}
}

func TestWithoutConsoleTheLineIsALogRecord(t *testing.T) {
	var log bytes.Buffer
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	handler := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: drop})
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"at info", Options{LoggerName: "wsgi", Format: "%(status)s", LoggingLevel: 20}, "level=INFO msg=200 logger=wsgi\n"},
		{"at a level of one's own", Options{LoggerName: "acme.access", Format: "%(status)s", LoggingLevel: 30}, "level=WARN msg=200 logger=acme.access\n"},
		{"on the root logger", Options{Format: "%(status)s", LoggingLevel: 40}, "level=ERROR msg=200 logger=root\n"},
		{"below the level of the log", Options{LoggerName: "wsgi", Format: "%(status)s", LoggingLevel: 10}, ""},
		{"below set_logger_level", Options{LoggerName: "wsgi", Format: "%(status)s", LoggingLevel: 40, LoggerLevel: 50}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log.Reset()
			f, err := newFilter(build(paste.BuildConfig{Logger: slog.New(handler)}), tt.o, failWriter{t}, noon)
			if err != nil {
				t.Fatal(err)
			}
			f(http.HandlerFunc(hello)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
			if got := log.String(); got != tt.want {
				t.Errorf("log = %q, want %q", got, tt.want)
			}
		})
	}
}

// failWriter is a console that nothing may be written to.
type failWriter struct{ t *testing.T }

func (w failWriter) Write(p []byte) (int, error) {
	w.t.Errorf("console got %q, want nothing", p)
	return len(p), nil
}

func TestConsoleLevels(t *testing.T) {
	tests := []struct {
		name         string
		level, limit Level
		want         string
		warning      string
	}{
		{"default", 20, 10, "200\n", ""},
		{"at the limit", 30, 30, "200\n", ""},
		{"below the limit", 20, 30, "", "logging_level: below set_logger_level: nothing is logged"},
		{"below the console's own level", 5, 0, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var console bytes.Buffer
			var warning string
			b := build(paste.BuildConfig{Warn: func(e *paste.Error) { warning = e.Error() }})
			f, err := newFilter(b, Options{Format: "%(status)s", Console: true, LoggingLevel: tt.level, LoggerLevel: tt.limit}, &console, noon)
			if err != nil {
				t.Fatal(err)
			}
			f(http.HandlerFunc(hello)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
			if console.String() != tt.want || warning != tt.warning {
				t.Errorf("console %q, warning %q; want %q, %q", console.String(), warning, tt.want, tt.warning)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	tests := []struct {
		text string
		want Level
		name string
		slog slog.Level
	}{
		{"DEBUG", 10, "DEBUG", slog.LevelDebug},
		{"info", 20, "INFO", slog.LevelInfo},
		{"WARN", 30, "WARNING", slog.LevelWarn},
		{"WARNING", 30, "WARNING", slog.LevelWarn},
		{"ERROR", 40, "ERROR", slog.LevelError},
		{"FATAL", 50, "CRITICAL", slog.LevelError + 4},
		{"NOTSET", 0, "NOTSET", slog.LevelDebug - 4},
		{"20", 20, "INFO", slog.LevelInfo},
		{"15", 15, "15", slog.LevelInfo - 2},
	}
	for _, tt := range tests {
		var got Level
		if err := got.UnmarshalText([]byte(tt.text)); err != nil || got != tt.want || got.String() != tt.name || got.slog() != tt.slog {
			t.Errorf("Level(%q) = %d, %v, %q, %v; want %d, nil, %q, %v", tt.text, got, err, got, got.slog(), tt.want, tt.name, tt.slog)
		}
	}
	for _, text := range []string{"", "LOUD", "-1", "1001"} {
		want := `invalid level "` + text + `", want DEBUG, INFO, WARNING, ERROR, CRITICAL or a number`
		var l Level
		if err := l.UnmarshalText([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("Level(%q): %v, want %q", text, err, want)
		}
	}
}

func TestFormatErrors(t *testing.T) {
	names := "HTTP_REFERER, HTTP_USER_AGENT, HTTP_VERSION, REMOTE_ADDR, REMOTE_USER, REQUEST_METHOD, REQUEST_URI, bytes, status, time"
	tests := []struct{ format, want string }{
		{"%(FOO)s", `format: unknown field "FOO", want one of ` + names},
		{"100%", `format: unexpected "%", want %(NAME)s or %% for a percent sign`},
		{"%s and more text here", `format: unexpected "%s and more t", want %(NAME)s or %% for a percent sign`},
		{"%(status", `format: unexpected "%(status", want %(NAME)s or %% for a percent sign`},
		{"%(status)d", `format: unexpected "d" after %(status), want s, if need be after a width as in -8s`},
		{"%(status)", `format: unexpected "" after %(status), want s, if need be after a width as in -8s`},
		{"%(status)99999999999999999999s", `format: width of %(status)s out of range, want at most 1000`},
	}
	for _, tt := range tests {
		_, err := New(build(paste.BuildConfig{}), Options{Format: tt.format})
		if err == nil || err.Error() != tt.want {
			t.Errorf("New with %q: %v, want %q", tt.format, err, tt.want)
		}
	}
}

func TestRequestsDoNotMixTheirLines(t *testing.T) {
	console := &countingWriter{lines: make(chan string, 64)}
	o := defaults
	o.Format = "%(REQUEST_URI)s"
	f, err := newFilter(build(paste.BuildConfig{}), o, console, noon)
	if err != nil {
		t.Fatal(err)
	}
	h, done := f(http.HandlerFunc(hello)), make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 8 {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/x", nil))
			}
		}()
	}
	for range 8 {
		<-done
	}
	for range 64 {
		if line := <-console.lines; line != "/x\n" {
			t.Fatalf("one write = %q, want %q", line, "/x\n")
		}
	}
}

// countingWriter notes each write.
type countingWriter struct{ lines chan string }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.lines <- string(p)
	return len(p), nil
}

// TestOriginal compares lines with the original's where it is right: not in
// quotes, which it leaves alone, nor in paths that are not ASCII, which it
// escapes twice on Python 3.
func TestOriginal(t *testing.T) {
	const noTime = `%(REMOTE_ADDR)s - %(REMOTE_USER)s "%(REQUEST_METHOD)s %(REQUEST_URI)s %(HTTP_VERSION)s" %(status)s %(bytes)s "%(HTTP_REFERER)s" "%(HTTP_USER_AGENT)s"`
	cases := []pastetest.Case{
		{},
		{Method: "POST", Path: "/a b%~'(*)+,;:@&=$!", Query: "q=%20x&y", ScriptName: "/s"},
		{Headers: [][2]string{{"X-Forwarded-For", "1.2.3.4, 5.6.7.8"}, {"Referer", ""}, {"User-Agent", "a"}}, Environ: map[string]string{"REMOTE_ADDR": "9.9.9.9", "REMOTE_USER": "joe"}},
		{Environ: map[string]string{"REMOTE_ADDR": "9.9.9.9"}, SetEnviron: map[string]string{"REMOTE_USER": "late"}},
		{Answers: map[string]pastetest.Answer{"*": {Status: "304 Not Modified", Headers: [][2]string{{"content-length", "12"}, {"Content-Length", "13"}}}}},
		{Options: map[string]string{"format": "%(status)5s|%(status)-5s|%(bytes).1s|%%"}},
	}
	for i := range cases {
		cases[i].Factory = "paste.translogger:make_filter"
		if cases[i].Options == nil {
			cases[i].Options = map[string]string{"format": noTime}
		}
	}
	for i, original := range pastetest.Run(t, cases) {
		o := defaults
		o.Format = cases[i].Options["format"]
		f, console := filter(t, o)
		cases[i].Serve(f, nil)
		if got := console.String(); got != original.Stderr || original.Error != "" {
			t.Errorf("case %d: line = %q, the original %q %s", i, got, original.Stderr, original.Error)
		}
	}
}

// TestOriginalTime reads the original's time with our layout; the tests of ours
// pin the layout.
func TestOriginalTime(t *testing.T) {
	original := pastetest.Run(t, []pastetest.Case{{Factory: "paste.translogger:make_filter", Options: map[string]string{"format": "%(time)s"}}})
	text := strings.TrimSuffix(original[0].Stderr, "\n")
	at, err := time.Parse(timeLayout, text)
	if err != nil || at.UTC().Format(timeLayout) != text {
		t.Errorf("the original's time %q: %v, %v", text, at, err)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{combined, "%%", "%(status)-5.2s", "%(", "%(status)1001s", "100%"} {
		f.Add(seed, "agent\n\"")
	}
	f.Fuzz(func(t *testing.T, format, agent string) {
		tpl, err := parseTemplate(format)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("User-Agent", agent)
		req := newRequest(noon(), r)
		line := string(tpl.line(&req, 200, "-"))
		if !strings.Contains(format, "\n") && strings.Contains(line, "\n") {
			t.Errorf("format %q with agent %q gives two lines: %q", format, agent, line)
		}
	})
}
