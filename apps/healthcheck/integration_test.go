package healthcheck

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/original"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// TestAnswersEqualThoseOfOsloMiddleware compares status, headers and body with
// Debian's python3-oslo.middleware.
func TestAnswersEqualThoseOfOsloMiddleware(t *testing.T) {
	cases := compareCases(t)
	answers := original.Ask(t, "testdata/original.py", "oslo_middleware", cases)
	server := newOurs(t)
	for i, c := range cases {
		got, want := server.ask(t, c), answers[i]
		if got.Status != want.Status || got.Body != want.Body || !maps.Equal(got.Header, want.Header) {
			t.Errorf("%+v\n got %d %v %q\nwant %d %v %q", c, got.Status, got.Header, got.Body, want.Status, want.Header, want.Body)
		}
	}
}

func compareCases(t *testing.T) []original.Case {
	t.Helper()
	dead := filepath.Join(t.TempDir(), "dead")
	if err := os.WriteFile(dead, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	optionSets := []map[string]string{
		{},
		{"backends": "disable_by_file"},
		{"backends": "disable_by_file", "disable_by_file_path": dead},
		{"backends": "disable_by_file", "disable_by_file_path": dead + "x"},
		{"backends": "disable_by_file, disable_by_files_ports", "disable_by_file_path": dead + "x", "disable_by_file_paths": "8080:" + dead + ", 81:" + dead + "x"},
		{"backends": "disable_by_file,disable_by_file", "disable_by_file_path": dead},
	}
	var cases []original.Case
	add := func(c original.Case) {
		if c.Method == "" {
			c.Method = "GET"
		}
		if c.Port == "" {
			c.Port = "8080"
		}
		cases = append(cases, c)
	}
	for _, options := range optionSets {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
			add(original.Case{Options: options, Method: method, Path: "/"})
		}
		for _, accept := range accepts {
			add(original.Case{Options: options, Path: "/x", Headers: map[string]string{"Accept": accept}})
		}
		for _, port := range []string{"81", "82"} {
			add(original.Case{Options: options, Port: port})
		}
	}
	for _, path := range []string{"/healthcheck", "/healthcheck/", "/", "", "/api/healthcheck"} {
		for _, script := range []string{"", "/api"} {
			add(original.Case{Filter: true, Script: script, Path: path, Options: optionSets[2]})
			add(original.Case{Filter: true, Script: script, Path: path, Options: map[string]string{"path": "/api/healthcheck"}})
		}
	}
	for _, accept := range randomAccepts(400) {
		add(original.Case{Path: "/", Headers: map[string]string{"Accept": accept}})
	}
	return cases
}

var accepts = []string{
	"*/*", "text/*", "text/html", "application/json", "image/png", "TEXT/HTML", "garbage;;",
	"application/json;q=0.5,text/html;q=0.5", "application/json, text/plain;q=0.9", "text/plain;q=0",
	"text/*;q=0.1,application/json;q=0.05", "text/html;level=1", "text/html;level=1;q=0.4, application/json;q=0.3", "*/*;q=0",
	"text/html,", "text/html;q=1.1", "text/html;q=0.1234", "text/html;q=1.;a;b=c", "text/html ; q=0.5 , application/json",
	`text/html;a="q=0,";q=0.2, application/json;q=0.1`, "text/plain;q=0.1, text/plain;q=0.9, text/html;q=0.5", "text/html;q", "text/html;a",
}

// randomAccepts puts headers together from their parts, valid and not.
func randomAccepts(n int) []string {
	parts := []string{
		"text/html", "text/plain", "application/json", "text/*", "*/*", "application/*", "*", "text", "/", ",", ", ", " ,", ";", "; ",
		"q=1", "q=0", "q=0.5", "Q=0.25", "q=0.3", "q=2", "a=b", `a="x,y"`, `a="\""`, "a", "=", `"`, " ", ";q=0.7", ";q=0.2", ", text/html;q=0.9",
	}
	random := rand.New(rand.NewPCG(1, 2))
	list := make([]string, n)
	for i := range list {
		var b strings.Builder
		for range 1 + random.IntN(7) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		// HTTP trims the value. A comma at its beginning is legal since RFC 9110
		// (5.6.1.2), not yet for WebOb.
		list[i] = strings.TrimLeft(strings.Trim(b.String(), " "), ", ")
	}
	return list
}

// ours serves one case after the other over real connections.
type ours struct {
	*httptest.Server
	current atomic.Pointer[loaded]
}

type loaded struct {
	original.Case
	handler http.Handler
}

func newOurs(t *testing.T) *ours {
	t.Helper()
	o := &ours{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := o.current.Load()
		env, w, r := pipeline.Begin(w, r)
		env.SetServerPort(c.Port)
		c.handler.ServeHTTP(w, pipeline.Rebase(r, c.Script, strings.TrimPrefix(r.URL.Path, "/-")))
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *ours) ask(t *testing.T, c original.Case) original.Answer {
	t.Helper()
	o.current.Store(&loaded{c, loadCase(t, c)})
	r, err := http.NewRequestWithContext(t.Context(), c.Method, o.URL+"/-"+c.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	return answerOf(t, o.Client(), r)
}

func loadCase(t *testing.T, c original.Case) http.Handler {
	t.Helper()
	o := Options{
		Path:               defaultPath,
		DisableByFilePath:  c.Options["disable_by_file_path"],
		Backends:           commas(t, c.Options["backends"]),
		DisableByFilePaths: commas(t, c.Options["disable_by_file_paths"]),
	}
	if path, ok := c.Options["path"]; ok {
		o.Path = path
	}
	if !c.Filter {
		h, err := New(build(new([]string)), o)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	filter, err := NewFilter(build(new([]string)), o)
	if err != nil {
		t.Fatal(err)
	}
	return filter(inner)
}

func commas(t *testing.T, text string) paste.CommaList {
	t.Helper()
	var list paste.CommaList
	if err := list.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return list
}
