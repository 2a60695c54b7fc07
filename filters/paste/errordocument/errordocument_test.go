package errordocument

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/paste/pastetest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func with(t *testing.T, pages map[string]string, log io.Writer) alice.Constructor {
	t.Helper()
	b := paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{Logger: slog.New(slog.NewTextHandler(log, nil))})
	f, err := New(b, Options{Pages: paste.NewConf(pages)})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// texts is an app of small answers by path: "STATUS Name=value ... body".
func texts(answers map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		words := strings.Fields(answers[r.URL.Path])
		for _, h := range words[1 : len(words)-1] {
			name, value, _ := strings.Cut(h, "=")
			w.Header().Add(name, value)
		}
		code := 0
		_, _ = fmt.Sscan(words[0], &code)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, words[len(words)-1])
	}
}

func serve(f alice.Constructor, r *http.Request, app http.HandlerFunc) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	_, w, r := pipeline.Begin(rec, r)
	w.Header().Set("X-Outer", "1")
	f(app).ServeHTTP(w, r)
	return rec
}

// show writes an answer on one line.
func show(rec *httptest.ResponseRecorder) string {
	resp := rec.Result()
	var h []string
	for name, values := range resp.Header {
		h = append(h, name+"="+strings.Join(values, ","))
	}
	slices.Sort(h)
	return fmt.Sprintf("%d %s %q", resp.StatusCode, strings.Join(h, " "), rec.Body)
}

func TestEP24Pages(t *testing.T) {
	pages := map[string]string{"404": "/e404", "500": "/e500?why=x", "410": "/circle", "503": "/e503", "401": "/gone", "402": ""}
	app := texts(map[string]string{
		"/ok":     "200 Content-Type=text/plain fine",
		"/teapot": "418 Content-Type=text/plain short",
		"/402":    "402 Content-Type=text/plain pay",
		"/404":    `404 Content-Type=text/plain Content-Length=4 Content-Encoding=br Etag="a" X-A=1 X-A=2 X-B=1 Set-Cookie=a gone`,
		"/e404":   "200 Content-Type=text/html Content-Length=4 X-B=2 Set-Cookie=b page",
		"/503":    "503 Retry-After=5 X-A=1 down",
		"/e503":   "404 X-A=2 X-B=2 oops",
		"/410":    "410 gone",
		"/circle": "410 X-A=1 gone",
		"/e404x":  "200 never",
		"/401":    "401 Www-Authenticate=Basic no",
		"/gone":   "301 Location=/y moved",
	})
	tests := []struct{ name, path, want string }{
		{"other statuses pass", "/ok", `200 Content-Type=text/plain X-Outer=1 "fine"`},
		{"errors without a page too", "/teapot", `418 Content-Type=text/plain X-Outer=1 "short"`},
		{"an empty page is none", "/402", `402 Content-Type=text/plain X-Outer=1 "pay"`},
		{"status of the answer, headers of both, cookies added", "/404", `404 Content-Length=4 Content-Type=text/html Set-Cookie=a,b X-A=1,2 X-B=2 X-Outer=1 "page"`},
		{"a page that fails has a page", "/503", `503 Content-Length=4 Content-Type=text/html Retry-After=5 Set-Cookie=b X-A=2 X-B=2 X-Outer=1 "page"`},
		{"a redirect as a page keeps the status", "/401", `401 Location=/y Www-Authenticate=Basic X-Outer=1 "moved"`},
		{"a circle ends", "/410", `410 Content-Type=text/plain; charset=utf-8 X-A=1 X-Outer=1 "410 Gone\nThere is no page for this error: the pages lead in a circle.\n"`},
		{"a page that is asked for itself", "/circle", `410 Content-Type=text/plain; charset=utf-8 X-A=1 X-Outer=1 "410 Gone\nThere is no page for this error: the pages lead in a circle.\n"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := show(serve(with(t, pages, io.Discard), httptest.NewRequest(http.MethodGet, tt.path, nil), app)); got != tt.want {
				t.Errorf("answer = %s\nwant     %s", got, tt.want)
			}
		})
	}
}

func TestCircleIsLogged(t *testing.T) {
	var log bytes.Buffer
	app := texts(map[string]string{"/a": "404 x", "/b": "500 x", "/c": "404 x"})
	serve(with(t, map[string]string{"404": "/b", "500": "/c"}, &log), httptest.NewRequest(http.MethodGet, "/a", nil), app)
	want := `level=ERROR msg="the pages for errors lead in a circle" visited="[/a /b /c]" again=/b` + "\n"
	if got := log.String(); !strings.HasSuffix(got, want) {
		t.Errorf("log = %q, want ...%q", got, want)
	}
}

func TestRequestForAPage(t *testing.T) {
	var seen []string
	app := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		env := pipeline.FromRequest(r)
		seen = append(seen, fmt.Sprintf("%s %s|%s ?%s %q if=%q length=%d accept=%s",
			r.Method, env.ScriptName(), r.URL.Path, r.URL.RawQuery, body, r.Header.Get("If-None-Match"), r.ContentLength, r.Header.Get("Accept")))
		if r.URL.Path == "/no" {
			env.SetScriptName("/moved/by/a/composite")
			w.WriteHeader(http.StatusNotFound)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/no?q=1", strings.NewReader("form"))
	r.Header.Set("If-None-Match", "*")
	r.Header.Set("Accept", "text/html")
	rec := httptest.NewRecorder()
	env, w, r := pipeline.Begin(rec, r)
	env.SetScriptName("/s")
	with(t, map[string]string{"404": "/err?a=1?b"}, io.Discard)(http.HandlerFunc(app)).ServeHTTP(w, r)
	want := []string{
		`POST /s|/no ?q=1 "form" if="*" length=4 accept=text/html`,
		`POST /s|/err ?a=1?b "" if="" length=0 accept=text/html`,
	}
	if strings.Join(seen, "\n") != strings.Join(want, "\n") || rec.Code != http.StatusNotFound {
		t.Errorf("requests = %s\nwant       %s; status %d, want 404", strings.Join(seen, "\n"), strings.Join(want, "\n"), rec.Code)
	}
	if r.Header.Get("If-None-Match") != "*" || r.URL.Path != "/no" {
		t.Errorf("the first request has become %v %v", r.URL, r.Header)
	}
}

func TestAnswersThatTheServerMakes(t *testing.T) {
	silent := func(http.ResponseWriter, *http.Request) {}
	if got := show(serve(with(t, map[string]string{"404": "/e"}, io.Discard), httptest.NewRequest(http.MethodGet, "/", nil), silent)); got != `200 X-Outer=1 ""` {
		t.Errorf("answer = %s, want an empty 200", got)
	}
	app := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/e" {
			w.WriteHeader(http.StatusNotFound)
		}
	}
	if got := show(serve(with(t, map[string]string{"404": "/e"}, io.Discard), httptest.NewRequest(http.MethodGet, "/", nil), app)); got != `404 X-Outer=1 ""` {
		t.Errorf("answer = %s, want an empty 404", got)
	}
	if got := show(serve(with(t, map[string]string{"200": "/e"}, io.Discard), httptest.NewRequest(http.MethodGet, "/", nil), silent)); !strings.HasPrefix(got, "200 Content-Type=text/plain; charset=utf-8 X-Outer=1 \"200 OK\\nThere is no page") {
		t.Errorf("answer = %s, want the end of a circle", got)
	}
}

// TestStreamsAndUpgradesPass uses a real server: the recorder can do neither.
func TestStreamsAndUpgradesPass(t *testing.T) {
	next := make(chan struct{})
	h := with(t, map[string]string{"404": "/e"}, io.Discard)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		switch r.URL.Path {
		case "/stream":
			_, _ = io.WriteString(w, "one")
			_ = rc.Flush()
			<-next
		case "/flushed-404":
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "gone")
			_ = rc.Flush()
		case "/upgrade":
			conn, _, err := rc.Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			_ = conn.Close()
		default:
			_, _ = io.WriteString(w, "page")
		}
	}))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, w, r = pipeline.Begin(w, r)
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	get := func(path string) *http.Response {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	part := make([]byte, 3)
	if _, err := io.ReadFull(get("/stream").Body, part); err != nil || string(part) != "one" {
		t.Errorf("first part = %q, %v", part, err)
	}
	close(next)
	if resp := get("/upgrade"); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("upgrade = %d, want 101", resp.StatusCode)
	}
	resp := get("/flushed-404")
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusNotFound || string(body) != "page" {
		t.Errorf("flushed 404 = %d %q, want 404 page", resp.StatusCode, body)
	}
}

func init() {
	paste.RegisterApp("egg:errordocument-test#texts", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return texts(map[string]string{"/": "404 gone", "/e": "200 page"}), nil
	})
}

func section(lines string) string {
	return "[filter-app:main]\nnext = texts\n" + lines + "\n[app:texts]\nuse = egg:errordocument-test#texts\n"
}

func TestSection(t *testing.T) {
	for _, name := range []string{"use = egg:Paste#errordocument", "use = egg:wheatpaste#errordocument", "paste.filter_app_factory = paste.errordocument:make_errordocument"} {
		rec := httptest.NewRecorder()
		pipelinetest.Load(t, section(name+"\n404 = /e")).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
		if got := show(rec); got != `404  "page"` {
			t.Errorf("%s: answer = %s, want 404 page", name, got)
		}
	}
}

func TestSectionErrorsAndWarnings(t *testing.T) {
	_, err := pipelinetest.Try(t, section("use = egg:Paste#errordocument\n404x = /e"))
	want := "paste.ini:4:8: [filter-app:main] 404x: Bad status code: '404x', want STATUS = PATH such as 404 = /404.html"
	if fmt.Sprint(err) != want {
		t.Errorf("error = %v\nwant    %s", err, want)
	}
	tests := []struct{ option, want string }{
		{"404 = /e", ""},
		{"99 = /e", "99: no answer has this status"},
		{"404 =", "404: no page, the answer stays as it is"},
		{"404 = http://x/e", "404: the page is not below this application, want a path that begins with a slash"},
	}
	for _, tt := range tests {
		app := pipelinetest.Load(t, section("use = egg:Paste#errordocument\n"+tt.option))
		got := app.Warnings().Error()
		if _, after, ok := strings.Cut(got, "[filter-app:main] "); ok {
			got = after
		}
		if got != tt.want {
			t.Errorf("%s: warnings = %q, want %q", tt.option, got, tt.want)
		}
	}
}

// TestOriginal compares with the original where it is right: not in the text for
// circles, nor in a Content-Length that is about the first answer.
func TestOriginal(t *testing.T) {
	type answers = map[string]pastetest.Answer
	answer := func(status, body string, headers ...[2]string) pastetest.Answer {
		return pastetest.Answer{Status: status, Headers: headers, Chunks: []string{body}}
	}
	text := [2]string{"Content-Type", "text/plain"}
	cases := []pastetest.Case{
		{Options: map[string]string{"404": "/err?x=1"}, Method: "POST", Path: "/no", Query: "q=2", ScriptName: "/s", Answers: answers{
			"/no": answer("404 Not Found", "gone", text, [2]string{"Content-Length", "4"}, [2]string{"X-A", "1"}, [2]string{"Set-Cookie", "a=1"}),
			"*":   answer("200 OK", "hello", [2]string{"Content-Type", "text/html"}, [2]string{"Content-Length", "5"}, [2]string{"Set-Cookie", "b=2"}),
		}},
		{Options: map[string]string{"404": "/a", "500": "/b"}, Path: "/no", Answers: answers{
			"/no": answer("404 Not Found", "x", text), "/a": answer("500 X", "y", [2]string{"Y", "1"}, text), "/b": answer("503 Why", "z", [2]string{"Z", "1"}, text),
		}},
		{Options: map[string]string{"404": "/e"}, Path: "/no", Method: "HEAD", Answers: answers{"/no": answer("404 Not Found", "", text), "*": answer("301 X", "", [2]string{"Location", "/y"}, text)}},
		{Options: map[string]string{"404": ""}, Path: "/no", Answers: answers{"*": answer("404 Not Found", "gone", text)}},
		{Options: map[string]string{"404": "/e%20f"}, Path: "/no", Answers: answers{"/no": answer("404 Not Found", "gone", text), "*": answer("200 OK", "page", text)}},
		{Path: "/no", Answers: answers{"*": answer("404 Not Found", "gone", text)}},
	}
	for i := range cases {
		cases[i].Factory = "paste.errordocument:make_errordocument"
	}
	for i, original := range pastetest.Run(t, cases) {
		var seen []string
		rec := cases[i].Serve(with(t, cases[i].Options, io.Discard), func(r *http.Request) {
			seen = append(seen, fmt.Sprint(r.Method, pipeline.FromRequest(r).ScriptName(), r.URL.Path, r.URL.RawQuery))
		})
		var want []string
		for _, env := range original.Seen {
			want = append(want, fmt.Sprint(env["REQUEST_METHOD"], env["SCRIPT_NAME"], env["PATH_INFO"], env["QUERY_STRING"]))
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("case %d: requests %v, the original's %v", i, seen, want)
		}
		if !strings.HasPrefix(original.Status, fmt.Sprint(rec.Code)) || rec.Body.String() != original.Body {
			t.Errorf("case %d: %d %q, the original %s %q", i, rec.Code, rec.Body, original.Status, original.Body)
		}
		for name, values := range rec.Header() {
			if fmt.Sprint(values) != fmt.Sprint(original.Header(name)) {
				t.Errorf("case %d: %s = %v, the original %v", i, name, values, original.Header(name))
			}
		}
		if len(rec.Header()["Set-Cookie"]) != len(original.Header("Set-Cookie")) {
			t.Errorf("case %d: headers %v, the original %v", i, rec.Header(), original.Headers)
		}
	}
}
