// Command http measures wheatpaste beside what else its users could take, on
// this machine and by turns in one run: the medians of several rounds, each as
// a ratio to wheatpaste with two workers.
//
//	go run ./bench/http [-short] [-rest] [-rounds N] [-seconds N] [-results FILE] [NAME...]
//
// All seven rounds take about 20 minutes. Names are the first words of the servers to start; without one all are. It
// needs Linux and wrk. A server that is not installed is left out, and said so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	s := suite{args: os.Args[1:]}
	flag.IntVar(&s.rounds, "rounds", 7, "rounds; the medians are printed")
	seconds := flag.Int("seconds", 2, "length of each load")
	short := flag.Bool("short", false, "a smoke test: one round of short loads, and no file")
	flag.IntVar(&s.idle, "idle", 5000, "idle connections, for the memory of one")
	flag.StringVar(&s.file, "results", "bench/RESULTS.md", "the file whose section is written; empty for none")
	flag.BoolVar(&s.restOnly, "rest", false, "measure start and rest only, no loads, and write no file")
	flag.StringVar(&s.binary, "wheatpaste", "", "a wheatpaste that is built already")
	flag.Parse()
	s.each, s.names = time.Duration(*seconds)*time.Second, flag.Args()
	if *short {
		s.rounds, s.each, s.idle = 1, time.Second, 200
	}
	if *short || s.restOnly {
		s.file = ""
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "http:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// suite is a whole run.
type suite struct {
	args, names  []string
	rounds, idle int
	each         time.Duration
	file, binary string
	restOnly     bool

	dir   string
	turns int
}

func (s *suite) run(ctx context.Context) error {
	if s.rounds < 1 || s.each < time.Second || s.idle < 1 {
		return errors.New("want at least one round, loads of a second at least, and an idle connection")
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "wheatpaste-http"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	if err := os.Chmod(s.dir, 0o755); err != nil { //nolint:gosec // nginx's workers are another user
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	list, missing := choose(s.names)
	if len(list) == 0 {
		return fmt.Errorf("no server of %s", strings.Join(append(s.names, missing...), ", "))
	}
	all := newResults(list, missing)
	before := loadAverage()
	for round := range s.rounds {
		if err := s.round(ctx, round, list, all); err != nil {
			return err
		}
	}
	all.conditions = fmt.Sprintf("%d rounds of %s each load; load average of the machine %s before, %s after",
		s.rounds, s.each, before, loadAverage())
	return s.report(all)
}

// round gives each server a turn, beginning with another one than the last time.
func (s *suite) round(ctx context.Context, round int, list []contender, all *results) error {
	for i := range list {
		c := list[(i+round)%len(list)]
		fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, s.rounds, c.name)
		if err := s.turn(ctx, c, all); err != nil {
			all.problem(c.name, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// report prints the results, and writes them to the file.
func (s *suite) report(all *results) error {
	text := all.text()
	if _, err := io.WriteString(os.Stdout, text); err != nil {
		return err
	}
	if s.file != "" {
		command := strings.TrimSpace("go run ./bench/http " + strings.Join(s.args, " "))
		if err := writeSection(s.file, command, text, time.Now()); err != nil {
			return err
		}
	}
	return all.failure()
}
