package errorcatcher

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

	"github.com/wheatpaste/wheatpaste/filters/paste/pastetest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	paste.RegisterApp("egg:errorcatcher-test#panic", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(explode), nil
	})
}

// explode panics, by path before or in the answer.
func explode(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-App", "1")
	switch r.URL.Path {
	case "/fine":
		_, _ = io.WriteString(w, "fine")
		return
	case "/begun":
		_, _ = io.WriteString(w, "begun")
	case "/flushed":
		_ = http.NewResponseController(w).Flush()
	case "/early":
		w.WriteHeader(http.StatusEarlyHints)
	case "/abort":
		panic(http.ErrAbortHandler)
	case "/wrapped":
		panic(fmt.Errorf("cut: %w", http.ErrAbortHandler))
	}
	panic("boo <m>")
}

const page = "<html>\n<head><title>Server Error</title></head>\n<body>\n<h1>Server Error</h1>\n"

// load makes an application of a filter section with these lines; the log goes
// to the buffer.
func load(t *testing.T, lines string, log io.Writer) (*pipeline.App, error) {
	t.Helper()
	loader := &pipeline.Loader{Logger: slog.New(slog.NewTextHandler(log, nil))}
	return pipelinetest.TryWith(t, loader, section(lines))
}

func section(lines string) string {
	return "[app:main]\nuse = egg:errorcatcher-test#panic\nfilter-with = catch\n[filter:catch]\nuse = egg:Paste#error_catcher\n" + lines + "\n"
}

func get(t *testing.T, lines, path string, log io.Writer) *httptest.ResponseRecorder {
	t.Helper()
	app, err := load(t, lines, log)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec
}

func TestPages(t *testing.T) {
	tests := []struct{ name, lines, path, want string }{
		{"no panic", "", "/fine", "fine"},
		{"a panic", "", "/", page + defaultMessage + "\n</body>\n</html>\n"},
		{"an empty message is the default", "error_message =", "/", page + defaultMessage + "\n</body>\n</html>\n"},
		{"a message of one's own", "error_message = <b>sorry</b>", "/", page + "<b>sorry</b>\n</body>\n</html>\n"},
		{"the key does nothing without debug", "", "/?_=1", page + defaultMessage + "\n</body>\n</html>\n"},
		{"debug", "debug = true", "/?x=1", page + "<p>GET /</p>\n<p><b>boo &lt;m&gt;</b></p>\n<pre>goroutine "},
		{"debug without a page", "debug = true", "/?_=1", "<p>GET /</p>\n<p><b>boo &lt;m&gt;</b></p>\n<pre>goroutine "},
		{"debug with another key", "debug = true\nxmlhttp_key = ajax", "/?ajax=1", "<p>GET /</p>\n<p><b>boo &lt;m&gt;</b></p>\n<pre>goroutine "},
		{"debug with an empty key", "debug = true\nxmlhttp_key =", "/?_=1", page},
		{"early hints are no answer", "", "/early", page + defaultMessage + "\n</body>\n</html>\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			rec := get(t, tt.lines, tt.path, &log)
			if got := rec.Body.String(); !strings.HasPrefix(got, tt.want) || len(got) > len(tt.want) && !strings.Contains(tt.lines, "debug") {
				t.Errorf("body = %q\nwant   %q", got, tt.want)
			}
			if tt.path != "/fine" && tt.path != "/early" && rec.Code != http.StatusInternalServerError {
				t.Errorf("status = %d, want 500", rec.Code)
			}
		})
	}
}

func TestHeadersOfThePage(t *testing.T) {
	f, err := New(paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	w.Header().Set("X-Outer", "1")
	f(http.HandlerFunc(explode)).ServeHTTP(w, r)
	if got, want := fmt.Sprint(w.Header()), "map[Content-Type:[text/html; charset=utf-8] X-Outer:[1]]"; got != want {
		t.Errorf("headers = %s, want %s", got, want)
	}
}

func TestAnswersThatHaveBegunAreCut(t *testing.T) {
	for _, path := range []string{"/begun", "/flushed", "/abort", "/wrapped"} {
		t.Run(path, func(t *testing.T) {
			var log bytes.Buffer
			app, err := load(t, "debug = on", &log)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if p, _ := recover().(error); !errors.Is(p, http.ErrAbortHandler) {
					t.Errorf("panic = %v, want http.ErrAbortHandler", p)
				}
				if reported := strings.Contains(log.String(), `panic="boo <m>"`); reported != (path == "/begun" || path == "/flushed") {
					t.Errorf("reported = %v, log = %s", reported, &log)
				}
			}()
			app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		})
	}
}

func TestReports(t *testing.T) {
	file := filepath.Join(t.TempDir(), "errors.log")
	tests := []struct {
		name, lines     string
		stack, appended bool
	}{
		{"to the log", "", true, false},
		{"to the client only", "debug = true", false, false},
		{"to the client and the log", "debug = true\nshow_exceptions_in_wsgi_errors = true", true, false},
		{"to the file only", "error_log = " + file, false, true},
		{"to the file and the log", "show_exceptions_in_wsgi_errors = on\nerror_log = " + file, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_ = os.Remove(file)
			var log bytes.Buffer
			get(t, tt.lines, "/", &log)
			if got := log.String(); !strings.Contains(got, `level=ERROR msg="a request ended in a panic" section=filter:catch panic="boo <m>" method=GET path=/`) {
				t.Errorf("log = %s, want the panic", got)
			}
			if got := strings.Contains(log.String(), "errorcatcher.explode"); got != tt.stack {
				t.Errorf("stack in the log = %v, want %v: %s", got, tt.stack, &log)
			}
			text, _ := os.ReadFile(file)
			if got := strings.Contains(string(text), "\"GET\" \"/\"\npanic: boo <m>\n") && strings.Contains(string(text), "errorcatcher.explode"); got != tt.appended {
				t.Errorf("report in the file = %v, want %v: %s", got, tt.appended, text)
			}
		})
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	file := filepath.Join(t.TempDir(), "no", "errors.log")
	_, err := load(t, "error_log = "+file, io.Discard)
	if want := "error_log: open " + file + ": no such file or directory"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("start: %v, want %s", err, want)
	}
}

func TestFileThatGoesAway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	app, err := load(t, "error_log = "+dir+"/errors.log", &log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	if got := log.String(); rec.Code != http.StatusInternalServerError || !strings.Contains(got, "errorcatcher.explode") || !strings.Contains(got, `error_log="open `) {
		t.Errorf("status %d, log %s; want 500, the stack and why the file has none", rec.Code, got)
	}
}

func TestNestedCatchersLeaveItToTheOutermost(t *testing.T) {
	var log bytes.Buffer
	loader := &pipeline.Loader{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	app, err := pipelinetest.TryWith(t, loader, `
[pipeline:main]
pipeline = outer inner app
[filter:outer]
use = egg:wheatpaste#error_catcher
error_message = outer
[filter:inner]
paste.filter_app_factory = paste.exceptions.errormiddleware:make_error_middleware
error_message = inner
[app:app]
use = egg:errorcatcher-test#panic
`)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	if got, want := rec.Body.String(), page+"outer\n</body>\n</html>\n"; got != want || strings.Count(log.String(), "boo") != 1 {
		t.Errorf("body = %q, want %q; log = %s", got, want, &log)
	}
}

func TestGlobalsAndErrors(t *testing.T) {
	load := func(global, lines string) (*pipeline.App, error) {
		return pipelinetest.Try(t, "[DEFAULT]\n"+global+"\n"+section(lines))
	}
	app, err := load("debug = true\nerror_message = x", "")
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	if !strings.Contains(rec.Body.String(), "<pre>") {
		t.Errorf("body = %q, want the global debug to count", rec.Body)
	}
	tests := []struct{ global, lines, want string }{
		{"debug =", "", "paste.ini:2:8: [DEFAULT] debug: String is not true/false: '', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"", "debug = maybe", "paste.ini:8:9: [filter:catch] debug: String is not true/false: 'maybe', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"", "debg = on", "paste.ini:8:8: [filter:catch] debg: unknown option, did you mean debug?"},
	}
	for _, tt := range tests {
		if _, err := load(tt.global, tt.lines); fmt.Sprint(err) != tt.want {
			t.Errorf("%q %q: %v\nwant %s", tt.global, tt.lines, err, tt.want)
		}
	}
}

func TestMailWarnings(t *testing.T) {
	const problem = "no mail is sent: have the log, or wheatpaste_filter_panics_total, watched"
	tests := []struct{ global, lines, want string }{
		{"", "smtp_server = x", ""},
		{"", "error_email = a@b", "paste.ini:8:15: [filter:catch] error_email: " + problem},
		{"admin_email = a@b", "", "paste.ini:2:15: [DEFAULT] admin_email: " + problem},
		{"admin_email =", "", ""},
	}
	for _, tt := range tests {
		app := pipelinetest.Load(t, "[DEFAULT]\n"+tt.global+"\n"+section(tt.lines))
		got := app.Warnings().Error()
		if at := strings.Index(got, "paste.ini"); at > 0 {
			got = got[at:] // without the folder
		}
		if got != tt.want {
			t.Errorf("%q %q: warnings = %q, want %q", tt.global, tt.lines, got, tt.want)
		}
	}
}

// TestOriginal compares the kind of page, whose words are our own.
func TestOriginal(t *testing.T) {
	raise := map[string]pastetest.Answer{"*": {Raise: "boo <m>"}}
	cases := []pastetest.Case{
		{Answers: raise},
		{Answers: raise, Options: map[string]string{"error_message": "<b>sorry</b>"}},
		{Answers: raise, Options: map[string]string{"debug": "true"}},
		{Answers: raise, Options: map[string]string{"debug": "true"}, Query: "_=1"},
		{Answers: raise, Global: map[string]string{"debug": "true", "xmlhttp_key": "k"}, Query: "_=1"},
		{},
	}
	for i := range cases {
		cases[i].Factory = "paste.exceptions.errormiddleware:make_error_middleware"
	}
	for i, original := range pastetest.Run(t, cases) {
		o := Options{Message: cases[i].Options["error_message"], XMLHTTPKey: "_"}
		o.Debug = cases[i].Options["debug"] != "" || cases[i].Global["debug"] != ""
		if key := cases[i].Global["xmlhttp_key"]; key != "" {
			o.XMLHTTPKey = key
		}
		f, err := New(paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{}), o)
		if err != nil {
			t.Fatal(err)
		}
		rec := cases[i].Serve(f, nil)
		if !strings.HasPrefix(original.Status, fmt.Sprint(rec.Code)) {
			t.Errorf("case %d: status %d, the original %s", i, rec.Code, original.Status)
		}
		for _, mark := range []string{"<h1>Server Error</h1>", "<b>sorry</b>", "boo &lt;m&gt;", "hello"} {
			if got, want := strings.Contains(rec.Body.String(), mark), strings.Contains(original.Body, mark); got != want {
				t.Errorf("case %d: %s in the page = %v, the original %v", i, mark, got, want)
			}
		}
	}
}
