package cmd

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/sdnotify"
	"github.com/wheatpaste/wheatpaste/service/launcher"
)

const (
	// statusTime is the least time between two messages about workers.
	statusTime = time.Second
	// Every extendEvery of a drain, systemd is asked for extendBy more: it
	// would kill a drain that is longer than TimeoutStopSec.
	extendEvery = 10 * time.Second
	extendBy    = 30 * time.Second
)

// manager tells systemd how it stands (SD-03). Nil tells nobody.
type manager struct {
	send     func(lines ...string) error
	log      *slog.Logger
	now      func() time.Time
	watchdog time.Duration // between two signs of life; 0 for none
	mainPID  int           // told with the next READY, after an upgrade; else 0

	state    string // that was told
	status   string
	statusAt time.Time
	pingAt   time.Time // the last one
	extendAt time.Time // the last one
	problem  string    // that was logged
}

// newManager makes one of what the environment says, or nil. What is wrong there
// is no reason not to serve. An upgraded process says that it is the service,
// once, when its pid file is written (CHECK-09).
func newManager(log *slog.Logger, upgraded bool) *manager {
	n, err := sdnotify.New(os.Getenv(sdnotify.SocketVariable))
	if err != nil {
		log.Warn("telling systemd", "error", err)
	}
	if n == nil {
		return nil
	}
	interval, err := sdnotify.WatchdogInterval(os.Getenv, os.Getpid())
	if err != nil {
		log.Warn("telling systemd", "error", err)
	}
	m := &manager{send: n.Send, log: log, now: time.Now, watchdog: interval / 2, state: control.Starting}
	if upgraded {
		m.mainPID, m.state = os.Getpid(), control.Reloading // as the program before has told
	}
	return m
}

// hook is what a launcher calls; nil when there is nobody to tell.
func (m *manager) hook() func(launcher.State) {
	if m == nil {
		return nil
	}
	return m.hear
}

// hear tells what is new.
func (m *manager) hear(s launcher.State) {
	now := m.now()
	if s.State != m.state {
		m.state = s.State
		m.turn(s, now)
	}
	if text := standing(s); text != m.status && now.Sub(m.statusAt) >= statusTime {
		m.tell(m.showing(text, now))
	}
	m.live(s, now)
	m.extend(s, now)
}

// turn tells that another state began.
func (m *manager) turn(s launcher.State, now time.Time) {
	status := m.showing(standing(s), now)
	switch s.State {
	case control.Running:
		lines := []string{sdnotify.Ready, status}
		if m.mainPID != 0 {
			lines = append(lines, sdnotify.MainPID(m.mainPID))
			m.mainPID = 0
		}
		m.tell(lines...)
	case control.Reloading:
		clock, err := sdnotify.Monotonic()
		if err != nil {
			m.failedToTell(err)
			return
		}
		m.tell(sdnotify.Reloading(clock), status)
	case control.Draining:
		m.tell(sdnotify.Stopping, status)
	}
}

// showing is the line of a status that is told now.
func (m *manager) showing(text string, now time.Time) string {
	m.status, m.statusAt = text, now
	return sdnotify.Status(text)
}

// live tells that all is well, twice as often as systemd wants to hear it. When
// a server does not answer it is silent, and systemd starts the service anew.
func (m *manager) live(s launcher.State, now time.Time) {
	if m.watchdog <= 0 || !s.Answering || s.State == control.Draining || s.State == control.Stopped {
		return
	}
	if now.Sub(m.pingAt) >= m.watchdog {
		m.pingAt = now
		m.tell(sdnotify.Watchdog)
	}
}

// extend asks for the time that a drain may take still, and for no more.
func (m *manager) extend(s launcher.State, now time.Time) {
	left := s.Deadline.Sub(now)
	if s.State != control.Draining || left <= 0 || now.Sub(m.extendAt) < extendEvery {
		return
	}
	m.extendAt = now
	m.tell(sdnotify.Extend(min(left, extendBy)))
}

// ended says why the service could not start, or ended.
func (m *manager) ended(err error) {
	if m == nil || err == nil {
		return
	}
	lines := []string{sdnotify.Status(err.Error())}
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		lines = append(lines, sdnotify.Errno(int(no)))
	}
	m.tell(lines...)
}

func (m *manager) tell(lines ...string) {
	if err := m.send(lines...); err != nil {
		m.failedToTell(err)
	}
}

// failedToTell logs a problem once.
func (m *manager) failedToTell(err error) {
	if text := err.Error(); text != m.problem {
		m.problem = text
		m.log.Warn("telling systemd", "error", err)
	}
}

// standing is what systemctl status shows.
func standing(s launcher.State) string {
	text := fmt.Sprintf("%d of %d workers ready", s.Ready, s.Wanted)
	switch s.State {
	case control.Starting:
		text = "starting: " + text
	case control.Reloading:
		text = "reloading: " + text
	case control.Draining, control.Stopped:
		return fmt.Sprintf("stopping: %d workers draining", s.Draining)
	}
	if s.Draining > 0 {
		text += fmt.Sprintf(", %d draining", s.Draining)
	}
	if r := s.LastReload; r != nil && s.State == control.Running {
		text += "; last reload " + r.Result
		if len(r.Errors) > 0 {
			text += fmt.Sprintf(", %d errors, the first: %s", len(r.Errors), r.Errors[0])
		}
	}
	return text
}
