//go:build unix

package launcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
)

// singleVariable tells a process what its former self has left it.
const singleVariable = "WHEATPASTE_SINGLE"

// selfLink leads to the executable that runs, also when another one has its path.
const selfLink = "/proc/self/exe"

func mayReload() error { return nil }

func replaceProcess(path string, args, env []string) error {
	return syscall.Exec(path, args, env) //nolint:gosec // the same program as now
}

// Inherited gives what a former self left to this process, or nil when there was
// none. It is called once, before anything else: signals that come later are
// kept for Run.
func Inherited() (*Former, error) {
	text, ok := os.LookupEnv(singleVariable)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(singleVariable) // it is not for programs that an application starts
	h, err := readHandDown(text)
	if err != nil {
		return nil, err
	}
	signals := listenSingleSignals()
	f, err := h.take()
	if err != nil {
		signals.stop()
		return nil, fmt.Errorf("what the server before the reload has left: %w", err)
	}
	f.signals = signals
	return f, nil
}

func readHandDown(text string) (*handDown, error) {
	h := &handDown{}
	if err := json.Unmarshal([]byte(text), h); err != nil || h.PID != os.Getpid() && !Probing() {
		return nil, fmt.Errorf("%s is set by a server for itself, want it unset", singleVariable)
	}
	if h.Version != handVersion {
		return nil, fmt.Errorf("the state of the server before the upgrade has version %d, want %d: a restart is needed", h.Version, handVersion)
	}
	return h, nil
}

// take makes of descriptors what they were.
func (h *handDown) take() (*Former, error) {
	for _, fd := range h.descriptors() {
		unix.CloseOnExec(fd)
	}
	if h.Comm != "" {
		_ = os.WriteFile("/proc/self/comm", []byte(h.Comm), 0) // else it stays "exe"
	}
	f := &Former{Generation: h.Generation, sockets: keptSockets{}, fds: maps.Clone(h.FDs), since: h.Since, again: h.Again, program: h.Program}
	f.back, f.problems = h.Back, h.Problems
	if h.Upgrade {
		f.hand = h
	} else {
		closeFD(h.Old) // this is it
	}
	var errs []error
	for _, one := range h.Sockets {
		k, err := one.adopt()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.sockets[k.key] = k
	}
	var err error
	f.Snapshot, err = readMemory(h.Snapshot)
	_ = unix.Close(h.Snapshot)
	errs = append(errs, err)
	if h.Control >= 0 {
		f.Control, err = control.Inherit(h.Control, h.Path)
		errs = append(errs, err)
	}
	if h.Board >= 0 {
		f.Board, err = h.takeBoard()
		errs = append(errs, err)
	}
	return f, errors.Join(errs...)
}

// takeBoard counts what the former self counted among the dead.
func (h *handDown) takeBoard() (*scoreboard.Board, error) {
	b, err := scoreboard.Open(h.Board)
	if err != nil {
		return nil, err
	}
	for _, index := range h.Regions {
		r, err := b.Region(index)
		if err != nil {
			return nil, err
		}
		b.Release(r)
	}
	return b, nil
}

// closeRest closes the descriptors that nobody has asked for.
func (f *Former) closeRest() {
	if f == nil {
		return
	}
	for _, fd := range f.fds {
		_ = unix.Close(fd)
	}
	f.fds = nil
}

// descriptors are all that are kept.
func (h *handDown) descriptors() []int {
	list := slices.Collect(maps.Values(h.FDs))
	for _, s := range h.Sockets {
		list = append(list, s.FD)
	}
	for _, fd := range []int{h.Snapshot, h.Board, h.Control, h.Old, h.OldSnapshot} {
		if fd >= 0 {
			list = append(list, fd)
		}
	}
	return list
}

// execute makes this process its new self. It returns when that does not work,
// and has changed nothing then.
func (s *Single) execute(c *singleChange) error {
	path, comm, err := executable()
	if err != nil {
		return err
	}
	h := s.handDown(c)
	h.Comm = comm
	return s.handAndExecute(h, path, c.plan.Snapshot)
}

func (s *Single) handAndExecute(h *handDown, path string, snapshot []byte) error {
	if err := h.addSockets(s.sockets); err != nil {
		return err
	}
	var err error
	if h.Snapshot, err = newMemory("wheatpaste-single", snapshot); err != nil {
		return err
	}
	defer closeFD(h.Snapshot)
	return h.execute(path, s.conf.KeepEnv, s.exec)
}

func (h *handDown) addSockets(sockets keptSockets) error {
	for _, k := range sockets {
		fd, err := k.keptFD()
		if err != nil {
			return err
		}
		h.Sockets = append(h.Sockets, handSocket{k.key, k.addr.Network, k.addr.Addr, fd, k.path})
	}
	return nil
}

func (h *handDown) execute(path string, keepEnv []string, exec func(string, []string, []string) error) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return keepOpen(h.descriptors(), func() error {
		env := append(ownEnvironment(), keepEnv...)
		return exec(path, os.Args, append(env, singleVariable+"="+string(text)))
	})
}

func (s *Single) handDown(c *singleChange) *handDown {
	h := &handDown{
		Version: handVersion, PID: os.Getpid(), Generation: s.generation, Board: s.conf.Board.FD(), Control: -1, Snapshot: -1,
		Since: c.began, Again: len(s.queued) > 0, Program: s.program, Upgrade: c.upgrade, Old: -1, OldSnapshot: -1,
	}
	for _, p := range s.parts {
		h.Regions = append(h.Regions, p.region.Index())
	}
	if l := s.conf.Control; l != nil {
		h.Control, h.Path = l.FD(), l.Path()
	}
	if s.conf.KeepFDs != nil {
		h.FDs = s.conf.KeepFDs()
	}
	return h
}

// keepOpen calls f while descriptors outlive an exec. No child is forked in the
// meantime, which would have them, too.
func keepOpen(fds []int, f func() error) error {
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	defer func() {
		for _, fd := range fds {
			unix.CloseOnExec(fd)
		}
	}()
	for _, fd := range fds {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return os.NewSyscallError("fcntl", err)
		}
	}
	return f()
}

func ownEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, singleVariable+"=") })
}

// executable is the path of the program that runs. When its file was replaced,
// it is reached by the system's link, and the name that the system shows has to
// be set: only an upgrade takes the new one.
func executable() (path, comm string, err error) {
	path, err = os.Executable()
	running, statErr := os.Stat(selfLink)
	if err != nil || statErr != nil {
		return path, "", err
	}
	if now, err := os.Stat(path); err == nil && os.SameFile(now, running) {
		return path, "", nil
	}
	return selfLink, filepath.Base(path), nil
}
