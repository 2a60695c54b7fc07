package launcher

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

const (
	// hungTime without a heartbeat makes a worker hung, abortTime later it is
	// killed (design.md 6).
	hungTime  = 10 * time.Second
	abortTime = 2 * time.Second
	// stoppedTime without a tick means that the master itself was stopped.
	stoppedTime = 2 * time.Second
	// lastWordsTime is how long a dead worker's output may take to arrive.
	lastWordsTime = 200 * time.Millisecond
	// memoryTime is how often max_rss is looked at.
	memoryTime = 2 * time.Second
	// lendTime is how long a slot's queue waits for its own worker.
	lendTime = 500 * time.Millisecond
	// endTime is what a worker has, after its last request, for the end of
	// its application.
	endTime = 12 * time.Second
	// cutTime is what it has after its deadline for cutting what is left.
	cutTime = 2 * time.Second
)

// hear acts on what a worker says.
func (m *Master) hear(w *worker, msg *message) {
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
	case typeSignal:
		m.recycle(w, "SIGTERM to the worker")
	case typeDone: // only its application is left to close
		w.limit = time.Now().Add(endTime)
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
		m.handOver(old, nil)
	}
}

// announce tells, once, that every group answers.
func (m *Master) announce() {
	if m.serving || m.state != control.Starting {
		return
	}
	for _, g := range m.groups {
		if g.ready() < len(g.slots) {
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
	m.setState(w, control.WorkerDraining)
	if t := w.group.GracefulTimeout; t > 0 {
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
	if m.state != control.Running && m.state != control.Reloading || !w.isReady() || g == nil {
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
	if due == nil || m.state == control.Draining || time.Now().Before(g.recycleAgain) {
		return
	}
	next, err := m.spawn(g.Group, due.n, len(g.slots), m.current, &m.sockets)
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
		var status unix.WaitStatus
		got, err := unix.Wait4(pid, &status, unix.WNOHANG, nil)
		if err == nil && got == pid || errors.Is(err, unix.ECHILD) {
			m.ended(w, status)
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
	if more := p.InFlight.Load() - p.Cut.Load(); w.killed && w.state == control.WorkerDraining && more > 0 {
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

// clocks acts on what is due.
func (m *Master) clocks(now time.Time) {
	if now.Sub(m.lastTick) > stoppedTime { // we were stopped, and the workers with us
		m.trustFrom = now.Add(hungTime)
	}
	m.lastTick = now
	memory := now.After(m.nextMemory)
	if memory {
		m.nextMemory = now.Add(memoryTime)
		m.reap() // should a SIGCHLD have been lost
	}
	for _, w := range m.workers {
		m.watchWorker(w, now, memory)
	}
	if m.state == control.Draining {
		m.lastOne()
		return
	}
	for _, g := range m.groups {
		m.watchGroup(g, now)
	}
}

func (m *Master) watchWorker(w *worker, now time.Time, memory bool) {
	p := w.region.Process()
	switch {
	case !w.aborted.IsZero():
		if now.Sub(w.aborted) > abortTime {
			m.kill(w, "does not end by SIGABRT")
		}
	case !w.limit.IsZero() && now.After(w.limit):
		m.kill(w, "not drained in time")
	case w.state == control.WorkerStarting:
		if t := w.group.StartTimeout; t > 0 && now.Sub(w.started) > t {
			w.failure = "not ready within start_timeout (" + t.String() + ")"
			m.abort(w, w.failure)
			w.planned = ""
		}
	case p.BeatAge() > hungTime && now.After(m.trustFrom):
		m.abort(w, "no heartbeat for "+p.BeatAge().Round(time.Second).String())
	case memory && w.isReady() && w.group.MaxRSS > 0 && residentSize(w.pid) > int64(w.group.MaxRSS):
		m.recycle(w, "max_rss")
	}
}

// abort ends a worker that hangs, with its stacks on its standard error. A
// stopped process handles no signal but SIGCONT.
func (m *Master) abort(w *worker, why string) {
	m.log.Error("a worker hangs: its stacks follow", "server", w.group.Name, "worker", w.slot, "pid", w.pid, "reason", why)
	w.planned, w.why, w.aborted = reasonHung, why, time.Now()
	m.setState(w, control.WorkerHung)
	w.signal(unix.SIGABRT)
	w.signal(unix.SIGCONT)
}

func (m *Master) kill(w *worker, why string) {
	if !w.killed {
		m.log.Error("a worker is killed", "server", w.group.Name, "worker", w.slot, "pid", w.pid, "reason", why,
			"requests", w.region.Process().InFlight.Load())
	}
	w.killed = true
	w.signal(unix.SIGKILL)
}

func (m *Master) watchGroup(g *group, now time.Time) {
	m.recycleNext(g)
	for _, s := range g.slots {
		if w := s.worker; w != nil && w.isReady() && now.Sub(w.readyAt) > healthyTime {
			g.crashes.healthy()
		}
		if s.worker == nil && !s.again.IsZero() && now.After(s.again) {
			m.fill(g, s)
		}
		m.lend(g, s, now)
	}
}

// lend has a neighbour accept what waits in the queue of a slot that has had no
// worker for a while: nobody waits for a worker that cannot start.
func (m *Master) lend(g *group, s *slot, now time.Time) {
	switch w := s.worker; {
	case w != nil && w.isReady() || m.current.number == 1 && !m.serving:
		s.alone = time.Time{}
		return
	case s.alone.IsZero():
		s.alone = now
	}
	if now.Sub(s.alone) < lendTime || s.lentTo != nil && s.lentTo.isReady() {
		return
	}
	if n := g.neighbour(s.n); n != nil {
		s.lentTo = n.worker
		m.equip(n.worker, m.sockets.Slot(g.Group, s.n, len(g.slots)))
	}
}

// equip gives a worker the sockets that it does not have yet.
func (m *Master) equip(w *worker, sockets []*service.Socket) {
	var missing []*service.Socket
	for _, s := range sockets {
		if !w.keys[s.Key()] {
			w.keys[s.Key()] = true
			missing = append(missing, s)
		}
	}
	if err := sendSockets(w.channel, typeAdopt, missing); err != nil {
		m.log.Error("a worker does not take its sockets", "server", w.group.Name, "worker", w.slot, "pid", w.pid, "error", err)
	}
}
