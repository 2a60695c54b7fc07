//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAPortOfAnotherUsersMaster: its workers are no orphans, whose end a start would
// wait for (PAIN-16).
func TestAPortOfAnotherUsersMaster(t *testing.T) {
	asRoot(t)
	t.Parallel()
	dir := openFolder(t)
	address := unused(t)
	ini := filepath.Join(dir, "paste.ini")
	text := loadApp + "[server:main]\nuse = egg:wheatpaste#http\naccess_log = off\nlisten = " + address + "\n"
	if err := os.WriteFile(ini, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := prepare(t, ini)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s.Path = openProgram(t, dir)
	s.Args = []string{s.Path, "serve", ini, "--workers", "2", "--control", filepath.Join(dir, "c.sock")}
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	s.launch()
	s.serves("main")
	for _, workers := range []string{"0", "2"} {
		began := time.Now()
		second := supervise(t, ini, "--workers", workers)
		code, stderr := second.end()
		if code != 1 || !strings.Contains(stderr, "listen "+address+": address already in use") {
			t.Errorf("workers=%s: exit code %d, want 1 and the address:\n%s", workers, code, stderr)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("workers=%s: refused after %v, want at once", workers, took)
		}
	}
	s.finish()
}
