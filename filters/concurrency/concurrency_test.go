package concurrency

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
)

const use = "use = egg:wheatpaste#concurrency\n"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func request(client string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = client
	return r
}

// desk is an application whose requests stay until they are let go.
type desk struct {
	entered chan string // X-Name of each request that is let in
	release chan struct{}
}

func newDesk() *desk { return &desk{make(chan string, 100), make(chan struct{})} }

func (d *desk) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	d.entered <- r.Header.Get("X-Name")
	<-d.release
}

// ask sends a request from a goroutine.
func ask(s *filtertest.Site, r *http.Request, name string) <-chan *httptest.ResponseRecorder {
	answer := make(chan *httptest.ResponseRecorder, 1)
	r.Header.Set("X-Name", name)
	go func() { answer <- s.Do(r) }()
	return answer
}

func waitFor(t *testing.T, s *filtertest.Site, metric string, want float64, labels ...string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); s.Metric(t, metric, labels...) != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s is %v, want %v", metric, s.Metric(t, metric, labels...), want)
		}
	}
}

const waiting = "wheatpaste_concurrency_waiting"

func TestRequestsPassInOrder(t *testing.T) {
	d := newDesk()
	s := filtertest.Load(t, use+"max = 1\nqueue = 3", d.ServeHTTP)
	names := []string{"a", "b", "c", "d"}
	answers := []<-chan *httptest.ResponseRecorder{ask(s, request("c:1"), "a")}
	if got := <-d.entered; got != "a" {
		t.Fatalf("%s entered", got)
	}
	for i, name := range names[1:] {
		answers = append(answers, ask(s, request("c:1"), name))
		waitFor(t, s, waiting, float64(i+1))
	}
	full := s.Do(request("c:1"))
	if full.Code != 503 || full.Header().Get("Retry-After") != "1" {
		t.Errorf("over the queue: %d %v, want 503 with Retry-After", full.Code, full.Header())
	}
	for _, name := range names[1:] {
		d.release <- struct{}{}
		if got := <-d.entered; got != name {
			t.Errorf("%s entered, want %s", got, name)
		}
	}
	d.release <- struct{}{}
	for i, answer := range answers {
		if got := (<-answer).Code; got != 200 {
			t.Errorf("request %d got %d", i, got)
		}
	}
	waitFor(t, s, "wheatpaste_concurrency_running", 0)
	if n := s.Metric(t, "wheatpaste_concurrency_refused_total", "reason=full"); n != 1 {
		t.Errorf("%v counted as full, want 1", n)
	}
	if n := s.Metric(t, "wheatpaste_concurrency_wait_seconds"); n != 3 {
		t.Errorf("%v waits counted, want 3", n)
	}
}

func TestTheWaitEnds(t *testing.T) {
	d := newDesk()
	s := filtertest.Load(t, use+"max = 1\nwait = 20ms\nretry_after = 7", d.ServeHTTP)
	first := ask(s, request("c:1"), "a")
	<-d.entered
	rec := s.Do(request("c:1"))
	if rec.Code != 503 || rec.Header().Get("Retry-After") != "7" {
		t.Errorf("%d %v, want 503 with Retry-After 7", rec.Code, rec.Header())
	}
	close(d.release)
	<-first
	if got := s.Do(request("c:1")).Code; got != 200 {
		t.Errorf("afterwards: %d", got)
	}
	if n := s.Metric(t, "wheatpaste_concurrency_refused_total", "reason=timeout"); n != 1 {
		t.Errorf("%v counted, want 1", n)
	}
}

func TestAClientThatLeavesLeavesTheQueue(t *testing.T) {
	d := newDesk()
	s := filtertest.Load(t, use+"max = 1\nqueue = 2", d.ServeHTTP)
	first := ask(s, request("c:1"), "a")
	<-d.entered
	ctx, leave := context.WithCancel(t.Context())
	second := ask(s, request("c:1").WithContext(ctx), "b")
	waitFor(t, s, waiting, 1)
	third := ask(s, request("c:1"), "c")
	waitFor(t, s, waiting, 2)
	leave()
	if got := (<-second).Code; got != leftStatus {
		t.Errorf("who left got %d, want %d", got, leftStatus)
	}
	waitFor(t, s, waiting, 1)
	d.release <- struct{}{}
	if got := <-d.entered; got != "c" {
		t.Errorf("%s entered, want c", got)
	}
	d.release <- struct{}{}
	<-first
	<-third
}

func TestKeysHaveTheirOwnPlaces(t *testing.T) {
	d := newDesk()
	s := filtertest.Load(t, use+"max = 1\nqueue = 0\nkey = address\nexempt = 10.0.0.0/8", d.ServeHTTP)
	var answers []<-chan *httptest.ResponseRecorder
	for _, client := range []string{"192.0.2.1:1", "192.0.2.2:1", "10.0.0.1:1", "10.0.0.1:2"} {
		answers = append(answers, ask(s, request(client), client))
		<-d.entered
	}
	if got := s.Do(request("192.0.2.1:2")).Code; got != 503 {
		t.Errorf("the second of a client: %d, want 503", got)
	}
	close(d.release)
	for _, answer := range answers {
		if got := (<-answer).Code; got != 200 {
			t.Errorf("%d, want 200", got)
		}
	}
}

func TestAPanicGivesThePlaceBack(t *testing.T) {
	s := filtertest.Load(t, use+"max = 1\nqueue = 0", func(http.ResponseWriter, *http.Request) { panic("boom") })
	for range 3 {
		if got := s.Do(request("c:1")).Code; got != 500 {
			t.Errorf("%d, want 500", got)
		}
	}
}

// TestNoPlaceIsLost: whatever comes together (a free place, the end of the wait,
// a client that leaves), never more than max run, and at the end none does.
func TestNoPlaceIsLost(t *testing.T) {
	var running, most atomic.Int64
	s := filtertest.Load(t, use+"max = 3\nqueue = 50\nwait = 1ms", func(http.ResponseWriter, *http.Request) {
		n := running.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(time.Duration(n) * 200 * time.Microsecond)
		running.Add(-1)
	})
	var wg sync.WaitGroup
	for i := range 400 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%5+1)*500*time.Microsecond)
			defer cancel()
			s.Do(request("c:1").WithContext(ctx))
		})
	}
	wg.Wait()
	if got := most.Load(); got > 3 {
		t.Errorf("%d ran at once, want 3 at most", got)
	}
	for _, metric := range []string{"wheatpaste_concurrency_running", waiting} {
		if got := s.Metric(t, metric); got != 0 {
			t.Errorf("%s is %v at the end", metric, got)
		}
	}
	if got := s.Do(request("c:1")).Code; got != 200 {
		t.Errorf("afterwards: %d", got)
	}
}

func TestGatesAreForgotten(t *testing.T) {
	g := gates{max: 1, queue: 1, byKey: map[string]*gate{}}
	for _, key := range []string{"a", "b"} {
		g.enter(key)
		g.leave(key)
	}
	if len(g.byKey) != 0 {
		t.Errorf("%d gates are left", len(g.byKey))
	}
}

func TestOptions(t *testing.T) {
	for lines, want := range map[string]string{
		"":                    "paste.ini:1:1: [filter:f] max: missing, want max = integer (how many requests are answered at once, for each key, in each worker)",
		"max = 0":             "paste.ini:3:7: [filter:f] max: invalid number 0, want 1 or more",
		"max = 1\nqueue = -1": "paste.ini:4:9: [filter:f] queue: invalid number -1, want 0 or more",
		"max = 1\nwait = 0":   "paste.ini:4:8: [filter:f] wait: invalid time 0s, want more than 0, or queue = 0",
		"max = 1\nkey = x":    `paste.ini:4:7: [filter:f] key: invalid key "x", want all, address, user, project or header:NAME`,
		"max = 1":             "",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#concurrency")
}

func BenchmarkConcurrency(b *testing.B) {
	for _, key := range []string{"all", "address"} {
		b.Run(key, func(b *testing.B) {
			o := Options{Max: 10, Queue: 1, Wait: time.Second}
			if err := o.Key.UnmarshalText([]byte(key)); err != nil {
				b.Fatal(err)
			}
			wrap, err := New(filtertest.Build(), o)
			if err != nil {
				b.Fatal(err)
			}
			filtertest.Bench(b, wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), request("192.0.2.1:1"))
		})
	}
}
