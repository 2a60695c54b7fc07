package launcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/report"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
)

// resume goes on as the master before an upgrade: with its workers, its sockets
// and its generation. A new program replaces the workers by its own; the old
// one, back again, goes on as if nothing had been.
func (m *Master) resume(plan *Plan, h *Handed) error {
	setName(filepath.Base(os.Args[0])) // after the way back it is a descriptor's
	s := h.state
	sockets, err := service.RestoreSockets(s.Sockets)
	if err != nil {
		return err
	}
	m.sockets, m.lastReload, m.serving = sockets, s.LastReload, true
	generations := m.restoreGenerations(s)
	m.restoreGroups(s, plan)
	if err := m.restoreWorkers(s, generations); err != nil {
		return err
	}
	m.program.path, m.profile = s.ProgramPath, profileOf(plan.Groups)
	m.reap()
	if h.Back {
		m.wentBack(plan, s)
		return nil
	}
	m.former = s.Program
	c := &change{cancel: func() {}}
	m.change, m.state = c, control.Reloading
	m.rehearsed(c, plan, nil)
	return nil
}

func (m *Master) restoreGenerations(s *state) map[int]*generation {
	list := map[int]*generation{}
	for _, g := range s.Generations {
		list[g.Number] = &generation{number: g.Number, snapshot: g.Snapshot, carried: g.Setup}
		if data, err := readMemory(g.Setup); g.Setup >= 0 && err == nil {
			list[g.Number].told, _ = report.Carried(data) // without it reports do not describe it
		}
	}
	m.current = list[s.Generation]
	return list
}

// restoreGroups makes the groups that serve. Those of another program's plan
// stay as they are: a worker that ends now is replaced by the new ones.
func (m *Master) restoreGroups(s *state, plan *Plan) {
	for _, saved := range s.Groups {
		g := &group{Group: &service.Group{Name: saved.Name}, told: map[string]bool{}, frozen: true}
		for _, own := range plan.Groups {
			if s.Back && own.Name == saved.Name {
				g.Group, g.frozen = own, false
			}
		}
		g.crashes = crashes{row: saved.Row, everReady: saved.EverReady}
		g.resize(len(saved.Slots))
		for i, slot := range saved.Slots {
			g.slots[i].restarts, g.slots[i].lastExit = slot.Restarts, slot.LastExit
		}
		m.groups = append(m.groups, g)
	}
}

func (m *Master) restoreWorkers(s *state, generations map[int]*generation) error {
	for _, saved := range s.Workers {
		w, err := m.restoreWorker(&saved, generations)
		if err != nil {
			return fmt.Errorf("worker %d: %w", saved.PID, err)
		}
		m.workers[w.pid] = w
		w.gen.workers++
		if g := m.group(saved.Server); g != nil && saved.Serves && saved.Slot < len(g.slots) {
			g.slots[saved.Slot].worker = w
		}
	}
	for _, g := range m.groups {
		m.countWorkers(g.Name)
	}
	for _, w := range m.workers {
		go m.listen(w)
	}
	return nil
}

func (m *Master) restoreWorker(saved *savedWorker, generations map[int]*generation) (*worker, error) {
	w := &worker{
		pid: saved.PID, slot: saved.Slot, gen: generations[saved.Generation], state: saved.State,
		started: saved.Started, readyAt: saved.ReadyAt, limit: saved.Limit, planned: saved.Planned, why: saved.Why,
		keys: map[string]bool{}, heard: make(chan struct{}),
		group: &service.Group{
			Name: saved.Server, GracefulTimeout: saved.GracefulTimeout, DrainAnnounce: saved.DrainAnnounce,
			StartTimeout: saved.StartTimeout, MaxRSS: paste.Size(saved.MaxRSS),
		},
	}
	if g := m.group(saved.Server); g != nil && !g.frozen {
		w.group = g.Group
	}
	if w.gen == nil {
		return nil, errors.New("its generation is missing")
	}
	for _, key := range saved.Keys {
		w.keys[key] = true
	}
	var err error
	if w.region, err = m.board.Region(saved.Region); err != nil {
		return nil, err
	}
	if w.channel, err = newChannel(saved.Channel); err != nil {
		return nil, err
	}
	w.output = readOutput(saved.Output, m.conf.Stderr)
	return w, nil
}

// wentBack goes on as before the upgrade.
func (m *Master) wentBack(plan *Plan, s *state) {
	m.current.plan, m.state = plan, control.Running
	outcome := control.Reload{Time: time.Now(), Result: control.RolledBack, Errors: s.Problems}
	m.lastReload = &outcome
	m.board.Master().Counter(scoreboard.Reloads, outcome.Result).Inc()
	m.log.Error("the upgrade is taken back: the program is the one before", "errors", len(s.Problems))
	for _, p := range s.Problems {
		m.log.Error("upgrade: " + p)
	}
	m.loaded(plan)
}

// goBack executes the program before the upgrade again, because this one cannot
// go on.
func (m *Master) goBack(problems []string) {
	fd := m.former
	m.former = -1
	err := m.become(descriptorPath(fd), problems)
	m.log.Error("the program before the upgrade cannot be executed: this one goes on with its workers", "error", err)
}

func descriptorPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// GoBack executes the program before the upgrade again. It is for a program that
// cannot even begin, as when the files have changed since its probe.
// The environment gets what Config.KeepEnv would have.
func (h *Handed) GoBack(problems, keepEnv []string) error {
	s := *h.state
	s.Back, s.Problems, s.FDs = true, problems, h.fds
	if h.Control != nil {
		s.Control = h.Control.FD()
	}
	text, err := json.Marshal(&s)
	if err != nil {
		return err
	}
	memory, err := newMemory("wheatpaste-state", text)
	if err != nil {
		return err
	}
	env := append(without(os.Environ(), upgradeVariable), keepEnv...)
	env = append(env, upgradeVariable+"="+strconv.Itoa(memory))
	return executeState(descriptorPath(s.Program), os.Args, env, append(s.descriptors(), memory))
}

// closeFormer gives the way back up, when all is well.
func (m *Master) closeFormer() {
	if m.former >= 0 {
		_ = unix.Close(m.former)
		m.former = -1
	}
}
