package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
)

// bench is what one scenario works with.
type bench struct {
	ctx      context.Context //nolint:containedctx // of one scenario, as a test's
	figures  figures
	patience int // how many times as slow the race detector makes a server; 1 without it
	binary   string
	dir      string
	out      io.Writer
	problems int
	started  int
	servers  []*server
}

// note prints a figure.
func (b *bench) note(format string, args ...any) {
	fmt.Fprintln(b.out, "     "+strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n     "))
}

// problem prints what is not as promised, and fails the scenario.
func (b *bench) problem(format string, args ...any) {
	b.problems++
	fmt.Fprintln(b.out, "  !! "+strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n     "))
}

// check fails the scenario when something does not hold.
func (b *bench) check(holds bool, format string, args ...any) {
	if !holds {
		b.problem(format, args...)
	}
}

// disasters are what no log of a server may contain, whatever was done to it.
var disasters = []string{"WARNING: DATA RACE", "panic: ", "fatal error: "}

// end kills what the scenario has left running, and reads the logs.
func (b *bench) end() {
	for _, s := range b.servers {
		s.kill()
		log := s.log()
		for _, disaster := range disasters {
			if i := strings.Index(log, disaster); i >= 0 {
				b.problem("in the log:\n%.2000s", log[i:])
			}
		}
	}
}

// lossless fails the scenario with examples when a load lost something.
func (b *bench) lossless(what string, r *strict.Report) {
	b.note("%s: %s", what, r)
	b.check(r.Requests > 0, "%s: no request was sent", what)
	b.check(r.Answered+len(r.Failures) == r.Requests, "%s: %d answered and %d failed of %d requests", what, r.Answered, len(r.Failures), r.Requests)
	b.check(len(r.Failures) == 0, "%s: %d requests failed, want none\n%s", what, len(r.Failures), strings.Join(r.Examples(5), "\n"))
}

// calls are what the clients send: short, streamed and echoed answers.
func calls() []strict.Call {
	return []strict.Call{
		{Weight: 5, Method: "GET", Path: "/v1/plain", Want: load.Plain},
		{Weight: 1, Method: "GET", Path: "/v1/stream", Want: load.Stream},
		{Weight: 2, Method: "POST", Path: "/v1/echo", Echo: true},
	}
}

// load is the full load on a server, without clients yet.
func (s *server) load() strict.Load {
	return strict.Load{
		Addr: s.addr, Calls: calls(), IDHeader: load.IDHeader, WorkerHeader: load.WorkerHeader, Timeout: 30 * time.Second,
	}
}

// fullLoad is that of the issue: keep-alive clients and HTTP/2, and a few new
// connections all the time.
func (b *bench) fullLoad(s *server) strict.Load {
	l := s.load()
	l.KeepAlive, l.NewConn, l.H2 = b.figures.clients, 2, b.figures.h2
	return l
}

// lightLoad is that of CHECK-01 and CHECK-02: 200 requests a second on kept and
// on new connections.
func (s *server) lightLoad() strict.Load {
	l := s.load()
	l.KeepAlive, l.NewConn, l.Rate = 10, 10, 200
	return l
}

// patient is a limit for a server as slow as this one.
func (b *bench) patient(limit time.Duration) time.Duration { return time.Duration(b.patience) * limit }

// during runs a load while something is done.
func (b *bench) during(l strict.Load, do func() error) (*strict.Report, error) {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	run := strict.Start(ctx, l)
	err := do()
	cancel()
	return run.Wait(), err
}

// pause lets time pass in which a load is measured. It is no synchronisation.
func (b *bench) pause(d time.Duration) error {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
}

// until polls for a condition.
func (b *bench) until(what string, limit time.Duration, holds func() bool) error {
	deadline := time.Now().Add(limit)
	for !holds() {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %s", what, limit)
		}
		if err := b.pause(2 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// freeAddress is a port of 127.0.0.1 that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		return "", err
	}
	defer l.Close() //nolint:errcheck // it was never used
	return l.Addr().String(), nil
}
