// Command launcher holds the launcher against its promises: it starts servers,
// puts them under the load of clients that forgive nothing, and reloads, upgrades,
// kills, stops and hangs them. It prints a line for each scenario and exits with 1 when
// one failed.
//
//	go run ./bench/launcher [-short] [-race] [SCENARIO...]
//
// Without names all scenarios run. It needs Linux; wrk joins in when installed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// scenario is one promise.
type scenario struct {
	name, about string
	run         func(*bench) error
}

var scenarios = []scenario{
	{"reload", "full load, reloads, then changes of the number of workers", reloadScenario},
	{"hup", "200 requests a second, SIGHUP (CHECK-02)", hupScenario},
	{"kill", "full load, a worker killed again and again (CHECK-06, CHECK-12)", killScenario},
	{"stop", "SIGTERM to the group twice, under load (CHECK-01)", stopScenario},
	{"slow", "SIGTERM and SIGINT with slow and endless requests in flight (CHECK-04, CHECK-16)", slowScenario},
	{"leak", "reloads; what the master holds", leakScenario},
	{"orphan", "the master killed under load (CHECK-05)", orphanScenario},
	{"upgrade", "full load, the program replaced again and again (CHECK-09)", upgradeScenario},
	{"hung", "a worker stopped, and one whose only P is blocked", hungScenario},
	{"peers", "what a reload loses with gunicorn, uWSGI, nginx and Caddy, beside ours", peersScenario},
}

// figures are the sizes of the runs.
type figures struct {
	clients, h2, wrk int
	baseline         time.Duration
	reloads, changes int
	hups             int
	killFor          time.Duration
	killEvery        time.Duration
	stops            int
	slow             int
	leakReloads      int
	upgrades         int
	peerReloads      int
	peerPause        time.Duration
}

var (
	full = figures{
		clients: 64, h2: 4, wrk: 32, baseline: 5 * time.Second, reloads: 200, changes: 20, hups: 50, killFor: time.Minute,
		killEvery: 500 * time.Millisecond, stops: 65, slow: 100, leakReloads: 1000, upgrades: 20, peerReloads: 20, peerPause: time.Second,
	}
	short = figures{
		clients: 16, h2: 2, wrk: 8, baseline: 2 * time.Second, reloads: 6, changes: 4, hups: 5, killFor: 5 * time.Second,
		killEvery: 500 * time.Millisecond, stops: 4, slow: 30, leakReloads: 30, upgrades: 3, peerReloads: 3, peerPause: time.Second,
	}
)

func main() {
	small := flag.Bool("short", false, "small figures")
	race := flag.Bool("race", false, "servers with the race detector")
	keep := flag.Bool("keep", false, "keep the folder with the logs of the servers")
	binary := flag.String("server", "", "a testserver that is built already")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := suite{figures: full, race: *race, keep: *keep, binary: *binary, out: os.Stdout}
	if *small {
		s.figures = short
	}
	if err := s.run(ctx, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "launcher:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// suite is a run of several scenarios.
type suite struct {
	figures    figures
	race, keep bool
	binary     string
	out        io.Writer
	dir        string
}

func (s *suite) run(ctx context.Context, names []string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "wheatpaste-soak"); err != nil {
		return err
	}
	defer s.cleanUp()
	if err := s.build(ctx); err != nil {
		return err
	}
	failed := 0
	for _, sc := range chosen {
		if !s.one(ctx, sc) {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d scenarios failed", failed, len(chosen))
	}
	return nil
}

func (s *suite) cleanUp() {
	if s.keep {
		fmt.Fprintln(s.out, "logs are in", s.dir)
		return
	}
	os.RemoveAll(s.dir)
}

func choose(names []string) ([]scenario, error) {
	if len(names) == 0 {
		return scenarios, nil
	}
	var chosen []scenario
	for _, name := range names {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown scenario %q, want some of %s", name, known())
		}
		chosen = append(chosen, scenarios[i])
	}
	return chosen, nil
}

func known() string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

func (s *suite) build(ctx context.Context) error {
	if s.binary != "" {
		return nil
	}
	s.binary = filepath.Join(s.dir, "testserver")
	args := []string{"build", "-o", s.binary}
	if s.race {
		args = append(args, "-race")
	}
	build := exec.CommandContext(ctx, "go", append(args, "./bench/launcher/testserver")...) //nolint:gosec // our own folder
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("go build ./bench/launcher/testserver: %w; it is run in the root of the module", err)
	}
	return nil
}

// one runs a scenario and prints its result.
func (s *suite) one(ctx context.Context, sc scenario) bool {
	dir := filepath.Join(s.dir, sc.name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		fmt.Fprintln(s.out, "FAIL", sc.name, err)
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	b := &bench{ctx: ctx, figures: s.figures, patience: 1, binary: s.binary, dir: dir, out: s.out}
	if s.race {
		b.patience = 10
	}
	began := time.Now()
	fmt.Fprintf(s.out, "-- %s: %s\n", sc.name, sc.about)
	err := sc.run(b)
	b.end()
	if err != nil {
		b.problem("%v", err)
	}
	result := "ok  "
	if b.problems > 0 {
		result = "FAIL"
	}
	fmt.Fprintf(s.out, "%s %s (%.1f s)\n", result, sc.name, time.Since(began).Seconds())
	return b.problems == 0
}
