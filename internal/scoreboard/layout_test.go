package scoreboard

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"
)

// Who changes this text changes layoutVersion: a program that is upgraded must
// not read the old one's counts as something else.
func TestTheLayoutIsThatOfItsVersion(t *testing.T) {
	var b strings.Builder
	fmt.Fprintln(&b, "version", layoutVersion, "header", headerWords, "region", regionWords, "regions", maxRegions, "entries", wordEntries, "process", wordProcess)
	for id, f := range families[1:] {
		if int(f.id) != id+1 {
			t.Errorf("%s has number %d at place %d", f.Name, f.id, id+1)
		}
		fmt.Fprintln(&b, f.id, f.Name, f.kind, f.Labels, f.values)
	}
	const want = `version 2 header 512 region 131072 regions 4098 entries 64 process 40
1 wheatpaste_http_requests_total 0 [app method code] 1
2 wheatpaste_http_request_duration_seconds 2 [app] 301
3 wheatpaste_http_requests_in_flight 1 [app] 1
4 wheatpaste_http_response_bytes_total 0 [app] 1
5 wheatpaste_filter_duration_seconds 2 [pipeline filter] 302
6 wheatpaste_filter_short_circuits_total 0 [pipeline filter code] 1
7 wheatpaste_filter_panics_total 0 [pipeline filter] 1
8 wheatpaste_workers 1 [server state] 1
9 wheatpaste_worker_exits_total 0 [server reason] 1
10 wheatpaste_reloads_total 0 [result] 1
11 wheatpaste_connections 1 [server state] 1
12 wheatpaste_drain_cut_requests_total 0 [server] 1
13 wheatpaste_build_info 1 [version revision goversion] 1
14 wheatpaste_config_info 1 [file sha256] 1
15 wheatpaste_certificate_expiry_timestamp_seconds 1 [server certificate] 1
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if size := int(unsafe.Sizeof(Process{}) / 8); size > processWords {
		t.Errorf("Process takes %d words, want at most %d", size, processWords)
	}
	if got := [...]uintptr{unsafe.Offsetof(Process{}.Cut), unsafe.Offsetof(Process{}.Draining)}; got != [...]uintptr{72, 88} {
		t.Errorf("fields of Process have moved to %v", got)
	}
}

// corrupt overwrites a board with bytes, each part of it in turn.
func corrupt(b *Board, data []byte) {
	parts := []words{b.header[headFolds:], *b.maps[regionMaster].Load(), *b.maps[regionDead].Load(), *b.maps[firstWorker].Load()}
	for i := 0; i+10 <= len(data); i += 10 {
		w := parts[int(data[i])%len(parts)]
		var v uint64
		for _, c := range data[i+2 : i+10] {
			v = v<<8 | uint64(c)
		}
		w.store(int(data[i+1]), v) // the heads and the first entries
	}
}

func FuzzCorruptMemory(f *testing.F) {
	f.Add([]byte{1, 3, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Add([]byte{1, 64, 255, 255, 255, 255, 0, 0, 0, 1})
	f.Add([]byte{1, 64, 128, 0, 0, 0, 0, 0, 0, 1, 3, 65, 255, 255, 255, 248, 0, 0, 0, 1})
	f.Add([]byte{3, 3, 0, 0, 0, 0, 0, 0, 0, 1, 3, 5, 255, 255, 255, 255, 255, 255, 255, 255, 3, 8, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 2, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := New()
		r := claim(t, b, "main", 0, 0)
		first := claim(t, b, "main", 1, 0)
		for _, r := range []*Region{b.Master(), r, first} {
			r.Counter(Requests, "api", "GET", "200").Inc()
			r.Histogram(Duration, "api").Observe(1)
		}
		b.Release(first)
		corrupt(b, data)
		b.header.store(headFolds, b.header.load(headFolds)&^1) // else each scrape takes its time
		delete(b.regions, regionMaster)
		b.header.store(headUsed, min(b.header.load(headUsed), 8)) // 1 MB each
		reg := prometheus.NewRegistry()
		reg.MustRegister(b.Collector())
		_, _ = reg.Gather() // may find two series in one
		m := b.Master()
		m.Counter(Requests, "new", "GET", "200").Inc()
		m.Histogram(FilterDuration, "p", "new").Observe(1)
		m.Info(ConfigInfo, []string{"a", "b"})
		b.Release(r)
		b.snapshot()
	})
}
