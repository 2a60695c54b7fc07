//go:build unix

package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/service"
)

// upgrade begins with the probe (design.md 6): nothing is touched before the
// program on the disk has shown that it can read the state and the files.
func (s *Single) upgrade(why string, answer chan control.Reload) {
	answers := []chan control.Reload{answer}
	if s.state != control.Running {
		outcome := rejectedText("the server is " + s.state + ", want it Running")
		s.log.Warn("the upgrade is refused", "reason", why, "error", outcome.Errors[0])
		s.answerAll(answers, outcome)
		return
	}
	s.log.Info("upgrading", "reason", why, "program", s.program)
	ctx, cancel := context.WithCancel(context.Background())
	c := &singleChange{answers: answers, cancel: cancel, upgrade: true}
	s.change, s.state = c, control.Reloading
	s.notify()
	text, err := json.Marshal(s.handDown(c))
	if err != nil {
		s.endChange(control.Rejected, errorLines(err))
		return
	}
	var groups []*service.Group
	for _, p := range s.parts {
		groups = append(groups, p.Server.Group)
	}
	run := &probe{path: s.program, args: os.Args[1:], env: append(ownEnvironment(), singleVariable+"="+string(text)), limit: probeLimit(groups)}
	run.env = append(run.env, s.conf.KeepEnv...)
	go func() {
		snapshot, err := run.run(ctx)
		s.post(func() { s.probed(c, snapshot, err) })
	}()
}

// probed goes on with an upgrade. The new program opens and closes what its
// plan changes of the addresses.
func (s *Single) probed(c *singleChange, snapshot []byte, err error) {
	if s.change != c {
		return // canceled
	}
	if err != nil {
		s.endChange(control.Rejected, errorLines(err))
		return
	}
	c.plan = &Plan{Snapshot: snapshot}
	s.handOver(c, &socketChange{next: s.sockets})
}

// executeUpgrade makes this process the program that stands on the disk. It
// returns when that does not work.
func (s *Single) executeUpgrade(c *singleChange) error {
	h := s.handDown(c)
	h.Comm = filepath.Base(s.program)
	var err error
	if h.Old, err = openRunning(); err != nil {
		return err
	}
	defer closeFD(h.Old)
	if h.OldSnapshot, err = newMemory("wheatpaste-former", s.reports.plan.Snapshot); err != nil {
		return err
	}
	defer closeFD(h.OldSnapshot)
	return s.handAndExecute(h, s.program, c.plan.Snapshot)
}

// openRunning opens the executable of this process for the way back, and gives
// -1 where the system does not show it.
func openRunning() (int, error) {
	fd, err := unix.Open(selfLink, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return -1, nil
	}
	return fd, os.NewSyscallError("open", err)
}

func closeFD(fd int) {
	if fd >= 0 {
		_ = unix.Close(fd)
	}
}

// mayGoBack tells that the program before an upgrade is still at hand.
func (f *Former) mayGoBack() bool { return f != nil && f.hand != nil && f.hand.Old >= 0 }

// GoBack executes the program before an upgrade again, which serves what it
// served; it does nothing when there is none. It is for a program that cannot even
// begin, as when the files have changed since its probe. The environment gets what
// Config.KeepEnv would have.
func (f *Former) GoBack(problems, keepEnv []string) {
	if f.mayGoBack() {
		_ = f.goBack(problems, keepEnv, f.hand.FDs, nil, replaceProcess) // the first error says more
	}
}

func (f *Former) goBack(problems, keepEnv []string, fds map[string]int, regions []int, exec func(string, []string, []string) error) error {
	h := *f.hand
	h.Back, h.Problems, h.Upgrade, h.FDs, h.Regions = true, problems, false, fds, regions
	h.Generation--
	h.Snapshot, h.OldSnapshot = h.OldSnapshot, -1
	h.Sockets = nil
	path := "/proc/self/fd/" + strconv.Itoa(h.Old)
	if err := h.addSockets(f.sockets); err != nil {
		return err
	}
	if f.Control != nil {
		h.Control = f.Control.FD()
	}
	if f.Board != nil {
		h.Board = f.Board.FD()
	}
	return h.execute(path, keepEnv, exec)
}

// goBack does so when this program's plan cannot be served. It returns when
// there is no way back.
func (s *Single) goBack(problems []string) {
	f := s.conf.Former
	if !f.mayGoBack() || s.ready {
		return
	}
	s.log.Error("going back to the program before the upgrade", "errors", len(problems))
	for _, p := range problems {
		s.log.Error("upgrade: " + p)
	}
	var regions []int
	for _, p := range s.parts {
		regions = append(regions, p.region.Index())
	}
	fds := f.hand.FDs
	if s.conf.KeepFDs != nil {
		fds = s.conf.KeepFDs()
	}
	for key, k := range s.sockets {
		if f.sockets[key] == nil {
			_ = k.origin.Close() // it is new
		}
	}
	s.showNone()
	for _, got := range s.signals.leave() {
		s.signal(got)
	}
	if s.state != control.Draining {
		err := f.goBack(problems, s.conf.KeepEnv, fds, regions, s.exec)
		s.log.Error("the program before the upgrade cannot be executed", "error", err)
	}
	s.signals.listen()
}

// closeFormer gives the way back up, when all is well, and closes the addresses
// that the upgrade has taken away.
func (s *Single) closeFormer() {
	f := s.conf.Former
	if f == nil || f.hand == nil {
		return
	}
	closeFD(f.hand.Old)
	closeFD(f.hand.OldSnapshot)
	for key, k := range f.sockets {
		if s.sockets[key] == nil {
			_ = k.origin.Close() // nobody accepts from it
		}
	}
	f.hand = nil
}

// outcomeOf is what an upgrade has come to when the new self, or the old one again,
// serves.
func (s *Single) outcomeOf(f *Former) {
	if !f.back {
		s.reloaded(f.since)
		return
	}
	s.change = &singleChange{cancel: func() {}}
	s.log.Error("the upgrade is taken back: the program is the one before", "pause", time.Since(f.since).Round(time.Millisecond))
	s.endChange(control.RolledBack, f.problems)
}
