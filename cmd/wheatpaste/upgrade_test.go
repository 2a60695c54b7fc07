//go:build linux

package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/internal/control"
)

// upgradable starts a master from a file of its own, which the test may replace.
func upgradable(t *testing.T, ini string, args ...string) (s *supervised, program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "wheatpaste")
	install(t, program, "")
	s = prepare(t, ini, args...)
	s.Path, s.Args[0] = program, program
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
	return s, program
}

// install puts a program in place of the one that may run: a text, or else this
// test's own.
func install(t *testing.T, program, text string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var from io.Reader = strings.NewReader(text)
	if text == "" {
		f, err := os.Open(self)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		from = f
	}
	fresh, err := os.OpenFile(program+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o700)
	if err == nil {
		_, err = io.Copy(fresh, from)
	}
	if err == nil {
		err = fresh.Close()
	}
	if err == nil {
		err = os.Rename(program+".new", program)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// CHECK-09 without its notify socket, and point 1 of the issue shortened: the
// program is replaced under load, in the same process, and no request is lost.
func TestUpgradesUnderLoadLoseNothing(t *testing.T) {
	s, program := upgradable(t, file(t, "paste.ini", loadApp+server("workers = 2", "h2c = true", "drain_idle_grace = 300ms")))
	l := mixed(s.serves("main"))
	l.KeepAlive, l.NewConn, l.H2 = 6, 2, 1
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	run := strict.Start(ctx, l)
	for n := 2; n <= 4; n++ {
		install(t, program, "")
		if code, out, errs := s.verb("upgrade"); code != 0 || out != "ok\n" || errs != "" {
			t.Fatalf("upgrade: exit code %d, %q, %q", code, out, errs)
		}
		st := s.status()
		if st.PID != s.Process.Pid || st.Generation != n || len(s.ready("main")) != 2 {
			t.Fatalf("after upgrade %d the status is %+v", n-1, st)
		}
		s.counted()
	}
	stop()
	lossless(t, run.Wait(), 200)
	if got := s.metric("wheatpaste_reloads_total", `result="ok"`); got != 3 {
		t.Errorf("%v reloads are counted, want 3 upgrades", got)
	}
	s.finish()
}

// CHECK-10: a program that crashes at its start, one that is none, and one whose
// workers cannot start: the old one goes on, and says why.
func TestUpgradesThatFail(t *testing.T) {
	ini := file(t, "paste.ini", loadApp+server("workers = 2", "start_timeout = 4"))
	s, program := upgradable(t, ini)
	l := mixed(s.serves("main"))
	l.KeepAlive = 4
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	run := strict.Start(ctx, l)
	before := s.ready("main")
	s.refusesPrograms(program, "4s")
	if got := s.ready("main"); len(got) != 2 || got[0] != before[0] || got[1] != before[1] {
		t.Errorf("the workers are %v, want those before: %v", got, before)
	}
	install(t, program, "")
	rewrite(t, ini, "[app:main]\nuse = egg:servetest#broken\n"+server("workers = 2"))
	code, out, errs := s.verb("upgrade")
	if code != 1 || out != "rolled_back\n" || !strings.Contains(errs, "no such database") {
		t.Errorf("workers that cannot start: exit code %d, %q, %q", code, out, errs)
	}
	s.says(`msg="the upgrade is taken back`)
	if got := s.ready("main"); len(got) != 2 || got[0] != before[0] || got[1] != before[1] {
		t.Errorf("the workers are %v, want those before: %v", got, before)
	}
	stop()
	lossless(t, run.Wait(), 100)
	s.killAndReplace()
	rewrite(t, ini, loadApp+server("workers = 2"))
	s.reloadWell()
	s.finish()
}

// refusesPrograms puts programs in place of the one that runs to which no server
// can be upgraded.
func (s *supervised) refusesPrograms(program, limit string) {
	s.t.Helper()
	said := "the new program " + program + " "
	for _, test := range []struct{ name, program, want string }{
		{"it crashes", "#!/bin/sh\necho it crashes >&2\nexit 7\n", said + "cannot go on: exit status 7\nit crashes\n"},
		{"it is none", "not a program\n", said + "cannot go on: fork/exec " + program + ": exec format error\n"},
		{"it is not there", "", said + "cannot go on: fork/exec " + program + ": no such file or directory\n"},
		{"it is another one", "#!/bin/sh\necho hello\n", said + "cannot go on: it ended without an answer, want a wheatpaste that can be upgraded to\nhello\n"},
		{"it never gets ready", "#!/bin/sh\nsleep 600 & wait\n", said + "is not ready within " + limit + "\n"},
	} {
		if test.program == "" {
			if err := os.Remove(program); err != nil {
				s.t.Fatal(err)
			}
		} else {
			install(s.t, program, test.program)
		}
		code, out, errs := s.verb("upgrade")
		if code != 1 || out != "rejected\n" || errs != test.want {
			s.t.Errorf("%s: exit code %d, %q, %q, want 1, rejected and %q", test.name, code, out, errs, test.want)
		}
		if st := s.status(); st.State != control.Running || st.Generation != 1 {
			s.t.Errorf("%s: the status is %+v", test.name, st)
		}
	}
}

// killAndReplace wants the program after the way back to go on as before: it
// replaces a worker from the old snapshot.
func (s *supervised) killAndReplace() {
	s.t.Helper()
	victim := s.ready("main")[0]
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	s.awaitReady("main", 2, victim)
}

// counted wants the counters to have come along.
func (s *supervised) counted() {
	s.t.Helper()
	if got := s.metric("wheatpaste_http_requests_total", `app="main"`, `code="200"`, `method="GET"`); got == 0 {
		s.t.Error("the counters begin anew")
	}
}
