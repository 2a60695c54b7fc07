package service

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
)

// gathered gives the series of a gauge, label values and value.
func gathered(t *testing.T, b *scoreboard.Board, name string) string {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(b.Collector())
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var words []string
			for _, l := range m.GetLabel() {
				words = append(words, l.GetValue())
			}
			lines = append(lines, fmt.Sprintf("%s %.0f", strings.Join(words, " "), m.GetGauge().GetValue()))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
