package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// helper is a process of the tests: "serve", "inherit", or "connect".
func helper(what string) int {
	path := os.Getenv("CONTROL_PATH")
	var l *Listener
	var err error
	switch what {
	case "connect":
		_, err := NewClient(path).Status(context.Background())
		fmt.Println(err)
		return 0
	case "serve":
		l, err = Listen(path)
	case "inherit": // executed by itself, see executing
		fd, _ := strconv.Atoi(os.Getenv("CONTROL_FD"))
		l, err = Inherit(fd, path)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	f := newFake()
	if what == "inherit" {
		f.status.LastReload = &Reload{time.Now(), OK, nil}
	}
	go l.Serve(context.Background(), &executing{f, l})
	fmt.Println("ready")
	<-f.stopped
	if code, err := strconv.Atoi(os.Getenv("CONTROL_CODE")); err == nil {
		l.Finish(code)
		return code
	}
	return 0 // as a crash does: without a word
}

// executing is a server of one process: it reloads by executing itself.
type executing struct {
	*fake
	l *Listener
}

func (e *executing) Upgrade(ctx context.Context) Reload { return e.Reload(ctx) }

func (e *executing) Reload(context.Context) Reload {
	if os.Getenv("CONTROL_DIE") != "" {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	fd, err := syscall.Dup(e.l.FD()) // without close-on-exec
	if err == nil {
		os.Setenv(helperVariable, "inherit")
		os.Setenv("CONTROL_FD", strconv.Itoa(fd))
		err = syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	return Reload{time.Now(), RolledBack, []string{err.Error()}}
}

// process starts a helper and waits for its first line.
func process(t *testing.T, what, path string, env ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = append(append(os.Environ(), helperVariable+"="+what, "CONTROL_PATH="+path), env...)
	c.Stderr = t.Output()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStop(t *testing.T) {
	for _, c := range []struct {
		name string
		env  []string
		code int
		want string
	}{
		{"clean", []string{"CONTROL_CODE=0"}, 0, ""},
		{"requests were cut", []string{"CONTROL_CODE=3"}, 3, ""},
		{"without a word", nil, 0, "the master (process %d) ended without telling its exit code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.sock")
			master := process(t, "serve", path, c.env...)
			if c.want != "" {
				c.want = fmt.Sprintf(c.want, master.Process.Pid)
			}
			code, err := NewClient(path).Stop(t.Context())
			if code != c.code || err == nil && c.want != "" || err != nil && err.Error() != c.want {
				t.Errorf("Stop = %d, %v, want %d, %s", code, err, c.code, c.want)
			}
			// Gone when Stop returns: a zombie, as its parent has not asked yet.
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", master.Process.Pid))
			if err != nil || !strings.Contains(string(stat), ") Z ") {
				t.Errorf("the process: %s, %v, want a zombie", stat, err)
			}
		})
	}
}

func TestReloadOverExec(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	master := process(t, "serve", path, "CONTROL_CODE=0")
	c := NewClient(path)
	for range 3 {
		r, err := c.Reload(t.Context())
		if err != nil || r.Result != OK {
			t.Fatalf("Reload = %+v, %v", r, err)
		}
		s, err := c.Status(t.Context())
		if err != nil || s.PID != master.Process.Pid {
			t.Fatalf("Status = %+v, %v, want process %d", s, err, master.Process.Pid)
		}
	}
	if code, err := c.Stop(t.Context()); code != 0 || err != nil {
		t.Errorf("Stop = %d, %v", code, err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the path: %v, want no such file", err)
	}
}

func TestReloadThatKills(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	master := process(t, "serve", path, "CONTROL_DIE=1")
	want := fmt.Sprintf("the master (process %d) ended during the reload; its log tells why", master.Process.Pid)
	if _, err := NewClient(path).Reload(t.Context()); err == nil || err.Error() != want {
		t.Errorf("Reload = %v, want %s", err, want)
	}
}

// A reload of which no status ever tells.
func TestReloadUnknown(t *testing.T) {
	f := newFake()
	f.hold, f.deaf = make(chan struct{}), true
	defer close(f.hold)
	path := filepath.Join(t.TempDir(), "x.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	first, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- l.Serve(first, f) }()
	c := NewClient(path)
	c.Again = 100 * time.Millisecond
	outcome := make(chan error)
	go func() {
		_, err := c.Reload(t.Context())
		outcome <- err
	}()
	<-f.entered
	cancel() // the connection breaks, the process lives on
	want := fmt.Sprintf("the outcome of the reload is unknown: the connection to process %d broke, and no status has told of it since", os.Getpid())
	if err := <-outcome; err == nil || err.Error() != want {
		t.Errorf("Reload = %v, want %s", err, want)
	}
	<-served
}

// CHECK of the credentials: a stranger who gets past the mode is not heard.
func TestStrangerIsNotHeard(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal("wants root, to be somebody else")
		}
		t.Skip("wants root, to be somebody else")
	}
	dir, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "x.sock")
	serveAt(t, path, newFake())
	binary := filepath.Join(dir, "test")
	if err := exec.Command("cp", os.Args[0], binary).Run(); err != nil {
		t.Fatal(err)
	}
	for _, open := range []string{dir, path, binary} {
		if err := os.Chmod(open, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for uid, want := range map[uint32]string{65534: fmt.Sprintf("control socket %q: the connection broke", path), 0: "<nil>"} {
		c := exec.Command(binary)
		c.Env = []string{helperVariable + "=connect", "CONTROL_PATH=" + path}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := c.CombinedOutput()
		if err != nil || string(bytes.TrimSpace(out)) != want {
			t.Errorf("user %d: %s, %v, want %s", uid, out, err, want)
		}
	}
}

func TestMayCommand(t *testing.T) {
	for _, c := range []struct {
		uid, own int
		want     bool
	}{{0, 1000, true}, {1000, 1000, true}, {1001, 1000, false}, {1000, 0, false}, {0, 0, true}} {
		if got := mayCommand(c.uid, c.own); got != c.want {
			t.Errorf("mayCommand(%d, %d) = %v, want %v", c.uid, c.own, got, c.want)
		}
	}
}
