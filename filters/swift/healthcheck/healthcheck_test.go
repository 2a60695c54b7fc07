package healthcheck

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

type request struct {
	Options map[string]string `json:"options"`
	Method  string            `json:"method"`
	Script  string            `json:"script"`
	Path    string            `json:"path"`
}

type reply struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   string            `json:"body"`
}

func ask(t *testing.T, q request) reply {
	t.Helper()
	filter, err := New(nil, Options{DisablePath: q.Options["disable_path"]})
	if err != nil {
		t.Fatal(err)
	}
	h := filter(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "inner")
	}))
	rec := httptest.NewRecorder()
	_, w, r := pipeline.Begin(rec, httptest.NewRequest(q.Method, "/", nil))
	h.ServeHTTP(w, pipeline.Rebase(r, q.Script, q.Path))
	got := reply{Status: rec.Code, Header: map[string]string{}, Body: rec.Body.String()}
	for name := range rec.Header() {
		got.Header[name] = rec.Header().Get(name)
	}
	return got
}

// TestDrainingServerIsUnhealthy is PAIN-27.
func TestDrainingServerIsUnhealthy(t *testing.T) {
	filter, err := New(nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := filter(http.NotFoundHandler())
	ctx, ending := pipeline.WithEnding(t.Context())
	ask := func(method string) (int, string) {
		rec := httptest.NewRecorder()
		_, w, r := pipeline.Begin(rec, httptest.NewRequestWithContext(ctx, method, path, nil))
		h.ServeHTTP(w, r)
		return rec.Code, rec.Body.String()
	}
	if code, body := ask("GET"); code != http.StatusOK || body != "OK" {
		t.Errorf("before the stop: %d %q, want 200 OK", code, body)
	}
	ending.Drain()
	if code, body := ask("GET"); code != http.StatusServiceUnavailable || body != "DRAINING" {
		t.Errorf("GET in the stop: %d %q, want 503 DRAINING", code, body)
	}
	if code, body := ask("HEAD"); code != http.StatusServiceUnavailable || body != "" {
		t.Errorf("HEAD in the stop: %d %q, want 503 and no body", code, body)
	}
}

func flag(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "off")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnswers(t *testing.T) {
	off := flag(t)
	text := func(length string) map[string]string {
		return map[string]string{"Content-Type": "text/plain", "Content-Length": length}
	}
	okay, disabled := reply{200, text("2"), "OK"}, reply{503, text("16"), "DISABLED BY FILE"}
	passed := reply{200, text("5"), "inner"}
	there, missing := map[string]string{"disable_path": off}, map[string]string{"disable_path": off + "x"}
	tests := []struct {
		name string
		in   request
		want reply
	}{
		{"no option", request{nil, "GET", "", "/healthcheck"}, okay},
		{"file missing", request{missing, "GET", "", "/healthcheck"}, okay},
		{"file there", request{there, "GET", "", "/healthcheck"}, disabled},
		{"HEAD", request{nil, "HEAD", "", "/healthcheck"}, reply{200, text("2"), ""}},
		{"HEAD, file there", request{there, "HEAD", "", "/healthcheck"}, reply{503, text("16"), ""}},
		{"POST", request{nil, "POST", "", "/healthcheck"}, okay},
		{"another path", request{nil, "GET", "", "/v1"}, passed},
		{"trailing slash", request{nil, "GET", "", "/healthcheck/"}, passed},
		{"below a mount", request{nil, "GET", "/s", "/healthcheck"}, passed},
		{"mounted there", request{there, "GET", "/healthcheck", ""}, disabled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, tt.in); got.Status != tt.want.Status || got.Body != tt.want.Body || !maps.Equal(got.Header, tt.want.Header) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestAnswersEqualThoseOfSwift compares with Debian's python3-swift.
func TestAnswersEqualThoseOfSwift(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.CommandContext(t.Context(), python, "-W", "ignore", "-c", "import swift.common.middleware.healthcheck").Run(); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatalf("%s cannot import swift: %v", python, err)
		}
		t.Skipf("%s cannot import swift", python)
	}
	requests := cases(flag(t))
	input, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-W", "ignore", "testdata/original.py")
	cmd.Stdin = bytes.NewReader(input)
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var replies []reply
	if err := json.Unmarshal(output, &replies); err != nil || len(replies) != len(requests) {
		t.Fatalf("%d replies to %d requests: %v", len(replies), len(requests), err)
	}
	for i, q := range requests {
		got, want := ask(t, q), replies[i]
		if got.Status != want.Status || got.Body != want.Body || !maps.Equal(got.Header, want.Header) {
			t.Errorf("%+v\n got %+v\nwant %+v", q, got, want)
		}
	}
}

func cases(off string) []request {
	var list []request
	for _, options := range []map[string]string{{}, {"disable_path": off}, {"disable_path": off + "x"}} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
			list = append(list, request{options, method, "", "/healthcheck"})
		}
		for _, path := range []string{"/healthcheck", "/healthcheck/", "/", "", "check", "//healthcheck"} {
			for _, script := range []string{"", "/s", "/health", "/healthcheck"} {
				list = append(list, request{options, "GET", script, path})
			}
		}
	}
	return list
}

func TestFactoryIsRegisteredUnderItsNames(t *testing.T) {
	for _, name := range []string{"egg:swift#healthcheck", "egg:wheatpaste#swift_healthcheck", "swift.common.middleware.healthcheck:filter_factory"} {
		if _, ok := paste.DefaultRegistry.Lookup(paste.Filter, name); !ok {
			t.Errorf("no filter %s", name)
		}
	}
}
