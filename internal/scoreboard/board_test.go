package scoreboard

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	child()
	goleak.VerifyTestMain(m)
}

// boards runs a test with a board of each kind.
func boards(t *testing.T, test func(t *testing.T, b *Board)) {
	t.Run("in this process", func(t *testing.T) { test(t, New()) })
	t.Run("shared", func(t *testing.T) { test(t, shared(t)) })
}

func shared(t testing.TB) *Board {
	t.Helper()
	b, err := Create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func claim(t testing.TB, b *Board, server string, slot, generation int) *Region {
	t.Helper()
	r, err := b.Claim(server, slot, generation)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// shown gives the lines of some metrics, as a scrape has them.
func shown(t *testing.T, b *Board, names ...string) string {
	t.Helper()
	text, err := testutil.CollectAndFormat(b.Collector(), expfmt.TypeTextPlain, names...)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") && line != "\n" {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

func wantShown(t *testing.T, b *Board, want string, names ...string) {
	t.Helper()
	if got := shown(t, b, names...); got != want {
		t.Errorf("%v:\n%s\nwant\n%s", names, got, want)
	}
}

func TestTheSumOfTheLivingAndTheDeadIsShown(t *testing.T) { // design.md 9
	boards(t, func(t *testing.T, b *Board) {
		one, two := claim(t, b, "main", 0, 1), claim(t, b, "main", 1, 1)
		for n, r := range []*Region{b.Master(), one, two} {
			r.Counter(Requests, "api", "GET", "200").Add(uint64(n + 1))
			r.Gauge(InFlight, "api").Set(int64(n + 1))
			r.Histogram(Duration, "api").Observe(float64(n+1) / 4)
		}
		two.Process().Cut.Add(5)
		one.Process().Idle.Store(2)
		const sums = "wheatpaste_http_requests_total{app=\"api\",code=\"200\",method=\"GET\"} 6"
		wantShown(t, b, sums, "wheatpaste_http_requests_total")
		wantShown(t, b, `wheatpaste_http_requests_in_flight{app="api"} 6`, "wheatpaste_http_requests_in_flight")
		b.Release(two)
		wantShown(t, b, sums, "wheatpaste_http_requests_total")
		wantShown(t, b, `wheatpaste_http_requests_in_flight{app="api"} 3`, "wheatpaste_http_requests_in_flight")
		wantShown(t, b, `wheatpaste_drain_cut_requests_total{server="main"} 5`, "wheatpaste_drain_cut_requests_total")
		wantShown(t, b, `wheatpaste_connections{server="main",state="active"} 0
wheatpaste_connections{server="main",state="hijacked"} 0
wheatpaste_connections{server="main",state="idle"} 2
wheatpaste_connections{server="main",state="new"} 0`, "wheatpaste_connections")
		b.Release(one)
		wantShown(t, b, sums, "wheatpaste_http_requests_total")
		wantShown(t, b, "", "wheatpaste_connections")
		if got := shown(t, b, "wheatpaste_http_request_duration_seconds"); !strings.HasSuffix(got, `_sum{app="api"} 1.5
wheatpaste_http_request_duration_seconds_count{app="api"} 3`) || !strings.Contains(got, `le="0.25"} 1`) {
			t.Error(got)
		}
	})
}

func TestARegionIsFoundByItsNumber(t *testing.T) {
	boards(t, func(t *testing.T, b *Board) {
		r := claim(t, b, "main", 3, 7)
		again, err := b.Region(r.Index())
		if again != r || err != nil || r.Board() != b {
			t.Errorf("%v %v", again, err)
		}
		if r.Server() != "main" || r.Slot() != 3 || r.Generation() != 7 || r.Index() != 2 {
			t.Errorf("%q %d %d %d", r.Server(), r.Slot(), r.Generation(), r.Index())
		}
		if m, err := b.Region(regionMaster); m != b.Master() || err != nil {
			t.Errorf("%v %v", m, err)
		}
		b.Release(r)
		b.Release(r) // harmless
		for index, want := range map[int]string{
			-1: "region -1 of the scoreboard, want 1 to 4097", 0: "region 0 of the scoreboard, want 1 to 4097",
			4098: "region 4098 of the scoreboard, want 1 to 4097", 2: "region 2 of the scoreboard is not in use", 9: "region 9 of the scoreboard is not in use",
		} {
			if _, err := b.Region(index); err == nil || err.Error() != want {
				t.Errorf("region %d: %v, want %s", index, err, want)
			}
		}
	})
}

func TestLongServerNamesAreShortened(t *testing.T) {
	r := claim(t, New(), strings.Repeat("é", 200), 0, 0)
	if got := r.Server(); got != strings.Repeat("é", 128) {
		t.Errorf("%q", got)
	}
	if got := shortened("aé", 2); got != "a" {
		t.Errorf("%q", got)
	}
}

func TestAFullBoardRefuses(t *testing.T) {
	b := shared(t)
	for i := range MaxWorkers {
		claim(t, b, "main", i, 0).Process().New.Store(1)
	}
	_, err := b.Claim("main", 0, 0)
	if want := "the scoreboard is full: 4096 workers live"; !errors.Is(err, ErrFull) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if got := shown(t, b, "wheatpaste_connections"); !strings.Contains(got, `state="new"} 4096`) {
		t.Error(got)
	}
}

func TestRegionsThatAreReusedAreEmpty(t *testing.T) {
	boards(t, func(t *testing.T, b *Board) {
		keep := claim(t, b, "keep", 0, 0)
		keep.Counter(Bytes, "x").Inc()
		old := claim(t, b, "main", 0, 0)
		old.Process().Hijacked.Store(9)
		old.Counter(Bytes, "api").Add(3)
		at := int(old.mem.load(wordEnd))
		old.mem.store(wordReserved, uint64(at+40)) // killed while it wrote
		for i := range 40 {
			old.mem.store(at+i, ^uint64(0))
		}
		b.Release(old)
		for i, v := range old.mem[:at+100] {
			if v != 0 {
				t.Fatalf("word %d is %d", i, v)
			}
		}
		r := claim(t, b, "main", 1, 2)
		if r.Index() != old.Index() || r.Process().Hijacked.Load() != 0 {
			t.Errorf("region %d, %d", r.Index(), r.Process().Hijacked.Load())
		}
		r.Counter(Bytes, "api").Add(4)
		wantShown(t, b, `wheatpaste_http_response_bytes_total{app="api"} 7
wheatpaste_http_response_bytes_total{app="x"} 1`, "wheatpaste_http_response_bytes_total")
	})
}

func TestTenThousandWorkersLeaveNothingBehind(t *testing.T) {
	boards(t, func(t *testing.T, b *Board) {
		var after100 uint64
		for i := range 10_000 {
			r := claim(t, b, "main", i%7, i)
			r.Counter(Requests, "api", "GET", "200").Inc()
			r.Histogram(Duration, "api").Observe(.1)
			b.Release(r)
			if i == 100 {
				after100 = b.regions[regionDead].mem.load(wordEnd)
			}
		}
		if used, end := b.header.load(headUsed), b.regions[regionDead].mem.load(wordEnd); used != 3 || end != after100 {
			t.Errorf("%d regions used, the dead need %d words, want 3 and %d", used, end, after100)
		}
		if len(b.regions) != 1 {
			t.Errorf("%d handles, want that of the dead", len(b.regions))
		}
		wantShown(t, b, `wheatpaste_http_requests_total{app="api",code="200",method="GET"} 10000`, "wheatpaste_http_requests_total")
	})
}

// total is what a scrape sees of the requests and of the observations.
func total(b *Board) (requests, observed uint64) {
	for _, s := range b.snapshot() {
		switch s.family {
		case Requests:
			requests += s.values[0]
		case Duration:
			for _, n := range s.values[1:] {
				observed += n
			}
		}
	}
	return requests, observed
}

func TestNoCounterGoesBack(t *testing.T) { // design.md 9
	boards(t, func(t *testing.T, b *Board) {
		readers := []*Board{b}
		if b.FD() >= 0 {
			readers = append(readers, reopened(t, b))
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for _, reader := range readers {
			wg.Go(func() { neverBack(t, reader, stop) })
		}
		const rounds, writers, each = 300, 3, 20
		for i := range rounds {
			var regions []*Region
			var work sync.WaitGroup
			for slot := range writers {
				r := claim(t, b, "main", slot, i)
				regions = append(regions, r)
				work.Go(func() {
					for n := range each {
						r.Counter(Requests, fmt.Sprint("app", n%3), "GET", "200").Inc()
						r.Histogram(Duration, "api").Observe(float64(n))
					}
				})
			}
			work.Wait()
			for _, r := range regions {
				b.Release(r)
			}
		}
		close(stop)
		wg.Wait()
		if requests, observed := total(b); requests != rounds*writers*each || observed != rounds*writers*each {
			t.Errorf("%d requests, %d observations, want %d", requests, observed, rounds*writers*each)
		}
	})
}

func neverBack(t *testing.T, b *Board, stop <-chan struct{}) {
	t.Helper()
	var requests, observed uint64
	for scrapes := 0; ; scrapes++ {
		select {
		case <-stop:
			if scrapes < 10 {
				t.Errorf("only %d scrapes", scrapes)
			}
			return
		default:
		}
		r, o := total(b)
		if r < requests || o < observed {
			t.Errorf("requests %d after %d, observations %d after %d", r, requests, o, observed)
		}
		requests, observed = r, o
	}
}

func TestManyWritersOfOneRegion(t *testing.T) {
	b := New()
	r := b.Master()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(b.Collector())
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 500 {
				r.Counter(Requests, fmt.Sprint(n%20), "GET", "200").Inc()
				r.Gauge(InFlight, "x").Add(1)
				r.Histogram(FilterDuration, fmt.Sprint(g), "f").Observe(1e-5)
			}
		})
	}
	for range 20 {
		if _, err := reg.Gather(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if got := r.Gauge(InFlight, "x").Value(); got != 4000 {
		t.Errorf("%d, want 4000", got)
	}
	for n := range 20 {
		if got := r.Counter(Requests, fmt.Sprint(n), "GET", "200").Value(); got != 200 {
			t.Errorf("app %d: %d, want 200", n, got)
		}
	}
}

func TestAFullRegionCountsAsOther(t *testing.T) {
	boards(t, func(t *testing.T, b *Board) {
		r := claim(t, b, "main", 0, 0)
		for i := range 2000 {
			r.Histogram(FilterDuration, "p", fmt.Sprint(i)).Observe(.1)
		}
		r.Counter(Requests, strings.Repeat("x", 8*regionWords), "GET", "200").Inc()
		if !r.full {
			t.Fatal("there was room for all")
		}
		r.Gauge(InFlight, "one more").Inc() // other or not, it is kept
		for range 2 {
			names := map[string]uint64{}
			var all uint64
			for _, s := range b.snapshot() {
				if s.family == FilterDuration {
					for _, n := range s.values[1:] {
						all += n
						names[s.labels[1]] += n
					}
				}
			}
			if all != 2000 || names["other"] == 0 || names["other"] > 1700 || names["0"] != 1 {
				t.Errorf("%d observations, %d of them other", all, names["other"])
			}
			wantShown(t, b, `wheatpaste_http_requests_total{app="other",code="other",method="other"} 1`, "wheatpaste_http_requests_total")
			b.Release(r) // the dead have as much room
		}
	})
}

func TestInformationIsReplaced(t *testing.T) { // config_info after a reload
	boards(t, func(t *testing.T, b *Board) {
		m := b.Master()
		m.Info(ConfigInfo, []string{"a.ini", "11"}, []string{"b.ini", "22"})
		m.Info(BuildInfo, []string{"1", "r", "go"})
		wantShown(t, b, `wheatpaste_config_info{file="a.ini",sha256="11"} 1
wheatpaste_config_info{file="b.ini",sha256="22"} 1`, "wheatpaste_config_info")
		end := m.mem.load(wordEnd)
		for i := range 1000 {
			m.Info(ConfigInfo, []string{"a.ini", fmt.Sprint(10 + i%90)}, []string{"a.ini", fmt.Sprint(10 + i%90)})
		}
		wantShown(t, b, `wheatpaste_config_info{file="a.ini",sha256="19"} 1`, "wheatpaste_config_info")
		if got := m.mem.load(wordEnd); got != end {
			t.Errorf("1000 reloads took %d words", got-end)
		}
		m.Info(ConfigInfo)
		wantShown(t, b, "", "wheatpaste_config_info")
		wantShown(t, b, `wheatpaste_build_info{goversion="go",revision="r",version="1"} 1`, "wheatpaste_build_info")
	})
}

func TestAReaderGivesUpOnAMasterThatDiedInAChange(t *testing.T) {
	b := New()
	b.Master().Counter(Reloads, "ok").Inc()
	b.header.store(headFolds, 7)
	begin := time.Now()
	wantShown(t, b, `wheatpaste_reloads_total{result="ok"} 1`, "wheatpaste_reloads_total")
	if took := time.Since(begin); took < snapshotTime || took > 20*snapshotTime {
		t.Errorf("it took %v", took)
	}
	claim(t, b, "main", 0, 0) // the new master
	if got := b.header.load(headFolds); got != 8 {
		t.Errorf("%d, want 8", got)
	}
}

func TestMadReadersDoNotHoldTheMasterUp(t *testing.T) {
	b := New()
	b.header.store(headPlea, 1<<62)
	begin := time.Now()
	b.Release(claim(t, b, "main", 0, 0))
	if took := time.Since(begin); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestTheNumberOfLabelsIsChecked(t *testing.T) {
	defer func() {
		if got, want := fmt.Sprint(recover()), `scoreboard: 1 values for the labels ["server" "state"] of wheatpaste_workers`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}()
	New().Master().Gauge(Workers, "main")
}

func TestLabelsAreMadeUTF8(t *testing.T) {
	b := New()
	b.Master().Counter(Bytes, "a\xff\xffb\x00").Inc()
	b.Master().Counter(Bytes, "").Inc()
	wantShown(t, b, "wheatpaste_http_response_bytes_total{app=\"\"} 1\nwheatpaste_http_response_bytes_total{app=\"a\uFFFDb\x00\"} 1", "wheatpaste_http_response_bytes_total")
}

func TestBeat(t *testing.T) {
	p := claim(t, New(), "main", 0, 0).Process()
	if age := p.BeatAge(); age < 0 || age > time.Minute {
		t.Errorf("claimed %v ago", age)
	}
	p.Beat.Add(-int64(time.Hour))
	if age := p.BeatAge(); age < time.Hour || age > time.Hour+time.Minute {
		t.Errorf("%v, want an hour", age)
	}
	p.BeatNow()
	if age := p.BeatAge(); age > time.Minute {
		t.Errorf("beaten %v ago", age)
	}
	p.Beat.Add(int64(time.Hour))
	if age := p.BeatAge(); age != 0 {
		t.Errorf("%v, want 0", age)
	}
}

func TestTheMetricsAreWellNamed(t *testing.T) {
	b := New()
	m := b.Master()
	for _, f := range families[1:] {
		values := slices.Repeat([]string{"x"}, len(f.Labels))
		switch f.kind {
		case counterKind:
			m.Counter(f, values...)
		case gaugeKind:
			m.Gauge(f, values...)
		case histogramKind:
			m.Histogram(f, values...)
		}
	}
	problems, err := testutil.CollectAndLint(b.Collector())
	if len(problems) > 0 || err != nil {
		t.Errorf("%v %v", problems, err)
	}
	if n := testutil.CollectAndCount(b.Collector()); n != len(families)-1 {
		t.Errorf("%d series, want one of each of %d families", n, len(families)-1)
	}
}
