package sdnotify

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

const abstractNames = true

// TestMonotonic compares with /proc/uptime, which is CLOCK_BOOTTIME: the same
// but for the time that the machine slept.
func TestMonotonic(t *testing.T) {
	before, err := Monotonic()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Skip("no /proc/uptime")
	}
	up, err := strconv.ParseFloat(strings.Fields(string(data))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	after, err := Monotonic()
	if err != nil || after < before || before <= 0 || before > time.Duration((up+1)*float64(time.Second)) {
		t.Errorf("Monotonic() = %v, then %v, %v; the machine is up for %v s", before, after, err, up)
	}
}
