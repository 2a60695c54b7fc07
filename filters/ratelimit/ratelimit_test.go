package ratelimit

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const use = "use = egg:wheatpaste#ratelimit\n"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ok(http.ResponseWriter, *http.Request) {}

func from(client string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = client
	return r
}

func newTestLocal(maxKeys int) *local {
	return newLocal(maxKeys, prometheus.NewGauge(prometheus.GaugeOpts{Name: "k", Help: "k"}), prometheus.NewCounter(prometheus.CounterOpts{Name: "e_total", Help: "e"}))
}

func TestBucket(t *testing.T) {
	const s = int64(time.Second)
	tests := []struct {
		name  string
		limit limit
		times []int64 // when requests come
		want  string  // + or - of each, with what remains or the time to wait in ms
	}{
		{"a burst, then evenly", limit{s, 3}, []int64{0, 0, 0, 0, s, s, 2 * s, 2*s - 1}, "+2 +1 +0 -1000 +0 -1000 +0 -1000"},
		{"it comes back, no more than burst", limit{s, 2}, []int64{0, 0, 100 * s, 100 * s, 100 * s}, "+1 +0 +1 +0 -1000"},
		{"refused ones cost nothing", limit{s, 1}, []int64{0, s / 2, s / 2, s}, "+0 -500 -500 +0"},
		{"a clock that goes back", limit{s, 1}, []int64{10 * s, 9 * s}, "+0 -2000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, got := newTestLocal(5), []string{}
			for _, now := range tt.times {
				v := l.take("k", tt.limit, 1000*s+now)
				if v.ok {
					got = append(got, fmt.Sprintf("+%d", v.remaining))
				} else {
					got = append(got, fmt.Sprintf("-%d", v.retry/1e6))
				}
			}
			// The last of the first case comes a nanosecond early.
			if g := strings.Join(got, " "); g != tt.want {
				t.Errorf("got %s, want %s", g, tt.want)
			}
		})
	}
}

// TestMemoryIsBounded: however many clients come, a worker remembers max_keys,
// and forgets those that have all of their burst again.
func TestMemoryIsBounded(t *testing.T) {
	l, by := newTestLocal(100), limit{int64(time.Second), 5}
	for i := range 10000 {
		l.take(fmt.Sprint(i), by, 1)
	}
	if len(l.byKey) != 100 || l.order.Len() != 100 {
		t.Errorf("%d keys, %d in order, want 100", len(l.byKey), l.order.Len())
	}
	for i := range 300 {
		l.take(fmt.Sprint("later", i), by, int64(time.Hour)+int64(i)*int64(10*time.Second))
	}
	if len(l.byKey) > 3 {
		t.Errorf("%d keys are left of clients that are long gone, want 3 at most", len(l.byKey))
	}
}

func TestAnswers(t *testing.T) {
	s := filtertest.Load(t, use+"rate = 2/minute\nx_headers = on", ok)
	want := []struct {
		code    int
		headers string
	}{
		{200, `["f";q=2;w=60] ["f";r=1;t=30] [2] [1] [30] []`},
		{200, `["f";q=2;w=60] ["f";r=0;t=60] [2] [0] [60] []`},
		{429, `["f";q=2;w=60] ["f";r=0;t=60] [2] [0] [60] [30]`},
	}
	for i, w := range want {
		rec := s.Do(from("192.0.2.1:1"))
		h := rec.Header()
		got := fmt.Sprint(h["Ratelimit-Policy"], h["Ratelimit"], h["X-Ratelimit-Limit"], h["X-Ratelimit-Remaining"], h["X-Ratelimit-Reset"], h["Retry-After"])
		if rec.Code != w.code || got != w.headers {
			t.Errorf("request %d: %d %s, want %d %s", i, rec.Code, got, w.code, w.headers)
		}
	}
	r := from("192.0.2.1:2")
	r.Header.Set("Accept", "application/json")
	if got := s.Do(r); !strings.HasPrefix(got.Body.String(), `{"message": "Too many requests.`) {
		t.Errorf("JSON: %s", got.Body)
	}
	if got := s.Do(from("192.0.2.2:1")).Code; got != 200 {
		t.Errorf("another client gets %d", got)
	}
	if a, l := s.Metric(t, "wheatpaste_ratelimit_requests_total", "result=allowed"), s.Metric(t, "wheatpaste_ratelimit_requests_total", "result=limited"); a != 3 || l != 2 {
		t.Errorf("counted %v allowed, %v limited, want 3 and 2", a, l)
	}
	own := filtertest.Load(t, use+"rate = 1/h\nheaders = off\nbody = {\"error\": \"slow down\"}\ncontent_type = application/json\npolicy = p", ok)
	own.Do(from("a:1"))
	if rec := own.Do(from("a:1")); rec.Body.String() != `{"error": "slow down"}` || rec.Header().Get("Content-Type") != "application/json" || rec.Header().Get("Ratelimit") != "" {
		t.Errorf("own body: %v %s", rec.Header(), rec.Body)
	}
}

func TestKeys(t *testing.T) {
	with := func(remote, token string, id pipeline.Identity) func() *http.Request {
		return func() *http.Request {
			_, _, r := pipeline.Begin(httptest.NewRecorder(), from(remote))
			pipeline.FromRequest(r).SetIdentity(id)
			if token != "" {
				r.Header.Set("X-Token", token)
			}
			return r
		}
	}
	none := pipeline.Identity{}
	tests := []struct {
		name, key string
		a, b      func() *http.Request
		same      bool
	}{
		{"address, another port", "address", with("192.0.2.1:1", "", none), with("192.0.2.1:2", "", none), true},
		{"other address", "address", with("192.0.2.1:1", "", none), with("192.0.2.2:1", "", none), false},
		{"IPv6 of one network", "address", with("[2001:db8::1]:1", "", none), with("[2001:db8::2:3]:1", "", none), true},
		{"IPv6 of two networks", "address", with("[2001:db8::1]:1", "", none), with("[2001:db8:0:1::1]:1", "", none), false},
		{"all", "all", with("192.0.2.1:1", "", none), with("192.0.2.2:1", "", none), true},
		{"header", "header:x-token", with("192.0.2.1:1", "t", none), with("192.0.2.2:1", "t", none), true},
		{"other header", "header:x-token", with("192.0.2.1:1", "t", none), with("192.0.2.1:1", "u", none), false},
		{"without the header", "header:x-token", with("192.0.2.1:1", "", none), with("192.0.2.1:1", "", none), true},
		{"user", "user", with("a:1", "", pipeline.Identity{UserID: "u"}), with("b:1", "", pipeline.Identity{UserID: "u"}), true},
		{"user by name", "user", with("a:1", "", pipeline.Identity{UserName: "u"}), with("b:1", "", pipeline.Identity{UserName: "u"}), true},
		{"an id is no name", "user", with("a:1", "", pipeline.Identity{UserID: "u"}), with("b:1", "", pipeline.Identity{UserName: "u"}), false},
		{"project", "project", with("a:1", "", pipeline.Identity{ProjectID: "p"}), with("b:1", "", pipeline.Identity{ProjectID: "p"}), true},
		{"no project", "project", with("192.0.2.1:1", "", none), with("192.0.2.2:1", "", none), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := filtertest.Load(t, use+"rate = 1/hour\nkey = "+tt.key, ok)
			first, second := s.Do(tt.a()).Code, s.Do(tt.b()).Code
			if first != 200 || second == 429 != tt.same {
				t.Errorf("%d, then %d", first, second)
			}
		})
	}
}

// TestAForgedAddressIsNoWayRound: X-Forwarded-For is the forwarded filter's.
func TestAForgedAddressIsNoWayRound(t *testing.T) {
	s := filtertest.Load(t, use+"rate = 1/hour", ok)
	for i, want := range []int{200, 429, 429} {
		r := from("192.0.2.1:1")
		r.Header.Set("X-Forwarded-For", fmt.Sprint("1.1.1.", i))
		if got := s.Do(r).Code; got != want {
			t.Errorf("request %d: %d, want %d", i, got, want)
		}
	}
}

func TestExempt(t *testing.T) {
	s := filtertest.Load(t, use+"rate = 1/hour\nexempt = 10.0.0.0/8 unix\nmethods = GET", ok)
	post := from("192.0.2.1:1")
	post.Method = "POST"
	for name, r := range map[string]*http.Request{"network": from("10.1.1.1:1"), "unix": from("@"), "method": post} {
		for range 3 {
			if rec := s.Do(r); rec.Code != 200 || rec.Header().Get("Ratelimit") != "" {
				t.Errorf("%s: %d %v", name, rec.Code, rec.Header())
			}
		}
	}
	s.Do(from("host:1"))
	if got := s.Do(from("host:1")).Code; got != 429 {
		t.Errorf("a peer without an address gets %d, want 429", got)
	}
}

func TestManyAtOnceGetNoMoreThanTheBurst(t *testing.T) {
	s := filtertest.Load(t, use+"rate = 50/hour", ok)
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if s.Do(from("192.0.2.1:1")).Code == 200 {
				allowed.Add(1)
			}
		})
	}
	wg.Wait()
	if got := allowed.Load(); got != 50 {
		t.Errorf("%d were allowed, want 50", got)
	}
}

func TestOptions(t *testing.T) {
	const rate = "want a number of requests and a time such as 10/second, 100/minute, 1000/hour or 5/30s"
	for lines, want := range map[string]string{
		"":                                     "paste.ini:1:1: [filter:f] rate: missing, want rate = rate (how many requests in what time: 10/second, 100/minute, 5/30s)",
		"rate = 0/s":                           `paste.ini:3:8: [filter:f] rate: invalid rate "0/s", ` + rate,
		"rate = 5":                             `paste.ini:3:8: [filter:f] rate: invalid rate "5", ` + rate,
		"rate = 5/fortnight":                   `paste.ini:3:8: [filter:f] rate: invalid rate "5/fortnight", ` + rate,
		"rate = 5/s\nkey = ip":                 `paste.ini:4:7: [filter:f] key: invalid key "ip", want all, address, user, project or header:NAME`,
		"rate = 5/s\nburst = -1":               "paste.ini:4:9: [filter:f] burst: invalid number -1, want 0 to 1000000",
		"rate = 5/s\nmax_keys = 0":             "paste.ini:4:12: [filter:f] max_keys: invalid number 0, want 1 or more",
		"rate = 5/s\nredis_timeout = 0":        "paste.ini:4:17: [filter:f] redis_timeout: invalid time 0s, want more than 0",
		"rate = 5/s\non_error = x":             `paste.ini:4:12: [filter:f] on_error: invalid value "x", want allow, deny or local`,
		"rate = 5/s\npolicy = ä":               `paste.ini:4:10: [filter:f] policy: invalid name "ä", want printable ASCII`,
		"rate = 5/s\nredis = http://u:s3@h":    "paste.ini:4:9: [filter:f] redis: invalid address, want redis://[user:password@]host[:port][/db], rediss://... or unix:///path[?db=N]",
		"rate = 5/s\nredis = redis://u:s3@h/x": "paste.ini:4:9: [filter:f] redis: invalid address, want redis://[user:password@]host[:port][/db], rediss://... or unix:///path[?db=N]",
		"rate = 5/30s":                         "",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#ratelimit")
}

func BenchmarkRatelimit(b *testing.B) {
	o := Options{Rate: Rate{maxCount, time.Second}, MaxKeys: 1000, RedisTimeout: time.Second, Policy: "p"}
	for _, headers := range []bool{false, true} {
		b.Run(fmt.Sprintf("headers=%v", headers), func(b *testing.B) {
			o.Headers = headers
			wrap, err := New(filtertest.Build(), o)
			if err != nil {
				b.Fatal(err)
			}
			filtertest.Bench(b, wrap(http.HandlerFunc(ok)), from("192.0.2.1:1"))
		})
	}
}
