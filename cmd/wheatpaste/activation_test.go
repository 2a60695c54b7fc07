//go:build linux

package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// passedSockets are listening sockets as a socket unit has them: two of the name
// web, one that is configured by its address, one by its path, one for the admin
// address, and one that nobody wants.
type passedSockets struct {
	t         *testing.T
	listeners []net.Listener
	files     []*os.File
	names     []string
}

func (p *passedSockets) add(name, network, address string) string {
	p.t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		p.t.Fatal(err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	p.t.Cleanup(func() { _ = l.Close() })
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = f.Close() })
	p.listeners, p.files, p.names = append(p.listeners, l), append(p.files, f), append(p.names, name)
	return l.Addr().String()
}

// activate passes the sockets as systemd does: their process id is only known to
// the process itself.
func (s *supervised) activate(p *passedSockets) {
	s.Path, s.Args = "/bin/sh", append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`}, s.Args...)
	s.Env = append(os.Environ(), "LISTEN_FDS="+strconv.Itoa(len(p.files)), "LISTEN_FDNAMES="+strings.Join(p.names, ":"))
	s.ExtraFiles = p.files
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
}

// TestSocketActivation: sockets by name, by address and by path, over reloads;
// they stay what they were (SD-03).
func TestSocketActivation(t *testing.T) {
	for _, workers := range []string{"2", "0"} {
		t.Run("workers="+workers, func(t *testing.T) {
			t.Parallel()
			activation(t, workers)
		})
	}
}

func activation(t *testing.T, workers string) {
	t.Helper()
	p := &passedSockets{t: t}
	path := filepath.Join(t.TempDir(), "api.sock")
	web, also := p.add("web", "tcp", free), p.add("web", "tcp", free)
	numeric := p.add("", "tcp", free)
	p.add("local", "unix", path)
	spare, admin := p.add("spare", "tcp", free), p.add("admin", "tcp", free)
	ini := func(listen string) string {
		return loadApp + "[server:main]\nuse = egg:wheatpaste#http\naccess_log = off\nlisten = " + listen + "\n"
	}
	first := "systemd:web " + numeric + " unix:" + path
	paste := file(t, "paste.ini", ini(first))
	s := prepare(t, paste, "--workers", workers)
	s.admin = admin
	s.Args[slices.Index(s.Args, "--admin")+1] = "systemd:admin"
	s.activate(p)
	all := []string{web, also, numeric, "unix:" + path}
	s.answersAt(all)
	s.says(`level=WARN msg="a socket that was passed to this process is not used" socket="spare \(fd 7, ` + spare + `\)"$`)
	get(t, admin, "/healthcheck")

	s.reloadsTo(2)
	s.answersAt(all)
	rewrite(t, paste, ini("systemd:spare"))
	s.reloadsTo(3)
	s.answersAt([]string{spare})
	rewrite(t, paste, ini(first)) // to sockets that nobody wanted for a while
	s.reloadsTo(4)
	s.answersAt(all)
	if code, out, errs := s.verb("upgrade"); code != 0 || out != "ok\n" {
		t.Errorf("upgrade ends with %d: %s %s", code, out, errs)
	}
	s.answersAt(all)
	if code, _, stderr := s.verb("stop"); code != 0 {
		t.Errorf("stop ends with %d: %s", code, stderr)
	}
	if code, stderr := s.end(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
	if n := s.said("is not used"); n != 1+1+4+1+1 {
		t.Errorf("%d warnings of unused sockets, want 8: the spare one four times, the four others once", n)
	}
	p.areAsBefore()
}

func (s *supervised) reloadsTo(generation int) {
	s.t.Helper()
	if code, out, stderr := s.verb("reload"); code != 0 || out != "ok\n" {
		s.t.Fatalf("reload ends with %d %q %q", code, out, stderr)
	}
	if got := s.status().Generation; got != generation {
		s.t.Errorf("generation %d, want %d", got, generation)
	}
}

// answersAt asks the addresses. The requests are one connection each.
func (s *supervised) answersAt(addresses []string) {
	s.t.Helper()
	for _, a := range addresses {
		if code, body := get(s.t, a, "/"); code != http.StatusOK || body == "" {
			s.t.Errorf("%s answers %d %q", a, code, body)
		}
	}
}

// areAsBefore wants each to take connections still, with its path.
func (p *passedSockets) areAsBefore() {
	p.t.Helper()
	for i, l := range p.listeners {
		a := l.Addr()
		c, err := net.DialTimeout(a.Network(), a.String(), patience/2)
		if err != nil {
			p.t.Errorf("%q: %v", p.names[i], err)
			continue
		}
		if err := l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(patience / 2)); err != nil {
			p.t.Fatal(err)
		}
		got, err := l.Accept()
		if err != nil {
			p.t.Errorf("%q takes no connection any more: %v", p.names[i], err)
			continue
		}
		_, _ = c.Close(), got.Close()
	}
}

// TestActivationRefused: what is passed wrongly, or to another process, is no
// socket of ours.
func TestActivationRefused(t *testing.T) {
	for _, tt := range []struct{ name, pid, fds, names, want string }{
		{"for another process", "1", "1", "web", "wheatpaste: server main: listen systemd:web: no socket was passed to this process, want a start by a systemd socket unit"},
		{"another name", "$$", "1", "wbe", "wheatpaste: server main: listen systemd:web: no socket of this name was passed, want one of wbe"},
		{"too many names", "$$", "1", "web:x", "wheatpaste: LISTEN_FDNAMES: 2 names for 1 descriptors, want as many"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, f := inherit(t)
			s := prepare(t, file(t, "paste.ini", loadApp), "--listen", "systemd:web")
			s.Path, s.Args = "/bin/sh", append([]string{"sh", "-c", `LISTEN_PID=` + tt.pid + ` exec "$0" "$@"`}, s.Args...)
			s.Env = append(os.Environ(), "LISTEN_FDS="+tt.fds, "LISTEN_FDNAMES="+tt.names)
			s.ExtraFiles = []*os.File{f}
			s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			s.launch()
			if code, stderr := s.end(); code != 1 || !strings.HasSuffix(stderr, tt.want) {
				t.Errorf("exit code %d, want 1 and %s:\n%s", code, tt.want, stderr)
			}
		})
	}
}

// TestSystemdSocketActivate is the same by systemd's own program.
func TestSystemdSocketActivate(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal("systemd-socket-activate is missing: apt-get install systemd")
		}
		t.Skip("systemd-socket-activate is not installed")
	}
	n := listenNotify(t, func(string) {})
	address, path := unused(t), filepath.Join(t.TempDir(), "api.sock")
	s := prepare(t, file(t, "paste.ini", loadApp), "--workers", "2", "--listen", "systemd:web", "--listen", "unix:"+path)
	wheatpaste := s.Path
	s.Path, s.Args = program, append([]string{
		program, "-l", address, "-l", path, "--fdname=web:local", "-E", "NOTIFY_SOCKET=" + n.path, "-E", "PATH", wheatpaste,
	}, s.Args[1:]...)
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
	until(t, "it is there", func() bool { _, _, err := tryFresh(address, "/"); return err == nil })
	s.answersAt([]string{address, "unix:" + path})
	s.reloadsTo(2)
	s.answersAt([]string{address, "unix:" + path})
	n.awaits(3)
	s.finish()
	n.awaits(4)
	if got, want := n.turns(), []string{"READY=1", "RELOADING=1", "READY=1", "STOPPING=1"}; !slices.Equal(got, want) {
		t.Errorf("the messages are %q, want %q", got, want)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the path was removed: %v", err)
	}
}
