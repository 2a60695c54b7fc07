package healthcheck

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wheatpaste/wheatpaste/paste"
)

// server accepts connections and answers each line that it gets, in order, "" for
// the end of the connection. What it was sent goes to the channel.
func server(t *testing.T, answers ...string) (address string, got chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got = make(chan string, 100)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { answerLines(conn, answers, got) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String(), got
}

func answerLines(conn net.Conn, answers []string, got chan string) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	for _, a := range answers {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		got <- strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "*") { // a command of Redis
			n := 0
			fmt.Sscanf(line, "*%d", &n)
			for range 2 * n {
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
				if !strings.HasPrefix(line, "$") {
					got <- strings.TrimRight(line, "\r\n")
				}
			}
		}
		if a == "" {
			return
		}
		io.WriteString(conn, a)
	}
	io.Copy(io.Discard, conn) // until the other side closes
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func look(t *testing.T, o Options) string {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	c, err := newChecker(build(new([]string)), o)
	if err != nil {
		t.Fatal(err)
	}
	results, _ := c.run(t.Context(), "80")
	var list []string
	for _, r := range results {
		list = append(list, fmt.Sprintf("%v %s (%s)", r.available, r.reason, r.details))
	}
	return strings.Join(list, "; ")
}

func TestNetworkBackends(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	closed := closedPort(t)
	accepting, _ := server(t, "never")
	hangsUp, _ := server(t, "")
	memcached, _ := server(t, "VERSION 1.6.18\r\n")
	noMemcached, _ := server(t, "ERROR\r\n")
	redis, _ := server(t, "+PONG\r\n")
	redisAuth, _ := server(t, "+OK\r\n", "+PONG\r\n")
	redisNoAuth, _ := server(t, "-NOAUTH Authentication required.\r\n")
	redisWrong, _ := server(t, "-WRONGPASS invalid username-password pair geheim\r\n")
	redisLoading, _ := server(t, "-LOADING Redis is loading the dataset in memory\r\n")
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := 0
		fmt.Sscanf(r.URL.Path, "/%d", &status)
		if user, password, _ := r.BasicAuth(); status == 299 && user+password != "mewort" {
			status = 401
		}
		w.Header().Set("Location", "/500")
		w.WriteHeader(status)
	}))
	defer web.Close()
	list := func(items ...string) paste.CommaList { return items }
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"tcp", Options{Backends: list("tcp"), CheckTCP: list(accepting)}, "true OK (tcp " + accepting + " answers)"},
		{"tcp, nobody there", Options{Backends: list("tcp"), CheckTCP: list(accepting, closed)},
			"true OK (tcp " + accepting + " answers); false TCP UNAVAILABLE (tcp " + closed + ": connection refused)"},
		{"tcp, no socket", Options{Backends: list("tcp"), CheckTCP: list("unix:/nonexistent/s")}, "false TCP UNAVAILABLE (tcp unix:/nonexistent/s: no such file or directory)"},
		{"memcached", Options{Backends: list("memcached"), CheckMemcached: list("inet:" + memcached)}, "true OK (memcached " + memcached + " answers)"},
		{"memcached, another server", Options{Backends: list("memcached"), CheckMemcached: list(noMemcached)}, "false MEMCACHED UNAVAILABLE (memcached " + noMemcached + `: it answers "ERROR" to version)`},
		{"memcached, hangs up", Options{Backends: list("memcached"), CheckMemcached: list(hangsUp)}, "false MEMCACHED UNAVAILABLE (memcached " + hangsUp + ": the connection was closed)"},
		{"redis", Options{Backends: list("redis"), CheckRedis: list("redis://" + redis + "/0")}, "true OK (redis://" + redis + "/0 answers)"},
		{"redis with a password", Options{Backends: list("redis"), CheckRedis: list("redis://:geheim@" + redisAuth)}, "true OK (redis://" + redisAuth + " answers)"},
		{"redis without the password", Options{Backends: list("redis"), CheckRedis: list("redis://" + redisNoAuth)}, "false REDIS UNAVAILABLE (redis://" + redisNoAuth + `: it answers "-NOAUTH Authentication required.")`},
		{"redis with a wrong password", Options{Backends: list("redis"), CheckRedis: list("redis://u:geheim@" + redisWrong)},
			"false REDIS UNAVAILABLE (redis://" + redisWrong + `: it answers "-WRONGPASS invalid username-password pair ****")`},
		{"redis, loading", Options{Backends: list("redis"), CheckRedis: list("redis://" + redisLoading)},
			"false REDIS UNAVAILABLE (redis://" + redisLoading + `: it answers "-LOADING Redis is loading the dataset in memory")`},
		{"redis, no TLS there", Options{Backends: list("redis"), CheckRedis: list("rediss://" + redis)}, "false REDIS UNAVAILABLE (rediss://" + redis + ": tls: first record does not look like a TLS handshake)"},
		{"http", Options{Backends: list("http"), CheckHTTP: list(web.URL + "/200")}, "true OK (" + web.URL + "/200 answers)"},
		{"http, a redirect is an answer", Options{Backends: list("http"), CheckHTTP: list(web.URL + "/302")}, "true OK (" + web.URL + "/302 answers)"},
		{"http, an error", Options{Backends: list("http"), CheckHTTP: list(web.URL+"/404?token=x", web.URL+"/503")},
			"false HTTP UNAVAILABLE (" + web.URL + "/404: it answers 404); false HTTP UNAVAILABLE (" + web.URL + "/503: it answers 503)"},
		{"http with a password", Options{Backends: list("http"), CheckHTTP: list(strings.Replace(web.URL, "://", "://me:wort@", 1) + "/299")}, "true OK (" + web.URL + "/299 answers)"},
		{"http, nobody there", Options{Backends: list("http"), CheckHTTP: list("http://" + closed)}, "false HTTP UNAVAILABLE (http://" + closed + ": connection refused)"},
		{"sql, nobody there", Options{Backends: list("sql"), CheckSQL: list("mysql+pymysql://u:geheim@"+closed+"/d?charset=utf8", "postgresql+psycopg2://u:geheim@"+closed+"/d")},
			"false SQL UNAVAILABLE (mysql://" + closed + "/d: connection refused); false SQL UNAVAILABLE (postgresql://" + closed + "/d: connection refused)"},
		{"in the order of the backends", Options{Backends: list("redis", "disable_by_file", "tcp"), CheckRedis: list("redis://" + redis), CheckTCP: list(closed)},
			"true OK (redis://" + redis + " answers); true OK (No 'disable_by_file_path' configuration value specified); false TCP UNAVAILABLE (tcp " + closed + ": connection refused)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := look(t, tt.options); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRedisIsSentThePassword(t *testing.T) {
	for user, want := range map[string]string{":p%40s": "*2 AUTH p@s *1 PING", "me:p": "*3 AUTH me p *1 PING"} {
		address, got := server(t, "+OK\r\n", "+PONG\r\n")
		look(t, Options{Backends: paste.CommaList{"redis"}, CheckRedis: paste.CommaList{"redis://" + user + "@" + address}})
		var words []string
		for range strings.Count(want, " ") + 1 {
			words = append(words, <-got)
		}
		if sent := strings.Join(words, " "); sent != want {
			t.Errorf("sent %s, want %s", sent, want)
		}
	}
}

// A server that is silent costs the time-out, all of them together not more.
func TestSilentServers(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, nobody reads
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	silent := l.Addr().String()
	o := Options{Timeout: 200 * time.Millisecond, Backends: paste.CommaList{"memcached", "redis", "http", "sql"},
		CheckHTTP: paste.CommaList{"http://" + silent}, CheckSQL: paste.CommaList{"mysql://u:p@" + silent + "/d", "postgresql://u:p@" + silent + "/d"}}
	for range 2 * maxAtOnce { // two rounds do not fit
		o.CheckMemcached, o.CheckRedis = append(o.CheckMemcached, silent), append(o.CheckRedis, "redis://"+silent)
	}
	begin := time.Now()
	got := look(t, o)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %s, want about 0.2 s", took)
	}
	for one := range strings.SplitSeq(got, "; ") {
		if !strings.HasPrefix(one, "false ") || !strings.HasSuffix(one, ": no answer in time)") {
			t.Errorf("got %s", one)
		}
	}
}

func TestBadTargets(t *testing.T) {
	list := func(items ...string) paste.CommaList { return items }
	tests := []struct {
		options Options
		want    string
	}{
		{Options{Backends: list("tcp"), CheckTCP: list("host")}, "check_tcp: item 1: no address, want HOST:PORT or unix:/PATH"},
		{Options{Backends: list("tcp"), CheckTCP: list("h:1", "unix:s")}, "check_tcp: item 2: no path behind unix:, want unix:/PATH"},
		{Options{Backends: list("memcached"), CheckMemcached: list("memcached://h")}, "check_memcached: item 1: no address, want HOST:PORT or unix:/PATH"},
		{Options{Backends: list("redis"), CheckRedis: list("geheim@h:1")}, "check_redis: item 1: no URL, want redis://... (signs such as @ and / in a password are written %40, %2F)"},
		{Options{Backends: list("redis"), CheckRedis: list("http://h")}, "check_redis: item 1: no URL of a known scheme, want one of redis, rediss, unix"},
		{Options{Backends: list("redis"), CheckRedis: list("redis:///0")}, "check_redis: item 1: no server, want redis://[USER:PASSWORD@]HOST[:PORT] or unix:///PATH"},
		{Options{Backends: list("http"), CheckHTTP: list("http:///x")}, "check_http: item 1: no host in the URL, want http://HOST[:PORT]/PATH"},
		{Options{Backends: list("sql"), CheckSQL: list("sqlite:////x.db")}, "check_sql: item 1: an SQLite database is a file, want enable_by_files"},
		{Options{Backends: list("sql"), CheckSQL: list("mysql://u:geheim@/d")}, "check_sql: item 1: no server, want mysql://USER:PASSWORD@HOST/DATABASE"},
		{Options{Backends: list("sql"), CheckSQL: list("u:geheim@h/d")}, "check_sql: item 1: no URL, want mysql://HOST/NAME or postgresql://HOST/NAME"},
		{Options{Backends: list("sql"), CheckSQL: list("oracle://u:geheim@h/d")}, "check_sql: item 1: no URL of a known scheme, want one of mysql, mariadb, postgresql, postgres"},
	}
	for _, tt := range tests {
		tt.options.Timeout = time.Second
		if _, err := newChecker(build(new([]string)), tt.options); errorText(err) != tt.want {
			t.Errorf("error %v\nwant  %s", err, tt.want)
		}
	}
}

// counted are probes that are looked at by hand.
func counted(run func(context.Context) error) (*probes, *atomic.Int32) {
	var rounds atomic.Int32
	one := &probe{kind: "TEST", name: "test", run: func(ctx context.Context) error {
		rounds.Add(1)
		return run(ctx)
	}}
	return &probes{list: []*probe{one}, timeout: time.Minute, now: time.Now, log: slog.New(slog.DiscardHandler)}, &rounds
}

func TestResultsAreKeptForTheInterval(t *testing.T) {
	now, fails := time.Unix(0, 0), errors.New("down")
	p, rounds := counted(func(context.Context) error { return fails })
	p.interval, p.now = 5*time.Second, func() time.Time { return now }
	var log strings.Builder
	p.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	for _, step := range []struct {
		at     time.Duration
		err    error
		healed bool
		rounds int32
	}{
		{0, fails, false, 1}, {4 * time.Second, nil, false, 1}, {5 * time.Second, fails, false, 2},
		{10 * time.Second, nil, true, 3}, {14 * time.Second, fails, true, 3}, {15 * time.Second, nil, true, 4},
	} {
		now, fails = time.Unix(0, 0).Add(step.at), step.err
		if got := p.look(t.Context())[0].available; got != step.healed || rounds.Load() != step.rounds {
			t.Errorf("after %s: available %v in round %d, want %v in %d", step.at, got, rounds.Load(), step.healed, step.rounds)
		}
	}
	want := "level=WARN msg=\"a health check fails\" check=TEST details=\"test: down\"\nlevel=INFO msg=\"a health check succeeds again\" check=TEST details=\"test answers\"\n"
	if log.String() != want {
		t.Errorf("logged\n%s\nwant\n%s", log.String(), want)
	}
}

// Requests that come while a round runs wait for it; one that is given up leaves,
// and the round goes on for the others.
func TestOneRoundForAllRequests(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	begun, end := make(chan struct{}), make(chan struct{})
	p, rounds := counted(func(context.Context) error {
		close(begun)
		<-end
		return nil
	})
	p.interval = time.Hour
	first, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var healthy atomic.Int32
	ask := func(ctx context.Context) func() {
		return func() {
			if p.look(ctx)[0].available {
				healthy.Add(1)
			}
		}
	}
	all.Go(ask(first))
	<-begun
	for range 50 {
		all.Go(ask(t.Context()))
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if got := p.look(gone); len(got) != 1 || got[0].available {
		t.Errorf("a client that has left gets %+v", got)
	}
	leave()
	close(end)
	all.Wait()
	if healthy.Load() != 51 || rounds.Load() != 1 {
		t.Errorf("%d of 51 requests got the result of %d rounds, want one", healthy.Load(), rounds.Load())
	}
}

func BenchmarkHealthcheck(b *testing.B) {
	p, _ := counted(func(context.Context) error { return nil })
	p.interval = time.Hour
	c := &checker{checks: []check{nil}, probes: p}
	r := httptest.NewRequest(http.MethodGet, "/healthcheck", nil)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		w.Body.Reset()
		c.ServeHTTP(w, r)
	}
}
