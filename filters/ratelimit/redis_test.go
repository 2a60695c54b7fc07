//go:build unix

package ratelimit

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
	"github.com/wheatpaste/wheatpaste/filters/ratelimit/internal/resp"
)

// server is a Redis of its own, of the Debian package redis-server.
type server struct {
	path, port string
	cmd        *exec.Cmd
}

func startRedis(t *testing.T) *server {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal(err)
		}
		t.Skip("no redis-server here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	s := &server{path: path, port: port}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

func (s *server) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(s.path, "--port", s.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", "s3cret", "--dir", t.TempDir())
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	client, err := resp.Parse(s.url())
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdle()
	eventually(t, "redis answers", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.Do(ctx, "PING")
		return err == nil
	})
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *server) url() string { return "redis://:s3cret@127.0.0.1:" + s.port + "/1" }

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in 20 s: %s", what)
		}
	}
}

func TestRedisCountsForAllWorkers(t *testing.T) {
	redis := startRedis(t)
	lines := use + "rate = 5/hour\npolicy = p\nredis = " + redis.url()
	a, b := filtertest.Load(t, lines, ok), filtertest.Load(t, lines, ok)
	var got []string
	for range 4 {
		for _, s := range []*filtertest.Site{a, b} {
			rec := s.Do(from("192.0.2.1:1"))
			got = append(got, fmt.Sprint(rec.Code, rec.Header().Get("Ratelimit"), rec.Header().Get("Retry-After")))
		}
	}
	want := []string{
		`200"p";r=4;t=720`, `200"p";r=3;t=1440`, `200"p";r=2;t=2160`, `200"p";r=1;t=2880`, `200"p";r=0;t=3600`,
		`429"p";r=0;t=3600720`, `429"p";r=0;t=3600720`, `429"p";r=0;t=3600720`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c := a.Do(from("192.0.2.2:1")).Code; c != 200 {
		t.Errorf("another client: %d", c)
	}
}

func TestRedisIsAtomic(t *testing.T) {
	redis := startRedis(t)
	s := filtertest.Load(t, use+"rate = 50/hour\nredis_timeout = 10\nredis = "+redis.url(), ok)
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for range 300 {
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

// TestRedisIsKilledAndRestarted: under load no request waits longer than the
// time-out, the choice of on_error is made, said once, counted, and given up when
// Redis is back.
func TestRedisIsKilledAndRestarted(t *testing.T) {
	const timeout = 300 * time.Millisecond
	for onError, whileAway := range map[string]string{"allow": "200 ", "deny": "503 1", "local": "429 "} {
		t.Run(onError, func(t *testing.T) {
			redis := startRedis(t)
			s := filtertest.Load(t, use+"rate = 1/hour\npolicy = "+onError+"\nredis_timeout = 300ms\non_error = "+onError+"\nredis = "+redis.url(), ok)
			s.Do(from("192.0.2.1:1"))
			load := startLoad(s)
			load.seen(t, "429")
			redis.kill()
			load.seen(t, whileAway[:3])
			if up := s.Metric(t, "wheatpaste_ratelimit_redis_up"); onError != "local" && up != 0 {
				t.Errorf("redis_up is %v while Redis is dead", up)
			}
			redis.start(t)
			eventually(t, "the circuit closes", func() bool { return strings.Contains(s.Log(), "redis is back") })
			// Redis has forgotten everything, the script too: one is allowed again.
			load.seen(t, "429")
			slowest := load.stop()
			if slowest > timeout+2*time.Second { // what two busy processors add
				t.Errorf("a request took %s", slowest)
			}
			if n := strings.Count(s.Log(), "redis is away"); n != 1 {
				t.Errorf("said %d times, want once:\n%s", n, s.Log())
			}
			if strings.Contains(s.Log(), "s3cret") {
				t.Error("the log shows the password")
			}
			if s.Metric(t, "wheatpaste_ratelimit_redis_errors_total") < 1 {
				t.Error("no error was counted")
			}
		})
	}
}

// TestAHungRedisIsTakenForAway: a Redis that accepts and says nothing costs one
// time-out.
func TestAHungRedisIsTakenForAway(t *testing.T) {
	redis := startRedis(t)
	s := filtertest.Load(t, use+"rate = 1/hour\nredis_timeout = 50ms\nredis = "+redis.url(), ok)
	s.Do(from("192.0.2.1:1"))
	if err := redis.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for range 20 {
		if got := s.Do(from("192.0.2.1:1")).Code; got != 200 {
			t.Errorf("%d while Redis hangs, want 200", got)
		}
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("20 requests took %s, want one time-out of 50 ms", took)
	}
	if err := redis.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the limit is back", func() bool { return s.Do(from("192.0.2.1:1")).Code == 429 })
}

func TestAWrongPasswordIsSaidWithoutIt(t *testing.T) {
	redis := startRedis(t)
	s := filtertest.Load(t, use+"rate = 1/hour\non_error = deny\nredis = "+strings.Replace(redis.url(), "s3cret", "wr0ng", 1), ok)
	if got := s.Do(from("192.0.2.1:1")).Code; got != 503 {
		t.Errorf("%d, want 503", got)
	}
	if log := s.Log(); !strings.Contains(log, "WRONGPASS") || strings.Contains(log, "wr0ng") {
		t.Errorf("log %s", log)
	}
}

// load asks all the time, from four goroutines.
type load struct {
	mu      sync.Mutex
	last    map[string]int
	slowest time.Duration
	end     chan struct{}
	wg      sync.WaitGroup
}

func startLoad(s *filtertest.Site) *load {
	l := &load{last: map[string]int{}, end: make(chan struct{})}
	for range 4 {
		l.wg.Go(func() {
			for {
				select {
				case <-l.end:
					return
				case <-time.After(time.Millisecond):
				}
				start := time.Now()
				rec := s.Do(from("192.0.2.1:1"))
				l.mu.Lock()
				l.last[fmt.Sprint(rec.Code)]++
				l.slowest = max(l.slowest, time.Since(start))
				l.mu.Unlock()
			}
		})
	}
	return l
}

// seen waits until a status has come twenty times from now on.
func (l *load) seen(t *testing.T, status string) {
	t.Helper()
	l.mu.Lock()
	clear(l.last)
	l.mu.Unlock()
	eventually(t, "answers "+status, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.last[status] >= 20
	})
}

func (l *load) stop() time.Duration {
	close(l.end)
	l.wg.Wait()
	return l.slowest
}
