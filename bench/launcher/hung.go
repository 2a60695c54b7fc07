package main

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/internal/control"
)

// The heartbeat is missed for 10 s, then there are 2 s for the stacks.
const (
	hungAfter  = 9 * time.Second
	hungBefore = 14 * time.Second
)

// hungScenario is point 6 of the issue: a worker that cannot do anything, and
// one whose only P is blocked in a raw system call.
func hungScenario(b *bench) error {
	err := b.hang("stopped", func(_ *server, pid int) error { return sendSignal(pid, sigStop) })
	if err != nil {
		return err
	}
	return b.hang("blocked", func(s *server, _ int) error { return s.block() })
}

// hang has a worker hang, and waits for its successor under a light load.
func (b *bench) hang(what string, do func(s *server, pid int) error) error {
	s, err := b.start("", "workers = "+strconv.Itoa(workers))
	if err != nil {
		return err
	}
	status, err := s.control.Status(b.ctx)
	if err != nil {
		return err
	}
	old := ready(status)
	if len(old) != workers {
		return fmt.Errorf("%d ready workers, want %d: %s", len(old), workers, describe(status))
	}
	l := s.lightLoad()
	began := time.Now()
	var gone string
	report, err := b.during(l, func() error {
		if err := do(s, old[0].PID); err != nil {
			return err
		}
		gone, err = b.replaced(s, old)
		return err
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	b.note("%s: replaced after %s; %s", what, took.Round(100*time.Millisecond), report)
	b.check(took > hungAfter && took < hungBefore, "a hung worker was replaced after %s, want 10 to 13 s", took)
	b.blameHung(report, gone)
	b.hungTraces(s)
	return b.stopped(s)
}

// replaced waits until a slot of the old workers has another one, and returns
// the pid that is gone.
func (b *bench) replaced(s *server, old []control.Worker) (gone string, err error) {
	err = b.until("a hung worker is replaced", 30*time.Second, func() bool {
		status, err := s.control.Status(b.ctx)
		if err != nil || len(ready(status)) != workers {
			return false
		}
		gone = missing(old, ready(status))
		return gone != ""
	})
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, s.tail())
	}
	return gone, err
}

func missing(old, now []control.Worker) string {
	for _, o := range old {
		there := false
		for _, n := range now {
			there = there || n.PID == o.PID
		}
		if !there {
			return strconv.Itoa(o.PID)
		}
	}
	return ""
}

// blameHung: only what the hung worker had in its hands is lost, and nobody is
// refused: what was not accepted waits for the successor.
func (b *bench) blameHung(report *strict.Report, gone string) {
	strangers := 0
	for _, f := range report.Failures {
		lost := f.Kind == strict.Reset || f.Kind == strict.EarlyEnd
		if lost && (f.Worker == gone || f.Worker == "" && f.First) {
			continue
		}
		if strangers++; strangers <= 5 {
			b.problem("not of the hung worker %s: %s", gone, f)
		}
	}
	b.check(strangers == 0, "%d failures that are not the hung worker's", strangers)
}

// hungTraces wants the reason in the status, and the stacks in the log.
func (b *bench) hungTraces(s *server) {
	status, err := s.control.Status(b.ctx)
	if err != nil {
		b.problem("%v", err)
		return
	}
	hung := false
	for _, w := range status.Workers {
		hung = hung || strings.Contains(w.LastExit, "hung") || strings.Contains(w.LastExit, "heartbeat")
	}
	b.check(hung, "no worker's last exit says that it hung: %s", describe(status))
	log := s.log()
	b.check(strings.Contains(log, "SIGABRT") && strings.Contains(log, "goroutine "), "no stacks in the log\n%s", s.tail())
	metrics, err := s.scraper().scrape(b.ctx)
	b.check(err == nil, "%v", err)
	b.check(metrics.sum("wheatpaste_worker_exits_total", "reason", "hung") == 1, "worker_exits_total{reason=hung}: %v, want 1", metrics.sum("wheatpaste_worker_exits_total", "reason", "hung"))
}

// block has one request block a P in a raw system call for ever. Its connection
// ends with the worker.
func (s *server) block() error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(s.b.ctx, "tcp", s.addr)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "GET /v1/block HTTP/1.1\r\nHost: %s\r\n\r\n", s.addr); err != nil {
		conn.Close() //nolint:errcheck // of no use any more
		return err
	}
	go func() {
		defer conn.Close()        //nolint:errcheck // the worker is gone
		io.Copy(io.Discard, conn) //nolint:errcheck // nothing comes
	}()
	return nil
}
