//go:build linux

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// TestASocketThatCannotBeGiven: a reload to an owner that the process may not give
// its socket is refused, and changes nothing.
func TestASocketThatCannotBeGiven(t *testing.T) {
	asRoot(t)
	for _, workers := range []string{"1", "0"} {
		t.Run("workers="+workers, func(t *testing.T) {
			t.Parallel()
			dir := openFolder(t)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			ini, path := filepath.Join(dir, "paste.ini"), filepath.Join(dir, "api.sock")
			write := func(options string) {
				text := loadApp + "[server:main]\nuse = egg:wheatpaste#http\naccess_log = off\nlisten = unix:" + path + "\n" + options
				if err := os.WriteFile(ini, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write("socket_mode = 600\n")
			s := prepare(t, ini)
			s.Path = openProgram(t, dir)
			s.Args = []string{s.Path, "serve", ini, "--workers", workers, "--control", filepath.Join(dir, "c.sock")}
			s.client = control.NewClient(filepath.Join(dir, "c.sock"))
			s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			s.launch()
			s.serves("main")
			write("socket_mode = 666\nsocket_group = root\n")
			code, out, errs := s.verb("reload")
			want := "listen unix:" + path + `: the socket cannot be given to group "root": operation not permitted, want to be root or another owner` + "\n"
			if code != 1 || out != "rejected\n" || errs != want {
				t.Errorf("reload ends with %d %q %q, want %q", code, out, errs, want)
			}
			s.hasMode(path, 0o600)
			write("socket_mode = 660\n")
			s.reloadWell()
			s.hasMode(path, 0o660)
			if workers != "0" {
				write("socket_mode = 666\n")
				text, err := os.ReadFile(ini)
				if err == nil {
					err = os.WriteFile(ini, []byte(strings.Replace(string(text), loadApp, "[app:main]\nuse = egg:servetest#broken\n", 1)), 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
				if code, out, _ := s.verb("reload"); code != 1 || out != "rolled_back\n" {
					t.Errorf("reload ends with %d %q, want rolled_back", code, out)
				}
				s.hasMode(path, 0o660)
			}
			s.finish()
		})
	}
}

func (s *supervised) hasMode(path string, want fs.FileMode) {
	s.t.Helper()
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != want {
		s.t.Errorf("%s is %v, error %v, want the mode %v", path, info.Mode(), err, want)
	}
}
