package main

import (
	"context"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
)

// slowScenario is point 3 of the issue, but for the master's death.
func slowScenario(b *bench) error {
	for _, part := range []func(*bench) error{slowAnswered, endlessCut, interruptedTwice} {
		if err := part(b); err != nil {
			return err
		}
	}
	return nil
}

// slowAnswered: everything in flight is answered, however often the signal comes.
func slowAnswered(b *bench) error {
	s, err := b.start("", "workers = "+strconv.Itoa(workers))
	if err != nil {
		return err
	}
	run, err := b.inFlight(s, b.figures.slow, "/v1/sleep?ms=3000", 0)
	if err != nil {
		return err
	}
	before, began := processor(s.pid()), time.Now()
	used := b.processorUntilExit(s)
	if err := b.twice(s, syscall.SIGTERM); err != nil {
		return err
	}
	code, err := s.exit(20 * time.Second)
	if err != nil {
		return err
	}
	share := 100 * (<-used - before).Seconds() / s.ended.Sub(began).Seconds()
	report := run.Wait()
	b.lossless("slow requests", report)
	b.check(code == 0, "exit code %d, want 0\n%s", code, s.tail())
	b.check(report.Answered == b.figures.slow, "%d slow requests answered, want %d", report.Answered, b.figures.slow)
	b.note("the master used %.2f %% of a processor while it waited for them", share)
	b.check(share < 1, "CHECK-01: the master used %.2f %% of a processor while it drained, want less than 1 %%", share)
	return s.nothingLeft(time.Second)
}

// endlessCut is CHECK-04: what never ends is cut at the deadline, and named.
func endlessCut(b *bench) error {
	s, err := b.start("", "workers = "+strconv.Itoa(workers), "graceful_shutdown_timeout = 3")
	if err != nil {
		return err
	}
	short, err := b.inFlight(s, 10, "/v1/sleep?ms=1500", 0)
	if err != nil {
		return err
	}
	endless, err := b.inFlight(s, 1, "/v1/never", 10)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.twice(s, syscall.SIGTERM); err != nil {
		return err
	}
	code, err := s.exit(20 * time.Second)
	if err != nil {
		return err
	}
	took := s.ended.Sub(began)
	b.note("CHECK-04: cut and gone after %s, exit code %d", took.Round(time.Millisecond), code)
	b.check(code == 3, "exit code %d, want 3\n%s", code, s.tail())
	b.check(took >= 3*time.Second && took < 3300*time.Millisecond, "CHECK-04: gone after %s, want 3.0 to 3.3 s", took)
	b.lossless("beside the endless one", short.Wait())
	report := endless.Wait()
	b.check(report.Answered == 0 && len(report.Failures) == 1, "the endless request: %s, want one failure", report)
	b.check(strings.Contains(s.log(), `msg="request cut"`) && strings.Contains(s.log(), "uri=/v1/never"), "the log does not name the request that was cut\n%s", s.tail())
	return s.nothingLeft(200 * time.Millisecond)
}

// interruptedTwice: the second Ctrl-C is immediate (CHECK-16).
func interruptedTwice(b *bench) error {
	s, err := b.start("", "workers = "+strconv.Itoa(workers))
	if err != nil {
		return err
	}
	run, err := b.inFlight(s, 10, "/v1/never", 0)
	if err != nil {
		return err
	}
	if err := s.toGroup(syscall.SIGINT); err != nil {
		return err
	}
	if err := b.pause(500 * time.Millisecond); err != nil {
		return err
	}
	b.check(!s.hasExited(), "CHECK-16: the first SIGINT did not drain\n%s", s.tail())
	began := time.Now()
	if err := s.toGroup(syscall.SIGINT); err != nil {
		return err
	}
	code, err := s.exit(10 * time.Second)
	if err != nil {
		return err
	}
	took := s.ended.Sub(began)
	b.note("CHECK-16: gone %s after the second SIGINT, exit code %d", took.Round(time.Millisecond), code)
	b.check(code == 3, "exit code %d, want 3\n%s", code, s.tail())
	b.check(took < time.Second, "gone %s after the second SIGINT, want less than a second", took)
	run.Wait()
	return s.nothingLeft(200 * time.Millisecond)
}

// inFlight has so many clients send one request each, and returns when the
// server has all of them in its hands, beside those that it had already.
func (b *bench) inFlight(s *server, n int, path string, already int) (*strict.Run, error) {
	l := s.load()
	l.KeepAlive, l.UntilRefused, l.Timeout = n, true, time.Minute
	l.Calls = []strict.Call{{Method: "GET", Path: path, Want: load.Plain}}
	ctx, cancel := context.WithCancel(b.ctx)
	run := strict.Start(ctx, l)
	err := b.until(strconv.Itoa(n)+" requests in flight", 10*time.Second, func() bool {
		metrics, err := s.scraper().scrape(b.ctx)
		return err == nil && int(metrics.sum("wheatpaste_http_requests_in_flight", "app", "api")) == n+already
	})
	cancel() // each client ends with the request that it has begun
	return run, err
}
