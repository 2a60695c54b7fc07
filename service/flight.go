package service

import (
	"cmp"
	"slices"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
)

// Flight is a request in flight, or a connection that was upgraded and left to
// others, as a report shows it.
type Flight struct {
	Method, URI       string // of the URI, secrets are masked
	Client, RequestID string
	Start             time.Time
	App               string
	Pipeline, Filter  string // where it is at this moment; see pipeline.Environ.Position
	Status            int    // 0 while nothing was sent
	Bytes             int64
	Upgraded          bool
}

// Flights lists the requests in flight, the oldest first.
func (s *Server) Flights() []Flight {
	var list []Flight
	for _, c := range s.open() {
		for _, x := range c.inFlight() {
			list = append(list, x.flight())
		}
		if u := c.upgrade(); u != nil {
			f := u.flight()
			f.Upgraded = true
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b Flight) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.URI, b.URI)) })
	return list
}

func (r *request) flight() Flight {
	f := Flight{
		Method: r.method, URI: string(accesslog.AppendURI(nil, r.uri)), Client: r.env.ClientAddr(), RequestID: r.env.RequestID(),
		Start: r.env.Start(), App: r.env.App(), Status: r.env.Status(), Bytes: r.env.Bytes(),
	}
	f.Pipeline, f.Filter = r.env.Position()
	return f
}
