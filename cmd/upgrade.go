package cmd

import (
	"errors"
	"os"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/service/launcher"
)

// probe is what a new program does for a master that wants to be upgraded to it:
// it shows that it can read the master's state and the files, and ends.
func (p *program) probe(s *source, f *serveFlags) error {
	single, err := launcher.ProbeState()
	if err != nil {
		return failed(err)
	}
	r := &runner{source: s, flags: f, board: scoreboard.New(), probing: true}
	if r.admin, r.workers, err = f.parse(); err != nil {
		return err
	}
	if r.logs, err = p.logging(s); err != nil {
		return err
	}
	plan, err := r.rehearse()
	if err == nil {
		err = errors.Join(sameKind(plan, single), launcher.ProbeReady(plan.Snapshot))
	}
	return failed(err)
}

// sameKind refuses what an upgrade does not change, nor does a reload.
func sameKind(p *launcher.Plan, single bool) error {
	switch {
	case single && !oneProcess(p):
		return errors.New("one process serves (workers = 0), want a restart for workers")
	case !single && oneProcess(p):
		return errors.New("workers = 0 is another kind of server than this one, want a restart for it")
	}
	return nil
}

// goOnUpgraded takes over from the master before an upgrade. On the way back
// what it served is served again, whatever the files hold by now.
func (r *runner) goOnUpgraded() (err error) {
	r.board = r.handed.Board
	if r.handed.Back {
		r.source.files, err = snapshot.Decode(r.handed.Snapshot)
	}
	return err
}

// orGoBack executes the program before an upgrade again when this one cannot
// begin. Without one, or if that fails, it gives the error.
func (r *runner) orGoBack(err error) error {
	if err == nil || !r.former.Upgraded() && (r.handed == nil || r.handed.Back) {
		return err
	}
	r.logs.own.Error("going back to the program before the upgrade", "error", err)
	problems := strings.Split(strings.TrimSpace(err.Error()), "\n")
	if r.former != nil {
		r.former.GoBack(problems, r.inherited.Environ(os.Getpid())) // the first error says more
		return err
	}
	_ = r.handed.GoBack(problems, r.inherited.Environ(os.Getpid())) // the first error says more
	return err
}
