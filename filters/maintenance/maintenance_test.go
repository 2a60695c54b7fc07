package maintenance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
)

const use = "use = egg:wheatpaste#maintenance\n"

func show(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, r.Header["X-Maintenance-Bypass"])
}

func request(path, remote, token string) *http.Request {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = remote
	if token != "" {
		r.Header.Set("X-Maintenance-Bypass", token)
	}
	return r
}

func TestWhoIsServed(t *testing.T) {
	const lines = "on = true\nbypass = 10.0.0.0/8\nbypass_token = 0123456789abcdef\npaths = /healthcheck /a/b/"
	s := filtertest.Load(t, use+lines, show)
	twice := request("/", "192.0.2.1:1", "0123456789abcdef")
	twice.Header.Add("X-Maintenance-Bypass", "x")
	tests := []struct {
		name string
		r    *http.Request
		want int
	}{
		{"nobody", request("/", "192.0.2.1:1", ""), 503},
		{"address", request("/", "10.1.1.1:1", ""), 200},
		{"token", request("/", "192.0.2.1:1", "0123456789abcdef"), 200},
		{"wrong token", request("/", "192.0.2.1:1", "0123456789abcdeF"), 503},
		{"two tokens", twice, 503},
		{"path", request("/healthcheck", "192.0.2.1:1", ""), 200},
		{"below a path", request("/a/b/c", "192.0.2.1:1", ""), 200},
		{"beside a path", request("/healthcheckx", "192.0.2.1:1", ""), 503},
		{"through a path", request("/a/b/../../secret", "192.0.2.1:1", ""), 503},
		{"through a path, encoded", request("/a/b/%2e%2e/secret", "192.0.2.1:1", ""), 503},
	}
	for _, tt := range tests {
		rec := s.Do(tt.r)
		if rec.Code != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, rec.Code, tt.want)
		}
		if tt.want == 200 && rec.Body.String() != "[]" {
			t.Errorf("%s: the application sees the token", tt.name)
		}
	}
	if got := s.Metric(t, "wheatpaste_maintenance_refused_total"); got != 6 {
		t.Errorf("%v counted, want 6", got)
	}
	if strings.Contains(s.Log(), "0123456789") {
		t.Error("the token is in the log")
	}
}

func TestAnEmptyTokenOpensNothing(t *testing.T) {
	s := filtertest.Load(t, use+"on = true", show)
	r := request("/", "192.0.2.1:1", "")
	r.Header["X-Maintenance-Bypass"] = []string{""}
	if got := s.Do(r).Code; got != 503 {
		t.Errorf("%d, want 503", got)
	}
}

func TestFileIsFoundAndMissed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "down")
	now := time.Now()
	f := &filter{Options: Options{File: path, Every: time.Second}, now: func() time.Time { return now }, refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "x_total", Help: "x"})}
	h := f.wrap(http.HandlerFunc(show))
	ask := func() int {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, request("/", "192.0.2.1:1", ""))
		return rec.Code
	}
	var got []int
	got = append(got, ask())
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got = append(got, ask()) // not looked for yet
	now = now.Add(time.Second)
	got = append(got, ask())
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	got = append(got, ask())
	if fmt.Sprint(got) != "[200 200 503 200]" {
		t.Errorf("answers %v, want [200 200 503 200]", got)
	}
}

func TestAnswers(t *testing.T) {
	tests := []struct{ lines, method, want string }{
		{"", "GET", "[300] [no-store] text/plain; charset=UTF-8 503 Service Unavailable\n\nThe service is being worked on. Try again later.\n\n   "},
		{"retry_after = 0\nbody = <h1>Noon</h1>", "GET", "[] [no-store] text/html; charset=utf-8 <h1>Noon</h1>"},
		{"retry_after = 1500ms\nbody = {}\ncontent_type = application/json", "GET", "[2] [no-store] application/json {}"},
		{"body = x", "HEAD", "[300] [no-store] text/html; charset=utf-8 "},
	}
	for _, tt := range tests {
		r := request("/", "192.0.2.1:1", "")
		r.Method = tt.method
		rec := filtertest.Load(t, use+"on = true\n"+tt.lines, show).Do(r)
		h := rec.Header()
		if got := fmt.Sprint(h["Retry-After"], h["Cache-Control"]) + " " + h.Get("Content-Type") + " " + rec.Body.String(); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.method, tt.lines, got, tt.want)
		}
	}
}

func TestOptions(t *testing.T) {
	for lines, want := range map[string]string{
		"":                               ": neither on nor file is given, so that it does nothing",
		"on = true\nbypass_token = abc":  "bypass_token: is shorter than 16 characters, and may be guessed",
		"on = true\nbypass_header = a b": `paste.ini:4:17: [filter:f] bypass_header: invalid header name "a b", want letters, digits and dashes`,
		"on = true\ncontent_type = ;":    `paste.ini:4:16: [filter:f] content_type: invalid media type ";", want one such as text/html; charset=utf-8`,
		"on = true\npaths = health":      `paste.ini:4:9: [filter:f] paths: invalid path "health", want one that begins with a slash`,
		"on = true":                      "",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#maintenance")
}

func BenchmarkMaintenance(b *testing.B) {
	wrap, err := New(filtertest.Build(), Options{File: filepath.Join(b.TempDir(), "x"), Every: time.Second, Header: "X-M", Token: "0123456789abcdef", ContentType: "text/plain"})
	if err != nil {
		b.Fatal(err)
	}
	filtertest.Bench(b, wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), request("/", "192.0.2.1:1", ""))
}
