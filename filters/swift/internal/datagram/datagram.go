// Package datagram sends lines to syslog and statsd: small packets that may get
// lost and that nobody waits for.
package datagram

import (
	"net"
	"sync"
	"time"
)

// retry is how long a target that cannot be reached is left alone.
const retry = 10 * time.Second

// Sender sends to one address. It connects when the first packet is sent, so
// that it has no effect before, and a name that is not known yet does no harm.
type Sender struct {
	Network, Address string

	mu     sync.Mutex
	conn   net.Conn
	tried  time.Time
	closed bool
}

// Send sends a packet if it can, and reports whether the system took it.
func (s *Sender) Send(packet []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.connect() {
		return false
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := s.conn.Write(packet); err == nil {
		return true
	}
	if s.Network == "udp" { // nobody listens there now; the next packet is free to try
		return false
	}
	s.conn.Close() //nolint:errcheck // it is broken
	s.conn = nil
	return false
}

func (s *Sender) connect() bool {
	if s.conn != nil {
		return true
	}
	if time.Since(s.tried) < retry {
		return false
	}
	s.tried = time.Now()
	conn, err := net.DialTimeout(s.Network, s.Address, time.Second)
	if err != nil {
		return false
	}
	s.conn = conn
	return true
}

// Close ends the connection.
func (s *Sender) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.conn != nil {
		s.conn.Close() //nolint:errcheck // nothing is left to be sent
		s.conn = nil
	}
}
