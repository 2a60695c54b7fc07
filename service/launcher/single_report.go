package launcher

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/report"
	"github.com/wheatpaste/wheatpaste/service"
)

// Report tells of this process.
func (s *Single) Report(ctx context.Context, text bool) ([]byte, error) {
	r, err := s.reports.one(ctx, s.makeReport)
	return rendered(r, err, text)
}

// reportBySignal writes a report where the plan says.
func (s *Single) reportBySignal(name string) {
	var groups []*service.Group
	for _, p := range s.parts {
		groups = append(groups, p.Server.Group)
	}
	s.reports.bySignal(&s.conf, name, reportFolder(groups), s.makeReport)
}

func (s *Single) makeReport() (*report.Report, error) {
	r := s.conf.newReport()
	status := s.Status()
	one := &report.Process{Role: report.RoleSingle, PID: r.Master.PID, AgeSeconds: r.Master.UptimeSeconds}
	var servers []*service.Server
	var plan *Plan
	if !s.call(func() { servers = s.inquire(r, one); plan = s.reports.plan }) {
		return nil, errGone
	}
	r.Master.State, r.Master.Generation, r.Master.LastReload, r.Workers = status.State, status.Generation, status.LastReload, append(r.Workers, status.Workers...)
	one.State, one.Generation = status.State, status.Generation
	one.Detail = report.Collect(s.conf.Report.Errors)
	for _, server := range servers {
		one.Detail.AddRequests(requestsOf(server))
	}
	r.Processes = []*report.Process{one}
	r.Generations = append(r.Generations, report.Generation{Number: status.Generation, Current: true, Setup: s.reports.setup(&s.conf, plan)})
	finishReport(r)
	return r, nil
}

// inquire notes what the loop knows of the servers.
func (s *Single) inquire(r *report.Report, one *report.Process) []*service.Server {
	var servers []*service.Server
	for _, p := range s.parts {
		name := p.Server.Group.Name
		servers = append(servers, p.Server)
		one.Counts = append(one.Counts, countsOf(name, p.region.Process()))
	}
	for _, k := range s.sockets {
		l := report.Listener{Server: k.server, Slot: -1, Address: k.addr.String(), FD: -1}
		if addr := k.origin.Addr(); addr.Network() == "tcp" { // with the port that was free
			l.Address = addr.String()
		}
		if fd, err := service.DescriptorOf(k.origin); err == nil {
			l.FD = fd
		}
		r.Listeners = append(r.Listeners, l)
	}
	slices.SortFunc(r.Listeners, func(a, b report.Listener) int {
		return cmp.Or(strings.Compare(a.Server, b.Server), strings.Compare(a.Address, b.Address))
	})
	return servers
}
