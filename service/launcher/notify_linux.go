package launcher

import (
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// notify tells whoever wants to know how it stands.
func (m *Master) notify() {
	if m.conf.Notify != nil {
		m.conf.Notify(m.stands())
	}
}

func (m *Master) stands() State {
	st := State{State: m.state, Answering: m.serving || m.conf.Upgraded != nil, LastReload: m.lastReload}
	for _, g := range m.groups {
		ready := g.ready()
		st.Wanted += len(g.slots)
		st.Ready += ready
		st.Answering = st.Answering && ready > 0
	}
	for _, w := range m.workers {
		if w.state == control.WorkerDraining {
			st.Draining++
		}
	}
	if m.state == control.Draining {
		st.Deadline = m.drainLimit()
	}
	return st
}

// drainLimit is when the last worker is killed; zero when one never is.
func (m *Master) drainLimit() time.Time {
	var last time.Time
	for _, w := range m.workers {
		if w.limit.IsZero() {
			return time.Time{}
		}
		if w.limit.After(last) {
			last = w.limit
		}
	}
	return last
}
