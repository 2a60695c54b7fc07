package requestid

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const global = "req-01234567-89ab-cdef-0123-456789abcdef"

var ours = regexp.MustCompile(`^req-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// serve runs the filter, times over, and gives the answer and its Environ.
func serve(t *testing.T, times int, r *http.Request, app http.HandlerFunc) (*httptest.ResponseRecorder, *pipeline.Environ) {
	t.Helper()
	filter, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Handler(app)
	for range times {
		h = filter(h)
	}
	rec := httptest.NewRecorder()
	env, w, r := pipeline.Begin(rec, r)
	h.ServeHTTP(w, r)
	return rec, env
}

func TestIDIsInTheEnvironAndTheAnswer(t *testing.T) {
	var inside string
	rec, env := serve(t, 1, httptest.NewRequest(http.MethodGet, "/", nil), func(_ http.ResponseWriter, r *http.Request) {
		inside = pipeline.FromRequest(r).RequestID()
	})
	got := rec.Header().Get(Header)
	if !ours.MatchString(got) || inside != got || env.RequestID() != got {
		t.Errorf("header %q, inside %q, environ %q, want one id three times", got, inside, env.RequestID())
	}
}

func TestTheApplicationsOwnHeaderStays(t *testing.T) {
	rec, _ := serve(t, 1, httptest.NewRequest(http.MethodGet, "/", nil), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(Header, "mine")
		io.WriteString(w, "x")
	})
	if got := rec.Header().Values(Header); len(got) != 1 || got[0] != "mine" {
		t.Errorf("header %q, want mine alone", got)
	}
}

func TestTheInnermostIDIsSent(t *testing.T) {
	var inside string
	rec, _ := serve(t, 2, httptest.NewRequest(http.MethodGet, "/", nil), func(_ http.ResponseWriter, r *http.Request) {
		inside = pipeline.FromRequest(r).RequestID()
	})
	if got := rec.Header().Values(Header); len(got) != 1 || got[0] != inside {
		t.Errorf("header %q, want %q alone", got, inside)
	}
}

func TestGlobalRequestID(t *testing.T) {
	tests := []struct {
		name string
		sent []string
		want string
	}{
		{"none", nil, ""},
		{"well-formed", []string{global}, global},
		{"two", []string{global, global}, ""},
		{"capitals", []string{strings.ToUpper(global)}, ""},
		{"longer", []string{global + "0"}, ""},
		{"no prefix", []string{global[4:]}, ""},
		{"empty", []string{""}, ""},
		{"line break", []string{global + "\n"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if tt.sent != nil {
				r.Header[Header] = tt.sent
			}
			rec, env := serve(t, 1, r, func(http.ResponseWriter, *http.Request) {})
			if got := env.GlobalRequestID(); got != tt.want {
				t.Errorf("GlobalRequestID() = %q, want %q", got, tt.want)
			}
			if got := rec.Header().Get(Header); got == global || !ours.MatchString(got) {
				t.Errorf("header %q, want an id of our own", got)
			}
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	filter, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), Options{})
	if err != nil {
		b.Fatal(err)
	}
	h := filter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	rec := httptest.NewRecorder()
	_, w, r := pipeline.Begin(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	b.ReportAllocs()
	for b.Loop() {
		clear(rec.Header())
		h.ServeHTTP(w, r)
	}
}

func BenchmarkNewID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = newID()
	}
}
