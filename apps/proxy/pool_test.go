package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
)

// named is an upstream that answers with its name and the path that it got.
func named(t *testing.T, name string) string {
	t.Helper()
	return upstreamFunc(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s%s", name, r.URL.Path, body)
	})
}

// pooled gives a proxy to several upstreams.
func pooled(t *testing.T, change func(*Options), addresses ...string) (*httptest.Server, *site, *pool) {
	t.Helper()
	front, s := ours(t, func(o *Options) {
		o.Address = strings.Join(addresses, " ")
		if change != nil {
			change(o)
		}
	}, nil)
	return front, s, s.handler.(*proxy).pool
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in 10 s: %s", what)
		}
	}
}

func TestRoundRobin(t *testing.T) {
	front, _, _ := pooled(t, nil, named(t, "a"), named(t, "b")+"/base", named(t, "c"))
	var got []string
	for range 6 {
		_, body := do(t, request(t, "GET", front.URL+"/x", ""))
		got = append(got, body)
	}
	if want := "a /x,b /base/x,c /x,a /x,b /base/x,c /x"; strings.Join(got, ",") != want {
		t.Errorf("answers %q, want %s", got, want)
	}
}

func TestLeastConnections(t *testing.T) {
	entered, release := make(chan struct{}, 9), make(chan struct{})
	slow := upstreamFunc(t, func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "slow")
	})
	front, _, p := pooled(t, func(o *Options) { o.Balance = leastConnections }, slow, named(t, "fast"))
	var wg sync.WaitGroup
	wg.Go(func() { do(t, request(t, "GET", front.URL, "")) })
	<-entered
	for range 5 {
		if _, body := do(t, request(t, "GET", front.URL, "")); body != "fast /" {
			t.Errorf("got %q while the other one is busy", body)
		}
		// The client has its answer a moment before the proxy is done with it.
		eventually(t, "the fast one is idle", func() bool { return p.members[1].active.Load() == 0 })
	}
	close(release)
	wg.Wait()
	eventually(t, "nobody is busy", func() bool { return p.members[0].active.Load()+p.members[1].active.Load() == 0 })
}

func TestUnixSocketsInAPool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "unix ", r.Host) })}}
	server.Start()
	defer server.Close()
	front, _, _ := pooled(t, nil, "unix:"+path, named(t, "tcp"))
	_, first := do(t, request(t, "GET", front.URL, ""))
	_, second := do(t, request(t, "GET", front.URL, ""))
	if first != "unix localhost" || second != "tcp /" {
		t.Errorf("answers %q, %q", first, second)
	}
}

// TestARefusedConnectionIsTriedElsewhere, whatever the method: nothing has
// reached an upstream yet.
func TestARefusedConnectionIsTriedElsewhere(t *testing.T) {
	for _, method := range []string{"GET", "POST", "DELETE"} {
		front, _, _ := pooled(t, func(o *Options) { o.MaxFails = 0 }, "http://"+closedPort(t), named(t, "b"))
		for range 4 {
			resp, body := do(t, request(t, method, front.URL, "hello"))
			if resp.StatusCode != 200 || body != "b /hello" {
				t.Errorf("%s: %d %q", method, resp.StatusCode, body)
			}
		}
	}
}

func TestWhatIsSentAgain(t *testing.T) {
	tests := []struct {
		name, method, body string
		bad                http.HandlerFunc
		want               int // from the pool of the bad and a good one; the bad one is first
	}{
		{"GET after 502", "GET", "", answerWith(502), 200},
		{"GET after 503", "GET", "", answerWith(503), 200},
		{"GET after 504", "GET", "", answerWith(504), 200},
		{"HEAD after 503", "HEAD", "", answerWith(503), 200},
		{"OPTIONS after 503", "OPTIONS", "", answerWith(503), 200},
		{"GET after 500", "GET", "", answerWith(500), 500},
		{"GET after 404", "GET", "", answerWith(404), 404},
		{"POST after 503", "POST", "", answerWith(503), 503},
		{"DELETE after 502", "DELETE", "", answerWith(502), 502},
		{"GET with a body after 503", "GET", "x", answerWith(503), 503},
		{"GET after a broken connection", "GET", "", breakOff, 200},
		{"POST after a broken connection", "POST", "x", breakOff, 502},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int64
			bad := upstreamFunc(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); tt.bad(w, r) })
			front, _, _ := pooled(t, nil, bad, named(t, "good"))
			if resp, _ := do(t, request(t, tt.method, front.URL, tt.body)); resp.StatusCode != tt.want || asked.Load() != 1 {
				t.Errorf("%d after %d requests to the bad one, want %d after 1", resp.StatusCode, asked.Load(), tt.want)
			}
		})
	}
}

func answerWith(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func breakOff(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// TestRetriesHaveABudget: when every upstream is in need, they do not get twice
// the load.
func TestRetriesHaveABudget(t *testing.T) {
	var asked atomic.Int64
	bad := func() string {
		return upstreamFunc(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(503) })
	}
	front, _, _ := pooled(t, func(o *Options) { o.RetryBudget = 10 }, bad(), bad(), bad())
	const n = 100
	for range n {
		if resp, _ := do(t, request(t, "GET", front.URL, "")); resp.StatusCode != 503 {
			t.Fatalf("%d, want 503", resp.StatusCode)
		}
	}
	if got := asked.Load(); got < n+reserve || got > n+reserve+n/10 {
		t.Errorf("%d requests made %d to the upstreams, want about %d", n, got, n+reserve+n/10)
	}
	asked.Store(0)
	front, _, _ = pooled(t, func(o *Options) { o.Retries = 0 }, bad(), bad())
	do(t, request(t, "GET", front.URL, ""))
	if got := asked.Load(); got != 1 {
		t.Errorf("without retries %d were asked", got)
	}
}

// TestADeadUpstreamIsLeftOut, and comes back after fail_timeout.
func TestADeadUpstreamIsLeftOut(t *testing.T) {
	var up atomic.Bool
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "back")
	}))
	t.Cleanup(upstream.Close)
	front, s, p := pooled(t, func(o *Options) { o.MaxFails, o.FailTimeout, o.Retries = 2, 100*time.Millisecond, 1 }, upstream.URL, named(t, "b"))
	for range 4 { // every second one tries the dead one first
		do(t, request(t, "GET", front.URL, ""))
	}
	if p.members[0].well(time.Now()) {
		t.Fatal("the dead one is well")
	}
	if n := strings.Count(s.log.String(), "an upstream is left out"); n != 1 {
		t.Errorf("said %d times:\n%s", n, s.log.String())
	}
	up.Store(true)
	eventually(t, "it answers again", func() bool {
		_, body := do(t, request(t, "GET", front.URL, ""))
		return body == "back"
	})
	if !strings.Contains(s.log.String(), "an upstream answers again") {
		t.Errorf("log:\n%s", s.log.String())
	}
}

func TestWhenAllAreDeadTheyAreAskedAllTheSame(t *testing.T) {
	front, _, _ := pooled(t, func(o *Options) { o.MaxFails, o.FailTimeout = 1, time.Hour }, "http://"+closedPort(t), "http://"+closedPort(t))
	for range 3 {
		resp, body := do(t, request(t, "GET", front.URL, ""))
		if resp.StatusCode != 502 || !strings.Contains(body, "could not be reached") {
			t.Errorf("%d %q, want 502", resp.StatusCode, body)
		}
	}
}

// TestAClientThatLeavesIsNotTheUpstreamsFault.
func TestAClientThatLeavesIsNotTheUpstreamsFault(t *testing.T) {
	entered, release := make(chan struct{}, 9), make(chan struct{})
	slow := upstreamFunc(t, func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	front, _, p := pooled(t, func(o *Options) { o.MaxFails = 1 }, slow, slow)
	for range 2 {
		conn, err := net.Dial("tcp", front.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		<-entered
		conn.Close()
	}
	eventually(t, "nobody is busy", func() bool { return p.members[0].active.Load()+p.members[1].active.Load() == 0 })
	if now := time.Now(); !p.members[0].well(now) || !p.members[1].well(now) {
		t.Error("an upstream is left out")
	}
}

func TestHealthChecks(t *testing.T) {
	var sick atomic.Bool
	var asked atomic.Int64
	var paths sync.Map
	a := upstreamFunc(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/base/health") {
			asked.Add(1)
			paths.Store(r.URL.RequestURI()+" "+r.UserAgent(), true)
			if sick.Load() {
				w.WriteHeader(500)
			}
			return
		}
		_, _ = io.WriteString(w, "a")
	})
	front, s, p := pooled(t, func(o *Options) { o.HealthPath, o.HealthInterval = "/health?deep=1", 5*time.Millisecond }, a+"/base", named(t, "b")+"/base")
	s.goRun(t)
	eventually(t, "it is asked", func() bool { return asked.Load() > 0 })
	if _, ok := paths.Load("/base/health?deep=1 wheatpaste-health-check"); !ok {
		t.Error("another path or agent was asked")
	}
	sick.Store(true)
	eventually(t, "it is left out", func() bool { return !p.members[0].well(time.Now()) })
	for range 4 {
		if _, body := do(t, request(t, "GET", front.URL, "")); body != "b /base" && body != "b /base/" {
			t.Errorf("got %q", body)
		}
	}
	sick.Store(false)
	eventually(t, "it is back", func() bool { return p.members[0].well(time.Now()) })
	if log := s.log.String(); strings.Count(log, "an upstream is not well") != 1 || strings.Count(log, "an upstream is well again") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

func TestUpgradeThroughAPool(t *testing.T) {
	up := upstreamFunc(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(conn, line)
	})
	front, _, p := pooled(t, nil, up, up)
	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v, %v", resp, err)
	}
	if got := p.members[0].active.Load(); got != 1 {
		t.Errorf("%d busy while the connection is open, want 1", got)
	}
	fmt.Fprint(conn, "hello\n")
	if line, err := in.ReadString('\n'); line != "hello\n" || err != nil {
		t.Errorf("echo %q, %v", line, err)
	}
	conn.Close()
	eventually(t, "nobody is busy", func() bool { return p.members[0].active.Load() == 0 })
}

// TestNoRequestIsLostWhileUpstreamsComeAndGo: one of three dies under load and
// comes back; every GET gets its answer.
func TestNoRequestIsLostWhileUpstreamsComeAndGo(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	dying := httptest.NewServer(handler)
	front, _, _ := pooled(t, func(o *Options) { o.RetryBudget, o.FailTimeout = 100, 50*time.Millisecond }, dying.URL, named(t, "b"), named(t, "c"))
	var wg sync.WaitGroup
	var bad atomic.Int64
	end := make(chan struct{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				resp, err := client.Get(front.URL)
				if err != nil {
					bad.Add(1)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != 200 {
					bad.Add(1)
				}
			}
		})
	}
	time.Sleep(50 * time.Millisecond) // load, not synchronisation
	dying.CloseClientConnections()
	dying.Listener.Close()
	time.Sleep(200 * time.Millisecond)
	close(end)
	wg.Wait()
	dying.Close()
	if n := bad.Load(); n != 0 {
		t.Errorf("%d requests failed", n)
	}
}

func TestPoolOptionsInAFile(t *testing.T) {
	const two = "[app:main]\nuse = egg:wheatpaste#proxy\naddress = http://a http://b\n"
	initest.Run(t, []initest.Case{
		{Name: "all", INI: two + "balance = least_connections\nretries = 2\nretry_budget = 50\nmax_fails = 0\nfail_timeout = 1\nhealth_path = /h\nhealth_interval = 60\nhealth_timeout = 1"},
		{Name: "one with health checks", INI: "[app:main]\nuse = egg:wheatpaste#proxy\naddress = http://127.0.0.1:1\nhealth_path = /h\nhealth_interval = 60"},
		{Name: "address", INI: "[app:main]\nuse = egg:wheatpaste#proxy\naddress = http://a b:80", Error: `paste.ini:3:11: [app:main] address: invalid URL "b:80", want http://host[:port][/base] or https://... or unix:/path`},
		{Name: "balance", INI: two + "balance = random", Error: `paste.ini:4:11: [app:main] balance: invalid value "random", want round_robin or least_connections`},
		{Name: "retries", INI: two + "retries = -1", Error: "paste.ini:4:11: [app:main] retries: invalid number -1, want 0 or more"},
		{Name: "budget", INI: two + "retry_budget = 101", Error: "paste.ini:4:16: [app:main] retry_budget: invalid number 101, want 0 to 100"},
		{Name: "fails", INI: two + "max_fails = -1", Error: "paste.ini:4:13: [app:main] max_fails: invalid number -1, want 0 or more"},
		{Name: "health", INI: two + "health_path = h", Error: `paste.ini:4:15: [app:main] health_path: invalid path "h", want one that begins with a slash`},
		{Name: "interval", INI: two + "health_interval = 0", Error: "paste.ini:4:19: [app:main] health_interval: invalid time 0s, want more than 0"},
		{Name: "timeout", INI: two + "health_timeout = 0", Error: "paste.ini:4:18: [app:main] health_timeout: invalid time 0s, want more than 0"},
		{Name: "TLS of none", INI: two + "insecure = on", Warnings: "insecure: only an address with https:// uses it"},
		{Name: "TLS of one", INI: strings.Replace(two, "http://b", "https://b", 1) + "insecure = on"},
		{Name: "too many", INI: "[app:main]\nuse = egg:wheatpaste#proxy\naddress =" + strings.Repeat(" http://a", 63), Error: "paste.ini:3:11: [app:main] address: 63 URLs, want at most 62"},
	})
}

// TestREADME loads the example that is written by hand.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "## Several upstreams")
	_, rest, _ = strings.Cut(rest, "```ini\n")
	ini, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("no example")
	}
	initest.Run(t, []initest.Case{{Name: "pool", INI: ini + "\n[app:main]\nuse = api\n"}})
}

func TestChoiceIsFair(t *testing.T) {
	p := &pool{members: []*member{{}, {}, {}}}
	var count [3]int
	for range 300 {
		count[p.choose(0)]++
	}
	if slices.Min(count[:]) != 100 {
		t.Errorf("choices %v, want 100 each", count)
	}
	if got := p.choose(0b011); got != 2 {
		t.Errorf("of the one that is left %d was chosen", got)
	}
}

func BenchmarkProxy(b *testing.B) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer up.Close()
	for name, address := range map[string]string{"one": up.URL, "pool": up.URL + " " + up.URL} {
		b.Run(name, func(b *testing.B) {
			o := defaults()
			o.Address = address
			s := &site{}
			h, err := New(s.build(), o)
			if err != nil {
				b.Fatal(err)
			}
			r := httptest.NewRequest("GET", "/x", nil)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
			for _, hook := range s.close {
				_ = hook(b.Context())
			}
		})
	}
}
