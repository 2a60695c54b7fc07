//go:build linux

package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
	"github.com/wheatpaste/wheatpaste/internal/control"
)

// oneAtATime polls the status until stop is called, which gives the least number
// of ready workers and the greatest number of those that start, and the pids of
// all that were ready.
func (s *supervised) oneAtATime() (stop func() (least, most int, pids map[int]bool)) {
	least, most, pids := 1<<30, 0, map[int]bool{}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			st, err := s.client.Status(context.Background())
			if err != nil {
				continue
			}
			ready := readyOf(st, "main")
			for _, pid := range ready {
				pids[pid] = true
			}
			least, most = min(least, len(ready)), max(most, starting(st))
		}
	}()
	return func() (int, int, map[int]bool) { close(quit); <-done; return least, most, pids }
}

func starting(st control.Status) int {
	n := 0
	for _, w := range st.Workers {
		if w.State == control.WorkerStarting {
			n++
		}
	}
	return n
}

// recycles has a load meet workers that are replaced, and wants at least so many
// of them, one at a time (PAIN-14), and nothing lost.
func (s *supervised) recycles(replaced int, reason string) {
	s.t.Helper()
	l := mixed(s.serves("main"))
	l.KeepAlive, l.NewConn, l.Rate = 6, 2, 500
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	stop := s.oneAtATime()
	run := strict.Start(ctx, l)
	until(s.t, strconv.Itoa(replaced)+" workers are replaced", func() bool {
		return s.said(`level=INFO msg="replacing a worker" server=main worker=\d pid=\d+ reason="?`+reason+`"?$`) >= replaced &&
			s.metric("wheatpaste_worker_exits_total", `reason="recycled"`) >= float64(replaced-1)
	})
	cancel()
	lossless(s.t, run.Wait(), 40)
	least, most, pids := stop()
	if least < 2 || most > 1 || len(pids) < replaced {
		s.t.Errorf("%d workers were ready at least, %d started at most at once, %d were seen; want 2, 1 and %d", least, most, len(pids), replaced)
	}
	s.finish()
}

func TestMaxRequestsReplacesOneWorkerAtATime(t *testing.T) {
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "max_requests = 100", "max_requests_jitter = 50", "drain_idle_grace = 100ms")))
	s.recycles(4, "max_requests")
}

func TestMaxRSSReplacesOneWorkerAtATime(t *testing.T) {
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "max_rss = 1M", "drain_idle_grace = 100ms")))
	s.recycles(2, "max_rss")
}

// SIGTERM to one worker replaces it; what comes to the group as well is a stop
// (SIG-14), see TestStopUnderLoadLosesNothing.
func TestSIGTERMToAWorkerReplacesIt(t *testing.T) {
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "drain_idle_grace = 100ms")))
	l := mixed(s.serves("main"))
	l.KeepAlive, l.NewConn, l.Rate = 6, 2, 500
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := s.oneAtATime()
	run := strict.Start(ctx, l)
	for range 4 {
		victim := s.awaitReady("main", 2)[0]
		kill(t, victim, syscall.SIGTERM)
		kill(t, victim, syscall.SIGTERM)
		s.awaitReady("main", 2, victim)
		until(t, "the worker is gone", func() bool { return hasEnded(victim) })
	}
	cancel()
	lossless(t, run.Wait(), 50)
	if least, _, pids := stop(); least < 2 || len(pids) < 6 {
		t.Errorf("%d workers were ready at least and %d were seen, want 2 and 6", least, len(pids))
	}
	if got := s.metric("wheatpaste_worker_exits_total", `reason="recycled"`); got != 4 {
		t.Errorf("%v workers are counted as recycled, want 4", got)
	}
	s.finish()
}

// A worker that is said to be ready is not killed by a SIGTERM, however soon
// it comes.
func TestSIGTERMAsSoonAsAWorkerIsReady(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 1", "drain_idle_grace = 10ms")))
	s.serves("main")
	victim := 0
	for range 25 {
		until(t, "another worker is ready", func() bool {
			for range 50 {
				if ready := s.ready("main"); len(ready) == 1 && ready[0] != victim {
					victim = ready[0]
					return true
				}
			}
			return false
		})
		kill(t, victim, syscall.SIGTERM)
	}
	until(t, "25 workers are replaced", func() bool { return s.metric("wheatpaste_worker_exits_total") == 25 })
	if got := s.metric("wheatpaste_worker_exits_total", `reason="recycled"`); got != 25 {
		t.Errorf("%v of 25 workers are counted as recycled: the others died of SIGTERM", got)
	}
	s.finish()
}

// totals are the counters of a scrape, with the counts of histograms, by series.
func (s *supervised) totals() map[string]float64 {
	s.t.Helper()
	_, text := get(s.t, s.admin, "/metrics")
	list := map[string]float64{}
	for line := range strings.Lines(text) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, _, _ := strings.Cut(series, "{")
		if !strings.HasPrefix(name, "wheatpaste_") || !strings.HasSuffix(name, "_total") && !strings.HasSuffix(name, "_count") && !strings.HasSuffix(name, "_bucket") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.t.Errorf("%s: %v", line, err)
		}
		list[series] = n
	}
	return list
}

// CHECK-12: no counter goes back or vanishes over reload, recycling and kill,
// and in the end they are what the clients have counted.
func TestCountersNeverGoBack(t *testing.T) {
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "max_requests = 300", "drain_idle_grace = 100ms")))
	l := mixed(s.serves("main"))
	l.KeepAlive, l.NewConn, l.Rate = 6, 2, 600
	last, scrapes := s.totals(), 0
	scrape := func() {
		t.Helper()
		now := s.totals()
		for series, before := range last {
			if after, ok := now[series]; !ok || after < before {
				t.Errorf("%s was %v and is %v (there: %t)", series, before, after, ok)
			}
		}
		last, scrapes = now, scrapes+1
	}
	requests := 0
	spell := func(change func() bool) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		run := strict.Start(ctx, l)
		until(t, "the change is done", func() bool { scrape(); return change() })
		cancel()
		report := run.Wait()
		lossless(t, report, 20)
		requests += report.Requests
	}
	s.signal(syscall.SIGHUP)
	spell(func() bool { return s.said(`msg=reloaded generation=2$`) > 0 })
	victim := s.awaitReady("main", 2)[0]
	kill(t, victim, syscall.SIGKILL) // it has no request: what it counted must stay, to the last one
	until(t, "a worker in its place", func() bool {
		scrape()
		ready := s.ready("main")
		return len(ready) == 2 && !slices.Contains(ready, victim)
	})
	spell(func() bool { return s.metric("wheatpaste_worker_exits_total", `reason="recycled"`) >= 4 })
	scrape()
	if got := s.metric("wheatpaste_http_requests_total", `app="main"`, `code="200"`); int(got) != requests {
		t.Errorf("%v requests are counted, the clients have had %d answers", got, requests)
	}
	if got := s.metric("wheatpaste_http_request_duration_seconds_count", `app="main"`); int(got) != requests {
		t.Errorf("%v durations are counted, want %d", got, requests)
	}
	if got := s.metric("wheatpaste_worker_exits_total", `reason="signal"`); got != 1 {
		t.Errorf("%v exits by a signal are counted, want 1", got)
	}
	if scrapes < 20 {
		t.Errorf("%d scrapes are too few", scrapes)
	}
	s.finish()
}

// One request at a time, one more waits, and the next one is told so.
func TestAFullPoolAnswers503(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", holdApp+server("workers = 1", "pool_size = 1", "pool_queue = 1")))
	address := s.serves("main")
	first := holdRequest(t, address)
	others := background(address, "/", 2)
	if a := <-others; a.code != 503 || a.header.Get("Retry-After") != "1" { // the other one waits
		t.Errorf("beyond the queue the answer is %+v, want 503 with Retry-After: 1", a)
	}
	if rest, err := first.finish(); rest != "done\n" || err != nil {
		t.Errorf("the first request ends with %q, error %v", rest, err)
	}
	if a := <-others; a.code != 200 || a.body != "begun\ndone\n" {
		t.Errorf("the request that waited ends with %+v", a)
	}
	s.finish()
}

// CHECK-11: a handler that does not return gets its client a 504, its worker is
// replaced, and the other worker and its requests notice nothing.
func TestAHandlerThatHangs(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "request_timeout = 500ms", "drain_idle_grace = 100ms")))
	address := s.serves("main")
	before := s.awaitReady("main", 2)
	began := time.Now()
	r, _ := fresh(t, address, "/sleep?ms=600000")
	if took := time.Since(began); r.StatusCode != 504 || took < 500*time.Millisecond || took > 1500*time.Millisecond {
		t.Errorf("answer %d after %s, want 504 after 500 ms", r.StatusCode, took)
	}
	s.says(`msg="request timed out, and its handler does not return" .*method=GET uri="?/sleep\?ms=600000`)
	hung, err := strconv.Atoi(s.says(`level=INFO msg="replacing a worker" server=main worker=\d pid=(\d+) reason="hung request"$`)[1])
	if err != nil {
		t.Fatal(err)
	}
	after := s.awaitReady("main", 2, hung)
	for _, pid := range before {
		if pid != hung && !slices.Contains(after, pid) {
			t.Errorf("%v has become %v, want only %d replaced", before, after, hung)
		}
	}
	until(t, "the worker that hung is gone", func() bool { return hasEnded(hung) })
	for range 10 {
		if r, body := fresh(t, address, "/"); r.StatusCode != 200 || body != load.Plain {
			t.Errorf("answer %d %q", r.StatusCode, body)
		}
	}
	s.finish()
}
