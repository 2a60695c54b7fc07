package oslo_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// Each answer is counted for the filter that gave it, also when it replaced
// that of the application.
func TestWhoAnswered(t *testing.T) {
	const small = "max_request_body_size = 10"
	tests := []struct {
		name, factory, options string
		request                request
		want                   string // filter and code
	}{
		{"preflight", "cors", "allowed_origin = *", ask("OPTIONS", "/", with("404")), "200"},
		{"application's own preflight", "cors", "allowed_origin = *", ask("OPTIONS", "/", with("204")), ""},
		{"panic", "catch_errors", "", get(spec{Fail: true}), "500"},
		{"error of the application", "catch_errors", "", get(with("500")), ""},
		{"length", "sizelimit", small, post(11, false, hi), "413"},
		{"count", "sizelimit", small, post(11, true, spec{Read: "all"}), "413"},
		{"request id", "request_id", "", get(hi), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loader := &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}
			app, err := pipelinetest.TryWith(t, loader, section("egg:wheatpaste#"+tt.factory, tt.options))
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(tt.request.Method, tt.request.Path, io.MultiReader(strings.NewReader(tt.request.Body)))
			for _, h := range tt.request.Headers {
				r.Header.Set(h[0], h[1])
			}
			r.ContentLength = int64(len(tt.request.Body))
			if tt.request.Chunked {
				r.ContentLength = -1
			}
			app.ServeHTTP(httptest.NewRecorder(), r)
			want := ""
			if tt.want != "" {
				want = "# HELP wheatpaste_filter_short_circuits_total Requests that a filter answered in place of the application.\n" +
					"# TYPE wheatpaste_filter_short_circuits_total counter\n" +
					`wheatpaste_filter_short_circuits_total{code="` + tt.want + `",filter="f",pipeline="main"} 1` + "\n"
			}
			if err := testutil.GatherAndCompare(loader.Gatherer(), strings.NewReader(want), "wheatpaste_filter_short_circuits_total"); err != nil {
				t.Error(err)
			}
		})
	}
}
