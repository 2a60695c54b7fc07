//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
)

// death is a worker that was killed.
type death struct {
	pid      int
	at, back time.Time
}

// shadow is how long after a kill a client may learn of it, on a machine that
// has other things to do.
const shadow = time.Second

// TestKilledWorkersLoseOnlyTheirRequests is CHECK-06 and point 2 of the issue,
// shortened.
func TestKilledWorkersLoseOnlyTheirRequests(t *testing.T) {
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2")))
	address := s.serves("main")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := strict.Start(ctx, strict.Load{
		Addr: address, KeepAlive: 6, NewConn: 2, Rate: 400, WorkerHeader: load.WorkerHeader, IDHeader: load.IDHeader,
		Calls: []strict.Call{{Weight: 3, Method: "GET", Path: "/", Want: load.Plain}, {Method: "POST", Path: "/echo", Echo: true}, {Method: "GET", Path: "/stream", Want: load.Stream}},
	})
	open := len(links(t, s.Process.Pid))
	deaths := s.killNowAndThen()
	cancel()
	report := run.Wait()
	t.Log(report)
	until(t, "the master has as much open as before, and the scrapes' connections", func() bool {
		return len(links(t, s.Process.Pid)) <= open+len(deaths)
	})
	blame(t, report, deaths)
	backInTime(t, deaths)
	s.counts(report)
	if got := s.metric("wheatpaste_worker_exits_total", `reason="signal"`); got != 10 {
		t.Errorf("%v exits by a signal, want 10", got)
	}
	if last := s.lastExit("main", 0) + s.lastExit("main", 1); !strings.Contains(last, "signal 9, killed") {
		t.Errorf("the last exits are %q", last)
	}
	s.finish()
}

// killNowAndThen kills a random worker every 300 ms, ten times.
func (s *supervised) killNowAndThen() (deaths []death) {
	s.t.Helper()
	counted := 0.0
	next := time.NewTicker(300 * time.Millisecond)
	defer next.Stop()
	for range 10 {
		<-next.C
		victim := s.ready("main")[rand.IntN(2)]
		d := death{pid: victim, at: time.Now()}
		kill(s.t, victim, syscall.SIGKILL)
		s.awaitReady("main", 2, victim)
		d.back = time.Now()
		deaths = append(deaths, d)
		before := counted
		if counted = s.metric("wheatpaste_http_requests_total"); counted < before { // CHECK-12
			s.t.Errorf("%v requests are counted after %v", counted, before)
		}
	}
	return deaths
}

// blame wants each failure to be one of a connection that a killed worker had.
func blame(t *testing.T, report *strict.Report, deaths []death) {
	t.Helper()
	if report.Answered < 200 || report.Answered+len(report.Failures) != report.Requests {
		t.Errorf("no load to speak of: %s", report)
	}
	for _, f := range report.Failures {
		known := slices.ContainsFunc(deaths, func(d death) bool {
			then := !f.Failed.Before(d.at) && f.Failed.Before(d.at.Add(shadow)) && f.Began.Before(d.at.Add(shadow))
			return then && (f.Worker == strconv.Itoa(d.pid) || f.Worker == "" && f.First)
		})
		if !known || f.Kind != strict.Reset && f.Kind != strict.EarlyEnd {
			t.Errorf("no kill explains: %s", f)
		}
	}
}

// backInTime wants a worker back within a second. Half of them may take longer
// on a machine that is busy with other tests.
func backInTime(t *testing.T, deaths []death) {
	t.Helper()
	var took []time.Duration
	for _, d := range deaths {
		took = append(took, d.back.Sub(d.at))
	}
	slices.Sort(took)
	t.Log("a worker was back after", took)
	if median := took[len(took)/2]; median > time.Second {
		t.Errorf("a worker was back after %s, want a second", median)
	}
}

// counts wants the counters to agree with what the clients have seen.
func (s *supervised) counts(report *strict.Report) {
	s.t.Helper()
	total := int(s.metric("wheatpaste_http_requests_total", `app="main"`))
	if total < report.Answered || total > report.Requests {
		s.t.Errorf("%d requests counted, want %d to %d", total, report.Answered, report.Requests)
	}
	if flying := s.metric("wheatpaste_http_requests_in_flight", `app="main"`); flying != 0 {
		s.t.Errorf("%v requests in flight after all, want none", flying)
	}
	for _, w := range s.status().Workers {
		if seen := report.Workers[strconv.Itoa(w.PID)]; int(w.Requests) != seen || w.InFlight != 0 {
			s.t.Errorf("worker %d has %d requests and %d in flight, the clients had %d answers of it", w.PID, w.Requests, w.InFlight, seen)
		}
	}
}

// TestAllWorkersKilledAtOnce: the queues outlive them, nobody is refused.
func TestAllWorkersKilledAtOnce(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2")))
	address := s.serves("main")
	for range 3 {
		victims := s.awaitReady("main", 2)
		for _, pid := range victims {
			kill(t, pid, syscall.SIGKILL)
		}
		for range 10 {
			if r, _ := fresh(t, address, "/"); r.StatusCode != 200 {
				t.Errorf("answer %d", r.StatusCode)
			}
		}
		s.awaitReady("main", 2, victims...)
	}
	if n := s.said("pause="); n != 0 {
		t.Errorf("%d pauses before a start, want none", n)
	}
	s.finish()
}

// TestSignalsToWorkers: SIGTERM to a worker replaces it and loses nothing, the
// others are ignored (SIG-14, design.md 6).
func TestSignalsToWorkers(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "h2c = true", "drain_idle_grace = 0.3")))
	address := s.serves("main")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := strict.Start(ctx, strict.Load{Addr: address, KeepAlive: 4, NewConn: 2, H2: 1, Rate: 200, Calls: []strict.Call{{Method: "GET", Path: "/", Want: load.Plain}}})
	workers := s.awaitReady("main", 2)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGPIPE} {
		kill(t, workers[0], sig)
	}
	for range 3 {
		now := s.awaitReady("main", 2)
		if !slices.Contains(now, workers[0]) {
			t.Errorf("%d is gone before its SIGTERM", workers[0])
		}
		workers = now
		kill(t, workers[0], syscall.SIGTERM)
		kill(t, workers[0], syscall.SIGTERM)
		workers = s.awaitReady("main", 2, workers[0])
	}
	cancel()
	if report := run.Wait(); len(report.Failures) > 0 || report.Answered == 0 {
		t.Errorf("%s, want no failures\n%s", report, strings.Join(report.Examples(3), "\n"))
	}
	until(t, "three exits are counted", func() bool { return s.metric("wheatpaste_worker_exits_total", `reason="recycled"`) == 3 })
	if got := s.metric("wheatpaste_worker_exits_total"); got != 3 {
		t.Errorf("%v exits, want 3", got)
	}
	s.finish()
}
