package main

import (
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
)

// orphanScenario is CHECK-05: the workers of a master that was killed finish
// their requests and leave; the next master has the port at once.
func orphanScenario(b *bench) error {
	s, err := b.start("", "workers = "+strconv.Itoa(workers))
	if err != nil {
		return err
	}
	slow, err := b.inFlight(s, 10, "/v1/sleep?ms=2000", 0)
	if err != nil {
		return err
	}
	l := b.fullLoad(s)
	l.UntilRefused = true
	run := strict.Start(b.ctx, l)
	if err := b.pause(500 * time.Millisecond); err != nil {
		return err
	}
	began := time.Now()
	if err := s.toMaster(syscall.SIGKILL); err != nil {
		return err
	}
	if err := s.nothingLeft(65 * time.Second); err != nil {
		return fmt.Errorf("%w\n%s", err, s.tail())
	}
	b.note("the last worker left %s after its master", time.Since(began).Round(time.Millisecond))
	b.lossless("slow requests", slow.Wait())
	b.lossless("full load", run.Wait())
	return b.again(s)
}

// again starts the next master on the same address.
func (b *bench) again(s *server) error {
	began := time.Now()
	next, err := b.start(s.addr, "workers = "+strconv.Itoa(workers))
	if err != nil {
		return fmt.Errorf("the next master: %w", err)
	}
	b.note("the next master served the same port after %s", time.Since(began).Round(time.Millisecond))
	return b.stopped(next)
}
