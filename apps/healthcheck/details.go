package healthcheck

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"time"
)

// details are what the detailed forms show of the runtime. The places are the
// original's, the figures Go's.
type details struct {
	hostname, now, version, platform string

	gcCounts    []uint64 // collections, forced collections, live objects
	gcThreshold []uint64 // GOGC in percent, heap size of the next collection, memory limit
	stacks      []string // of the goroutines
}

// maxStacks bounds the text of all stacks: a page, not a core dump.
const maxStacks = 1 << 20

func readDetails() details {
	hostname, err := os.Hostname()
	if err != nil {
		hostname = ""
	}
	return details{
		hostname:    hostname,
		now:         time.Now().UTC().Format("2006-01-02 15:04:05.000000"),
		version:     runtime.Version(),
		platform:    runtime.GOOS + "-" + runtime.GOARCH,
		gcCounts:    readMetrics("/gc/cycles/total:gc-cycles", "/gc/cycles/forced:gc-cycles", "/gc/heap/objects:objects"),
		gcThreshold: readMetrics("/gc/gogc:percent", "/gc/heap/goal:bytes", "/gc/gomemlimit:bytes"),
		stacks:      readStacks(),
	}
}

func readMetrics(names ...string) []uint64 {
	samples := make([]metrics.Sample, len(names))
	for i, name := range names {
		samples[i].Name = name
	}
	metrics.Read(samples)
	values := make([]uint64, len(names))
	for i, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			values[i] = s.Value.Uint64()
		}
	}
	return values
}

func readStacks() []string {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) || len(buf) >= maxStacks {
			return strings.Split(strings.TrimSpace(string(buf[:n])), "\n\n")
		}
		buf = make([]byte, 2*len(buf))
	}
}
