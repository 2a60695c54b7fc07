package launcher

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// profileGrace is what a worker has beyond the time of a profile.
const profileGrace = 5 * time.Second

// Profile has the worker of a slot take a profile, as net/http/pprof would, and
// gives it. Without a server the first one is meant.
func (m *Master) Profile(ctx context.Context, server string, slot int, name string, seconds, debug int) ([]byte, error) {
	answer := make(chan profile, 1)
	err := errGone
	id := 0
	m.call(func() {
		id, err = m.askProfile(server, slot, &message{Type: typeProfile, Text: name, Seconds: seconds, Debug: debug}, answer)
	})
	if err != nil {
		return nil, err
	}
	defer m.post(func() { delete(m.reports.profiles, id) })
	late := time.NewTimer(profileTime(seconds, 30) + profileGrace)
	defer late.Stop()
	select {
	case p := <-answer:
		if p.problem != "" {
			return nil, errors.New(p.problem)
		}
		return p.data, nil
	case <-late.C:
		return nil, fmt.Errorf("worker %d does not answer", slot)
	case <-m.finished:
		return nil, errGone
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *Master) askProfile(server string, slot int, order *message, answer chan profile) (int, error) {
	if len(m.groups) > 0 && server == "" {
		server = m.groups[0].Name
	}
	g := m.group(server)
	if g == nil {
		return 0, fmt.Errorf("no server %q, want one of %s", server, m.serverNames())
	}
	if slot < 0 || slot >= len(g.slots) || g.slots[slot].worker == nil {
		return 0, fmt.Errorf("the server %s has no worker %d now", server, slot)
	}
	w := g.slots[slot].worker
	if w.profile != 0 {
		return 0, fmt.Errorf("worker %d takes a profile already", slot)
	}
	m.reports.asked++
	order.ID, w.profile = m.reports.asked, m.reports.asked
	if m.reports.profiles == nil {
		m.reports.profiles = map[int]chan profile{}
	}
	m.reports.profiles[order.ID] = answer
	w.say(order)
	return order.ID, nil
}

// profiled is the answer of a worker. One that is too late is for nobody.
func (m *Master) profiled(w *worker, msg *message, data []byte) {
	if w.profile == msg.ID {
		w.profile = 0
	}
	if answer := m.reports.profiles[msg.ID]; answer != nil {
		delete(m.reports.profiles, msg.ID)
		answer <- profile{data, msg.Text} // it has room for one
	}
}

// profile takes one, in a goroutine that ends with the profile or with the
// order to drain.
func (w *Worker) profile(order *message) {
	answer := &message{Type: typeProfile, ID: order.ID}
	if !w.profiling.CompareAndSwap(false, true) {
		answer.Text = "a profile is being taken already"
		w.say(answer)
		return
	}
	go func() {
		data, err := takeProfile(w.ctx, order.Text, order.Seconds, order.Debug)
		w.profiling.Store(false) // before somebody who has the answer asks again
		if err == nil {
			err = w.sayWith(answer, data)
		}
		if err != nil {
			answer.Text = err.Error()
			w.say(answer)
		}
	}()
}

// sayWith sends a message with data of any length.
func (w *Worker) sayWith(m *message, data []byte) error {
	fd, err := newMemory("wheatpaste-answer", data)
	if err != nil {
		return err
	}
	defer closeAll([]int{fd})
	return w.channel.send(m, fd)
}
