package launcher

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
)

// hear acts on what a worker says, and on what came along for a report.
func (m *Master) hear(w *worker, msg *message, told []byte) {
	if m.workers[w.pid] != w {
		return // its last words, after its end
	}
	switch msg.Type {
	case typeReady:
		m.becomeReady(w)
	case typeFailed:
		w.failure = msg.Text
	case typeRecycle:
		m.recycle(w, msg.Text)
	case typeReport:
		m.reported(w, msg.ID, told)
	case typeProfile:
		m.profiled(w, msg, told)
	case typeSignal:
		w.asked = time.Now() // if it came to all of the group, we have it in a moment, too
	case typeLeft:
		m.hasLeft(w)
	case typeDone: // only its application is left to close
		w.done, w.limit = true, time.Now().Add(endTime)
	}
}

func (m *Master) becomeReady(w *worker) {
	if w.state != control.WorkerStarting {
		return
	}
	w.readyAt = time.Now()
	m.setState(w, control.WorkerReady)
	m.log.Debug("a worker is ready", "server", w.group.Name, "worker", w.slot, "generation", w.gen.number, "pid", w.pid,
		"after", w.readyAt.Sub(w.started).Round(time.Millisecond))
	if m.change != nil && m.change.gen == w.gen {
		m.changeReady()
		return
	}
	g := m.group(w.group.Name)
	if g == nil {
		return
	}
	g.crashes.everReady = true
	if w.slot < len(g.slots) {
		m.takeOver(g.slots[w.slot], w)
	}
	m.announce()
}

// takeOver lets a replacement go on for the worker of its slot.
func (m *Master) takeOver(s *slot, w *worker) {
	if s.next != w {
		return
	}
	old := s.worker
	s.worker, s.next = w, nil
	if old != nil {
		s.restarts++
		s.lastExit = reasonRecycled + ": " + old.why
		m.handOver(old, nil)
	}
}

// announce tells, once, that every queue of every group is answered.
func (m *Master) announce() {
	if m.serving || m.state != control.Starting {
		return
	}
	for _, g := range m.groups {
		if !g.answers() {
			return
		}
	}
	m.serving, m.state = true, control.Running
	for _, g := range m.groups {
		m.showAddresses(g, map[string]bool{})
	}
	if m.conf.Ready != nil {
		if err := m.conf.Ready(); err != nil {
			m.giveUp(1, err)
		}
	}
	m.notify()
	m.takeQueued()
}

// showAddresses is the line that scripts wait for, one per listener that is not
// shown yet.
func (m *Master) showAddresses(g *group, shown map[string]bool) {
	for i := range g.slots {
		for _, s := range m.sockets.Slot(g.Group, i, len(g.slots)) {
			if address := s.Display(); !shown[address] {
				shown[address] = true
				m.log.Info("serving", "server", g.Name, "address", address)
			}
		}
	}
}

// handOver has a worker drain, whose sockets others go on with, but for those
// that end.
func (m *Master) handOver(w *worker, ending []string) {
	if w.state == control.WorkerDraining {
		return
	}
	m.drain(w, &message{Type: typeDrain, Handover: true, Keys: ending})
}

func (m *Master) drain(w *worker, order *message) {
	w.say(order)
	idle := w.state == control.WorkerStarting // there are no requests
	m.setState(w, control.WorkerDraining)
	if idle {
		w.limit = time.Now().Add(cutTime)
	} else if t := w.group.GracefulTimeout; t > 0 {
		w.limit = time.Now().Add(t + cutTime)
		if !order.Handover {
			w.limit = w.limit.Add(w.group.DrainAnnounce)
		}
	}
}

// recycle replaces a worker without losing a request: its replacement is ready
// before it drains. One at a time of a group (PAIN-14).
func (m *Master) recycle(w *worker, why string) {
	g := m.group(w.group.Name)
	if m.state != control.Running && m.state != control.Reloading || !w.isReady() || g == nil || g.frozen {
		return
	}
	s := m.slotOf(g, w)
	if s == nil || s.worker != w || s.next != nil || w.planned != "" {
		return
	}
	w.planned, w.why = reasonRecycled, why
	m.recycleNext(g)
}

// recycleNext starts the replacement of one worker that is to be recycled.
func (m *Master) recycleNext(g *group) {
	var due *slot
	for _, s := range g.slots {
		if s.next != nil {
			return
		}
		if due == nil && s.worker != nil && s.worker.isReady() && s.worker.planned == reasonRecycled {
			due = s
		}
	}
	if due == nil || m.state == control.Draining || m.change != nil || time.Now().Before(g.recycleAgain) {
		return
	}
	next, err := m.spawn(g.Group, due.n, len(g.slots), m.current, m.sockets)
	if err != nil {
		m.log.Error("starting a worker", "server", g.Name, "worker", due.n, "error", err)
		return // tried again by the clock
	}
	m.log.Info("replacing a worker", "server", g.Name, "worker", due.n, "pid", due.worker.pid, "reason", due.worker.why)
	due.next = next
}

func (m *Master) slotOf(g *group, w *worker) *slot {
	for _, s := range g.slots {
		if s.worker == w || s.next == w {
			return s
		}
	}
	return nil
}

// reap waits for the workers that have ended. Others may wait for children of
// their own: only our pids are asked for.
func (m *Master) reap() {
	for pid, w := range m.workers {
		if !isOver(pid) {
			continue
		}
		m.hearOut(w)
		var status unix.WaitStatus
		got, err := unix.Wait4(pid, &status, unix.WNOHANG, nil)
		if m.workers[pid] == w && (err == nil && got == pid || errors.Is(err, unix.ECHILD)) {
			m.ended(w, status)
		}
	}
}

// isOver reports whether a child has ended, and leaves its pid taken.
func isOver(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo != 0 || errors.Is(err, unix.ECHILD)
}

// hearOut acts on all that a dead worker has said, such as why it could not
// start: the news of its end may be faster. The time is for a process of its own
// making that has the channel.
func (m *Master) hearOut(w *worker) {
	_ = w.channel.conn.SetReadDeadline(time.Now().Add(hearOutTime))
	m.actUntil(w.heard)
}

// actUntil does what comes in until a channel is closed.
func (m *Master) actUntil(closed <-chan struct{}) {
	for {
		select {
		case do := <-m.events:
			do()
		case <-closed:
			return
		}
	}
}

// ended acts on the end of a worker.
func (m *Master) ended(w *worker, status unix.WaitStatus) {
	delete(m.workers, w.pid)
	w.channel.close()
	w.output.wait(lastWordsTime)
	e := w.judge(status, m.oom.more())
	m.board.Master().Counter(scoreboard.WorkerExits, w.group.Name, e.reason).Inc()
	m.countCut(w)
	m.hasLeft(w)
	m.board.Release(w.region)
	w.gen.workers--
	m.release(w.gen)
	m.countWorkers(w.group.Name)
	m.tellEnd(w, e)
	if m.state == control.Draining {
		m.lastOne()
		return
	}
	if m.change != nil && m.change.gen == w.gen {
		m.changeFailed(w, e)
		return
	}
	if g := m.group(w.group.Name); g != nil {
		m.replace(g, w, e)
	}
}

// countCut counts what a worker has cut, or was killed with.
func (m *Master) countCut(w *worker) {
	p := w.region.Process()
	ending := w.killed && w.state == control.WorkerDraining || w.state == control.WorkerHung && m.state == control.Draining
	if more := p.InFlight.Load() - p.Cut.Load(); ending && more > 0 {
		p.Cut.Add(more)
	}
	if m.state == control.Draining {
		m.cutRequests += int(p.Cut.Load())
	}
}

// tellEnd logs an end; a failure to start only once in its words.
func (m *Master) tellEnd(w *worker, e end) {
	attrs := []any{
		"server", w.group.Name, "worker", w.slot, "generation", w.gen.number, "pid", w.pid, "reason", e.reason,
		"status", e.text, "age", time.Since(w.started).Round(time.Millisecond),
	}
	if e.reason == reasonRecycled {
		m.log.Debug("a worker ended", attrs...)
		return
	}
	if w.failure != "" {
		g := m.group(w.group.Name)
		if g != nil && g.told[w.failure] {
			m.log.Debug("a worker ended", attrs...)
			return
		}
		if g != nil {
			g.told[w.failure] = true
		}
		attrs = append(attrs, "error", w.failure)
	}
	m.log.Error("a worker ended", attrs...)
}

// replace fills the place of a worker that has ended.
func (m *Master) replace(g *group, w *worker, e end) {
	s := m.slotOf(g, w)
	if s == nil {
		return // its slot or its generation is gone
	}
	s.lastExit = e.text
	if w.failure != "" {
		g.lastFailure = w.failure
		s.lastExit = firstLine(w.failure)
	}
	if s.next == w { // the replacement of a worker that goes on
		s.next = nil
		m.recycleFailed(g, e)
		return
	}
	s.restarts++
	if s.next != nil { // its replacement is on the way already
		s.worker, s.next = s.next, nil
		return
	}
	s.worker = nil
	early := e.own && (w.readyAt.IsZero() || time.Since(w.readyAt) < earlyTime)
	switch {
	case early:
		m.crashed(g, s)
	case w.readyAt.IsZero():
		s.again = time.Now().Add(firstDelay)
	default:
		m.fill(g, s)
	}
}

// recycleFailed is about a replacement that did not become ready: the old
// worker goes on, and the next try waits.
func (m *Master) recycleFailed(g *group, e end) {
	pause := firstDelay
	if e.own {
		pause = g.crashes.early()
	}
	g.recycleAgain = time.Now().Add(pause)
}

// crashed counts an early end and waits, or gives up.
func (m *Master) crashed(g *group, s *slot) {
	delay := g.crashes.early()
	if g.crashes.spent() && g.ready() == 0 {
		if !g.crashes.everReady {
			m.giveUp(1, errNothingServes(g))
			return
		}
		m.giveUp(exitCrashes, errCrashes(g))
		return
	}
	s.again = time.Now().Add(delay)
	m.log.Warn("a worker is started again after a pause", "server", g.Name, "worker", s.n, "pause", delay, "failures", g.crashes.row)
}
