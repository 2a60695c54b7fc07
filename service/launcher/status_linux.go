package launcher

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// A master is what the control socket speaks to.
var _ control.Master = (*Master)(nil)

// Status shows the master and its workers.
func (m *Master) Status() control.Status {
	st := control.Status{State: control.Stopped, PID: os.Getpid(), Version: m.conf.Version}
	m.call(func() {
		st.State, st.LastReload = m.state, m.lastReload
		if m.current != nil {
			st.Generation = m.current.number
		}
		for _, w := range m.workers {
			st.Workers = append(st.Workers, m.describe(w))
		}
		for _, g := range m.groups {
			st.Workers = append(st.Workers, m.emptySlots(g)...)
		}
	})
	slices.SortFunc(st.Workers, func(a, b control.Worker) int {
		return cmp.Or(strings.Compare(a.Server, b.Server), a.Slot-b.Slot, a.Generation-b.Generation, a.PID-b.PID)
	})
	return st
}

func (m *Master) describe(w *worker) control.Worker {
	p := w.region.Process()
	d := control.Worker{
		Server: w.group.Name, Slot: w.slot, PID: w.pid, Generation: w.gen.number, State: w.state,
		AgeSeconds: time.Since(w.started).Seconds(), Requests: uint64(max(p.Requests.Load(), 0)), InFlight: p.InFlight.Load(),
		RSSBytes: residentSize(w.pid),
	}
	if g := m.group(w.group.Name); g != nil {
		if s := m.slotOf(g, w); s != nil {
			d.Restarts, d.LastExit = s.restarts, s.lastExit
		}
	}
	return d
}

// emptySlots are places whose worker will be started after a pause.
func (m *Master) emptySlots(g *group) []control.Worker {
	var list []control.Worker
	for _, s := range g.slots {
		if s.worker == nil {
			list = append(list, control.Worker{
				Server: g.Name, Slot: s.n, Generation: m.current.number, State: control.WorkerStarting, Restarts: s.restarts, LastExit: s.lastExit,
			})
		}
	}
	return list
}

// Reload reads everything anew and replaces the workers; it waits for the
// outcome.
func (m *Master) Reload(ctx context.Context) control.Reload { return m.ReloadFor(ctx, "control") }

// ReloadFor is Reload for another reason than an order on the control socket.
func (m *Master) ReloadFor(ctx context.Context, why string) control.Reload {
	return m.ask(ctx, func(answer chan control.Reload) { m.reload(why, answer) })
}

// ask has the loop begin something, and waits for the outcome.
func (m *Master) ask(ctx context.Context, begin func(answer chan control.Reload)) control.Reload {
	answer := make(chan control.Reload, 1)
	gone := control.Reload{Time: time.Now(), Result: control.Rejected, Errors: []string{errGone.Error()}}
	if !m.post(func() { begin(answer) }) {
		return gone
	}
	select {
	case outcome := <-answer:
		return outcome
	case <-m.finished:
		return gone
	case <-ctx.Done():
		gone.Errors = []string{"nobody waits for the outcome any more"}
		return gone
	}
}

// Stop begins a graceful stop.
func (m *Master) Stop(context.Context) { m.post(func() { m.stop("control") }) }

// SetWorkers changes the number of workers of a server, of the first one
// without a name, until the next reload. It returns when the new ones are
// ready.
func (m *Master) SetWorkers(ctx context.Context, server string, n int) error {
	err := errGone
	m.call(func() {
		if server == "" {
			server = m.groups[0].Name
		}
		err = m.setWorkers(server, n)
	})
	if err != nil {
		return err
	}
	return m.waitReady(ctx, server)
}

// waitReady waits until every slot of a server has a ready worker.
func (m *Master) waitReady(ctx context.Context, server string) error {
	look := time.NewTicker(tickTime / 4)
	defer look.Stop()
	for {
		missing, failure := 0, ""
		if !m.call(func() { missing, failure = m.missing(server) }) {
			return errGone
		}
		switch {
		case missing == 0:
			return nil
		case failure != "":
			return fmt.Errorf("%d workers of the server %s are not ready: %s", missing, server, failure)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%d workers of the server %s are not ready yet: %w", missing, server, ctx.Err())
		}
	}
}

func (m *Master) missing(server string) (n int, failure string) {
	g := m.group(server)
	if g == nil || m.state == control.Draining {
		return 1, "the server stops"
	}
	for _, s := range g.slots {
		if s.worker == nil && !s.again.IsZero() {
			failure = s.lastExit
		}
		if s.worker == nil || !s.worker.isReady() {
			n++
		}
	}
	return n, failure
}

// Reopen opens the log files of the master and of all workers anew.
func (m *Master) Reopen(context.Context) error {
	err := errGone
	m.call(func() { err = m.reopen() })
	return err
}

func (m *Master) serverNames() string {
	var names []string
	for _, g := range m.groups {
		names = append(names, g.Name)
	}
	return strings.Join(names, ", ")
}
