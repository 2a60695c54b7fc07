package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/internal/control"
)

// workers is how many workers the scenarios begin with.
const workers = 2

// watcher asks for the status all the time, and keeps what was worst.
type watcher struct {
	wanted atomic.Int64 // workers that must be ready
	fewest int          // ready at once, less what was wanted
	worst  string
	asked  int
	failed error
	done   sync.WaitGroup
	cancel context.CancelFunc
}

// watch begins; there are to be so many ready workers at any time.
func (s *server) watch(wanted int) *watcher {
	ctx, cancel := context.WithCancel(s.b.ctx)
	w := &watcher{cancel: cancel}
	w.wanted.Store(int64(wanted))
	w.done.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for w.look(ctx, s) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return w
}

func (w *watcher) look(ctx context.Context, s *server) bool {
	// Read before the status: a smaller number is wanted before it is ordered.
	wanted := int(w.wanted.Load())
	status, err := s.control.Status(ctx)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		w.failed = err
		return false
	}
	w.asked++
	if less := len(ready(status)) - min(wanted, int(w.wanted.Load())); less < w.fewest {
		w.fewest, w.worst = less, describe(status)
	}
	return true
}

func describe(status control.Status) string {
	var list []string
	for _, w := range status.Workers {
		list = append(list, fmt.Sprintf("slot %d pid %d generation %d %s, %d restarts, last exit %q", w.Slot, w.PID, w.Generation, w.State, w.Restarts, w.LastExit))
	}
	return fmt.Sprintf("%s, generation %d: %s", status.State, status.Generation, strings.Join(list, "; "))
}

// end stops watching, and fails the scenario when workers were missing.
func (w *watcher) end(b *bench) {
	w.cancel()
	w.done.Wait()
	b.check(w.failed == nil, "status: %v", w.failed)
	b.check(w.asked > 0, "the status was never seen")
	b.check(w.fewest >= 0, "%d ready workers less than wanted: %s", -w.fewest, w.worst)
	b.note("ready workers never below what was wanted: %v, seen %d times", w.fewest >= 0, w.asked)
}

// reloadScenario is point 1 of the issue: no request lost.
func reloadScenario(b *bench) error {
	s, err := b.start("", "workers = "+strconv.Itoa(workers))
	if err != nil {
		return err
	}
	baseline, err := b.during(b.fullLoad(s), func() error { return b.pause(b.figures.baseline) })
	if err != nil {
		return err
	}
	b.lossless("without reloads", baseline)
	tool := b.startWrk(s)
	watch := s.watch(workers)
	report, err := b.during(b.fullLoad(s), func() error { return b.reloads(s) })
	if err != nil {
		return err
	}
	b.lossless("reloads", report)
	report, err = b.during(b.fullLoad(s), func() error { return b.changes(s, watch) })
	if err != nil {
		return err
	}
	b.lossless("changes of the number of workers", report)
	watch.end(b)
	tool.end(b)
	return b.stopped(s)
}

// reloads runs the verb again and again; it returns when the new workers are
// ready, and the next one comes while the old ones drain.
func (b *bench) reloads(s *server) error {
	slowest, began := time.Duration(0), time.Now()
	for range b.figures.reloads {
		one := time.Now()
		if err := s.verb("reload"); err != nil {
			return err
		}
		slowest = max(slowest, time.Since(one))
	}
	b.note("%d reloads, each %s, the slowest %s", b.figures.reloads, per(time.Since(began), b.figures.reloads), slowest.Round(time.Millisecond))
	status, err := s.control.Status(b.ctx)
	if err != nil {
		return err
	}
	b.check(status.Generation == 1+b.figures.reloads, "generation %d after %d reloads, want %d", status.Generation, b.figures.reloads, 1+b.figures.reloads)
	return nil
}

func per(d time.Duration, n int) time.Duration {
	return (d / time.Duration(max(n, 1))).Round(time.Millisecond)
}

// changes sets the number of workers to 1 to 4, each time to another one.
func (b *bench) changes(s *server, watch *watcher) error {
	now := workers
	for i := range b.figures.changes {
		next := []int{4, 1, 3, 2}[i%4]
		watch.wanted.Store(int64(min(now, next)))
		if err := s.verb("workers", strconv.Itoa(next)); err != nil {
			return err
		}
		err := b.until(fmt.Sprintf("%d ready workers", next), 20*time.Second, func() bool {
			status, err := s.control.Status(b.ctx)
			return err == nil && len(ready(status)) == next
		})
		if err != nil {
			return err
		}
		watch.wanted.Store(int64(next))
		now = next
	}
	return nil
}

// stopped stops the server in the clean way.
func (b *bench) stopped(s *server) error {
	if err := s.toMaster(syscall.SIGTERM); err != nil {
		return err
	}
	code, err := s.exit(70 * time.Second)
	if err != nil {
		return err
	}
	b.check(code == 0, "exit code %d, want 0\n%s", code, s.tail())
	return s.nothingLeft(time.Second)
}

// hupScenario is CHECK-02.
func hupScenario(b *bench) error {
	s, err := b.start("", "workers = "+strconv.Itoa(workers))
	if err != nil {
		return err
	}
	baseline, err := b.during(s.lightLoad(), func() error { return b.pause(b.figures.baseline) })
	if err != nil {
		return err
	}
	b.lossless("without reloads", baseline)
	watch, machine := s.watch(workers), startStall()
	report, err := b.during(s.lightLoad(), func() error { return b.hangUps(s) })
	stalled := machine.stop()
	if err != nil {
		return err
	}
	b.lossless(strconv.Itoa(b.figures.hups)+" times SIGHUP", report)
	watch.end(b)
	b.latency(baseline, report, stalled)
	b.counted(s, &strict.Report{Answered: baseline.Answered + report.Answered, Requests: baseline.Requests + report.Requests})
	return b.stopped(s)
}

// latency is the last part of CHECK-02. What the machine itself did not run for
// is not held against the server.
func (b *bench) latency(baseline, report *strict.Report, stalled time.Duration) {
	limit := 2*baseline.P99 + b.patient(50*time.Millisecond)
	b.note("CHECK-02: slowest request %s, want less than 2 x p99 of before + 50 ms = %s; the machine itself stalled for up to %s",
		report.Max.Round(time.Microsecond), limit.Round(time.Microsecond), stalled.Round(time.Microsecond))
	b.check(report.Max < limit+stalled, "CHECK-02: slowest request %s, want less than %s", report.Max, limit+stalled)
}

// hangUps sends SIGHUP, and waits each time until only the new generation is
// left; reloadScenario does not.
func (b *bench) hangUps(s *server) error {
	for i := range b.figures.hups {
		if err := s.toMaster(syscall.SIGHUP); err != nil {
			return err
		}
		err := b.until("generation "+strconv.Itoa(i+2), 20*time.Second, func() bool {
			status, err := s.control.Status(b.ctx)
			return err == nil && status.Generation == i+2 && status.State == control.Running
		})
		if err != nil {
			return err
		}
		if err := b.settled(s); err != nil {
			return err
		}
	}
	return nil
}
