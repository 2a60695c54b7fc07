package report

import (
	"cmp"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Memory is what the Go runtime says of its memory.
type Memory struct {
	HeapBytes      uint64  `json:"heap_bytes"` // of objects
	HeapObjects    uint64  `json:"heap_objects"`
	HeapIdleBytes  uint64  `json:"heap_idle_bytes"`
	StackBytes     uint64  `json:"stack_bytes"`
	SystemBytes    uint64  `json:"system_bytes"` // all that was taken from the system
	NextGCBytes    uint64  `json:"next_gc_bytes"`
	LimitBytes     int64   `json:"limit_bytes"` // GOMEMLIMIT, 0 for none
	Collections    uint32  `json:"collections"`
	PauseSeconds   float64 `json:"pause_seconds"` // of all collections
	LastGCSeconds  float64 `json:"last_gc_seconds"`
	CollectorShare float64 `json:"collector_share"` // of the processor time
	MaxProcs       int     `json:"max_procs"`
}

// Descriptor is an open descriptor that is no socket.
type Descriptor struct {
	FD     int    `json:"fd"`
	Target string `json:"target"`
}

// maxDescriptors bounds the list of one process.
const maxDescriptors = 256

// Collect tells of this process. The ring may be nil.
func Collect(errors *Ring) *Detail {
	d := &Detail{Requests: []Request{}, Goroutines: collectGoroutines(), Memory: collectMemory(), Errors: []Record{}}
	d.Descriptors, d.Sockets = collectDescriptors()
	if errors != nil {
		d.Errors, d.ErrorsLogged = errors.Records()
	}
	return d
}

func collectMemory() Memory {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	m := Memory{
		HeapBytes: s.HeapAlloc, HeapObjects: s.HeapObjects, HeapIdleBytes: s.HeapIdle - s.HeapReleased, StackBytes: s.StackInuse,
		SystemBytes: s.Sys - s.HeapReleased, NextGCBytes: s.NextGC, Collections: s.NumGC,
		PauseSeconds: time.Duration(s.PauseTotalNs).Seconds(), CollectorShare: s.GCCPUFraction, MaxProcs: runtime.GOMAXPROCS(0),
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		m.LimitBytes = limit
	}
	if s.LastGC != 0 {
		m.LastGCSeconds = time.Since(time.Unix(0, int64(s.LastGC))).Seconds()
	}
	return m
}

// collectDescriptors lists what /proc shows; nothing where there is none.
func collectDescriptors() (list []Descriptor, sockets int) {
	list = []Descriptor{}
	const folder = "/proc/self/fd"
	entries, err := os.ReadDir(folder)
	if err != nil {
		return list, 0
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(folder, e.Name()))
		fd, bad := strconv.Atoi(e.Name())
		switch {
		case err != nil || bad != nil: // the one by which the folder was read
		case strings.HasPrefix(target, "socket:"):
			sockets++
		case len(list) < maxDescriptors:
			list = append(list, Descriptor{fd, MaskText(target)})
		}
	}
	slices.SortFunc(list, func(a, b Descriptor) int { return cmp.Compare(a.FD, b.FD) })
	return list, sockets
}
