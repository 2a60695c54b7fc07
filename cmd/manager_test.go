package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/sdnotify"
	"github.com/wheatpaste/wheatpaste/service/launcher"
)

// overheard is a manager with a clock of its own, and what it says.
type overheard struct {
	*manager
	log   bytes.Buffer
	clock time.Time
	lines []string
	err   error
}

func overhear(watchdog time.Duration) *overheard {
	m := &overheard{clock: time.Unix(1000, 0)}
	m.manager = &manager{
		watchdog: watchdog, state: control.Starting, now: func() time.Time { return m.clock },
		log: slog.New(slog.NewTextHandler(&m.log, nil)),
		send: func(lines ...string) error {
			m.lines = append(m.lines, strings.Join(lines, " "))
			return m.err
		},
	}
	return m
}

// after lets time pass, has it hear a state and gives what it says.
func (m *overheard) after(d time.Duration, s launcher.State) []string {
	m.clock, m.lines = m.clock.Add(d), nil
	m.hear(s)
	return m.lines
}

func (m *overheard) wants(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	for i, line := range got {
		before, number, found := strings.Cut(line, "MONOTONIC_USEC=")
		if found {
			_, rest, _ := strings.Cut(number, " ")
			got[i] = before + "MONOTONIC_USEC=N " + rest
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s it says %q, want %q", when, got, want)
	}
}

// running is a state with all workers ready.
func running(change func(*launcher.State)) launcher.State {
	s := launcher.State{State: control.Running, Ready: 2, Wanted: 2, Answering: true}
	if change != nil {
		change(&s)
	}
	return s
}

// TestTheLifeOfAService is SD-03, message by message.
func TestTheLifeOfAService(t *testing.T) {
	m := overhear(0)
	starting := launcher.State{State: control.Starting, Wanted: 2}
	m.wants(t, "at the start", m.after(0, starting), "STATUS=starting: 0 of 2 workers ready")
	m.wants(t, "when nothing changes", m.after(time.Hour, starting))
	m.wants(t, "when it serves", m.after(0, running(nil)), "READY=1 STATUS=2 of 2 workers ready")
	m.wants(t, "at a reload", m.after(0, running(func(s *launcher.State) { s.State = control.Reloading })),
		"RELOADING=1\nMONOTONIC_USEC=N STATUS=reloading: 2 of 2 workers ready")
	bad := func(s *launcher.State) {
		s.LastReload = &control.Reload{Result: control.Rejected, Errors: []string{"a.ini:1: bad", "a.ini:2: worse"}}
	}
	m.wants(t, "when it is rejected", m.after(0, running(bad)),
		"READY=1 STATUS=2 of 2 workers ready; last reload rejected, 2 errors, the first: a.ini:1: bad")
	m.wants(t, "at the end", m.after(0, launcher.State{State: control.Draining, Draining: 2}), "STOPPING=1 STATUS=stopping: 2 workers draining")
	m.wants(t, "when it has ended", m.after(0, launcher.State{State: control.Stopped, Draining: 2}))
}

// TestAfterAnUpgrade is CHECK-09: one MAINPID, with the first READY.
func TestAfterAnUpgrade(t *testing.T) {
	m := overhear(0)
	m.mainPID = 77
	m.wants(t, "when it serves", m.after(0, running(nil)), "READY=1 STATUS=2 of 2 workers ready MAINPID=77")
	m.after(0, running(func(s *launcher.State) { s.State = control.Reloading }))
	m.wants(t, "after a reload", m.after(0, running(nil)), "READY=1 STATUS=2 of 2 workers ready")
}

// TestStatusIsRare: workers that change are told of once a second.
func TestStatusIsRare(t *testing.T) {
	m := overhear(0)
	m.after(0, running(nil))
	one := running(func(s *launcher.State) { s.Ready, s.Draining = 1, 1 })
	m.wants(t, "at once", m.after(statusTime-1, one))
	m.wants(t, "after a second", m.after(1, one), "STATUS=1 of 2 workers ready, 1 draining")
	m.wants(t, "later", m.after(time.Minute, one))
}

// TestWatchdog: silence is what makes systemd act.
func TestWatchdog(t *testing.T) {
	const half = 15 * time.Second
	m := overhear(half)
	silent := func(s *launcher.State) { s.Answering = false }
	m.wants(t, "while it starts", m.after(0, launcher.State{State: control.Starting}), "STATUS=starting: 0 of 0 workers ready")
	m.wants(t, "when it serves", m.after(0, running(nil)), "READY=1 STATUS=2 of 2 workers ready", "WATCHDOG=1")
	m.wants(t, "early", m.after(half-1, running(nil)))
	m.wants(t, "in time", m.after(1, running(nil)), "WATCHDOG=1")
	m.wants(t, "when a server does not answer", m.after(time.Hour, running(silent)))
	m.wants(t, "when it does again", m.after(1, running(nil)), "WATCHDOG=1")
	reloading := func(s *launcher.State) { s.State = control.Reloading }
	if got := m.after(half, running(reloading)); len(got) != 2 || got[1] != "WATCHDOG=1" {
		t.Errorf("in a reload it says %q, want a sign of life", got)
	}
	draining := func(s *launcher.State) { s.State = control.Draining }
	m.wants(t, "in a drain", m.after(half, running(draining)), "STOPPING=1 STATUS=stopping: 0 workers draining")
	m.wants(t, "without a watchdog", overhear(0).after(0, running(nil)), "READY=1 STATUS=2 of 2 workers ready")
}

// TestALongDrain asks for time while there is some, and for no more.
func TestALongDrain(t *testing.T) {
	m := overhear(0)
	draining := launcher.State{State: control.Draining, Draining: 1, Deadline: m.clock.Add(45 * time.Second)}
	m.wants(t, "when it begins", m.after(0, draining), "STOPPING=1 STATUS=stopping: 1 workers draining", "EXTEND_TIMEOUT_USEC=30000000")
	m.wants(t, "early", m.after(extendEvery-1, draining))
	m.wants(t, "after 10 s", m.after(1, draining), "EXTEND_TIMEOUT_USEC=30000000")
	m.wants(t, "after 20 s", m.after(extendEvery, draining), "EXTEND_TIMEOUT_USEC=25000000")
	m.wants(t, "after 40 s", m.after(2*extendEvery, draining), "EXTEND_TIMEOUT_USEC=5000000")
	m.wants(t, "at the deadline", m.after(extendEvery, draining))
	endless := overhear(0)
	endless.wants(t, "without a deadline", endless.after(0, launcher.State{State: control.Draining}), "STOPPING=1 STATUS=stopping: 0 workers draining")
}

func TestEndedBadly(t *testing.T) {
	m := overhear(0)
	m.ended(errors.New("no application"))
	m.ended(fmt.Errorf("listen: %w", syscall.EADDRINUSE))
	m.ended(nil)
	m.wants(t, "at last", m.lines, "STATUS=no application",
		fmt.Sprintf("STATUS=listen: %v ERRNO=%d", syscall.EADDRINUSE, int(syscall.EADDRINUSE)))
	var none *manager
	none.ended(errors.New("no application"))
	if none.hook() != nil {
		t.Error("nobody is told, and yet asked for")
	}
}

func TestAProblemIsLoggedOnce(t *testing.T) {
	m := overhear(time.Second)
	m.err = os.ErrDeadlineExceeded
	for range 5 {
		m.after(time.Second, running(nil))
	}
	if n := strings.Count(m.log.String(), `level=WARN msg="telling systemd" error="i/o timeout"`); n != 1 {
		t.Errorf("it is logged %d times, want once:\n%s", n, m.log.String())
	}
}

func TestNewManager(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	t.Setenv(sdnotify.SocketVariable, "")
	t.Setenv(sdnotify.WatchdogVariable, "20000000")
	t.Setenv(sdnotify.WatchdogPIDVariable, "")
	if m := newManager(logger, false); m != nil {
		t.Errorf("newManager() = %v without NOTIFY_SOCKET, want nil", m)
	}
	t.Setenv(sdnotify.SocketVariable, "@x")
	if m := newManager(logger, false); m == nil || m.watchdog != 10*time.Second {
		t.Errorf("newManager() = %+v, want one with a sign of life every 10s", m)
	}
	if m := newManager(logger, true); m == nil || m.mainPID != os.Getpid() {
		t.Errorf("newManager() = %+v after an upgrade, want one with the process id", m)
	}
	if log.Len() > 0 {
		t.Errorf("it logs %s", log.String())
	}
	t.Setenv(sdnotify.SocketVariable, "x")
	t.Setenv(sdnotify.WatchdogVariable, "x")
	if m := newManager(logger, false); m != nil || strings.Count(log.String(), "level=WARN") != 1 {
		t.Errorf("newManager() = %v, want nil and a line:\n%s", m, log.String())
	}
}
