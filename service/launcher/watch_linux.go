package launcher

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
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
	// hearOutTime is how long what it has said to its master may take.
	hearOutTime = 2 * time.Second
	// leaveTime is how long the old workers may take to leave the sockets
	// before a reload counts as done without that.
	leaveTime = time.Second
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
	defer m.notify()
	if m.state == control.Draining {
		m.lastOne()
		return
	}
	for _, g := range m.groups {
		m.watchGroup(g, now)
	}
	m.lookAtCertificates(now)
	m.settleLate(now)
	m.announce()
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
	case !w.asked.IsZero() && now.Sub(w.asked) > 2*tickTime:
		w.asked = time.Time{}
		m.recycle(w, "SIGTERM to the worker")
	case !w.done && min(p.BeatAge(), now.Sub(w.readyAt)) > hungTime && now.After(m.trustFrom):
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
	if g.frozen {
		return
	}
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
	if w := s.worker; w != nil && w.isReady() {
		s.alone = time.Time{}
		return
	}
	if s.alone.IsZero() {
		s.alone = now
	}
	n := g.neighbour(s.n)
	if n == nil || s.lentTo != nil && s.lentTo.isReady() {
		return
	}
	if now.Sub(s.alone) > lendTime && now.Sub(n.worker.readyAt) > lendTime {
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
