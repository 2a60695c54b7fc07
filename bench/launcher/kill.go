package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/internal/control"
)

// death is a worker that was killed.
type death struct {
	pid      string
	at, back time.Time // back: when all slots had a ready worker again
}

// deathShadow is how long after a kill a client may learn of it. The kernel
// closes the sockets of a process within milliseconds, on a free processor.
const deathShadow = 500 * time.Millisecond

// knownShadow is the same where the answers before have named the worker, so
// that nothing else can be meant: a machine with other work may be slow to take
// a process down.
const knownShadow = 3 * time.Second

// killScenario is point 2 of the issue; CHECK-06 and CHECK-12 stand in it, too.
func killScenario(b *bench) error {
	if err := b.kills("full load", backWithin, b.fullLoad); err != nil {
		return err
	}
	// The limit of CHECK-06 is for a machine that has a processor left.
	return b.kills("200 requests a second (CHECK-06)", 200*time.Millisecond, (*server).lightLoad)
}

// kills has workers die under a load; each must be back within the limit.
func (b *bench) kills(what string, limit time.Duration, load func(*server) strict.Load) error {
	s, err := b.start("", "workers = "+strconv.Itoa(workers))
	if err != nil {
		return err
	}
	var deaths []death
	counters := s.countersGrow()
	report, err := b.during(load(s), func() error {
		deaths, err = b.killFor(s)
		return err
	})
	counters.end(b)
	if err != nil {
		return err
	}
	b.note("%s, %d workers killed: %s", what, len(deaths), report)
	b.blame(report, deaths)
	b.respawned(deaths, limit)
	b.counted(s, report)
	b.countedByWorker(s, report)
	return b.stopped(s)
}

// killFor kills a random ready worker again and again.
func (b *bench) killFor(s *server) ([]death, error) {
	var deaths []death
	end := time.Now().Add(b.figures.killFor)
	for next := time.Now(); next.Before(end); next = next.Add(b.figures.killEvery) {
		if err := b.pause(time.Until(next)); err != nil {
			return deaths, err
		}
		status, err := s.control.Status(b.ctx)
		if err != nil {
			return deaths, err
		}
		list := ready(status)
		if len(list) == 0 {
			return deaths, fmt.Errorf("no ready worker: %s", describe(status))
		}
		victim := list[rand.IntN(len(list))].PID
		d, err := b.killOne(s, victim)
		if err != nil {
			return deaths, err
		}
		deaths = append(deaths, d)
	}
	return deaths, nil
}

// killOne kills a worker and waits until it is replaced.
func (b *bench) killOne(s *server, pid int) (death, error) {
	d := death{pid: strconv.Itoa(pid), at: time.Now()}
	if err := sendSignal(pid, syscall.SIGKILL); err != nil {
		return d, err
	}
	err := b.until("a new worker for "+d.pid, 20*time.Second, func() bool {
		status, err := s.control.Status(b.ctx)
		if err != nil {
			return false
		}
		for _, w := range ready(status) {
			if w.PID == pid {
				return false
			}
		}
		return len(ready(status)) == workers
	})
	d.back = time.Now()
	return d, err
}

// blame wants each failure to be one of a request that was on a worker when it
// was killed.
func (b *bench) blame(report *strict.Report, deaths []death) {
	inFlight, late, unblamed := 0, 0, 0
	for _, f := range report.Failures {
		d := cause(f, deaths)
		switch {
		case d == nil:
			if unblamed++; unblamed <= 5 {
				b.problem("no kill explains: %s", f)
			}
		case f.Began.After(d.at):
			late++ // on a connection that was idle; this client does not look before it sends
		default:
			inFlight++
		}
	}
	b.check(unblamed == 0, "%d failures without a kill", unblamed)
	b.check(report.ByKind()[strict.Refused] == 0, "%d connections refused, want none", report.ByKind()[strict.Refused])
	b.note("lost with the killed workers: %d requests in flight, %d sent later on connections that had died with them", inFlight, late)
}

// cause is the kill that explains a failure: that of the worker which had the
// connection, or, for a connection without an answer yet, any of that moment.
func cause(f strict.Failure, deaths []death) *death {
	if f.Kind != strict.Reset && f.Kind != strict.EarlyEnd {
		return nil
	}
	for i, d := range deaths {
		until := d.at.Add(deathShadow)
		if f.Worker == d.pid {
			until = d.at.Add(knownShadow)
		}
		then := !f.Failed.Before(d.at) && f.Failed.Before(until) && f.Began.Before(until)
		if then && (f.Worker == d.pid || f.Worker == "" && f.First) {
			return &deaths[i]
		}
	}
	return nil
}

// backWithin is the limit for every worker, whatever the machine does.
const backWithin = time.Second

// respawned holds 19 of 20 replacements against the limit, and all against the
// issue's: a process that starts on a machine with other work waits for its turn.
func (b *bench) respawned(deaths []death, limit time.Duration) {
	if len(deaths) == 0 {
		b.problem("no worker was killed")
		return
	}
	var took []time.Duration
	for _, d := range deaths {
		took = append(took, d.back.Sub(d.at))
	}
	slices.Sort(took)
	most, slowest := took[19*(len(took)-1)/20], took[len(took)-1]
	b.note("a killed worker was replaced in %s (median), 19 of 20 in %s, the slowest in %s",
		took[len(took)/2].Round(time.Millisecond), most.Round(time.Millisecond), slowest.Round(time.Millisecond))
	b.check(most < b.patient(limit), "19 of 20 killed workers were replaced in %s, want %s", most, b.patient(limit))
	b.check(slowest < b.patient(backWithin), "a killed worker was replaced in %s, want %s", slowest, b.patient(backWithin))
}

// counted wants the counter between what was answered and what was sent.
func (b *bench) counted(s *server, report *strict.Report) {
	metrics, err := s.scraper().scrape(b.ctx)
	if err != nil {
		b.problem("%v", err)
		return
	}
	count := int(metrics.sum("wheatpaste_http_requests_total", "app", "api"))
	flying := int(metrics.sum("wheatpaste_http_requests_in_flight", "app", "api"))
	b.note("%d requests finished for the clients, %d counted, at most %d", report.Answered, count, report.Requests)
	b.check(count >= report.Answered && count <= report.Requests, "%d requests counted, want %d to %d", count, report.Answered, report.Requests)
	b.check(flying == 0, "%d requests in flight after the load, want none", flying)
}

// countedByWorker holds the status against the clients' answers by worker. The
// status also counts the requests of the scrapes.
func (b *bench) countedByWorker(s *server, report *strict.Report) {
	var status control.Status
	// The last scrape may have been given up half way.
	err := b.until("no request in flight in the status", time.Second, func() bool {
		var err error
		status, err = s.control.Status(b.ctx)
		return err == nil && flying(status) == 0
	})
	if err != nil {
		b.problem("%v: %s", err, describe(status))
	}
	var lines []string
	for _, w := range ready(status) {
		seen := report.Workers[strconv.Itoa(w.PID)]
		lines = append(lines, fmt.Sprintf("worker %d counted %d, the clients %d", w.PID, w.Requests, seen))
		b.check(int(w.Requests) >= seen, "status: worker %d has %d requests, the clients had %d answers of it", w.PID, w.Requests, seen)
	}
	b.note("%s", strings.Join(lines, "; "))
}

// flying counts the requests in flight of all workers.
func flying(status control.Status) (total int64) {
	for _, w := range status.Workers {
		total += w.InFlight
	}
	return total
}
