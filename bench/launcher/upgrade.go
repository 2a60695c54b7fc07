package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// upgradeScenario is point 1 of issue 4: the program is replaced under full
// load, again and again, and then by what is none.
func upgradeScenario(b *bench) error {
	program := filepath.Join(b.dir, "program")
	if err := replaceFile(program, b.binary); err != nil {
		return err
	}
	original := b.binary
	b.binary = program // what the master runs, and the verbs
	s, err := b.start("", "workers = "+strconv.Itoa(workers))
	if err != nil {
		return err
	}
	baseline, err := b.during(b.fullLoad(s), func() error { return b.pause(b.figures.baseline) })
	if err != nil {
		return err
	}
	b.lossless("without upgrades", baseline)
	tool := b.startWrk(s)
	report, err := b.during(b.fullLoad(s), func() error { return b.upgrades(s, original) })
	if err != nil {
		return err
	}
	b.lossless(strconv.Itoa(b.figures.upgrades)+" upgrades", report)
	report, err = b.during(b.fullLoad(s), func() error { return b.badUpgrade(s) })
	if err != nil {
		return err
	}
	b.lossless("an upgrade that is refused", report)
	tool.end(b)
	return b.stopped(s)
}

// upgrades gives the program a new file each time. The process must stay, and
// the generation go on.
func (b *bench) upgrades(s *server, original string) error {
	slowest, sum := time.Duration(0), time.Duration(0)
	for i := range b.figures.upgrades {
		if err := replaceFile(b.binary, original); err != nil {
			return err
		}
		one := time.Now()
		if err := s.verb("upgrade"); err != nil {
			return err
		}
		took := time.Since(one)
		slowest, sum = max(slowest, took), sum+took
		status, err := s.control.Status(b.ctx)
		if err != nil {
			return err
		}
		b.check(status.PID == s.pid(), "process %d after upgrade %d, want %d", status.PID, i+1, s.pid())
		b.check(status.Generation == i+2, "generation %d after upgrade %d, want %d", status.Generation, i+1, i+2)
		b.check(len(ready(status)) == workers, "after upgrade %d: %s", i+1, describe(status))
	}
	b.note("%d upgrades, each %s, the slowest %s", b.figures.upgrades, per(sum, b.figures.upgrades), slowest.Round(time.Millisecond))
	return nil
}

// badUpgrade puts a text in place of the program: the one that runs goes on.
func (b *bench) badUpgrade(s *server) error {
	before, err := s.control.Status(b.ctx)
	if err != nil {
		return err
	}
	kept := b.binary + ".kept" // the verb needs a program
	if err := os.Rename(b.binary, kept); err != nil {
		return err
	}
	if err := os.WriteFile(b.binary, []byte("no program\n"), 0o700); err != nil { //nolint:gosec // it is to look like one
		return err
	}
	b.binary = kept
	err = s.verb("upgrade")
	b.check(err != nil && strings.Contains(err.Error(), "exec format error"), "an upgrade to what is no program: %v", err)
	b.note("refused: %v", err)
	after, err := s.control.Status(b.ctx)
	if err != nil {
		return err
	}
	b.check(after.Generation == before.Generation && len(ready(after)) == workers, "after a refused upgrade: %s", describe(after))
	return nil
}

// replaceFile puts a copy of a program at a path, as a package manager does: by
// another file.
func replaceFile(path, from string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	fresh, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o700) //nolint:gosec // a program
	if err != nil {
		return err
	}
	if _, err = io.Copy(fresh, source); err != nil {
		fresh.Close()
		return fmt.Errorf("copying %s: %w", from, err)
	}
	if err := fresh.Close(); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
