//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
)

// CHECK-09: the life of a service with an upgrade under load, as systemd hears of
// it: no request is lost, and one MAINPID comes, when the pid file holds it.
func TestNotifyOverAnUpgrade(t *testing.T) {
	for _, workers := range []string{"2", "0"} {
		t.Run("workers="+workers, func(t *testing.T) {
			t.Parallel()
			notifyOverAnUpgrade(t, workers)
		})
	}
}

func notifyOverAnUpgrade(t *testing.T, workers string) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	atMain := make(chan string, 16) // what the pid file holds when a MAINPID comes
	n := listenNotify(t, func(message string) {
		if strings.Contains(message, "MAINPID=") {
			atMain <- read(pidFile)
		}
	})
	program := filepath.Join(t.TempDir(), "wheatpaste")
	install(t, program, "")
	s := prepare(t, file(t, "paste.ini", loadApp+server()), "--workers", workers, "--pid-file", pidFile)
	s.Path, s.Args[0] = program, program
	s.Env = append(os.Environ(), "NOTIFY_SOCKET="+n.path, "WATCHDOG_USEC=400000")
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
	n.awaits(1)
	l := mixed(s.serves("main"))
	l.KeepAlive, l.NewConn, l.Rate = 4, 2, 300
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	run := strict.Start(ctx, l)
	s.signal(syscall.SIGHUP)
	n.awaits(3)
	install(t, program, "not a program\n")
	if code, out, _ := s.verb("upgrade"); code != 1 || out != "rejected\n" {
		t.Errorf("an upgrade to no program ends with %d %q", code, out)
	}
	n.awaits(5)
	install(t, program, "")
	if code, out, errs := s.verb("upgrade"); code != 0 || out != "ok\n" {
		t.Fatalf("upgrade: exit code %d, %q, %q", code, out, errs)
	}
	n.awaits(7)
	s.reloadWell() // MAINPID is not told again
	n.awaits(9)
	stop()
	lossless(t, run.Wait(), 100)
	if workers != "0" && s.metric("wheatpaste_reloads_total", `result="ok"`) != 3 {
		t.Error("want 3 good reloads to be counted")
	}
	s.finish()
	n.lifeWithAnUpgrade(s.Process.Pid)
	if got, want := <-atMain, fmt.Sprintln(s.Process.Pid); got != want {
		t.Errorf("when MAINPID comes the pid file holds %q, want %q", got, want)
	}
}

// lifeWithAnUpgrade holds the messages against what systemd wants to hear.
func (n *notifySocket) lifeWithAnUpgrade(pid int) {
	n.t.Helper()
	n.awaits(10)
	want := slices.Concat([]string{"READY=1"}, slices.Repeat([]string{"RELOADING=1", "READY=1"}, 4), []string{"STOPPING=1"})
	if got := n.turns(); !slices.Equal(got, want) {
		n.t.Errorf("the messages are %q, want %q", got, want)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	reloading, last, alive := regexp.MustCompile(`(?s)^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=reloading: .*\n$`), "", 0
	var named []string
	for _, m := range n.messages {
		switch {
		case strings.HasPrefix(m, "RELOADING=1"):
			if !reloading.MatchString(m) {
				n.t.Errorf("a reload is told as %q", m)
			}
		case m == "WATCHDOG=1\n" && last == "STOPPING=1":
			n.t.Error("a sign of life after STOPPING")
		case m == "WATCHDOG=1\n":
			alive++
		case strings.Contains(m, "MAINPID="):
			named = append(named, m)
		}
		if first, _, _ := strings.Cut(m, "\n"); first == "STOPPING=1" {
			last = first
		}
	}
	if pattern := fmt.Sprintf(`^READY=1\nSTATUS=.*last reload ok\nMAINPID=%d\n$`, pid); len(named) != 1 || !regexp.MustCompile(pattern).MatchString(named[0]) {
		n.t.Errorf("MAINPID comes in %q, want one message %s", named, pattern)
	}
	if alive == 0 {
		n.t.Error("no sign of life")
	}
}
