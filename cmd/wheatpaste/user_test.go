//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
)

// nobody is the user and the group of that name on Debian.
const nobody = 65534

// openFolder is a folder that every user can read, which t.TempDir is not.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wheatpaste-test")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// openProgram is wheatpaste where every user can start it.
func openProgram(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "wheatpaste")
	if os.Link(self, path) == nil {
		return path
	}
	from, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); errors.Join(err, to.Close()) != nil {
		t.Fatal(err)
	}
	return path
}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
		t.Fatal("only root can become somebody else")
	}
	t.Skip("only root can become somebody else")
}

// What cannot be read and who cannot be is one clear line and exit 1.
func TestAUserWhoMayNot(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := openFolder(t)
	program := openProgram(t, dir)
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		ini  string
		uid  uint32
		want string
	}{
		"unreadable file":      {write("secret.ini", loadApp, 0o600), nobody, dir + "/secret.ini: Permission denied\n"},
		"unknown user":         {write("unknown.ini", loadApp+server("user = nobody-at-all"), 0o644), 0, dir + `/unknown.ini:7:8: [server:main] user: unknown user "nobody-at-all", want a user of this machine` + "\n"},
		"unknown group":        {write("group.ini", loadApp+server("user = nobody", "group = no-group-at-all"), 0o644), 0, dir + `/group.ini:8:9: [server:main] group: unknown group "no-group-at-all", want a group of this machine` + "\n"},
		"user without a right": {write("root.ini", loadApp+server("user = root"), 0o644), nobody, `wheatpaste: server main: user: the process is user "nobody", want to be root or user = nobody` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(program, "serve", c.ini, "--workers", "1", "--control", filepath.Join(dir, "c.sock"))
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.uid, Gid: c.uid}}
			out, err := cmd.CombinedOutput()
			if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() != 1 || string(out) != c.want {
				t.Errorf("it ends with %v and %q, want exit code 1 and %q", err, out, c.want)
			}
		})
	}
}

// ids are the real, effective, saved and file system ids of a process.
func ids(t *testing.T, pid int, kind string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, kind+":"); ok {
			return strings.Join(strings.Fields(rest), " ")
		}
	}
	return ""
}

// belongs wants a file of nobody's with so many lines.
func belongs(t *testing.T, path string, lines int) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != nobody {
		t.Errorf("%s belongs to %d, want nobody", path, owner)
	}
	text, err := os.ReadFile(path)
	if got := strings.Count(string(text), "\n"); err != nil || lines >= 0 && got != lines {
		t.Errorf("%s has %d lines, want %d; error %v", path, got, lines, err)
	}
}

// The workers become nobody, the master stays root: reload, reopen and a
// respawn go on, in a folder where only root may make files.
func TestWorkersOfAnotherUser(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := openFolder(t)
	log := filepath.Join(dir, "access.log")
	ini := filepath.Join(dir, "paste.ini")
	text := loadApp + strings.Replace(server("workers = 2", "user = nobody", "drain_idle_grace = 100ms"), "access_log = off", "access_log = "+log, 1)
	if err := os.WriteFile(ini, []byte(text), 0o600); err != nil { // root alone reads it
		t.Fatal(err)
	}
	s := prepare(t, ini)
	s.Path = openProgram(t, dir)
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
	address := s.serves("main")
	s.areNobody()
	fresh(t, address, "/")
	l := mixed(address)
	l.KeepAlive, l.NewConn, l.Rate = 2, 2, 100
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := strict.Start(ctx, l)
	s.reloadWell()
	s.areNobody()
	victim := s.awaitReady("main", 2)[0]
	kill(t, victim, syscall.SIGTERM)
	s.awaitReady("main", 2, victim)
	s.areNobody()
	cancel()
	report := run.Wait()
	lossless(t, report, 10)
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGUSR1)
	if code, out, errs := s.verb("reopen"); code != 0 { // and behind it all workers have had both
		t.Errorf("reopen ends with %d %q %q", code, out, errs)
	}
	until(t, "the new log is written", func() bool {
		fresh(t, address, "/")
		info, err := os.Stat(log)
		return err == nil && info.Size() > 0
	})
	s.finish()
	belongs(t, log+".1", -1)
	belongs(t, log, -1)
}

// areNobody wants all ready workers to be nobody for good, and the master root.
func (s *supervised) areNobody() {
	s.t.Helper()
	for _, pid := range s.awaitReady("main", 2) {
		if uid, gid := ids(s.t, pid, "Uid"), ids(s.t, pid, "Gid"); uid != "65534 65534 65534 65534" || gid != uid {
			s.t.Errorf("worker %d has uids %s and gids %s, want nobody", pid, uid, gid)
		}
		if c := ids(s.t, pid, "CapPrm"); strings.Trim(c, "0") != "" {
			s.t.Errorf("worker %d has the capabilities %s, want none", pid, c)
		}
	}
	if uid := ids(s.t, s.Process.Pid, "Uid"); uid != "0 0 0 0" {
		s.t.Errorf("the master has uids %s, want root", uid)
	}
}
