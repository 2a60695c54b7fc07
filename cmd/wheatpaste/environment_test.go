//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestTheWorkersOwn: what systemd tells the master is not for its workers
// (SD-03), the machine is divided among them, and of the master's descriptors
// they have none but those that they are given.
func TestTheWorkersOwn(t *testing.T) {
	t.Parallel()
	s := prepare(t, file(t, "paste.ini", loadApp+server("workers = 2")))
	s.Env = append(os.Environ(), "NOTIFY_SOCKET=/nowhere/notify", "WATCHDOG_USEC=30000000", "WATCHDOG_PID=1",
		"LISTEN_PID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=x", "GOMAXPROCS=4", "GOMEMLIMIT=1GiB", "OVEN=hot")
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
	s.serves("main")
	foreign := s.listeningInodes()
	for _, pid := range s.awaitReady("main", 2) {
		env := strings.Split(read(proc(pid, "environ")), "\x00")
		for _, want := range []string{"GOMAXPROCS=2", "GOMEMLIMIT=536870912", "OVEN=hot", "GOTRACEBACK=all"} {
			if !slices.Contains(env, want) {
				t.Errorf("worker %d has no %s in %q", pid, want, env)
			}
		}
		for _, v := range env {
			name, _, _ := strings.Cut(v, "=")
			if slices.Contains([]string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}, name) {
				t.Errorf("worker %d has %s", pid, v)
			}
		}
		if own, master := link(pid, "2"), link(s.Process.Pid, "2"); !strings.HasPrefix(own, "pipe:") || own == master {
			t.Errorf("standard error of worker %d is %s, that of the master %s, want a pipe of its own", pid, own, master)
		}
		for _, l := range links(t, pid) {
			if slices.Contains(foreign, l) {
				t.Errorf("worker %d has the master's %s", pid, l)
			}
		}
	}
	s.finish()
}

func proc(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }

func link(pid int, fd string) string {
	to, _ := os.Readlink(proc(pid, "fd/"+fd))
	return to
}

// links are what a process has open.
func links(t *testing.T, pid int) []string {
	t.Helper()
	entries, err := os.ReadDir(proc(pid, "fd"))
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d descriptors of %d, error %v", len(entries), pid, err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, link(pid, e.Name()))
	}
	return list
}

// listeningInodes are the sockets that only the master may have: that of
// control, and that of the admin address.
func (s *supervised) listeningInodes() []string {
	s.t.Helper()
	var list []string
	for line := range strings.Lines(read("/proc/net/unix")) {
		f := strings.Fields(line)
		if len(f) == 8 && (f[7] == s.client.Path() || "unix:"+f[7] == s.admin) {
			list = append(list, "socket:["+f[6]+"]")
		}
	}
	if len(list) < 2 {
		s.t.Fatalf("the master has %d sockets of its own, want 2", len(list))
	}
	return list
}

// TestAfterAKilledMaster: its workers answer what they have and end, and the
// next master takes the place of the dead one (CHECK-05).
func TestAfterAKilledMaster(t *testing.T) {
	t.Parallel()
	ini := file(t, "paste.ini", holdApp+server("workers = 2"))
	s := supervise(t, ini)
	address := s.serves("main")
	workers := s.awaitReady("main", 2)
	h := holdRequest(t, address)
	kill(t, s.Process.Pid, syscall.SIGKILL)
	if rest, err := h.finish(); rest != "done\n" || err != nil {
		t.Errorf("the request ends with %q, error %v", rest, err)
	}
	s.end() // of all who have its standard error
	for _, pid := range workers {
		until(t, "no orphan", func() bool { return hasEnded(pid) || processState(pid) == "Z" })
	}
	if _, err := os.Stat(s.client.Path()); err != nil {
		t.Fatalf("the dead master's control socket is gone: %v", err)
	}
	next := prepare(t, ini, "--listen", address)
	next.Args[slices.Index(next.Args, next.client.Path())] = s.client.Path()
	next.client = s.client
	next.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	next.launch()
	if got := next.serves("main"); got != address {
		t.Errorf("the next master serves %s, want %s", got, address)
	}
	if got := next.status().PID; got != next.Process.Pid {
		t.Errorf("the control socket is that of %d, want %d", got, next.Process.Pid)
	}
	next.finish()
	if _, err := os.Stat(s.client.Path()); !os.IsNotExist(err) {
		t.Errorf("the control socket is left behind: %v", err)
	}
}
