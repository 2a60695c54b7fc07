package service

import (
	"net"
	"net/http"
	"time"
)

func (s *Server) newConn(nc net.Conn, slot bool) *conn {
	s.setKeepAlive(nc)
	c := &conn{Conn: nc, s: s, since: time.Now(), slot: slot, state: http.StateNew}
	c.quiet.Store(true)
	c.counted(http.StateNew)
	s.expectHeader(c)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	return c
}

// setKeepAlive sets the probes of a connection: an inherited listener has no
// settings of its own.
func (s *Server) setKeepAlive(nc net.Conn) {
	t, ok := nc.(*net.TCPConn)
	g := s.Group
	if !ok || g.TCPKeepAlive && g.TCPKeepIdle == 0 && g.KeepAliveInterval == 0 && g.KeepAliveCount == 0 {
		return // as Go sets them for each connection
	}
	_ = t.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable: g.TCPKeepAlive, Idle: g.TCPKeepIdle, Interval: g.KeepAliveInterval, Count: g.KeepAliveCount,
	})
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
