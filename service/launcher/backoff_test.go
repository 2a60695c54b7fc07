package launcher

import (
	"testing"
	"time"
)

// LAUNCH-09 and design.md 6: 100 ms to 30 s, doubled by each early end in a row.
func TestBackOffDoublesUpToThirtySeconds(t *testing.T) {
	var c crashes
	want := []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 1600 * time.Millisecond,
		3200 * time.Millisecond, 6400 * time.Millisecond, 12800 * time.Millisecond, 25600 * time.Millisecond, 30 * time.Second, 30 * time.Second,
	}
	for i, w := range want {
		if got := c.early(); got != w {
			t.Errorf("pause %d = %v, want %v", i+1, got, w)
		}
	}
	c.healthy()
	if got := c.early(); got != firstDelay {
		t.Errorf("the first pause after a healthy time = %v, want %v", got, firstDelay)
	}
}

func TestCrashBudget(t *testing.T) {
	for _, test := range []struct {
		name  string
		ready bool
		spent int
	}{
		{"a group that never had a ready worker is given up at its third failure", false, 3},
		{"one that had is given up at the tenth in a row", true, 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := crashes{everReady: test.ready}
			n := 0
			for !c.spent() {
				c.early()
				n++
			}
			if n != test.spent {
				t.Errorf("spent after %d, want %d", n, test.spent)
			}
		})
	}
}
