//go:build linux

package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load" // egg:wheatpaste-soak#load
	"github.com/wheatpaste/wheatpaste/internal/control"
)

const loadApp = "[app:main]\nuse = egg:wheatpaste-soak#load\n"

// server is a [server:main] on a free port, with these options.
func server(options ...string) string {
	return serverNamed("main", options...)
}

func serverNamed(name string, options ...string) string {
	lines := []string{"[server:" + name + "]", "use = egg:wheatpaste#http", "listen = " + free, "access_log = off"}
	return strings.Join(append(lines, options...), "\n") + "\n"
}

// supervised is a running master, the leader of a process group, with its
// control socket and its admin address.
type supervised struct {
	*process
	client *control.Client
	admin  string
}

// supervise starts one. What is left of its group is killed with the test.
func supervise(t *testing.T, ini string, args ...string) *supervised {
	t.Helper()
	s := prepare(t, ini, args...)
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
	return s
}

// prepare makes the command, for a test that has more to say of its process.
func prepare(t *testing.T, ini string, args ...string) *supervised {
	t.Helper()
	dir := t.TempDir()
	s := &supervised{client: control.NewClient(filepath.Join(dir, "c.sock")), admin: "unix:" + filepath.Join(dir, "admin.sock")}
	args = append([]string{"serve", ini, "--control", s.client.Path(), "--admin", s.admin}, args...)
	s.process = &process{Cmd: exec.Command("wheatpaste", args...), t: t, ended: make(chan struct{})}
	s.grown = sync.NewCond(&s.mu)
	s.Stdout = &s.stdout
	return s
}

func (s *supervised) launch() {
	s.t.Helper()
	stderr, err := s.StderrPipe()
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	timeout := time.AfterFunc(patience, s.killAll)
	go func() {
		defer close(s.ended)
		defer timeout.Stop()
		s.read(stderr)
		_ = s.Wait() // ProcessState tells
	}()
	s.t.Cleanup(func() {
		s.killAll()
		<-s.ended
		if s.t.Failed() {
			s.t.Logf("stderr of %v:\n%s", s.Args, strings.Join(s.lines, "\n"))
		}
	})
}

// killAll kills the master and the workers: an orphan would drain for long.
func (s *supervised) killAll() { _ = syscall.Kill(-s.Process.Pid, syscall.SIGKILL) }

// until polls for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience / 2); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it never comes to this: %s", what)
		}
	}
}

// says waits for a line of stderr. Unlike line, it is not misled by the empty
// lines of a panic.
func (s *supervised) says(pattern string) []string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	var found []string
	until(s.t, "it says "+pattern, func() bool {
		for _, l := range s.seen() {
			if m := re.FindStringSubmatch(l); m != nil {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// said counts the lines of stderr so far that match.
func (s *supervised) said(pattern string) int {
	re, n := regexp.MustCompile(pattern), 0
	for _, l := range s.seen() {
		if re.MatchString(l) {
			n++
		}
	}
	return n
}

func (s *supervised) serves(server string) string {
	s.t.Helper()
	return s.says(`level=INFO msg=serving server=` + server + ` address=(\S+)$`)[1]
}

func (s *supervised) status() control.Status {
	s.t.Helper()
	st, err := s.client.Status(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

// ready are the pids of the workers of a server that answer, by slot.
func (s *supervised) ready(server string) []int {
	s.t.Helper()
	return readyOf(s.status(), server)
}

func readyOf(st control.Status, server string) []int {
	var list []int
	for _, w := range st.Workers {
		if w.Server == server && w.State == control.WorkerReady {
			list = append(list, w.PID)
		}
	}
	return list
}

// awaitReady waits for n ready workers of a server, none of which is among the
// gone.
func (s *supervised) awaitReady(server string, n int, gone ...int) []int {
	s.t.Helper()
	var list []int
	until(s.t, strconv.Itoa(n)+" ready workers of "+server, func() bool {
		list = s.ready(server)
		return len(list) == n && !slices.ContainsFunc(list, func(pid int) bool { return slices.Contains(gone, pid) })
	})
	return list
}

// lastExit is that of a slot.
func (s *supervised) lastExit(server string, slot int) string {
	for _, w := range s.status().Workers {
		if w.Server == server && w.Slot == slot && w.LastExit != "" {
			return w.LastExit
		}
	}
	return ""
}

// verb runs a verb against the master.
func (s *supervised) verb(words ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	c := exec.Command("wheatpaste", append(words, "--control", s.client.Path())...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if _, ok := errors.AsType[*exec.ExitError](c.Run()); !ok && c.ProcessState == nil {
		s.t.Fatalf("%v does not run", words)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

// metric sums up the series of a family that have all of these labels, written
// as name="value".
func (s *supervised) metric(family string, labels ...string) float64 {
	s.t.Helper()
	_, text := get(s.t, s.admin, "/metrics")
	sum := 0.0
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != family && !strings.HasPrefix(name, family+"{") {
			continue
		}
		if slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(name, l) }) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		sum += n
	}
	return sum
}

// finish wants a clean end after SIGTERM.
func (s *supervised) finish() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	if code, stderr := s.end(); code != 0 || !strings.Contains(stderr, "msg=stopped") {
		s.t.Errorf("exit code %d, want 0 and a last word:\n%s", code, stderr)
	}
}

func kill(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// hasEnded reports whether no process has the pid any more.
func hasEnded(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// fresh asks over a new connection, and gives the answer with its body read.
func fresh(t *testing.T, address, path string) (*http.Response, string) {
	t.Helper()
	r, body, err := tryFresh(address, path)
	if err != nil {
		t.Fatal(err)
	}
	return r, body
}

func tryFresh(address, path string) (*http.Response, string, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport, Timeout: patience / 2}
	r, err := c.Get("http://" + address + path)
	if err != nil {
		return nil, "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return r, string(body), err
}

// wire is a connection on which a test speaks itself.
func wire(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, patience/2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience / 2)); err != nil {
		t.Fatal(err)
	}
	return c
}

// rewrite replaces a file's content, as editors do: by another file.
func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
