package pipeline_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// loadCounting builds a file that counts where it is told to.
func loadCounting(t *testing.T, l *pipeline.Loader) *pipeline.App {
	t.Helper()
	l.Factories = factories(t)
	app, err := pipelinetest.TryWith(t, l, "[pipeline:main]\npipeline = pass ok\n"+filterSections)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func TestMetricsShowTheSumOfAllProcesses(t *testing.T) { // design.md 9
	board := scoreboard.New()
	var loaders [2]*pipeline.Loader // as two workers have them
	for slot := range loaders {
		r, err := board.Claim("main", slot, 1)
		if err != nil {
			t.Fatal(err)
		}
		loaders[slot] = &pipeline.Loader{Region: r}
		app := loadCounting(t, loaders[slot])
		get(app)
	}
	board.Release(loaders[1].Region)
	for _, l := range loaders {
		l.Metrics = l.Gatherer().(*prometheus.Registry)
		if got, want := series(t, l, "wheatpaste_http_requests_total"), `wheatpaste_http_requests_total{app="main",code="200",method="GET"} 2`; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		for _, want := range []string{`_seconds_count{filter="pass",pipeline="main"} 2`, `_seconds_bucket{filter="pass",pipeline="main",le="5"} 2`} {
			if got := series(t, l, "wheatpaste_filter_duration_seconds"); !strings.Contains(got, want) {
				t.Errorf("%s is not in\n%s", want, got)
			}
		}
	}
}

func TestTwoLoadersWithOneRegistryKeepTheSameSeries(t *testing.T) {
	reg := prometheus.NewRegistry()
	one, two := &pipeline.Loader{Metrics: reg}, &pipeline.Loader{Metrics: reg}
	get(loadCounting(t, one))
	get(loadCounting(t, two))
	if one.Region != two.Region {
		t.Error("each has a board of its own")
	}
	if got, want := series(t, one, "wheatpaste_http_requests_total"), `wheatpaste_http_requests_total{app="main",code="200",method="GET"} 2`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMetricsOfALoadedAppAreWellNamed(t *testing.T) { // design.md 9
	l := &pipeline.Loader{}
	loadCounting(t, l)
	problems, err := testutil.GatherAndLint(l.Gatherer())
	if len(problems) > 0 || err != nil {
		t.Errorf("%v %v", problems, err)
	}
	families, err := l.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	want := `wheatpaste_filter_duration_seconds wheatpaste_filter_panics_total wheatpaste_http_request_duration_seconds wheatpaste_http_requests_in_flight wheatpaste_http_requests_total wheatpaste_http_response_bytes_total`
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func BenchmarkServe(b *testing.B) { // with all that is counted
	app, err := pipelinetest.TryWith(b, &pipeline.Loader{Factories: factories(b)}, "[pipeline:main]\npipeline = pass ok\n"+filterSections)
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		app.ServeHTTP(httptest.NewRecorder(), r)
	}
}
