package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/http/answer"
)

// load is one way of asking.
type load struct {
	conns int
	path  string
	body  string
}

func (l load) String() string {
	size := "small answers"
	if l.path == answer.LargePath {
		size = "answers of 64 KB"
	}
	if l.conns == 1 {
		return size + ", 1 connection"
	}
	return fmt.Sprintf("%s, %d connections", size, l.conns)
}

var loads = []load{
	{1, answer.SmallPath, answer.Small}, {32, answer.SmallPath, answer.Small}, {256, answer.SmallPath, answer.Small},
	{1, answer.LargePath, answer.Large()}, {32, answer.LargePath, answer.Large()}, {256, answer.LargePath, answer.Large()},
}

// settle is how long a server that has answered once is left alone before its
// memory is looked at.
const settle = 300 * time.Millisecond

// restTime is how long a server with idle connections is left alone before its
// memory is looked at: what the requests have left behind is not the
// connections'. Ours gives it back within two seconds.
const restTime = 3 * time.Second

// startLimit is how long a server may take to its first answer.
const startLimit = 20 * time.Second

// turn measures one server once: a start for what it holds when idle, another
// one for the loads.
func (s *suite) turn(ctx context.Context, c contender, all *results) error {
	if err := s.idleTurn(ctx, c, all); err != nil || s.restOnly {
		return err
	}
	srv, _, err := s.first(ctx, c)
	if err != nil {
		return err
	}
	defer srv.kill()
	for _, l := range loads {
		sample, err := s.measure(ctx, srv, l)
		if err != nil {
			all.problem(c.name, fmt.Errorf("%s: %w", l, err))
			continue
		}
		all.add(c.name, l, sample)
	}
	return nil
}

// first starts a server and gives the time from exec to the first good answer.
func (s *suite) first(ctx context.Context, c contender) (*server, time.Duration, error) {
	began := time.Now()
	srv, err := s.start(ctx, c)
	if err != nil {
		return nil, 0, err
	}
	for {
		_, err := ask(srv.Addr, loads[0])
		if err == nil {
			return srv, time.Since(began), nil
		}
		if ctx.Err() != nil || time.Since(began) > startLimit {
			err = fmt.Errorf("no good answer: %w: %s", err, srv.tail())
			srv.kill()
			return nil, 0, err
		}
		time.Sleep(time.Millisecond)
	}
}

// idleTurn measures the start and what a server holds that does nothing.
func (s *suite) idleTurn(ctx context.Context, c contender, all *results) error {
	srv, cold, err := s.first(ctx, c)
	if err != nil {
		return err
	}
	defer srv.kill()
	time.Sleep(settle)
	rest := rest{cold: cold.Seconds() * 1000, worker: megabytes(worker(srv.group())), conn: math.NaN()}
	before := memory(srv.group())
	conns, err := openIdle(srv.Addr, s.idle)
	defer closeAll(conns)
	if err == nil && stillOpen(conns[:1], srv.Addr) == nil { // else there is nothing to wait for
		time.Sleep(restTime)
		held := float64(memory(srv.group())-before) / 1024 / float64(s.idle)
		if stillOpen(conns, srv.Addr) == nil {
			rest.conn = held
		}
	}
	all.addRest(c.name, rest)
	return nil
}

// memory is the anonymous memory of all processes of a group.
func memory(group int) int64 {
	total := int64(0)
	for _, p := range processes(group) {
		total += p.anon
	}
	return total
}

// worker is the memory of the largest process that is not the first one, or of
// that when it is alone.
func worker(group int) int64 {
	list := processes(group)
	largest := int64(0)
	for _, p := range list {
		if p.pid != group || len(list) == 1 {
			largest = max(largest, p.anon)
		}
	}
	return largest
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }

func processor(group int) time.Duration {
	total := time.Duration(0)
	for _, p := range processes(group) {
		total += p.cpu
	}
	return total
}

// measure puts wrk on a server.
func (s *suite) measure(ctx context.Context, srv *server, l load) (sample, error) {
	size, err := ask(srv.Addr, l)
	if err != nil {
		return sample{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.each+time.Minute)
	defer cancel()
	path, err := find("wrk")
	if err != nil {
		return sample{}, err
	}
	before := processor(srv.group())
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, path, "-t"+strconv.Itoa(min(2, l.conns)), "-c"+strconv.Itoa(l.conns), //nolint:gosec // our own address
		fmt.Sprintf("-d%.0fs", s.each.Seconds()), "--timeout", "30s", "-s", s.script(), "http://"+srv.Addr+l.path)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, out.String())
	}
	used := processor(srv.group()) - before
	f, err := parseFigures(out.String())
	if err != nil {
		return sample{}, err
	}
	if err := f.check(size, l.conns); err != nil {
		return sample{}, err
	}
	return sample{
		rate: f.rate(), p50: f.p50, p99: f.p99, cpu: used.Seconds() / float64(f.requests) * 10000,
		memory: megabytes(memory(srv.group())),
	}, nil
}
