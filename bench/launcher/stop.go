package main

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
)

// stopScenario is CHECK-01, once as it stands and many times at full load.
func stopScenario(b *bench) error {
	if err := b.stopLight(); err != nil {
		return err
	}
	var total strict.Report
	longest := time.Duration(0)
	for range b.figures.stops {
		s, err := b.start("", "workers = "+strconv.Itoa(workers))
		if err != nil {
			return err
		}
		l := b.fullLoad(s)
		l.KeepAlive, l.NewConn = 16, 8
		took, report, err := b.stopUnder(s, l, 300*time.Millisecond)
		if err != nil {
			return err
		}
		longest = max(longest, took)
		total.Requests += report.Requests
		total.Failures = append(total.Failures, report.Failures...)
	}
	b.note("%d stops at full load: %d requests, %d failed; the longest took %s", b.figures.stops, total.Requests, len(total.Failures), longest.Round(time.Millisecond))
	return nil
}

// stopLight is CHECK-01 to the letter; its load runs for a while, so that the
// master's share of a processor is one of something.
func (b *bench) stopLight() error {
	s, err := b.start("", "workers = "+strconv.Itoa(workers))
	if err != nil {
		return err
	}
	before, began := processor(s.pid()), time.Now()
	used := b.processorUntilExit(s)
	took, report, err := b.stopUnder(s, s.lightLoad(), b.figures.baseline)
	if err != nil {
		return err
	}
	share := 100 * (<-used - before).Seconds() / time.Since(began).Seconds()
	b.note("CHECK-01: %s; the stop took %s, the master used %.2f %% of a processor", report, took.Round(time.Millisecond), share)
	b.check(share < 1, "CHECK-01: the master used %.2f %% of a processor, want less than 1 %%", share)
	return nil
}

// processorUntilExit gives the last that was seen of the master's time.
func (b *bench) processorUntilExit(s *server) <-chan time.Duration {
	used := make(chan time.Duration, 1)
	go func() {
		last := time.Duration(0)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				last = max(last, processor(s.pid()))
			case <-s.exited:
				used <- last
				return
			}
		}
	}()
	return used
}

// stopUnder signals the whole group twice under a load, and wants every client
// to be answered until it is refused.
func (b *bench) stopUnder(s *server, l strict.Load, after time.Duration) (time.Duration, *strict.Report, error) {
	l.UntilRefused = true
	clients := l.KeepAlive + l.NewConn + l.H2
	run := strict.Start(b.ctx, l)
	if err := b.pause(after); err != nil {
		return 0, nil, err
	}
	began := time.Now()
	if err := b.twice(s, syscall.SIGTERM); err != nil {
		return 0, nil, err
	}
	code, err := s.exit(70 * time.Second)
	if err != nil {
		return 0, nil, err
	}
	report := run.Wait()
	b.check(code == 0, "exit code %d, want 0\n%s", code, s.tail())
	b.check(len(report.Failures) == 0, "%d of %d requests failed at a stop: %v", len(report.Failures), report.Requests, report.Examples(3))
	b.check(report.Ended == clients, "%d of %d clients were refused in the end", report.Ended, clients)
	return s.ended.Sub(began), report, s.nothingLeft(time.Second)
}

// twice signals the whole group, and 100 ms later again.
func (b *bench) twice(s *server, sig syscall.Signal) error {
	if err := s.toGroup(sig); err != nil {
		return err
	}
	if err := b.pause(100 * time.Millisecond); err != nil {
		return err
	}
	// A server without connections may be gone by now.
	if err := s.toGroup(sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("the second %s: %w", sig, err)
	}
	return nil
}
