package metrics

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/paste"
)

func load(t *testing.T, g prometheus.Gatherer, log io.Writer, o Options) http.Handler {
	t.Helper()
	b := paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{
		Gatherer: g, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	h, err := New(b, o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, method string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "/metrics", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func registry(t *testing.T) *prometheus.Registry {
	t.Helper()
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "loaves_total", Help: "Loaves."})
	c.Add(3)
	reg.MustRegister(c)
	return reg
}

const text = "# HELP loaves_total Loaves.\n# TYPE loaves_total counter\nloaves_total 3\n"

func TestTextFormatIsTheDefault(t *testing.T) {
	resp := get(load(t, registry(t), io.Discard, Options{}), "GET")
	body, _ := io.ReadAll(resp.Body)
	if string(body) != text || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("got %q %q, want %q", resp.Header.Get("Content-Type"), body, text)
	}
}

func TestOpenMetricsForThoseWhoAsk(t *testing.T) {
	resp := get(load(t, registry(t), io.Discard, Options{}), "GET", "Accept", "application/openmetrics-text; version=1.0.0")
	body, _ := io.ReadAll(resp.Body)
	want := "# HELP loaves Loaves.\n# TYPE loaves counter\nloaves_total 3.0\n# EOF\n"
	if string(body) != want || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/openmetrics-text; version=1.0.0") {
		t.Errorf("got %q %q, want %q", resp.Header.Get("Content-Type"), body, want)
	}
}

func TestCompressionIsNegotiatedAndCanBeSwitchedOff(t *testing.T) {
	resp := get(load(t, registry(t), io.Discard, Options{Compression: true}), "GET", "Accept-Encoding", "gzip")
	if got := resp.Header.Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("Content-Encoding = %q, want gzip", got)
	}
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(z); string(body) != text {
		t.Errorf("body %q, want %q", body, text)
	}
	resp = get(load(t, registry(t), io.Discard, Options{}), "GET", "Accept-Encoding", "gzip")
	if got := resp.Header.Get("Content-Encoding"); got != "" {
		t.Errorf("Content-Encoding = %q without compression", got)
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	h := load(t, registry(t), io.Discard, Options{})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		resp := get(h, method)
		if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d Allow %q, want 405 GET, HEAD", method, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
	if resp := get(h, "HEAD"); resp.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %d, want 200", resp.StatusCode)
	}
}

type broken struct{}

func (broken) Describe(ch chan<- *prometheus.Desc) {
	ch <- prometheus.NewDesc("broken", "Broken.", nil, nil)
}

func (broken) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(prometheus.NewDesc("broken", "Broken.", nil, nil), errors.New("out of flour"))
}

func TestABrokenCollectorIsLoggedAndHidesNothing(t *testing.T) {
	reg := registry(t)
	reg.MustRegister(broken{})
	var log bytes.Buffer
	resp := get(load(t, reg, &log, Options{}), "GET")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK || string(body) != text {
		t.Errorf("got %d %q, want 200 %q", resp.StatusCode, body, text)
	}
	if !strings.Contains(log.String(), "out of flour") || !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("log %q does not name the error", log.String())
	}
}

func TestTimeoutAnswers503(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "slow", Help: "Slow."}, func() float64 {
		<-release
		return 0
	}))
	resp := get(load(t, reg, io.Discard, Options{Timeout: time.Millisecond}), "GET")
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", resp.StatusCode)
	}
}

func TestWithoutAGathererTheFactoryFails(t *testing.T) {
	b := paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{})
	_, err := New(b, Options{})
	want := "nothing gathers metrics here, want a Gatherer in the loader's options"
	if err == nil || err.Error() != want {
		t.Errorf("New = %v, want %s", err, want)
	}
}
