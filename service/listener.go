package service

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// queueQuiet is how long the queue of a listener must have been empty, twice,
// before it is closed.
const queueQuiet = 5 * time.Millisecond

// fullTick is how often a listener without a place for more connections looks
// whether one waits.
const fullTick = 10 * time.Millisecond

// errRetired ends net/http's accept loop. It is no net.Error, or the loop would
// go on.
var errRetired = errors.New("listener retired")

// errNoRoom sends an accept loop back to wait for the pool.
var errNoRoom = errors.New("the pool is full")

// listener makes connections known to the server, holds back when there are
// too many, and can end without resetting one.
type listener struct {
	net.Listener
	s      *Server
	pauses bool // while the pool is full: another process may have room

	retired chan struct{} // closed: accept what waits, then end
	once    sync.Once
	bound   time.Time // when the queue is given up even if it is not empty

	state atomic.Int32
	moves atomic.Uint64
	seen  atomic.Uint64 // moves at the last look
}

// The states of an accept loop. A loop may be at work for a moment only.
const (
	atWork int32 = iota
	inAccept
	paused
	over
)

func newListener(s *Server, l net.Listener) *listener {
	own := &listener{Listener: l, s: s, retired: make(chan struct{}), pauses: s.pool != nil && s.Group.sharesSocket(l)}
	own.enter(paused) // until its loop begins
	return own
}

// sharesSocket reports whether other workers accept from the socket, too.
func (g *Group) sharesSocket(l net.Listener) bool {
	if g.AcceptShared || l.Addr().Network() == "unix" {
		return true
	}
	for _, a := range g.Listen { // which of them it is cannot be told any more
		if a.Network == "fd" {
			return true
		}
	}
	return false
}

func (l *listener) enter(state int32) {
	l.state.Store(state)
	l.moves.Add(1)
}

// moving reports whether the loop is where it may stay, or has moved since the
// last call.
func (l *listener) moving() bool {
	moves := l.moves.Load()
	return l.seen.Swap(moves) != moves || l.state.Load() != atWork
}

// Accept is net.Listener's.
func (l *listener) Accept() (net.Conn, error) {
	for {
		l.enter(paused)
		l.waitRoom()
		slot := l.acquire()
		l.enter(inAccept)
		nc, err := l.accept()
		l.enter(atWork)
		if err == nil {
			return l.admit(nc, slot), nil
		}
		if slot {
			<-l.s.slots
		}
		if !errors.Is(err, errNoRoom) {
			return nil, err
		}
	}
}

func (l *listener) admit(nc net.Conn, slot bool) net.Conn {
	c := l.s.newConn(nc, slot)
	if l.pauses {
		c.expectRequest()
	}
	if l.s.tls != nil {
		return &secureConn{Conn: tls.Server(c, l.s.tls), c: c}
	}
	return c
}

// waitRoom waits for a place in the pool, before anything is accepted
// (CHECK-15). At the end of the listener all that wait are let in.
func (l *listener) waitRoom() {
	if l.pauses {
		select {
		case <-l.s.pool.room():
		case <-l.retired:
		}
	}
}

// acquire waits for one of MaxConnections' places, before anything is accepted
// (HTTP-07): another worker may have one. When a client waits it makes room by
// ending an idle connection. At the end of the listener all that wait are let
// in.
func (l *listener) acquire() bool {
	if l.s.slots == nil {
		return false
	}
	select {
	case l.s.slots <- struct{}{}:
		return true
	default:
	}
	look := time.NewTicker(fullTick)
	defer look.Stop()
	for {
		select {
		case l.s.slots <- struct{}{}:
			return true
		case <-l.retired:
			return false
		case <-look.C:
			if waiting(l.Listener) {
				l.s.endOldestIdle()
			}
		}
	}
}

func (l *listener) accept() (net.Conn, error) {
	empty := 0
	for {
		if l.pauses {
			// Before the looks at what may have woken it up: who does so later
			// sets the deadline again.
			l.wakeAt(time.Time{})
		}
		ending := isClosed(l.retired)
		if ending {
			l.wakeAt(time.Now().Add(queueQuiet))
		} else if l.pauses && !isClosed(l.s.pool.room()) {
			return nil, errNoRoom
		}
		nc, err := l.Listener.Accept()
		if err == nil {
			return nc, nil
		}
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			return nil, err
		}
		if !ending { // woken up to look again
			continue
		}
		if !waiting(l.Listener) {
			empty++
		}
		if empty == 2 || time.Now().After(l.bound) {
			return nil, errRetired
		}
	}
}

// retire ends the accept loop: new clients are turned away, those in the queue
// are let in, for as long as bound allows.
func (l *listener) retire(bound time.Time) {
	l.once.Do(func() {
		if u, ok := l.Listener.(interface{ Unlink() }); ok {
			u.Unlink()
		} else if err := refuseNew(l.Listener); err != nil {
			// Then the queue never ends under load, and the last ones in
			// it are reset: see docs/server.md.
			l.s.logger.Debug("new connections are not held off", "address", displayAddr(l.Addr()), "error", err)
		}
		l.bound = bound
		close(l.retired)
		if !l.wakeAt(time.Now()) {
			_ = l.Close()
		}
	})
}

// leave ends the accept loop at once: another process goes on with the socket.
// A connection that was accepted in this moment is served.
func (l *listener) leave() {
	l.once.Do(func() { close(l.retired) })
	_ = l.Close()
}

// wakeAt sets a deadline, if the listener has one.
func (l *listener) wakeAt(t time.Time) bool {
	d, ok := l.Listener.(interface{ SetDeadline(time.Time) error })
	return ok && d.SetDeadline(t) == nil
}

// wakePausing wakes up the accept loops that must not go on while the pool is
// full.
func (s *Server) wakePausing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		if l.pauses {
			l.wakeAt(time.Unix(1, 0))
		}
	}
}
