package launcher

import (
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/service"
)

// TestStands: the watchdog is fed only while each server has a ready worker
// (SD-03), and a drain has the deadline of its last worker.
func TestStands(t *testing.T) {
	now := time.Now()
	at := func(state string, limit time.Time) *worker { return &worker{state: state, limit: limit} }
	ready, starting := at(control.WorkerReady, time.Time{}), at(control.WorkerStarting, time.Time{})
	soon, late := at(control.WorkerDraining, now), at(control.WorkerDraining, now.Add(time.Minute))
	endless := at(control.WorkerDraining, time.Time{})
	for _, tt := range []struct {
		name    string
		state   string
		groups  [][]*worker // by slot; nil for none
		drained []*worker
		want    State
	}{
		{"no server yet", control.Starting, nil, nil, State{State: control.Starting}},
		{"all ready", control.Running, [][]*worker{{ready, ready}, {ready}}, nil, State{State: control.Running, Ready: 3, Wanted: 3, Answering: true}},
		{"one of two", control.Running, [][]*worker{{ready, nil}, {ready}}, nil, State{State: control.Running, Ready: 2, Wanted: 3, Answering: true}},
		{"one of two, at the start", control.Starting, [][]*worker{{ready, starting}}, nil, State{State: control.Starting, Ready: 1, Wanted: 2}},
		{"none of a server", control.Running, [][]*worker{{ready, ready}, {starting}}, nil, State{State: control.Running, Ready: 2, Wanted: 3}},
		{"those before drain", control.Running, [][]*worker{{ready}}, []*worker{soon}, State{State: control.Running, Ready: 1, Wanted: 1, Draining: 1, Answering: true}},
		{"a drain", control.Draining, [][]*worker{{soon, late}}, []*worker{soon, late}, State{State: control.Draining, Wanted: 2, Draining: 2, Deadline: late.limit}},
		{"one without a limit", control.Draining, [][]*worker{{late, endless}}, []*worker{late, endless}, State{State: control.Draining, Wanted: 2, Draining: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &Master{state: tt.state, serving: tt.state != control.Starting, workers: map[int]*worker{}}
			for _, workers := range tt.groups {
				g := &group{Group: service.DefaultGroup()}
				for i, w := range workers {
					g.slots = append(g.slots, &slot{n: i, worker: w})
				}
				m.groups = append(m.groups, g)
			}
			for i, w := range tt.drained {
				m.workers[i+1] = w
			}
			if got := m.stands(); got != tt.want {
				t.Errorf("stands() = %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestSingleStands: a reload of one process is no reason for systemd to kill it.
func TestSingleStands(t *testing.T) {
	for _, tt := range []struct {
		name  string
		state string
		conf  Config
		parts []string
		want  State
	}{
		{"it begins", control.Starting, Config{}, []string{control.WorkerStarting}, State{State: control.Starting, Wanted: 1}},
		{"it begins after a reload", control.Starting, Config{Former: &Former{}}, []string{control.WorkerStarting},
			State{State: control.Starting, Wanted: 1, Answering: true}},
		{"it drains for a reload", control.Reloading, Config{}, []string{control.WorkerDraining, control.WorkerDraining},
			State{State: control.Reloading, Wanted: 2, Draining: 2, Answering: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Single{conf: tt.conf, state: tt.state, ready: tt.state != control.Starting}
			for _, state := range tt.parts {
				s.parts = append(s.parts, &part{state: state})
			}
			if got := s.stands(); got != tt.want {
				t.Errorf("stands() = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSingleDrainLimit(t *testing.T) {
	now := time.Now()
	partOf := func(announce, graceful time.Duration) *part {
		g := service.DefaultGroup()
		g.DrainAnnounce, g.GracefulTimeout = announce, graceful
		return &part{Part: Part{Server: &service.Server{Group: g}}}
	}
	s := &Single{parts: []*part{partOf(0, time.Minute), partOf(time.Second, time.Minute)}}
	if got, want := s.drainLimit(now), now.Add(61*time.Second+hooksTime); got != want {
		t.Errorf("drainLimit() = %v, want %v", got, want)
	}
	s.handing = true // two drains, one after the other
	if got, want := s.drainLimit(now), now.Add(122*time.Second+hooksTime); got != want {
		t.Errorf("drainLimit() in a reload = %v, want %v", got, want)
	}
	s.parts = append(s.parts, partOf(0, 0))
	if got := s.drainLimit(now); !got.IsZero() {
		t.Errorf("drainLimit() = %v without a limit, want none", got)
	}
}
