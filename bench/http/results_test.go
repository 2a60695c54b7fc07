package main

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/bench/http/answer"
)

func TestMedian(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name string
		list []float64
		want float64
	}{
		{"of nothing", nil, nan},
		{"odd", []float64{9, 1, 5}, 5},
		{"even", []float64{9, 1, 5, 6}, 5.5},
		{"not measured is left out", []float64{nan, 3, nan}, 3},
		{"nothing measured", []float64{nan}, nan},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := median(tt.list); got != tt.want && !(math.IsNaN(got) && math.IsNaN(tt.want)) {
				t.Errorf("median(%v) = %v, want %v", tt.list, got, tt.want)
			}
		})
	}
}

func TestTableGivesMediansAndRatios(t *testing.T) {
	all := newResults([]contender{{name: ours}, {name: "nginx"}, {name: "Caddy"}}, nil)
	for _, rate := range []float64{100, 900, 200} {
		all.add(ours, loads[1], sample{rate: rate, p50: 1, p99: 2, cpu: 0.5, memory: 10})
	}
	all.add("nginx", loads[1], sample{rate: 300, p50: 0.5, p99: 1, cpu: 0.25, memory: 5})
	got := table("small", all.names, loadColumns[:2], func(name string) []sample { return all.samples[name][loads[1]] })
	want := []string{
		"small requests/s x ours p50 ms x ours",
		ours + " 200 1.00 1.000 1.00",
		"nginx 300 1.50 0.500 0.50",
		"Caddy - - - -",
	}
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	for i, line := range lines {
		if i >= len(want) || strings.Join(strings.Fields(line), " ") != want[i] {
			t.Errorf("line %d is %q, want %q", i, line, want[min(i, len(want)-1)])
		}
	}
}

func TestPromises(t *testing.T) {
	all := newResults([]contender{{name: ours}, {name: "nginx"}, {name: "Caddy"}}, nil)
	all.add(ours, loads[1], sample{rate: 65})
	all.add("nginx", loads[1], sample{rate: 100})
	all.add("Caddy", loads[1], sample{rate: 22})
	all.addRest(ours, rest{cold: 100, worker: 24.9, conn: math.NaN()})
	text := all.promised()
	for _, want := range []string{
		"multiple of nginx 0.65 >= 0.65 kept",
		"multiple of Caddy 2.95 >= 3 missed",
		"multiple of gunicorn (sync) - >= 6 not measured",
		"cold start, ms 100.0 < 100 missed",
		"idle worker, MB 24.9 < 25 kept",
		"connection, KB - < 20 not measured",
	} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestOnlyOurProblemsFail(t *testing.T) {
	all := newResults([]contender{{name: ours}}, nil)
	if err := all.failure(); err == nil || err.Error() != "nothing of wheatpaste was measured" {
		t.Errorf("failure() = %v of an empty run", err)
	}
	all.add(ours, loads[0], sample{})
	all.problem("nginx", errors.New("gone"))
	if err := all.failure(); err != nil {
		t.Errorf("failure() = %v after a problem of nginx", err)
	}
	all.problem(ours, errors.New("one answer was wrong"))
	if err := all.failure(); err == nil || err.Error() != "1 problems of wheatpaste, want none" {
		t.Errorf("failure() = %v after a problem of ours", err)
	}
	if text := all.text(); !strings.Contains(text, "problem: nginx: gone\n") {
		t.Errorf("nginx's problem is not in\n%s", text)
	}
}

func TestFigures(t *testing.T) {
	const out = "Running 4s test\nfigures 1000 2000000 150000 0 0 0 0 0 1500 20250\n"
	f, err := parseFigures(out)
	if err != nil {
		t.Fatal(err)
	}
	if f.rate() != 500 || f.p50 != 1.5 || f.p99 != 20.25 {
		t.Errorf("rate %v, p50 %v, p99 %v, want 500, 1.5, 20.25", f.rate(), f.p50, f.p99)
	}
	if _, err := parseFigures("unable to connect"); err == nil || err.Error() != "wrk gave no figures: unable to connect" {
		t.Errorf("parseFigures() = %v of an error", err)
	}
}

func TestEveryAnswerIsChecked(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    figures
		want string
	}{
		{"all good", figures{requests: 10, bytes: 1000}, ""},
		{"some under way", figures{requests: 10, bytes: 1150}, ""},
		{"none", figures{}, "nothing was answered"},
		{"one shorter", figures{requests: 10, bytes: 999}, "999 bytes in 10 answers, want 100 each"},
		{"longer", figures{requests: 10, bytes: 1201}, "1201 bytes in 10 answers, want 100 each"},
		{"a status", figures{requests: 10, bytes: 1000, status: 1}, "of 10 requests failed: 0 connect, 0 read, 0 write, 1 status, 0 timeout"},
		{"a read", figures{requests: 10, bytes: 1000, read: 2}, "of 10 requests failed: 0 connect, 2 read, 0 write, 0 status, 0 timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.f.check(100, 2); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("check() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	list, missing := choose([]string{"bare", "WHEAT"})
	if len(list) != 4 || len(missing) != 0 {
		t.Errorf("choose() = %v, %v, want both of ours and both bare ones", list, missing)
	}
	if list, _ := choose([]string{"apache"}); len(list) != 0 {
		t.Errorf("choose(apache) = %v, want none", list)
	}
}

func TestPromisesNameContenders(t *testing.T) {
	for _, p := range ratios {
		found := false
		for _, c := range contenders {
			found = found || c.name == p.than
		}
		if !found {
			t.Errorf("%q is no server", p.than)
		}
	}
	if len(answer.Large()) != answer.LargeSize {
		t.Errorf("the long answer has %d bytes, want %d", len(answer.Large()), answer.LargeSize)
	}
}
