package launcher

import (
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// group is a group of workers that serve one application on the same sockets.
type group struct {
	*service.Group // as the current generation has it
	slots          []*slot
	crashes        crashes
	told           map[string]bool // failures that were logged
	lastFailure    string
	frozen         bool      // it is of the program before an upgrade, and starts no worker
	recycleAgain   time.Time // after a replacement that could not start
}

// slot is a place for one worker.
type slot struct {
	n        int
	worker   *worker   // that serves, or starts to
	next     *worker   // that takes its place when it is ready
	again    time.Time // when the next one is started; zero while there is a worker
	alone    time.Time // since when it has no ready worker; zero while it has
	lentTo   *worker   // that accepts from its queue in the meantime
	restarts int
	lastExit string
}

func newGroup(g *service.Group) *group {
	list := &group{Group: g, told: map[string]bool{}}
	list.resize(slotsOf(g))
	return list
}

// resize gives the group n slots, and returns those that it had beyond.
func (g *group) resize(n int) (removed []*slot) {
	for len(g.slots) < n {
		g.slots = append(g.slots, &slot{n: len(g.slots)})
	}
	removed = g.slots[n:]
	g.slots = g.slots[:n:n]
	return removed
}

// ready counts the workers that answer.
func (g *group) ready() int {
	n := 0
	for _, s := range g.slots {
		if s.worker != nil && s.worker.isReady() {
			n++
		}
	}
	return n
}

// answers reports whether somebody accepts from every slot's queue.
func (g *group) answers() bool {
	for _, s := range g.slots {
		if (s.worker == nil || !s.worker.isReady()) && (s.lentTo == nil || !s.lentTo.isReady()) {
			return false
		}
	}
	return true
}

// neighbour finds a slot with a worker that takes over from another one.
func (g *group) neighbour(of int) *slot {
	for i := range g.slots {
		s := g.slots[(of+i)%len(g.slots)]
		if s.n != of && s.worker != nil && s.worker.isReady() {
			return s
		}
	}
	return nil
}

func (m *Master) group(name string) *group {
	for _, g := range m.groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// fill starts a worker for an empty slot.
func (m *Master) fill(g *group, s *slot) {
	s.again = time.Time{}
	if m.state == control.Draining || m.state == control.Stopped || g.frozen {
		return
	}
	w, err := m.spawn(g.Group, s.n, len(g.slots), m.current, m.sockets)
	if err != nil {
		m.log.Error("starting a worker", "server", g.Name, "worker", s.n, "error", err)
		m.crashed(g, s)
		return
	}
	s.worker = w
}

// spawner gives the sockets of a slot.
type spawner interface {
	Slot(g *service.Group, slot, slots int) []*service.Socket
}

// spawn starts a worker process and gives it what it needs.
func (m *Master) spawn(g *service.Group, slot, slots int, gen *generation, sockets spawner) (*worker, error) {
	c, theirs, err := newChannelPair()
	if err != nil {
		return nil, err
	}
	defer closeAll([]int{theirs})
	out, stderr, err := newOutput(m.conf.Stderr)
	if err != nil {
		c.close()
		return nil, err
	}
	region, err := m.board.Claim(g.Name, slot, gen.number)
	if err == nil {
		var pid int
		pid, err = m.program.start(theirs, stderr, m.program.environment(m.shareOf(slots)), g)
		closeAll([]int{stderr})
		if err == nil {
			return m.enlist(&worker{
				pid: pid, group: g, slot: slot, gen: gen, region: region, channel: c, output: out,
				heard: make(chan struct{}), state: control.WorkerStarting, started: time.Now(), keys: map[string]bool{},
			}, sockets.Slot(g, slot, slots)), nil
		}
		m.board.Release(region)
	} else {
		closeAll([]int{stderr})
	}
	c.close()
	out.wait(time.Second)
	return nil, err
}

// enlist makes a process that runs one of ours, and gives it its sockets.
func (m *Master) enlist(w *worker, sockets []*service.Socket) *worker {
	m.workers[w.pid] = w
	w.gen.workers++
	w.region.Process().PID.Store(int64(w.pid))
	m.countWorkers(w.group.Name)
	go m.listen(w)
	for _, s := range sockets {
		w.keys[s.Key()] = true
	}
	h := &handOver{
		server: w.group.Name, slot: w.slot, generation: w.gen.number,
		region: w.region, board: m.board.FD(), snapshot: w.gen.snapshot, sockets: sockets,
	}
	if err := h.give(w.channel); err != nil {
		m.log.Error("a worker does not take its sockets", "server", w.group.Name, "worker", w.slot, "pid", w.pid, "error", err)
		w.signal(9)
	}
	if m.certificates != nil {
		if data := m.certificates.Latest(w.group); data != nil {
			m.sendCertificates(w, data)
		}
	}
	return w
}

// listen hears a worker until its end. It ends with the channel, which is
// closed when the process has been waited for.
func (m *Master) listen(w *worker) {
	defer close(w.heard)
	for {
		msg, fds, err := w.channel.receive()
		if err != nil {
			return
		}
		told := takeReport(msg, fds)
		if !m.post(func() { m.hear(w, msg, told) }) {
			return
		}
	}
}

// shareOf divides the cores among the workers of a group, because groups are
// seldom busy at once, and the memory among all.
func (m *Master) shareOf(slots int) share {
	cores, _ := service.UsableCores()
	s := share{procs: max(1, cores/max(1, slots))}
	all := 0
	for _, g := range m.groups {
		all += len(g.slots)
	}
	bytes, source := service.MemoryLimit()
	if source != "GOMEMLIMIT" {
		bytes -= bytes / 10 // for the master, and for what the runtime does not count (IMP-10)
	}
	if bytes > 0 {
		s.memory = bytes / int64(max(1, all, slots))
	}
	return s
}

// countWorkers shows how many workers of a server are in each state.
func (m *Master) countWorkers(server string) {
	counts := map[string]int64{
		control.WorkerStarting: 0, control.WorkerReady: 0, control.WorkerDraining: 0, control.WorkerHung: 0,
	}
	for _, w := range m.workers {
		if w.group.Name == server {
			counts[w.state]++
		}
	}
	for state, n := range counts {
		m.board.Master().Gauge(scoreboard.Workers, server, state).Set(n)
	}
}

// setState notes what a worker does now.
func (m *Master) setState(w *worker, state string) {
	w.state = state
	m.countWorkers(w.group.Name)
}
