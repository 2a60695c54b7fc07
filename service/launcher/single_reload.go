package launcher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// singleChange is a reload that is going on.
type singleChange struct {
	answers []chan control.Reload
	cancel  context.CancelFunc // of the rehearsal
	plan    *Plan              // nil while it is rehearsed
	began   time.Time          // when the servers left their sockets

	upgrade  bool     // to another program, whose plan has nothing but a snapshot
	problems []string // why an upgrade did not happen
}

// reload begins one, or remembers that one is wanted when one is going on.
func (s *Single) reload(why string, answer chan control.Reload) {
	answers := []chan control.Reload{answer}
	switch err := mayReload(); {
	case s.state == control.Draining || s.state == control.Stopped:
		s.answerAll(answers, rejected(errStops))
	case err != nil:
		s.log.Warn("the reload is refused", "reason", why, "error", err)
		s.answerAll(answers, rejected(err))
	case s.state != control.Running:
		s.log.Info("a reload is remembered: one is going on", "reason", why, "state", s.state)
		s.queued = append(s.queued, answer)
	default:
		s.log.Info("reloading", "reason", why)
		s.rehearse(answers)
	}
}

// rehearse reads the files anew in a goroutine, whose outcome is ignored after
// cancelChange.
func (s *Single) rehearse(answers []chan control.Reload) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &singleChange{answers: answers, cancel: cancel}
	s.change, s.state = c, control.Reloading
	s.notify()
	go func() {
		plan, err := s.conf.Load(ctx)
		s.post(func() { s.rehearsed(c, plan, err) })
	}()
}

// rehearsed goes on with a plan. New addresses are opened while all is as it
// was: those that cannot be had reject the reload.
func (s *Single) rehearsed(c *singleChange, plan *Plan, err error) {
	if s.change != c {
		return // canceled
	}
	if err == nil {
		err = errors.Join(checkGroups(plan.Groups), wantNoWorkers(plan.Groups))
	}
	var sockets *socketChange
	if err == nil {
		sockets, err = prepareSockets(context.Background(), s.sockets, plan.Groups)
	}
	if err != nil {
		s.endChange(control.Rejected, errorLines(err))
		return
	}
	c.plan = plan
	s.handOver(c, sockets)
}

// wantNoWorkers refuses a plan for a master.
func wantNoWorkers(groups []*service.Group) error {
	for _, g := range groups {
		if g.Workers > 0 {
			return fmt.Errorf("server %s: workers = %s: %w", g.Name, g.Workers, errOneProcess)
		}
	}
	return nil
}

// handOver ends the servers. Connections that come from now on wait in the
// queues; those of addresses that end are answered.
func (s *Single) handOver(c *singleChange, sockets *socketChange) {
	s.log.Info("handing over to a new self", "generation", s.generation+1)
	s.handing, c.began = true, time.Now()
	for _, p := range s.parts {
		p.Server.Handover(p.ending(sockets)...)
		p.state = control.WorkerDraining
	}
	s.showStates()
	for _, removed := range sockets.removed(s.sockets) {
		removed.leave()
	}
	s.sockets = sockets.next
}

// ending are the listeners of a server that nobody goes on with.
func (p *part) ending(change *socketChange) []net.Listener {
	var list []net.Listener
	for key, l := range p.listeners {
		if change.next[key] == nil {
			list = append(list, l)
		}
	}
	return list
}

// renew makes this process its new self. It goes on in the old one when it has
// to stop, and when the system does not let it execute itself.
func (s *Single) renew() {
	pending := s.signals.leave()
	for _, got := range pending {
		s.signal(got)
	}
	if s.state == control.Reloading {
		s.showNone()
		s.become(s.change)
	}
	s.signals.listen()
	if s.cutting {
		s.state = control.Stopped
		return
	}
	for _, p := range s.parts {
		s.conf.Board.Release(p.region)
	}
	c := s.change
	if s.state == control.Draining {
		s.change = nil
	}
	s.handing = false
	if !c.upgrade {
		s.generation++
	}
	plan, err := s.resumable(c)
	if err == nil {
		err = s.begin(plan)
	}
	if err != nil {
		s.fail(err)
		s.state = control.Stopped
	}
}

// become executes the new self. It returns when the system does not let it.
func (s *Single) become(c *singleChange) {
	if !c.upgrade {
		err := s.execute(c)
		s.log.Error("executing itself: the reload goes on in this process", "error", err)
		return
	}
	err := s.executeUpgrade(c)
	s.log.Error("executing the new program: this one goes on", "error", err)
	c.problems = errorLines(err)
}

// resumable is the plan of a server that has to go on in this process. What was
// to be served by another program is read anew by this one: its applications have
// ended.
func (s *Single) resumable(c *singleChange) (*Plan, error) {
	if !c.upgrade {
		return c.plan, nil
	}
	return s.conf.Load(context.Background())
}

// reloaded is the good end of a reload.
func (s *Single) reloaded(since time.Time) {
	if s.change != nil && len(s.change.problems) > 0 {
		s.endChange(control.RolledBack, s.change.problems)
		return
	}
	s.log.Info("reloaded", "generation", s.generation, "pause", time.Since(since).Round(time.Millisecond))
	if s.change == nil {
		s.change = &singleChange{cancel: func() {}}
	}
	s.endChange(control.OK, nil)
}

// endChange tells the outcome.
func (s *Single) endChange(result string, problems []string) {
	c := s.change
	c.cancel()
	s.change, s.state = nil, control.Running
	outcome := control.Reload{Time: time.Now(), Result: result, Errors: problems}
	s.lastReload = &outcome
	s.conf.Board.Master().Counter(scoreboard.Reloads, result).Inc()
	if result != control.OK {
		s.log.Error("the reload is "+strings.ReplaceAll(result, "_", " ")+": all goes on as it is", "errors", len(problems))
		for _, p := range problems {
			s.log.Error("reload: " + p)
		}
	}
	s.notify()
	s.answerAll(c.answers, outcome)
	if result != control.OK { // else when all is ready
		s.takeQueued()
	}
}

// takeQueued begins the reload that was asked for during the last one.
func (s *Single) takeQueued() {
	if len(s.queued) == 0 || s.state != control.Running {
		return
	}
	answers := s.queued
	s.queued = nil
	s.log.Info("reloading", "reason", "remembered")
	s.rehearse(answers)
}

// cancelChange gives a reload up because the server stops. One whose servers
// have left their sockets goes on, see drain.
func (s *Single) cancelChange() {
	c := s.change
	c.cancel()
	s.answerAll(c.answers, rejected(errStops))
	c.answers = nil
	if !s.handing {
		s.change = nil
	}
}

// answerAll sends an outcome to those who wait for it; each has room for it.
func (s *Single) answerAll(to []chan control.Reload, outcome control.Reload) {
	for _, c := range to {
		if c != nil {
			c <- outcome
		}
	}
}
