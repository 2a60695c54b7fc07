package launcher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// change is a reload that is going on (IMP-01): either all of it happens, or
// nothing.
type change struct {
	answers []chan control.Reload
	cancel  context.CancelFunc
	gen     *generation // nil while it is rehearsed
	sockets *service.Change
	groups  []*group
	missing int // workers that are not ready yet
}

// reload begins one, or remembers that one is wanted when one is going on.
func (m *Master) reload(why string, answer chan control.Reload) {
	switch {
	case m.state == control.Draining || m.state == control.Stopped:
		m.answer([]chan control.Reload{answer}, control.Reload{Time: time.Now(), Result: control.Rejected, Errors: []string{"the server stops"}})
		return
	case m.state != control.Running:
		m.log.Info("a reload is remembered: one is going on", "reason", why, "state", m.state)
		m.queued = append(m.queued, answer)
		return
	}
	m.log.Info("reloading", "reason", why)
	m.begun([]chan control.Reload{answer})
}

func (m *Master) begun(answers []chan control.Reload) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &change{answers: answers, cancel: cancel}
	m.change, m.state = c, control.Reloading
	m.notify()
	go func() {
		plan, err := m.conf.Load(ctx)
		m.post(func() { m.rehearsed(c, plan, err) })
	}()
}

// takeQueued begins the reload that was asked for during the last one.
func (m *Master) takeQueued() {
	if len(m.queued) == 0 || m.state != control.Running {
		return
	}
	answers := m.queued
	m.queued = nil
	m.log.Info("reloading", "reason", "remembered")
	m.begun(answers)
}

// rehearsed goes on with a plan: its sockets, and its workers.
func (m *Master) rehearsed(c *change, plan *Plan, err error) {
	if m.change != c {
		return // canceled
	}
	if err == nil {
		err = m.mayDrainMore()
	}
	if err == nil {
		err = wantsWorkers(plan)
	}
	if err == nil {
		c.gen, err = m.newGeneration(plan)
	}
	if err == nil {
		c.sockets, err = m.sockets.Prepare(context.Background(), wants(plan.Groups))
	}
	if err != nil {
		m.endChange(control.Rejected, errorLines(err))
		return
	}
	for _, g := range plan.Groups {
		fresh := newGroup(g)
		fresh.inherit(m.group(g.Name))
		c.groups = append(c.groups, fresh)
		c.missing += len(fresh.slots)
	}
	m.spawnChange(c)
}

// wantsWorkers refuses a plan that is one process's.
func wantsWorkers(plan *Plan) error {
	for _, g := range plan.Groups {
		if g.Workers != 0 {
			return nil
		}
	}
	return errors.New("workers = 0 is another kind of server than this one, want a restart for it")
}

// inherit goes on with what is known of a group.
func (g *group) inherit(old *group) {
	if old == nil {
		return
	}
	g.crashes = old.crashes
	for i := range min(len(g.slots), len(old.slots)) {
		g.slots[i].restarts, g.slots[i].lastExit = old.slots[i].restarts, old.slots[i].lastExit
	}
}

func (m *Master) spawnChange(c *change) {
	for _, g := range c.groups {
		for _, s := range g.slots {
			w, err := m.spawn(g.Group, s.n, len(g.slots), c.gen, c.sockets)
			if err != nil {
				m.endChange(control.RolledBack, errorLines(err))
				return
			}
			s.worker = w
		}
	}
}

// changeReady notes that one more of the new workers answers.
func (m *Master) changeReady() {
	m.change.missing--
	if m.change.missing == 0 {
		m.commit()
	}
}

// changeFailed rolls back, because a new worker ended.
func (m *Master) changeFailed(w *worker, e end) {
	text := fmt.Sprintf("server %s: a new worker ended: %s", w.group.Name, e.text)
	lines := []string{text}
	if w.failure != "" {
		lines = strings.Split(strings.TrimSpace(w.failure), "\n")
	}
	m.endChange(control.RolledBack, lines)
}

// commit lets the new workers go on alone.
func (m *Master) commit() {
	c, before := m.change, m.current
	shown := m.addresses()
	removed := c.sockets.Commit()
	ending := keysOf(removed)
	m.settling = &settling{change: c, stay: map[*worker]bool{}, until: time.Now().Add(leaveTime)}
	for _, w := range m.workers {
		if w.gen == c.gen {
			continue
		}
		if w.isReady() {
			m.settling.stay[w] = true
		}
		m.handOver(w, ending)
	}
	for _, s := range removed {
		_ = s.Close()
	}
	m.current, m.groups, m.change = c.gen, c.groups, nil
	for _, g := range m.groups {
		g.crashes.everReady = true
	}
	m.release(before)
	m.loaded(c.gen.plan)
	for _, g := range m.groups {
		m.showAddresses(g, shown)
	}
	if len(m.settling.stay) == 0 {
		m.settled()
	}
}

// settling is a reload that has happened, while old workers may still accept:
// its outcome is told when every new connection gets the new generation.
type settling struct {
	change *change
	stay   map[*worker]bool // those that have not left the sockets yet
	until  time.Time        // one that hangs does not keep it any longer
}

// hasLeft notes that an old worker accepts no more.
func (m *Master) hasLeft(w *worker) {
	if m.settling == nil || !m.settling.stay[w] {
		return
	}
	delete(m.settling.stay, w)
	if len(m.settling.stay) == 0 {
		m.settled()
	}
}

func (m *Master) settleLate(now time.Time) {
	if m.settling != nil && now.After(m.settling.until) {
		m.settled()
	}
}

// settled tells the outcome of a reload that has happened.
func (m *Master) settled() {
	m.change, m.settling = m.settling.change, nil
	m.endChange(control.OK, nil)
}

func keysOf(sockets []*service.Socket) []string {
	var keys []string
	for _, s := range sockets {
		keys = append(keys, s.Key())
	}
	return keys
}

// endChange tells the outcome, and undoes what was begun when it is not ok.
func (m *Master) endChange(result string, problems []string) {
	c := m.change
	m.change = nil
	c.cancel()
	if result != control.OK {
		m.undo(c)
		if m.former >= 0 {
			m.goBack(problems)
		}
	}
	m.closeFormer()
	m.state = control.Running
	outcome := control.Reload{Time: time.Now(), Result: result, Errors: problems}
	m.lastReload = &outcome
	m.board.Master().Counter(scoreboard.Reloads, result).Inc()
	if result == control.OK {
		m.log.Info("reloaded", "generation", m.current.number)
	} else {
		m.log.Error("the reload is "+strings.ReplaceAll(result, "_", " ")+": the workers go on as they are", "errors", len(problems))
		for _, p := range problems {
			m.log.Error("reload: " + p)
		}
	}
	m.notify()
	m.answer(c.answers, outcome)
	m.takeQueued()
}

// undo ends the workers of a change that did not happen. They may have answered
// requests already, and drain as all others.
func (m *Master) undo(c *change) {
	if c.gen == nil {
		return
	}
	var opened []string // whose queues nobody else empties
	if c.sockets != nil {
		opened = keysOf(c.sockets.Opened())
	}
	for _, w := range m.workers {
		if w.gen == c.gen {
			m.handOver(w, opened)
		}
	}
	if c.sockets != nil {
		c.sockets.Abort()
	}
	m.release(c.gen)
}

// cancelChange gives a reload up because the master stops.
func (m *Master) cancelChange(why string) {
	c := m.change
	m.change = nil
	c.cancel()
	if c.sockets != nil {
		c.sockets.Abort()
	}
	m.answer(c.answers, control.Reload{Time: time.Now(), Result: control.Rejected, Errors: []string{why}})
	if c.gen != nil {
		m.release(c.gen)
	}
}

// answer sends an outcome to those who wait for it; each has room for it.
func (m *Master) answer(to []chan control.Reload, outcome control.Reload) {
	for _, c := range to {
		if c != nil {
			c <- outcome
		}
	}
}

// mayDrainMore refuses a reload while two generations drain without a limit:
// each would keep its memory for ever.
func (m *Master) mayDrainMore() error {
	endless := map[int]bool{}
	for _, w := range m.workers {
		if w.state == control.WorkerDraining && w.group.GracefulTimeout == 0 {
			endless[w.gen.number] = true
		}
	}
	if len(endless) >= 2 {
		return errors.New("two generations drain and graceful_shutdown_timeout is 0, want them to end first, or a limit")
	}
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
