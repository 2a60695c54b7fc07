package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/wheatpaste/wheatpaste/internal/check"
	"github.com/wheatpaste/wheatpaste/internal/heap"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/launcher"
)

// work is what a worker process does: it builds its group's application from
// the snapshot of its generation, becomes the user that the group names, and
// serves.
func (p *program) work(w *launcher.Worker, parse func() error, s *source, f *serveFlags) error {
	p.stderr = w.Stderr
	var err error
	if s.files, err = snapshot.Decode(w.Snapshot); err != nil {
		return err
	}
	if err := parse(); err != nil {
		return err
	}
	logs, err := p.logging(s)
	if err != nil {
		return err
	}
	_, workers, err := f.parse()
	if err != nil {
		return err
	}
	logs.keepErrors()
	w.Errors.Store(logs.errors)
	own := logs.own.With("worker", w.Slot, "generation", w.Generation)
	loader, err := s.loader(logs.apps.With("worker", w.Slot, "generation", w.Generation))
	if err != nil {
		return err
	}
	loader.Region = w.Region
	q := f.request(s.request(loader), workers)
	q.Only = w.Server
	made, err := check.Plan(q)
	if err != nil {
		return err
	}
	if len(made.Groups) != 1 {
		return fmt.Errorf("server %s: %d groups of that name", w.Server, len(made.Groups))
	}
	g := made.Groups[0]
	registerProcess(loader)
	if err := errors.Join(ownLog(g.Group), become(g.Group)); err != nil {
		return err
	}
	if err := confine(g.Group, own); err != nil {
		return err
	}
	defer closeApp(g.Application, own)
	if err := startOf(g.Application)(w.Context()); err != nil {
		return err
	}
	defer heap.Tend(int64(g.MaxRSS))()
	server := &service.Server{Group: g.Group, Handler: g.Application, Logger: own, LogFormat: g.LogFormat}
	return w.Serve(server, func() error { return errors.Join(server.Reopen(), logs.Reopen()) })
}

// closeApp runs the OnClose hooks, also of an application whose start has failed.
func closeApp(a *pipeline.App, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := a.Close(ctx); err != nil {
		log.Error("closing the application", "app", a.Context.Label(), "error", err)
	}
}

// confine gives up what a worker has no use for when it has its sockets and is
// who it shall be.
func confine(g *service.Group, log *slog.Logger) error {
	id, err := g.Identity()
	if err != nil {
		return fmt.Errorf("server %s: %w", g.Name, err)
	}
	err = id.Confine()
	if errors.Is(err, errors.ErrUnsupported) {
		log.Debug("the worker keeps the privileges that its master has left it", "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("server %s: %w", g.Name, err)
	}
	return nil
}
