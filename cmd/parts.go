package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/launcher"
)

// parts are the servers of a plan that this process serves itself.
func (r *runner) parts(p *launcher.Plan) ([]launcher.Part, error) {
	made := p.Data.(*rehearsal)
	var list []launcher.Part
	for _, g := range made.Groups {
		if err := errors.Join(ownLog(g.Group), become(g.Group)); err != nil {
			return nil, err
		}
		list = append(list, launcher.Part{
			Server: &service.Server{Group: g.Group, Handler: g.Application, Logger: r.logs.own, LogFormat: g.LogFormat},
			Start:  startOf(g.Application), Close: g.Application.Close,
		})
	}
	if r.admin != nil {
		list = append(list, launcher.Part{
			Server: &service.Server{Group: p.Groups[len(p.Groups)-1], Handler: adminHandler(r.board, r.master), Logger: r.logs.own},
		})
	}
	return list, nil
}

// become makes the process the user that a group names, before the group's
// application opens anything.
func become(g *service.Group) error {
	id, err := g.Identity()
	if err == nil {
		err = id.Become()
	}
	if err != nil {
		return fmt.Errorf("server %s: %w", g.Name, err)
	}
	return nil
}

func startOf(a *pipeline.App) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := a.Start(ctx); err != nil {
			return fmt.Errorf("starting the application %s: %w", a.Context.Label(), err)
		}
		return nil
	}
}
