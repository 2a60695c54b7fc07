package cmd

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/check"
	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/launcher"
)

// rehearsal is a plan with what it was made of.
type rehearsal struct {
	*plan.Plan
	files *snapshot.Files
	conf  *osloconf.Config // nil without conf files
}

// rehearse reads and builds everything, and opens nothing.
func (r *runner) rehearse() (*launcher.Plan, error) {
	s, region := r.source, r.board.Master() // where one process counts that serves by itself
	if r.again {
		s, region = r.source.again(), nil
	}
	r.again = true
	loader, err := s.loader(r.logs.apps)
	if err != nil {
		return nil, err
	}
	loader.Region = region
	made, err := check.Plan(r.flags.request(s.request(loader), r.workers))
	if err != nil {
		return nil, err
	}
	for _, w := range made.Warnings {
		logWarning(r.logs.own, w)
	}
	if err := r.settle(made); err != nil {
		return nil, err
	}
	files, err := s.files.Encode()
	if err != nil {
		return nil, err
	}
	plan := &launcher.Plan{Snapshot: files, Data: &rehearsal{made, s.files, s.conf}}
	for _, g := range made.Groups {
		plan.Groups = append(plan.Groups, g.Group)
	}
	if oneProcess(plan) && r.admin != nil {
		plan.Groups = append(plan.Groups, r.adminGroup()) // it goes over a reload as the others do
	}
	if r.probing { // a name that was not passed is found by the way back
		return plan, nil
	}
	if err := r.resolve(plan.Groups); err != nil {
		return nil, err
	}
	return plan, nil
}

// again is the same source with nothing read yet.
func (s *source) again() *source {
	fresh := *s
	fresh.files, fresh.conf, fresh.nova = new(snapshot.Files), nil, false
	return &fresh
}

// base is the file by which the control socket is named; "" when the conf files
// say what is served.
func (s *source) base() string {
	if s.nova && !s.given {
		return ""
	}
	return strings.TrimPrefix(s.uri, "config:")
}

// oneProcess tells that a plan has no workers.
func oneProcess(p *launcher.Plan) bool { return p.Groups[0].Workers == 0 }

// settle decides the numbers of workers, and finds what would keep the workers
// from starting.
func (r *runner) settle(made *plan.Plan) error {
	cores, source := service.UsableCores()
	processes := 0
	for _, g := range made.Groups {
		if g.Workers == service.AutoWorkers {
			g.Workers = service.Workers(cores)
			r.cores = source
		}
		if runtime.GOOS != "linux" {
			g.Workers = 0
		}
		processes += int(g.Workers)
		if _, err := g.Identity(); err != nil {
			return fmt.Errorf("server %s: %w", g.Name, err)
		}
	}
	for _, g := range made.Groups {
		if processes > 0 && g.Workers == 0 {
			g.Workers = 1
			r.logs.own.Warn("workers = 0 beside a server with workers: it gets one", "server", g.Name)
		}
	}
	return nil
}
