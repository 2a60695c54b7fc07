package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// gatherer is that of the file that was loaded last.
var gatherer prometheus.Gatherer

func init() {
	paste.RegisterApp("egg:metrics-test#show", struct{}{}, func(b *paste.Build, _ struct{}) (http.Handler, error) {
		gatherer = b.Gatherer()
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil
	})
}

// filter puts an app into a filter that registers with reg.
func filter(t *testing.T, reg prometheus.Registerer, name string, app http.HandlerFunc) http.Handler {
	t.Helper()
	b := paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{Registerer: reg})
	f, err := New(b, Options{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return f(app)
}

// scrape gives the values of counters, gauges and the counts of histograms that
// are not 0, one a line.
func scrape(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if value != 0 {
				lines = append(lines, fmt.Sprintf("%s{%s} %v", strings.TrimPrefix(f.GetName(), "wheatpaste_metrics_"), strings.Join(labels, ","), value))
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func get(h http.Handler, method string) {
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/", nil))
}

func TestCodes(t *testing.T) {
	gone, leave := context.WithCancel(context.Background())
	leave()
	late, stop := context.WithTimeout(context.Background(), 0)
	defer stop()
	<-late.Done()
	ctx := context.Background()
	tests := []struct {
		name string
		ctx  context.Context
		app  http.HandlerFunc
		want string
	}{
		{"status", ctx, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "404"},
		{"the first status", ctx, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusInternalServerError)
		}, "201"},
		{"a body alone", ctx, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") }, "200"},
		{"nothing at all", ctx, func(http.ResponseWriter, *http.Request) {}, "200"},
		{"a flush alone", ctx, func(w http.ResponseWriter, _ *http.Request) { _ = http.NewResponseController(w).Flush() }, "200"},
		{"early hints do not count", ctx, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusAccepted)
		}, "202"},
		{"a code beyond the kept ones", ctx, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(799) }, "799"},
		{"the client left, no answer", gone, func(http.ResponseWriter, *http.Request) {}, "499"},
		{"the client left, then an answer", gone, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "499"},
		{"a deadline passed", late, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) }, "504"},
		{"a panic", ctx, func(http.ResponseWriter, *http.Request) { panic("boom") }, "500"},
		{"a panic after the client left", gone, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "499"},
		{"a panic in the answer", ctx, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusPartialContent)
			panic(http.ErrAbortHandler)
		}, "206"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			h := filter(t, reg, "n", tt.app)
			func() {
				defer func() { _ = recover() }()
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(tt.ctx, http.MethodPut, "/", nil))
			}()
			want := "requests_total{code=" + tt.want + ",method=PUT,name=n} 1"
			if got := scrape(t, reg); !strings.Contains(got, want) || strings.Count(got, "requests_total") != 1 {
				t.Errorf("series = %s, want %s alone", got, want)
			}
		})
	}
}

func TestPanicsPass(t *testing.T) {
	defer func() {
		if p, _ := recover().(error); !errors.Is(p, http.ErrAbortHandler) {
			t.Errorf("panic = %v, want http.ErrAbortHandler", p)
		}
	}()
	get(filter(t, nil, "n", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "GET")
}

func TestMethods(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := filter(t, reg, "n", func(http.ResponseWriter, *http.Request) {})
	for _, m := range append(methods[:len(methods)-1:len(methods)-1], "PROPFIND", "get") {
		get(h, m)
	}
	var got []string
	for line := range strings.SplitSeq(scrape(t, reg), "\n") {
		if rest, ok := strings.CutPrefix(line, "requests_total{code=200,method="); ok {
			got = append(got, rest)
		}
	}
	want := "[CONNECT,name=n} 1 COPY,name=n} 1 DELETE,name=n} 1 GET,name=n} 1 HEAD,name=n} 1 OPTIONS,name=n} 1 PATCH,name=n} 1 POST,name=n} 1 PUT,name=n} 1 TRACE,name=n} 1 other,name=n} 2]"
	if fmt.Sprint(got) != want {
		t.Errorf("methods = %v, want %s", got, want)
	}
}

func TestAllSeries(t *testing.T) {
	reg := prometheus.NewRegistry()
	var during string
	h := filter(t, reg, "n", func(w http.ResponseWriter, _ *http.Request) {
		during = scrape(t, reg)
		_, _ = io.WriteString(w, "hel")
		_, _ = io.WriteString(w, "lo")
	})
	families, err := reg.Gather()
	if err != nil || len(families) != 4 {
		t.Errorf("families before the first request = %v, %v; want all four at 0", families, err)
	}
	get(h, "GET")
	if want := "requests_in_flight{name=n} 1"; during != want {
		t.Errorf("series during the request = %s, want %s", during, want)
	}
	want := "request_duration_seconds{name=n} 1\nrequests_total{code=200,method=GET,name=n} 1\nresponse_bytes_total{name=n} 5"
	if got := scrape(t, reg); got != want {
		t.Errorf("series = %s, want %s", got, want)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

func TestDurationIsBothKindsOfHistogram(t *testing.T) {
	reg := prometheus.NewRegistry()
	get(filter(t, reg, "n", func(http.ResponseWriter, *http.Request) {}), "GET")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if h := f.Metric[0].GetHistogram(); h != nil && (len(h.Bucket) < len(buckets) || h.Schema == nil) {
			t.Errorf("%s has %d classic buckets and schema %v, want %d and a native histogram", f.GetName(), len(h.Bucket), h.Schema, len(buckets))
		}
	}
}

func TestOneNameIsOneSeries(t *testing.T) {
	reg := prometheus.NewRegistry()
	labelled := func(section string) prometheus.Registerer {
		return prometheus.WrapRegistererWith(prometheus.Labels{"section": section}, reg)
	}
	app := func(http.ResponseWriter, *http.Request) {}
	get(filter(t, labelled("a"), "n", app), "GET")
	get(filter(t, labelled("a"), "n", app), "GET")
	get(filter(t, labelled("b"), "n", app), "GET")
	want := "requests_total{code=200,method=GET,name=n,section=a} 2\nrequests_total{code=200,method=GET,name=n,section=b} 1"
	if got := scrape(t, reg); !strings.Contains(got, want) {
		t.Errorf("series = %s, want %s", got, want)
	}
}

func TestNameThatAnotherMetricHas(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "wheatpaste_metrics_requests_total", Help: "x"}))
	if _, err := newSeries(reg, "n"); err == nil {
		t.Error("another metric of the same name: no error")
	}
}

func TestUpgradeIsCountedAs101(t *testing.T) {
	reg := prometheus.NewRegistry()
	h, done := filter(t, reg, "n", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_ = conn.Close()
	}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	<-done
	if got := scrape(t, reg); !strings.Contains(got, "requests_total{code=101,method=GET,name=n} 1") {
		t.Errorf("series = %s, want one request with 101", got)
	}
}

func TestClientThatLeavesIsCountedAs499(t *testing.T) {
	reg, entered, done := prometheus.NewRegistry(), make(chan struct{}), make(chan struct{})
	h := filter(t, reg, "n", func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	ctx, leave := context.WithCancel(context.Background())
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
	go func() {
		<-entered
		leave()
	}()
	if _, err := http.DefaultClient.Do(r); err == nil {
		t.Fatal("an answer to a client that left")
	}
	<-done
	if got := scrape(t, reg); !strings.Contains(got, "requests_total{code=499,method=GET,name=n} 1") {
		t.Errorf("series = %s, want one request with 499", got)
	}
}

func TestSections(t *testing.T) {
	app := pipelinetest.Load(t, `
[pipeline:main]
pipeline = measure named measure app
[filter:measure]
use = egg:wheatpaste#metrics
[filter:named]
use = egg:wheatpaste#metrics
name = uploads
[app:app]
use = egg:metrics-test#show
`)
	get(app, "POST")
	var got []string
	for line := range strings.SplitSeq(scrape(t, gatherer), "\n") {
		if strings.HasPrefix(line, "requests_total") {
			got = append(got, line)
		}
	}
	want := "requests_total{code=200,method=POST,name=measure,section=filter:measure} 2\nrequests_total{code=200,method=POST,name=uploads,section=filter:named} 1"
	if strings.Join(got, "\n") != want {
		t.Errorf("series = %s, want %s", strings.Join(got, "\n"), want)
	}
}

func TestUnknownOption(t *testing.T) {
	_, err := pipelinetest.Try(t, `
[app:main]
use = egg:metrics-test#show
filter-with = measure
[filter:measure]
use = egg:wheatpaste#metrics
naem = x
`)
	want := "paste.ini:7:8: [filter:measure] naem: unknown option, did you mean name?"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func BenchmarkRequest(b *testing.B) {
	build := paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{Registerer: prometheus.NewRegistry()})
	f, err := New(build, Options{Name: "n"})
	if err != nil {
		b.Fatal(err)
	}
	h := f(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	w, r := nothing{}, httptest.NewRequest(http.MethodGet, "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

// nothing is a writer that costs nothing.
type nothing struct{}

func (nothing) Header() http.Header         { return nil }
func (nothing) Write(p []byte) (int, error) { return len(p), nil }
func (nothing) WriteHeader(int)             {}
