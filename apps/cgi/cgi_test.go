package cgi

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// script writes a CGI program of the shell.
func script(t *testing.T, text string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the shell's scripts are not run by Windows")
	}
	name := filepath.Join(t.TempDir(), "x.cgi")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

func run(t *testing.T, options string, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	app := pipelinetest.Load(t, "[app:main]\nuse = egg:Paste#cgi\n"+options)
	rec := httptest.NewRecorder()
	_, w, r := pipeline.Begin(rec, r)
	app.ServeHTTP(w, r)
	return rec
}

func TestAScriptAnswers(t *testing.T) {
	name := script(t, `printf 'Status: 201 Made\nContent-Type: text/x\nX-Own: 1\n\n'
echo "$REQUEST_METHOD $SCRIPT_NAME|$PATH_INFO|$QUERY_STRING|$CONTENT_LENGTH|$HTTP_X_ASKED|$SCRIPT_FILENAME"
cat`)
	r := httptest.NewRequest("POST", "/a/b?q=1", strings.NewReader("body"))
	r.Header.Set("X-Asked", "yes")
	w := run(t, "query_string = z=2\nscript = "+name, r)
	want := "POST |/a/b|q=1&z=2|4|yes|" + name + "\nbody"
	if w.Code != 201 || w.Header().Get("Content-Type") != "text/x" || w.Header().Get("X-Own") != "1" || w.Body.String() != want {
		t.Errorf("%d %v %q\nwant %q", w.Code, w.Header(), w.Body, want)
	}
}

func TestEnvironmentOfTheServer(t *testing.T) {
	t.Setenv("F_OWN", "shown")
	t.Setenv("NOTIFY_SOCKET", "hidden")
	name := script(t, `printf 'Content-Type: text/plain\n\n'; echo "$F_OWN|$NOTIFY_SOCKET|$HTTP_PROXY"`)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Proxy", "http://evil") // CVE-2016-5385
	if w := run(t, "script = "+name, r); w.Body.String() != "shown||\n" {
		t.Errorf("%q, want the environment without what is the server's own", w.Body)
	}
	if w := run(t, "include_os_environ = false\nscript = "+name, r); w.Body.String() != "||\n" {
		t.Errorf("%q, want no environment", w.Body)
	}
}

func TestTooManyScripts(t *testing.T) {
	a := &app{slots: make(chan struct{}, 1)}
	a.slots <- struct{}{}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %v, want 503", w.Code, w.Header())
	}
}

func TestOptionsInAFile(t *testing.T) {
	const app = "[app:main]\nuse = egg:Paste#cgi\n"
	missing := filepath.Join(t.TempDir(), "none")
	initest.Run(t, []initest.Case{
		{Name: "two queries", INI: app + "script = /bin/true?a\nquery_string = b", Error: "paste.ini:4:16: [app:main] query_string: script has a query already, want one of the two"},
		{Name: "no process", INI: app + "script = /bin/true\nmax_processes = 0", Error: "paste.ini:4:17: [app:main] max_processes: invalid number 0, want 1 or more"},
		{Name: "no script", INI: app, Error: "paste.ini:1:1: [app:main] script: missing, want script = text (the program; ?QUERY behind it is added to each query)"},
	})
	if _, err := find(missing, nil); err == nil {
		t.Error("a script that is not there is found")
	}
	dirs := missing
	if _, err := find("x.cgi", &dirs); err == nil || err.Error() != "script x.cgi is not found in path "+missing {
		t.Errorf("error %v", err)
	}
}
