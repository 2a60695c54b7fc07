package swift_test

import (
	"strings"
	"testing"
)

// TestThirtyRequestsForEachFilter counts what TestSameAsSwift asks.
func TestThirtyRequestsForEachFilter(t *testing.T) {
	count := map[string]int{}
	for _, c := range cases() {
		name, _, _ := strings.Cut(c.name, ",")
		count[name] += len(c.requests)
	}
	for name, n := range count {
		if t.Logf("%s: %d", name, n); n < 30 {
			t.Errorf("%d requests for %s, want 30", n, name)
		}
	}
}
