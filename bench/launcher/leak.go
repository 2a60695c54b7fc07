package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"
)

// leakScenario is point 7 of the issue.
func leakScenario(b *bench) error {
	s, err := b.start("", "workers = "+strconv.Itoa(workers))
	if err != nil {
		return err
	}
	l := s.load()
	l.KeepAlive, l.NewConn, l.Rate = 4, 2, 50
	var samples []held
	report, err := b.during(l, func() error {
		samples, err = b.samples(s)
		return err
	})
	if err != nil {
		return err
	}
	b.lossless("beside them", report)
	b.compare(samples)
	return b.stopped(s)
}

// samples reloads, and looks at the master ten times, each time when only the
// newest generation is left.
func (b *bench) samples(s *server) ([]held, error) {
	const looks = 10
	var samples []held
	for i := range b.figures.leakReloads {
		if err := s.verb("reload"); err != nil {
			return nil, err
		}
		if (i+1)%max(b.figures.leakReloads/looks, 1) != 0 {
			continue
		}
		if err := b.settled(s); err != nil {
			return nil, err
		}
		h, err := b.probe(s.pid())
		if err != nil {
			return nil, err
		}
		samples = append(samples, h)
	}
	return samples, nil
}

// settled waits until the drained workers are gone.
func (b *bench) settled(s *server) error {
	return b.until("the old workers are gone", 70*time.Second, func() bool {
		status, err := s.control.Status(b.ctx)
		return err == nil && len(status.Workers) == workers && len(ready(status)) == workers
	})
}

// probe asks the system and the process itself. A process is asked until two
// answers agree: connections of the last verb may still be going.
func (b *bench) probe(pid int) (held, error) {
	var h held
	err := b.until("the master is quiet", 10*time.Second, func() bool {
		last := h
		h = holds(pid)
		h.goroutines, h.heap = b.ask(pid)
		wait := b.pause(50 * time.Millisecond)
		return wait == nil && h.goroutines > 0 && h.goroutines == last.goroutines && h.files == last.files
	})
	return h, err
}

func (b *bench) ask(pid int) (goroutines int, heap int64) {
	var dialer net.Dialer
	ctx, cancel := context.WithTimeout(b.ctx, time.Second)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "unix", "@"+probePrefix+strconv.Itoa(pid))
	if err != nil {
		return 0, 0
	}
	defer conn.Close()                                   //nolint:errcheck // one line is read
	fmt.Fscan(bufio.NewReader(conn), &goroutines, &heap) //nolint:errcheck // 0 then
	return goroutines, heap
}

// compare holds the last half against the first: what grows with reloads, grows
// from each half to the next.
func (b *bench) compare(samples []held) {
	for i, h := range samples {
		b.note("after %4d reloads: %d descriptors, %d goroutines, %d threads, %d KB of live memory, %.1f MB resident",
			(i+1)*max(b.figures.leakReloads/10, 1), h.files, h.goroutines, h.threads, h.heap>>10, float64(h.rss)/(1<<20))
	}
	half := len(samples) / 2
	b.grown("descriptors", samples[:half], samples[half:], 0, func(h held) int64 { return int64(h.files) })
	b.grown("goroutines", samples[:half], samples[half:], 0, func(h held) int64 { return int64(h.goroutines) })
	b.grown("threads", samples[:half], samples[half:], 2, func(h held) int64 { return int64(h.threads) })
	b.grown("bytes of live memory", samples[:half], samples[half:], 256<<10, func(h held) int64 { return h.heap })
	b.grown("bytes resident", samples[:half], samples[half:], 4<<20, func(h held) int64 { return h.rss })
}

func (b *bench) grown(what string, before, after []held, slack int64, of func(held) int64) {
	was, is := median(before, of), median(after, of)
	b.check(is <= was+slack, "%s of the master: %d in the first half, %d in the second, want no growth", what, was, is)
}

func median(samples []held, of func(held) int64) int64 {
	var values []int64
	for _, h := range samples {
		values = append(values, of(h))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
