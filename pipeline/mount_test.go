package pipeline_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

func TestMount(t *testing.T) {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, pipeline.FromRequest(r).ScriptName()+" "+r.URL.Path)
	})
	for _, test := range []struct {
		prefix, path string
		status       int
		body         string
	}{
		{"/api", "/api/v2/x", 200, "/api /v2/x"},
		{"/api/", "/api/", 200, "/api /"},
		{"/api", "/api", 200, "/api "},
		{"", "/x", 200, " /x"},
		{"/api", "/apiary", 404, "404 page not found\n"},
		{"/api", "/", 404, "404 page not found\n"},
	} {
		t.Run(test.prefix+" "+test.path, func(t *testing.T) {
			w := httptest.NewRecorder()
			pipeline.Mount(test.prefix, show).ServeHTTP(w, httptest.NewRequest(http.MethodGet, test.path, nil))
			if w.Code != test.status || w.Body.String() != test.body {
				t.Errorf("answer %d %q, want %d %q", w.Code, w.Body, test.status, test.body)
			}
		})
	}
}
