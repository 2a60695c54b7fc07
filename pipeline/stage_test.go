package pipeline_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

type none struct{}

// factories registers the filters and apps that the tests of this package are
// made of.
func factories(t testing.TB) *paste.Registry {
	t.Helper()
	reg := &paste.Registry{}
	filter := func(name string, wrap alice.Constructor) {
		paste.RegisterFilter("egg:test#"+name, none{}, func(*paste.Build, none) (alice.Constructor, error) { return wrap, nil }, paste.In(reg))
	}
	filter("pass", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
	})
	filter("deny", func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	})
	filter("boom", func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom in a filter") })
	})
	filter("boomafter", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic("boom on the way back")
		})
	})
	filter("rescue", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if recover() != nil {
					pipeline.Answered(r)
					w.WriteHeader(http.StatusBadGateway)
				}
			}()
			next.ServeHTTP(w, r)
		})
	})
	filter("replace", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			pipeline.Answered(r)
			w.WriteHeader(http.StatusTeapot)
		})
	})
	filter("elsewhere", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			done := make(chan struct{})
			go func() { defer close(done); next.ServeHTTP(w, r) }()
			<-done
		})
	})
	app := func(name string, h http.HandlerFunc) {
		paste.RegisterApp("egg:test#"+name, none{}, func(*paste.Build, none) (http.Handler, error) { return h, nil }, paste.In(reg))
	}
	app("ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	app("boom", func(http.ResponseWriter, *http.Request) { panic(errors.New("boom in an app")) })
	app("halfway", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "half"); panic("too late") })
	app("abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	paste.RegisterComposite("egg:test#pick", struct {
		App string `paste:"app"`
	}{}, func(b *paste.Build, o struct {
		App string `paste:"app"`
	}) (http.Handler, error) {
		return b.App(o.App, b.GlobalConf())
	}, paste.In(reg))
	return reg
}

const filterSections = `
[filter:pass]
use = egg:test#pass
[filter:deny]
use = egg:test#deny
[filter:boom]
use = egg:test#boom
[filter:boomafter]
use = egg:test#boomafter
[filter:rescue]
use = egg:test#rescue
[filter:replace]
use = egg:test#replace
[filter:elsewhere]
use = egg:test#elsewhere
[app:ok]
use = egg:test#ok
[app:failing]
use = egg:test#boom
[app:halfway]
use = egg:test#halfway
[app:abort]
use = egg:test#abort
`

// load builds a file with the test's factories; the log goes to the buffer.
func load(t testing.TB, ini string) (*pipeline.App, *pipeline.Loader, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	l := &pipeline.Loader{Factories: factories(t), Metrics: prometheus.NewRegistry(), Logger: slog.New(slog.NewTextHandler(&log, nil))}
	app, err := pipelinetest.TryWith(t, l, ini+filterSections)
	if err != nil {
		t.Fatal(err)
	}
	return app, l, &log
}

// get asks an application; a panic that comes out is reported.
func get(h http.Handler) (rec *httptest.ResponseRecorder, panicked any) {
	rec = httptest.NewRecorder()
	defer func() { panicked = recover() }()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	return rec, nil
}

func TestStagesCountExactlyWhoAnswered(t *testing.T) {
	tests := []struct {
		name, ini string
		status    int
		want      string // of the two exact series, without help
	}{
		{"the app answers", "[pipeline:main]\npipeline = pass pass ok", 200, ""},
		{"a filter answers without calling the next", "[pipeline:main]\npipeline = pass deny ok", 403,
			`wheatpaste_filter_short_circuits_total{code="403",filter="deny",pipeline="main"} 1`},
		{"a repeated filter has a number", "[pipeline:main]\npipeline = pass pass deny deny ok", 403,
			`wheatpaste_filter_short_circuits_total{code="403",filter="deny",pipeline="main"} 1`},
		{"a filter of an inner pipeline", "[pipeline:main]\npipeline = pass inner\n[pipeline:inner]\npipeline = pass deny ok", 403,
			`wheatpaste_filter_short_circuits_total{code="403",filter="deny",pipeline="inner"} 1`},
		{"a filter that replaces the answer counts alone", "[pipeline:main]\npipeline = replace inner\n[pipeline:inner]\npipeline = deny ok", 418,
			`wheatpaste_filter_short_circuits_total{code="418",filter="replace",pipeline="main"} 1`},
		{"the outermost of several that replace it", "[pipeline:main]\npipeline = pass replace replace ok", 418,
			`wheatpaste_filter_short_circuits_total{code="418",filter="replace",pipeline="main"} 1`},
		{"on another goroutine", "[pipeline:main]\npipeline = elsewhere deny ok", 403,
			`wheatpaste_filter_short_circuits_total{code="403",filter="deny",pipeline="main"} 1`},
		{"filter-with is a pipeline of the wrapped section's name", "[app:main]\nuse = egg:test#ok\nfilter-with = deny", 403,
			`wheatpaste_filter_short_circuits_total{code="403",filter="deny",pipeline="main"} 1`},
		{"filter-app", "[filter-app:main]\nuse = deny\nnext = ok", 403,
			`wheatpaste_filter_short_circuits_total{code="403",filter="deny",pipeline="main"} 1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app, l, _ := load(t, tt.ini)
			if rec, panicked := get(app); rec.Code != tt.status || panicked != nil {
				t.Fatalf("status %d (panic %v), want %d", rec.Code, panicked, tt.status)
			}
			if got := series(t, l, "wheatpaste_filter_short_circuits_total"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// series gives the lines of one metric, those at 0 left out.
func series(t *testing.T, l *pipeline.Loader, name string) string {
	t.Helper()
	text, err := testutil.CollectAndFormat(gatherer{l.Metrics}, expfmt.TypeTextPlain, name)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasSuffix(line, " 0") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// gatherer makes a collector of a registry for testutil.
type gatherer struct{ reg *prometheus.Registry }

func (g gatherer) Describe(ch chan<- *prometheus.Desc) { g.reg.Describe(ch) }
func (g gatherer) Collect(ch chan<- prometheus.Metric) { g.reg.Collect(ch) }

func TestPanicsAreAnsweredLoggedAndCounted(t *testing.T) {
	tests := []struct {
		name, ini, panics, log string
		status                 int
		cut                    bool
	}{
		{"in a filter", "[pipeline:main]\npipeline = pass boom ok",
			`wheatpaste_filter_panics_total{filter="boom",pipeline="main"} 1`, "filter=boom", 500, false},
		{"in a filter on the way back", "[pipeline:main]\npipeline = pass boomafter pass ok",
			`wheatpaste_filter_panics_total{filter="boomafter",pipeline="main"} 1`, "filter=boomafter", 500, false},
		{"in an app", "[pipeline:main]\npipeline = pass failing", "", `panic="boom in an app"`, 500, false},
		{"in an inner pipeline", "[pipeline:main]\npipeline = pass inner\n[pipeline:inner]\npipeline = boom ok",
			`wheatpaste_filter_panics_total{filter="boom",pipeline="inner"} 1`, "pipeline=inner", 500, false},
		{"one that a filter catches is counted", "[pipeline:main]\npipeline = rescue boom ok",
			`wheatpaste_filter_panics_total{filter="boom",pipeline="main"} 1`, "", 502, false},
		{"after the answer began the connection is cut", "[pipeline:main]\npipeline = pass halfway", "", "too late", 200, true},
		{"http.ErrAbortHandler is passed on", "[pipeline:main]\npipeline = pass abort", "", "", 200, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app, l, log := load(t, tt.ini)
			rec, panicked := get(app)
			if tt.cut {
				if panicked != http.ErrAbortHandler { //nolint:errorlint // the very value
					t.Fatalf("panic %v, want http.ErrAbortHandler", panicked)
				}
			} else if rec.Code != tt.status || panicked != nil {
				t.Fatalf("status %d (panic %v), want %d", rec.Code, panicked, tt.status)
			}
			if got := series(t, l, "wheatpaste_filter_panics_total"); got != tt.panics {
				t.Errorf("got\n%s\nwant\n%s", got, tt.panics)
			}
			if !strings.Contains(log.String(), tt.log) || tt.log == "" && log.Len() > 0 {
				t.Errorf("log %q, want %q in it", log, tt.log)
			}
			if tt.status == 500 {
				id := rec.Header().Get("X-Openstack-Request-Id")
				if id == "" || !strings.Contains(rec.Body.String(), id) || !strings.Contains(log.String(), id) {
					t.Errorf("the id %q is to be in the answer %q and in the log", id, rec.Body)
				}
			}
		})
	}
}

func TestRequestsCountUnderTheAppThatTheLastCompositeChose(t *testing.T) {
	app, l, _ := load(t, "[composite:main]\nuse = egg:test#pick\napp = second\n[composite:second]\nuse = egg:test#pick\napp = piped\n[pipeline:piped]\npipeline = pass ok\n")
	for range 3 {
		get(app)
	}
	want := `wheatpaste_http_requests_total{app="piped",code="200",method="GET"} 3`
	if got := series(t, l, "wheatpaste_http_requests_total"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := series(t, l, "wheatpaste_http_requests_in_flight"); got != "" {
		t.Errorf("in flight after the end: %s", got)
	}
	if got, want := series(t, l, "wheatpaste_http_response_bytes_total"), `wheatpaste_http_response_bytes_total{app="piped"} 6`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSeriesOfALoadedAppExistFromTheStart(t *testing.T) {
	_, l, _ := load(t, "[app:main]\nuse = egg:test#ok\n")
	text, err := testutil.CollectAndFormat(gatherer{l.Metrics}, expfmt.TypeTextPlain, "wheatpaste_http_requests_total")
	if err != nil || !strings.Contains(string(text), `wheatpaste_http_requests_total{app="main",code="200",method="GET"} 0`) {
		t.Errorf("%s %v", text, err)
	}
}

func TestMethodsOfTheClientsOwnMakingAreOther(t *testing.T) {
	app, l, _ := load(t, "[app:main]\nuse = egg:test#ok\n")
	for _, method := range []string{"BREW", "PROPFIND", "COPY"} {
		app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/", nil))
	}
	want := `wheatpaste_http_requests_total{app="main",code="200",method="COPY"} 1
wheatpaste_http_requests_total{app="main",code="200",method="other"} 2`
	if got := series(t, l, "wheatpaste_http_requests_total"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFilterTimesAreKeptPerFilter(t *testing.T) {
	app, l, _ := load(t, "[pipeline:main]\npipeline = pass deny ok")
	for range 5 {
		get(app)
	}
	got := series(t, l, "wheatpaste_filter_duration_seconds")
	for _, want := range []string{`wheatpaste_filter_duration_seconds_count{filter="pass",pipeline="main"} 5`, `wheatpaste_filter_duration_seconds_count{filter="deny",pipeline="main"} 5`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
}

func TestAliceOrderIsTheOrderOfTheFile(t *testing.T) { // PIPE-01
	reg := &paste.Registry{}
	type tag struct {
		Tag string `paste:"tag"`
	}
	paste.RegisterFilter("egg:test#tag", tag{}, func(_ *paste.Build, o tag) (alice.Constructor, error) {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, o.Tag+">")
				next.ServeHTTP(w, r)
				_, _ = io.WriteString(w, "<"+o.Tag)
			})
		}, nil
	}, paste.In(reg))
	paste.RegisterApp("egg:test#app", none{}, func(*paste.Build, none) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "app") }), nil
	}, paste.In(reg))
	app, err := pipelinetest.TryWith(t, &pipeline.Loader{Factories: reg}, `
[pipeline:main]
pipeline = a b app
filter-with = outermost
[filter:outermost]
use = egg:test#tag
tag = o
[filter:a]
use = egg:test#tag
tag = a
[filter:b]
use = egg:test#tag
tag = b
filter-with = c
[filter:c]
use = egg:test#tag
tag = c
[app:app]
use = egg:test#app
`)
	if err != nil {
		t.Fatal(err)
	}
	rec, _ := get(app)
	if got, want := rec.Body.String(), "o>a>c>b>app<b<c<a<o"; got != want { // FWITH-02, FWITH-06 with BUG-01
		t.Errorf("got %s, want %s", got, want)
	}
}

// BenchmarkStages is eight filters that do nothing, with all that the pipeline
// counts, beside the same filters in a bare alice chain.
func BenchmarkStages(b *testing.B) {
	pass := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
	}
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	bare := alice.New(pass, pass, pass, pass, pass, pass, pass, pass).Then(ok)
	eight, _, _ := load(b, "[pipeline:main]\npipeline = pass pass pass pass pass pass pass pass ok\n")
	zero, _, _ := load(b, "[pipeline:main]\npipeline = ok\n")
	for _, bench := range []struct {
		name string
		h    http.Handler
	}{{"bare alice", bare}, {"app with 8 stages", eight}, {"app without stages", zero}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			w := httptest.NewRecorder()
			for range 2000 { // behind the requests that are all timed
				bench.h.ServeHTTP(w, r)
			}
			for b.Loop() {
				bench.h.ServeHTTP(w, r)
			}
		})
	}
}
