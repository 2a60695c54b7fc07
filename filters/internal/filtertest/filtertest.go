// Package filtertest loads one filter in front of a handler of a test, as an
// operator would by a section of a paste file.
package filtertest

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// apps are the handlers of running tests, by the number in their section.
var (
	apps   sync.Map
	number atomic.Int64
)

type appOptions struct {
	Number string `paste:"number"`
}

// register is called by the first test: a program that imports everything must
// not have this application.
var register = sync.OnceFunc(func() {
	paste.RegisterApp("egg:filtertest#app", appOptions{}, func(_ *paste.Build, o appOptions) (http.Handler, error) {
		app, _ := apps.Load(o.Number)
		return app.(http.Handler), nil
	})
})

// Site is an application behind one filter.
type Site struct {
	*pipeline.App
	metrics *prometheus.Registry
	log     *buffer
}

// Load builds the filter of these lines, the first of which is a use, in front
// of app.
func Load(tb testing.TB, lines string, app http.HandlerFunc) *Site {
	tb.Helper()
	s, err := Try(tb, lines, app)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Try is Load for lines that may be wrong.
func Try(tb testing.TB, lines string, app http.HandlerFunc) (*Site, error) {
	tb.Helper()
	register()
	key := strconv.FormatInt(number.Add(1), 10)
	apps.Store(key, http.Handler(app))
	tb.Cleanup(func() { apps.Delete(key) })
	s := &Site{metrics: prometheus.NewRegistry(), log: &buffer{}}
	loader := &pipeline.Loader{
		Logger:  slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics: s.metrics,
	}
	var err error
	s.App, err = pipelinetest.TryWith(tb, loader, "[filter:f]\n"+lines+
		"\n[pipeline:main]\npipeline = f app\n[app:app]\nuse = egg:filtertest#app\nnumber = "+key+"\n")
	return s, err
}

// Problem gives the error of lines that cannot be loaded, or the warnings of
// those that can.
func Problem(tb testing.TB, lines string) string {
	tb.Helper()
	s, err := Try(tb, lines, func(http.ResponseWriter, *http.Request) {})
	if err != nil {
		return err.Error()
	}
	var warnings []string
	for _, w := range s.Warnings() {
		warnings = append(warnings, w.Option+": "+w.Problem)
	}
	return strings.Join(warnings, "\n")
}

// Example loads the example that a filter was registered with; it must work as
// it stands.
func Example(tb testing.TB, name string) {
	tb.Helper()
	f, ok := paste.DefaultRegistry.Lookup(paste.Filter, name)
	if !ok {
		tb.Fatalf("no filter %s", name)
	}
	_, lines, _ := strings.Cut(strings.TrimSpace(f.Example), "\n")
	if got := Problem(tb, lines); got != "" {
		tb.Errorf("the example of %s: %s", name, got)
	}
}

// Do asks the site. A panic of the handler is passed on.
func (s *Site) Do(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	return rec
}

// Log is what was logged so far.
func (s *Site) Log() string { return s.log.String() }

// Metric gives the sum of the samples of one metric whose labels hold all of
// these pairs (name=value); -1 when there is none.
func (s *Site) Metric(tb testing.TB, name string, labels ...string) float64 {
	tb.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	sum := -1.0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && has(m, labels) {
				sum = max(sum, 0) + m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func has(m *dto.Metric, labels []string) bool {
	found := map[string]bool{}
	for _, pair := range m.GetLabel() {
		found[fmt.Sprintf("%s=%s", pair.GetName(), pair.GetValue())] = true
	}
	for _, label := range labels {
		if !found[label] {
			return false
		}
	}
	return true
}

// buffer takes log lines from several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Build is what a factory gets in tests that call it themselves.
func Build() *paste.Build {
	return paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{Logger: slog.New(slog.DiscardHandler)})
}

// Bench measures a handler alone, with one request again and again.
func Bench(b *testing.B, h http.Handler, r *http.Request) {
	b.Helper()
	w := &discard{header: http.Header{}}
	_, rw, begun := pipeline.Begin(w, r)
	kept := r.Header.Clone()
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		maps.Copy(begun.Header, kept)
		h.ServeHTTP(rw, begun)
	}
}

// discard is a writer that costs nothing.
type discard struct{ header http.Header }

func (w *discard) Header() http.Header         { return w.header }
func (w *discard) WriteHeader(int)             {}
func (w *discard) Write(p []byte) (int, error) { return len(p), nil }
