package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scraper reads /metrics, on a connection of its own each time.
type scraper struct {
	url    string
	client *http.Client
}

func (s *server) scraper() *scraper {
	transport := &http.Transport{DisableKeepAlives: true}
	return &scraper{"http://" + s.addr + "/metrics", &http.Client{Transport: transport, Timeout: 30 * time.Second}}
}

// series are the families of a scrape.
type series map[string]*dto.MetricFamily

func (s *scraper) scrape(ctx context.Context) (series, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: status %d", s.url, answer.StatusCode)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(answer.Body)
}

// sum adds the values of the series of a family that have these labels, in
// pairs of name and value.
func (s series) sum(family string, labels ...string) float64 {
	total := 0.0
	for _, metric := range s[family].GetMetric() {
		if matches(metric, labels) {
			total += metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + metric.GetUntyped().GetValue()
		}
	}
	return total
}

func matches(metric *dto.Metric, labels []string) bool {
	has := map[string]string{}
	for _, label := range metric.GetLabel() {
		has[label.GetName()] = label.GetValue()
	}
	for i := 0; i+1 < len(labels); i += 2 {
		if has[labels[i]] != labels[i+1] {
			return false
		}
	}
	return true
}
