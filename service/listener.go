package service

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
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

// listener makes connections known to the server, holds back when there are
// too many, and can end without resetting one.
type listener struct {
	net.Listener
	s   *Server
	tls *tls.Config

	retired chan struct{} // closed: accept what waits, then end
	once    sync.Once
	bound   time.Time // when the queue is given up even if it is not empty
}

// Accept is net.Listener's.
func (l *listener) Accept() (net.Conn, error) {
	slot := l.acquire()
	nc, err := l.accept()
	if err != nil {
		if slot {
			<-l.s.slots
		}
		return nil, err
	}
	c := l.s.newConn(nc, slot)
	if l.tls != nil {
		return tls.Server(c, l.tls), nil
	}
	return c, nil
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
		ending := l.ending()
		if ending {
			l.wakeAt(time.Now().Add(queueQuiet))
		}
		nc, err := l.Listener.Accept()
		if err == nil {
			return nc, nil
		}
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			return nil, err
		}
		if !ending { // woken up to see that it ends
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

func (l *listener) ending() bool {
	select {
	case <-l.retired:
		return true
	default:
		return false
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
func (l *listener) leave() {
	l.once.Do(func() { close(l.retired) })
	_ = l.Close()
}

// wakeAt sets a deadline, if the listener has one.
func (l *listener) wakeAt(t time.Time) bool {
	d, ok := l.Listener.(interface{ SetDeadline(time.Time) error })
	return ok && d.SetDeadline(t) == nil
}

func (s *Server) newConn(nc net.Conn, slot bool) *conn {
	if t, ok := nc.(*net.TCPConn); ok && s.Group.TCPKeepIdle > 0 {
		// An inherited listener has no settings of its own.
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: s.Group.TCPKeepIdle})
	}
	c := &conn{Conn: nc, s: s, since: time.Now(), slot: slot, state: http.StateNew}
	c.quiet.Store(true)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	return c
}

// forget drops a connection that is over.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// open lists the connections.
func (s *Server) open() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

func (s *Server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// endOldestIdle makes room for a new connection: idle ones never hold up work.
func (s *Server) endOldestIdle() {
	var oldest *conn
	var since time.Time
	for _, c := range s.open() {
		if idle, at := c.idleSince(); idle && (oldest == nil || at.Before(since)) {
			oldest, since = c, at
		}
	}
	if oldest != nil {
		oldest.poke(since)
	}
}

// idleSince tells since when a connection has been idle after an answer.
func (c *conn) idleSince() (bool, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == http.StateIdle && c.quiet.Load() && !c.h2, c.since
}
