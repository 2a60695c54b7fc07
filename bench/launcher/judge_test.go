package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/internal/control"
)

// TestCause: only what a kill explains is forgiven.
func TestCause(t *testing.T) {
	killed := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	deaths := []death{{pid: "7", at: killed}, {pid: "8", at: killed.Add(5 * time.Second)}}
	for _, test := range []struct {
		name          string
		failure       strict.Failure
		began, failed time.Duration // after the first kill
		pid           string
	}{
		{"in flight", strict.Failure{Kind: strict.Reset, Worker: "7"}, -time.Second, time.Millisecond, "7"},
		{"in flight, half answered", strict.Failure{Kind: strict.EarlyEnd, Worker: "7"}, -time.Second, time.Millisecond, "7"},
		{"sent a moment later", strict.Failure{Kind: strict.Reset, Worker: "7"}, time.Millisecond, 2 * time.Millisecond, "7"},
		{"a new connection", strict.Failure{Kind: strict.Reset, First: true}, -time.Millisecond, time.Millisecond, "7"},
		{"the second kill", strict.Failure{Kind: strict.Reset, Worker: "8"}, 4 * time.Second, 5001 * time.Millisecond, "8"},
		{"another worker", strict.Failure{Kind: strict.Reset, Worker: "8"}, -time.Second, time.Millisecond, ""},
		{"before the kill", strict.Failure{Kind: strict.Reset, Worker: "7"}, -time.Second, -time.Millisecond, ""},
		{"later, on a machine with other work", strict.Failure{Kind: strict.Reset, Worker: "7"}, time.Millisecond, 2 * time.Second, "7"},
		{"later, on a new connection", strict.Failure{Kind: strict.Reset, First: true}, time.Millisecond, 2 * time.Second, ""},
		{"long after", strict.Failure{Kind: strict.Reset, Worker: "7"}, 3 * time.Second, 4 * time.Second, ""},
		{"a used connection without a name", strict.Failure{Kind: strict.Reset}, -time.Second, time.Millisecond, ""},
		{"refused", strict.Failure{Kind: strict.Refused, First: true}, 0, time.Millisecond, ""},
		{"a timeout", strict.Failure{Kind: strict.Timeout, Worker: "7"}, -time.Second, time.Millisecond, ""},
		{"a wrong answer", strict.Failure{Kind: strict.WrongBody, Worker: "7"}, -time.Second, time.Millisecond, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := test.failure
			f.Began, f.Failed = killed.Add(test.began), killed.Add(test.failed)
			got := ""
			if d := cause(f, deaths); d != nil {
				got = d.pid
			}
			if got != test.pid {
				t.Errorf("cause of %s = %q, want %q", f, got, test.pid)
			}
		})
	}
}

// judged runs one judgement and returns how many problems it saw, and the text.
func judged(judge func(*bench)) (int, string) {
	var out bytes.Buffer
	b := &bench{out: &out, figures: full, patience: 1}
	judge(b)
	return b.problems, out.String()
}

func TestLosslessSeesEachLoss(t *testing.T) {
	for _, test := range []struct {
		name     string
		report   strict.Report
		problems int
	}{
		{"all answered", strict.Report{Requests: 3, Answered: 3}, 0},
		{"nothing sent", strict.Report{}, 1},
		{"one lost", strict.Report{Requests: 3, Answered: 2, Failures: []strict.Failure{{Kind: strict.Reset}}}, 1},
		{"one unaccounted", strict.Report{Requests: 3, Answered: 2}, 1},
	} {
		if got, text := judged(func(b *bench) { b.lossless("load", &test.report) }); got != test.problems {
			t.Errorf("%s: %d problems, want %d\n%s", test.name, got, test.problems, text)
		}
	}
}

func TestGrowthIsSeen(t *testing.T) {
	steady := func(i int) held {
		return held{files: 12, goroutines: 20, threads: 8 + i%3, heap: 3<<20 + int64(i%2)<<16, rss: 40<<20 + int64(i%4)<<18}
	}
	for _, test := range []struct {
		name   string
		at     func(i int) held
		growth int
	}{
		{"steady", steady, 0},
		{"a descriptor a reload", func(i int) held { h := steady(i); h.files += i; return h }, 1},
		{"one descriptor in ten looks", func(i int) held { h := steady(i); h.files += i / 5; return h }, 1},
		{"a goroutine a reload", func(i int) held { h := steady(i); h.goroutines += i; return h }, 1},
		{"1 KB a reload", func(i int) held { h := steady(i); h.heap += int64(i) * 100 << 10; return h }, 1},
		{"all", func(i int) held { return held{i, 10 * i, int64(i) << 24, i, int64(i) << 24} }, 5},
	} {
		var samples []held
		for i := range 10 {
			samples = append(samples, test.at(i))
		}
		if got, text := judged(func(b *bench) { b.compare(samples) }); got != test.growth {
			t.Errorf("%s: %d problems, want %d\n%s", test.name, got, test.growth, text)
		}
	}
}

func TestHungWorkersLossesAlone(t *testing.T) {
	for _, test := range []struct {
		name    string
		failure strict.Failure
		bad     bool
	}{
		{"its own", strict.Failure{Kind: strict.Reset, Worker: "7"}, false},
		{"a connection that it had taken", strict.Failure{Kind: strict.EarlyEnd, First: true}, false},
		{"its neighbour's", strict.Failure{Kind: strict.Reset, Worker: "8"}, true},
		{"refused", strict.Failure{Kind: strict.Refused, First: true}, true},
		{"a timeout", strict.Failure{Kind: strict.Timeout, Worker: "7"}, true},
	} {
		report := &strict.Report{Failures: []strict.Failure{test.failure}}
		if got, text := judged(func(b *bench) { b.blameHung(report, "7") }); (got > 0) != test.bad {
			t.Errorf("%s: %d problems, want bad %v\n%s", test.name, got, test.bad, text)
		}
	}
}

func TestWrkComplaints(t *testing.T) {
	const good = "Running 1m test @ http://127.0.0.1:1/\n  1 threads and 32 connections\n  100 requests in 1.00s, 2.00KB read\nRequests/sec:    100.0\n"
	const bad = "  100 requests in 1.00s, 2.00KB read\n  Socket errors: connect 0, read 3, write 0, timeout 0\n  Non-2xx or 3xx responses: 1\n"
	if !total.MatchString(good) || len(complaint.FindAllString(good, -1)) != 0 {
		t.Error("a good run is not taken for one")
	}
	if len(complaint.FindAllString(bad, -1)) != 2 {
		t.Errorf("complaints %q, want 2", complaint.FindAllString(bad, -1))
	}
	if total.MatchString("  0 requests in 1.00s, 0.00B read\n") {
		t.Error("a run without a request is taken for one")
	}
}

func TestSums(t *testing.T) {
	const text = "# TYPE x_total counter\nx_total{app=\"api\",code=\"200\"} 3\nx_total{app=\"api\",code=\"500\"} 1\nx_total{app=\"metrics\",code=\"200\"} 7\n"
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	s := series(families)
	if s.sum("x_total", "app", "api") != 4 || s.sum("x_total") != 11 || s.sum("y_total") != 0 || s.sum("x_total", "app", "api", "code", "500") != 1 {
		t.Errorf("sums %v, %v, %v", s.sum("x_total", "app", "api"), s.sum("x_total"), s.sum("y_total"))
	}
}

func TestMissingAndReady(t *testing.T) {
	old := []control.Worker{{PID: 7, State: control.WorkerReady}, {PID: 8, State: control.WorkerReady}}
	now := []control.Worker{{PID: 8, State: control.WorkerReady}, {PID: 9, State: control.WorkerReady}, {PID: 10, State: control.WorkerStarting}}
	if got := missing(old, now); got != "7" {
		t.Errorf("missing = %q, want 7", got)
	}
	if got := missing(old, old); got != "" {
		t.Errorf("missing = %q, want none", got)
	}
	if got := len(ready(control.Status{Workers: now})); got != 2 {
		t.Errorf("%d ready, want 2", got)
	}
}

func TestChoose(t *testing.T) {
	if _, err := choose([]string{"reload", "relaod"}); err == nil || err.Error() != `unknown scenario "relaod", want some of `+known() {
		t.Errorf("choose: %v", err)
	}
	if got, err := choose(nil); err != nil || len(got) != len(scenarios) {
		t.Errorf("choose() = %d scenarios, %v, want all", len(got), err)
	}
}

func TestLatencyOfReloads(t *testing.T) {
	baseline := &strict.Report{P99: 10 * time.Millisecond}
	for _, test := range []struct {
		slowest, stalled time.Duration
		bad              bool
	}{
		{69 * time.Millisecond, 0, false}, {71 * time.Millisecond, 0, true}, {90 * time.Millisecond, 30 * time.Millisecond, false},
	} {
		got, text := judged(func(b *bench) { b.latency(baseline, &strict.Report{Max: test.slowest}, test.stalled) })
		if (got > 0) != test.bad {
			t.Errorf("slowest %s, stalled %s: %d problems, want bad %v\n%s", test.slowest, test.stalled, got, test.bad, text)
		}
	}
}

func TestReplacementsInTime(t *testing.T) {
	for _, test := range []struct {
		name          string
		usual, slow   time.Duration
		slowOnes, bad int
	}{
		{"all quick", 80 * time.Millisecond, 0, 0, 0},
		{"one is slow", 80 * time.Millisecond, 400 * time.Millisecond, 1, 0},
		{"many are slow", 80 * time.Millisecond, 400 * time.Millisecond, 10, 1},
		{"one is not back", 80 * time.Millisecond, 1100 * time.Millisecond, 1, 1},
	} {
		var deaths []death
		for i := range 100 {
			took := test.usual
			if i < test.slowOnes {
				took = test.slow
			}
			deaths = append(deaths, death{back: time.Time{}.Add(took)})
		}
		if got, text := judged(func(b *bench) { b.respawned(deaths, 200*time.Millisecond) }); got != test.bad {
			t.Errorf("%s: %d problems, want %d\n%s", test.name, got, test.bad, text)
		}
	}
	if got, _ := judged(func(b *bench) { b.respawned(nil, time.Second) }); got != 1 {
		t.Errorf("no deaths: %d problems, want 1", got)
	}
}
