package launcher

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/service"
)

// signals are those that a master handles (design.md 6).
type signals struct{ c chan os.Signal }

func listenSignals() *signals {
	s := &signals{make(chan os.Signal, 64)}
	s.listen()
	return s
}

// listen begins, or begins again after signals were ignored for an exec.
func (s *signals) listen() {
	signal.Notify(s.c, append(asking(), unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGCHLD)...)
}

// signal acts on one. While the master drains, only those count that end it
// sooner; the others are ignored, with a line that says so (IMP-03).
func (m *Master) signal(s os.Signal) {
	switch s {
	case unix.SIGCHLD:
		m.reap()
	case unix.SIGTERM:
		m.stop("SIGTERM")
	case unix.SIGINT:
		if m.interrupt {
			m.cut("SIGINT again")
		}
		m.interrupt = true
		m.stop("SIGINT")
	case unix.SIGQUIT:
		m.stop("SIGQUIT")
		m.cut("SIGQUIT")
	default:
		m.asked(signalName(s), purposeOf(s, m.profile))
	}
}

// asked acts on the signals that do not end the master.
func (m *Master) asked(name string, what purpose) {
	switch {
	case what == wantsReport:
		m.reportBySignal(name)
	case what == wantsNothing:
		m.log.Info("ignored: the signal profile has no use for it", "signal", name, "signal_profile", string(m.profile))
	case m.state == control.Draining:
		m.log.Info("ignored: the server stops", "signal", name)
	case what == wantsReload:
		m.reload(name, nil)
	case what == wantsUpgrade:
		m.upgrade(name, nil)
	case what == wantsReopen:
		_ = m.reopen() // logged
	case what == wantsMore:
		m.oneMore(1)
	case what == wantsLess:
		m.oneMore(-1)
	}
}

// oneMore changes the workers of the first group.
func (m *Master) oneMore(by int) {
	g := m.groups[0]
	if err := m.setWorkers(g.Name, len(g.slots)+by); err != nil {
		m.log.Warn("the number of workers stays", "server", g.Name, "workers", len(g.slots), "error", err)
	}
}

// stop drains everything and ends.
func (m *Master) stop(why string) {
	if m.state == control.Draining || m.state == control.Stopped {
		return
	}
	m.log.Info("stopping", "reason", why, "workers", len(m.workers))
	m.drainAll()
}

func (m *Master) drainAll() {
	if m.state == control.Draining {
		return
	}
	if m.settling != nil {
		m.settled()
	}
	m.state = control.Draining
	if m.change != nil {
		m.cancelChange("the server stops")
	}
	announce := time.Duration(0)
	for _, g := range m.groups {
		announce = max(announce, g.DrainAnnounce)
		for _, s := range g.slots {
			m.saveQueue(g, s)
		}
	}
	for _, w := range m.workers {
		if w.state != control.WorkerDraining { // else its time runs already
			m.drain(w, &message{Type: typeDrain})
		}
	}
	// The workers close the listeners when the queues are empty; from then on
	// clients must be refused, so that no copy may be left here.
	m.closeAt = time.Now().Add(announce)
	m.notify()
	m.lastOne()
}

// saveQueue gives the queue of a slot without a worker to a neighbour, who
// answers what waits in it.
func (m *Master) saveQueue(g *group, s *slot) {
	if s.worker != nil && s.worker.isReady() {
		return
	}
	if n := g.neighbour(s.n); n != nil {
		m.equip(n.worker, m.sockets.Slot(g.Group, s.n, len(g.slots)))
	}
}

// lastOne ends the drain when nobody is left.
func (m *Master) lastOne() {
	if !m.closeAt.IsZero() && !time.Now().Before(m.closeAt) {
		m.closeAt = time.Time{}
		m.closeSockets()
	}
	if len(m.workers) == 0 {
		m.state = control.Stopped
	}
}

// cut ends at once: requests in flight are cut, logged and counted.
func (m *Master) cut(why string) {
	if m.cutting {
		return
	}
	m.cutting = true
	m.log.Warn("stopping at once: requests in flight are cut", "reason", why)
	for _, w := range m.workers {
		w.say(&message{Type: typeCut})
		w.limit = time.Now().Add(cutTime)
	}
}

func (m *Master) closeSockets() {
	change, err := m.sockets.Prepare(context.Background(), nil)
	if err != nil {
		return // there is nothing to open
	}
	for _, s := range change.Commit() {
		_ = s.Close()
	}
}

func (m *Master) reopen() error {
	m.log.Info("reopening the log files")
	var err error
	if m.conf.Reopen != nil {
		err = m.conf.Reopen() // it may make files that the workers open next
	}
	for _, w := range m.workers {
		w.say(&message{Type: typeReopen})
	}
	if err != nil {
		m.log.Error("reopening the log files", "error", err)
	}
	return err
}

// setWorkers changes the number of a group's workers until the next reload.
func (m *Master) setWorkers(name string, n int) error {
	g := m.group(name)
	switch {
	case g == nil:
		return fmt.Errorf("no server %q, want one of %s", name, m.serverNames())
	case n < 1 || n > maxWorkers:
		return fmt.Errorf("%d workers for the server %s, want 1 to %d", n, name, maxWorkers)
	case m.state != control.Running:
		return fmt.Errorf("the server is %s, want it Running", m.state)
	}
	return m.resize(g, n)
}

// maxWorkers of one group.
const maxWorkers = 4096

func (m *Master) resize(g *group, n int) error {
	before := len(g.slots)
	change, err := m.sockets.Prepare(context.Background(), m.wantsWith(g, n))
	if err != nil {
		return err
	}
	change.Commit()
	removed := g.resize(n)
	m.log.Info("the number of workers changes", "server", g.Name, "from", before, "to", n)
	for _, s := range g.slots {
		if s.worker != nil {
			m.equip(s.worker, m.sockets.Slot(g.Group, s.n, n))
		} else if s.again.IsZero() {
			m.fill(g, s)
		}
	}
	for _, s := range removed {
		for _, w := range []*worker{s.worker, s.next} {
			if w != nil {
				m.handOver(w, nil)
			}
		}
	}
	return nil
}

// wantsWith are the sockets for another number of workers of one group. The
// others have what they have.
func (m *Master) wantsWith(g *group, n int) []service.Want {
	var list []service.Want
	for _, other := range m.groups {
		slots := len(other.slots)
		if other == g {
			slots = n
		}
		list = append(list, service.Want{Group: other.Group, Slots: slots})
	}
	return list
}
