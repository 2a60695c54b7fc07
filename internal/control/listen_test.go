//go:build linux

package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestListenMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	path := filepath.Join(t.TempDir(), "x.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got != os.ModeSocket|0o600 {
		t.Errorf("mode %v, want Srw-------", got)
	}
	if l.Path() != path || l.FD() < 0 {
		t.Errorf("path %q, descriptor %d", l.Path(), l.FD())
	}
}

// dead leaves a socket that nobody listens on.
func dead(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestListenErrors(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	held, err := Listen(at("held"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := os.WriteFile(at("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("held", at("link")); err != nil {
		t.Fatal(err)
	}
	long := at(strings.Repeat("x", 108))
	for path, want := range map[string]string{
		at("held"):        fmt.Sprintf("control socket %q is held by process %d, want another --control or the end of that one", at("held"), os.Getpid()),
		at("file"):        fmt.Sprintf("control socket %q: the path exists and is no socket, want a free one", at("file")),
		at("link"):        fmt.Sprintf("control socket %q: the path exists and is no socket, want a free one", at("link")),
		at("none/x.sock"): fmt.Sprintf("control socket %q: no such file or directory", at("none/x.sock")),
		long:              fmt.Sprintf("control socket %q: the path has %d bytes, want at most 107 (--control chooses another)", long, len(long)),
		"":                `invalid --control "", want the path of a socket`,
		"@name":           `invalid --control "@name", want the path of a socket`,
	} {
		if _, err := Listen(path); err == nil || err.Error() != want {
			t.Errorf("Listen(%q) = %v, want %s", path, err, want)
		}
	}
}

func TestListenReplacesTheDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	dead(t, path)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := holder(path); got != os.Getpid() {
		t.Errorf("process %d listens, want %d", got, os.Getpid())
	}
	l.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: %v, want no such file", err)
	}
}

func TestCloseLeavesWhatIsNotOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	old, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	old.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the new socket: %v", err)
	}
}

// Many starts at once, over a dead socket, take a path each.
func TestListenAtOnce(t *testing.T) {
	dir := t.TempDir()
	dead(t, filepath.Join(dir, "api.sock"))
	p := Places{Runtime: dir, UID: os.Geteuid()}
	var wg sync.WaitGroup
	listeners := make([]*Listener, 12)
	for i := range listeners {
		wg.Go(func() {
			l, err := p.Listen("api")
			if err != nil {
				t.Error(err)
				return
			}
			listeners[i] = l
		})
	}
	wg.Wait()
	paths := map[string]bool{}
	for _, l := range listeners {
		if l != nil {
			paths[filepath.Base(l.Path())] = true
			defer l.Close()
		}
	}
	for i := range listeners {
		name := "api.sock"
		if i > 0 {
			name = fmt.Sprintf("api-%d.sock", i+1)
		}
		if !paths[name] {
			t.Errorf("nobody has %s: %v", name, paths)
		}
	}
}

func TestInherit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(l.FD())
	if err != nil {
		t.Fatal(err)
	}
	l.UnixListener.Close() // without the path, as exec does
	again, err := Inherit(fd, path)
	if err != nil {
		t.Fatal(err)
	}
	if got := holder(path); got != os.Getpid() {
		t.Errorf("process %d listens, want %d", got, os.Getpid())
	}
	again.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: %v, want no such file", err)
	}
	if _, err := Inherit(1<<20, path); err == nil {
		t.Error("Inherit of no descriptor = nil, want an error")
	}
}
