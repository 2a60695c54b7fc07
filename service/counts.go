package service

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
)

// The reasons for OnLimit.
const (
	limitRequests = "max_requests"
	limitHung     = "hung request"
)

// Stats is a moment of a server.
type Stats struct {
	New, Active, Idle, Hijacked int   // connections
	InFlight                    int   // requests
	Requests                    int64 // that ended
	Cut                         int64
	LinesLost                   uint64 // of the access log
	Draining                    bool
}

// Stats counts what the server does.
func (s *Server) Stats() Stats {
	c := s.signals().counts
	s.noteLostLines()
	return Stats{
		New: int(c.New.Load()), Active: int(c.Active.Load()), Idle: int(c.Idle.Load()), Hijacked: int(c.Hijacked.Load()),
		InFlight: int(c.InFlight.Load()), Requests: c.Requests.Load(), Cut: c.Cut.Load(),
		LinesLost: uint64(c.LinesLost.Load()),
		Draining:  c.Draining.Load() != 0,
	}
}

// noteLostLines counts the lines of the access log that were lost so far.
func (s *Server) noteLostLines() {
	if isClosed(s.signals().setUp) {
		s.counts.LinesLost.Store(int64(s.log.Dropped()))
	}
}

// gauge is where connections of a state are counted; nil for those that are
// over.
func (s *Server) gauge(state http.ConnState) *atomic.Int64 {
	switch state {
	case http.StateNew:
		return &s.counts.New
	case http.StateActive:
		return &s.counts.Active
	case http.StateIdle:
		return &s.counts.Idle
	case http.StateHijacked:
		return &s.counts.Hijacked
	default:
		return nil
	}
}

// setLimits makes what the limits of the group need.
func (s *Server) setLimits() {
	g := s.Group
	if g.MaxConnections > 0 {
		s.slots = make(chan struct{}, g.MaxConnections)
	}
	if g.PoolSize > 0 {
		s.pool = newPool(g.PoolSize, g.PoolQueue, s.wakePausing)
	}
	if g.MaxRequests > 0 {
		s.maxRequests = int64(g.MaxRequests)
		if g.MaxRequestsJitter > 0 {
			s.maxRequests += rand.Int64N(int64(g.MaxRequestsJitter) + 1)
		}
	}
}

// count notes the end of a request.
func (s *Server) count() {
	if s.counts.Requests.Add(1) == s.maxRequests {
		s.limit(limitRequests)
	}
}

// limit asks for a replacement, once.
func (s *Server) limit(reason string) {
	if s.OnLimit != nil && !s.draining.Load() {
		s.limited.Do(func() { s.OnLimit(reason) })
	}
}
