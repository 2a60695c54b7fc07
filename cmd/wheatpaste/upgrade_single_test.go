//go:build linux

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/internal/control"
)

// One process is upgraded under load: it goes on as another program, with the
// same process id and sockets, and no request is lost (design.md 6).
func TestOneProcessIsUpgraded(t *testing.T) {
	t.Parallel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	ini := file(t, "paste.ini", loadApp+server("h2c = true", "drain_idle_grace = 0.2"))
	s, program := upgradable(t, ini, "--workers", "0", "--pid-file", pidFile)
	l := mixed(s.serves("main"))
	l.KeepAlive, l.NewConn, l.H2, l.Rate = 4, 2, 1, 300
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := strict.Start(ctx, l)
	for generation := 2; generation <= 4; generation++ {
		install(t, program, "")
		s.upgradesItself(generation)
		s.counted()
	}
	if s.reloadWell(); s.status().Generation != 5 {
		t.Errorf("generation %d after a reload, want 5", s.status().Generation)
	}
	cancel()
	lossless(t, run.Wait(), 100)
	if got, want := read(pidFile), fmt.Sprintln(s.Process.Pid); got != want {
		t.Errorf("the pid file holds %q, want %q", got, want)
	}
	s.finish()
}

// upgradesItself wants an upgrade to the program on the disk to succeed.
func (s *supervised) upgradesItself(generation int) {
	s.t.Helper()
	if code, out, errs := s.verb("upgrade"); code != 0 || out != "ok\n" || errs != "" {
		s.t.Fatalf("upgrade: exit code %d, %q, %q", code, out, errs)
	}
	st := s.status()
	if st.State != control.Running || st.PID != s.Process.Pid || st.Generation != generation || !slices.Equal(readyOf(st, "main"), []int{st.PID}) {
		s.t.Fatalf("the status is %+v, want generation %d of the same process", st, generation)
	}
}

// CHECK-10 for one process: what cannot go on is refused, or taken back, and the
// old program serves on.
func TestUpgradesOfOneProcessThatFail(t *testing.T) {
	t.Parallel()
	ini := file(t, "paste.ini", loadApp+server("start_timeout = 4"))
	s, program := upgradable(t, ini, "--workers", "0")
	address := s.serves("main")
	l := mixed(address)
	l.KeepAlive = 4
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	run := strict.Start(ctx, l)
	s.refusesPrograms(program, "4s")
	install(t, program, "")
	broken := "[app:main]\nuse = egg:servetest#broken\n" + server()
	rewrite(t, ini, strings.Replace(broken, "listen = "+free, "listen = "+address, 1)) // to another key of the same socket
	s.takesBack("address already in use")
	rewrite(t, ini, broken)
	s.takesBack("no such database")
	rewrite(t, ini, "[app:main]\nuse = egg:nobody#x\n"+server())
	if code, out, errs := s.verb("upgrade"); code != 1 || out != "rejected\n" || !strings.Contains(errs, "egg:nobody#x") {
		t.Errorf("a wrong file: exit code %d, %q, %q", code, out, errs)
	}
	stop()
	lossless(t, run.Wait(), 100)
	rewrite(t, ini, loadApp+server())
	install(t, program, "")
	s.upgradesItself(2)
	s.finish()
}

// takesBack wants an upgrade to end in the old program.
func (s *supervised) takesBack(why string) {
	s.t.Helper()
	code, out, errs := s.verb("upgrade")
	if code != 1 || out != "rolled_back\n" || !strings.Contains(errs, why) {
		s.t.Errorf("upgrade: exit code %d, %q, %q, want rolled_back and %q", code, out, errs, why)
	}
	s.says(`msg="the upgrade is taken back: the program is the one before"`)
	st := s.status()
	if st.State != control.Running || st.Generation != 1 || st.PID != s.Process.Pid {
		s.t.Errorf("the status is %+v, want generation 1 again", st)
	}
}
