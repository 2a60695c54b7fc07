package launcher

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/report"
	"github.com/wheatpaste/wheatpaste/service"
)

const (
	// answerTime is how long a report waits for the workers.
	answerTime = 500 * time.Millisecond
	// maxAnswer bounds what a worker may tell.
	maxAnswer = 64 << 20
)

// Report tells of the master and of all workers, also of those that do not
// answer, within a second.
func (m *Master) Report(ctx context.Context, text bool) ([]byte, error) {
	r, err := m.reports.one(ctx, m.makeReport)
	return rendered(r, err, text)
}

// reportBySignal writes a report where the plan says.
func (m *Master) reportBySignal(name string) {
	var groups []*service.Group
	for _, g := range m.groups {
		groups = append(groups, g.Group)
	}
	m.reports.bySignal(&m.conf, name, reportFolder(groups), m.makeReport)
}

func (m *Master) makeReport() (*report.Report, error) {
	r := m.conf.newReport()
	status := m.Status()
	var q *question
	var generations []*generation
	if !m.call(func() { q = m.inquire(r); generations = m.generations() }) {
		return nil, errGone
	}
	late := time.NewTimer(answerTime)
	defer late.Stop()
	r.Master.State, r.Master.Generation, r.Master.LastReload, r.Workers = status.State, status.Generation, status.LastReload, append(r.Workers, status.Workers...)
	r.Processes = slices.Insert(r.Processes, 0, &report.Process{
		Role: report.RoleMaster, PID: status.PID, Generation: status.Generation, State: status.State, AgeSeconds: r.Master.UptimeSeconds,
		Counts: []report.Counts{}, Detail: report.Collect(m.conf.Report.Errors),
	})
	m.describeGenerations(r, generations, status.Generation)
	select {
	case <-q.done:
	case <-late.C:
	case <-m.finished:
	}
	m.call(func() { m.reports.question = nil }) // after the end of the loop, nobody else has it
	q.take()
	finishReport(r)
	return r, nil
}

// generations are those that have workers, the current one first.
func (m *Master) generations() []*generation {
	all := map[*generation]bool{}
	for _, w := range m.workers {
		all[w.gen] = true
	}
	if m.current != nil {
		all[m.current] = true
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b *generation) int {
		return b.number - a.number
	})
}

func (m *Master) describeGenerations(r *report.Report, list []*generation, current int) {
	for _, g := range list {
		workers := 0
		for _, p := range r.Processes {
			if p.Role == report.RoleWorker && p.Generation == g.number {
				workers++
			}
		}
		r.Generations = append(r.Generations, report.Generation{
			Number: g.number, Current: g.number == current, Workers: workers, Setup: m.setupOf(g),
		})
	}
}

// setupOf describes what a generation serves. That of another program was
// described by it.
func (m *Master) setupOf(g *generation) report.Setup {
	if g.plan == nil && g.told != nil {
		return *g.told
	}
	return m.reports.setup(&m.conf, g.plan)
}

// carrySetups keeps for the next program what only this one can describe. What
// fails is missing in its reports, and no reason not to upgrade.
func (m *Master) carrySetups() {
	for _, g := range m.generations() {
		if g.carried >= 0 {
			continue
		}
		setup := m.setupOf(g)
		data, err := setup.Carry()
		if err == nil {
			g.carried, err = newMemory("wheatpaste-setup", data)
		}
		if err != nil {
			m.log.Warn("reports after the upgrade will not describe a generation", "generation", g.number, "error", err)
		}
	}
}

// inquire asks all workers, and notes what is known of them without their
// help.
func (m *Master) inquire(r *report.Report) *question {
	m.reports.asked++
	q := &question{id: m.reports.asked, waiting: map[int]*report.Process{}, told: map[int][]byte{}, done: make(chan struct{})}
	for _, w := range m.workers {
		p := m.processOf(w)
		r.Processes = append(r.Processes, p)
		if w.asking { // its queue is not to be filled
			p.Problem = "no answer to the last report yet"
			continue
		}
		w.asking = true
		q.waiting[w.pid] = p
		w.say(&message{Type: typeReport, ID: q.id})
	}
	slices.SortFunc(r.Processes, func(a, b *report.Process) int {
		return cmp.Or(strings.Compare(a.Server, b.Server), a.Slot-b.Slot, b.Generation-a.Generation, a.PID-b.PID)
	})
	m.listSockets(r)
	if len(q.waiting) == 0 {
		close(q.done)
	}
	m.reports.question = q
	return q
}

func (m *Master) processOf(w *worker) *report.Process {
	p := w.region.Process()
	return &report.Process{
		Role: report.RoleWorker, PID: w.pid, Server: w.group.Name, Slot: w.slot, Generation: w.gen.number, State: w.state,
		AgeSeconds: time.Since(w.started).Seconds(), HeartbeatSeconds: p.BeatAge().Seconds(),
		Problem: fmt.Sprintf("no answer within %v", answerTime), Counts: []report.Counts{countsOf(w.group.Name, p)},
	}
}

func (m *Master) listSockets(r *report.Report) {
	for _, g := range m.groups {
		shown := map[string]bool{}
		for i := range g.slots {
			for _, s := range m.sockets.Slot(g.Group, i, len(g.slots)) {
				if shown[s.Key()] {
					continue
				}
				shown[s.Key()] = true
				l := report.Listener{Server: g.Name, Slot: i, Address: s.Display(), FD: s.FD()}
				if s.Shared() {
					l.Slot = -1
				}
				r.Listeners = append(r.Listeners, l)
			}
		}
	}
}

// reported is the answer of a worker. One that is too late is for nobody.
func (m *Master) reported(w *worker, id int, told []byte) {
	w.asking = false
	q := m.reports.question
	if q == nil || q.id != id || q.waiting[w.pid] == nil || q.told[w.pid] != nil || told == nil {
		return
	}
	q.told[w.pid] = told
	if len(q.told) == len(q.waiting) {
		close(q.done)
	}
}

// take gives the processes what they have told.
func (q *question) take() {
	for pid, told := range q.told {
		p, d := q.waiting[pid], &report.Detail{}
		if err := json.Unmarshal(told, d); err != nil {
			p.Problem = "an answer that is none"
			continue
		}
		p.Problem, p.Detail = "", d
	}
}

// takeReport reads what came along with an answer, and closes all that a worker
// has sent: it has nothing else to give. It is called before the loop hears of
// the message.
func takeReport(m *message, fds []int) []byte {
	defer closeAll(fds)
	if m.Type != typeReport && m.Type != typeProfile || len(fds) != 1 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fds[0], &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > maxAnswer {
		return nil
	}
	told, err := readMemory(fds[0])
	if err != nil {
		return nil
	}
	return told
}

// report tells the master of this process.
func (w *Worker) report(id int) {
	d := report.Collect(w.Errors.Load())
	w.mu.Lock()
	server := w.server
	w.mu.Unlock()
	if server != nil {
		d.AddRequests(requestsOf(server))
	}
	answer := &message{Type: typeReport, ID: id}
	told, err := json.Marshal(d)
	if err == nil {
		err = w.sayWith(answer, told)
	}
	if err != nil && !w.orphaned() {
		fmt.Fprintf(w.Stderr, "worker %d of server %s: telling of itself: %v\n", w.Slot, w.Server, err)
		w.say(answer)
	}
}
