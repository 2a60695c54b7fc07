package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/check"
	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
)

// serveFlags are those of serve alone.
type serveFlags struct {
	servers []string
	listen  []string
	workers string
	admin   string
	pidFile string
}

func (p *program) serveCommand() *cobra.Command {
	var s source
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve [URI] [var=value ...]",
		Short: "Serve a file",
		Long: `serve builds the application of a file (default ./api-paste.ini#main) and answers
requests: where [server:main] says, else where bind_port in [DEFAULT] says, else
on 127.0.0.1:8080. SIGTERM and SIGINT end it gracefully: requests in flight are
answered. A second SIGINT, or SIGQUIT, ends it at once.

The exit code is 0 after a clean end, 1 when it could not start, 2 when it was
called wrongly, 3 when requests were cut.`,
		Example: "  wheatpaste serve\n  wheatpaste serve /etc/nova/api-paste.ini -n osapi_compute --missing stub --listen 127.0.0.1:8774\n  wheatpaste serve development.ini debug=true",
	}
	s.flags(c)
	c.Flags().StringArrayVar(&f.servers, "server-name", nil, "server section to run (repeatable, or all)")
	c.Flags().StringArrayVar(&f.listen, "listen", nil, "address in place of the server's: host:port, unix:/path or fd:3 (repeatable)")
	c.Flags().StringVar(&f.workers, "workers", "auto", "number of worker processes or auto; for now one process serves")
	c.Flags().StringVar(&f.admin, "admin", "", "address for /metrics and /healthcheck: host:port or unix:/path")
	c.Flags().StringVar(&f.pidFile, "pid-file", "", "file for the process id")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := s.parse(c, args); err != nil {
			return err
		}
		return p.serve(c.Context(), &s, &f, c.Flags().Changed("workers"))
	}
	return c
}

// serve runs until a signal ends it.
func (p *program) serve(ctx context.Context, s *source, f *serveFlags, workersGiven bool) error {
	admin, workers, err := f.parse()
	if err != nil {
		return err
	}
	own, apps, err := p.loggers(s)
	if err != nil {
		return err
	}
	loader, err := s.loader(apps)
	if err != nil {
		return err
	}
	q := s.request(loader)
	q.Servers, q.Listen = f.servers, f.listen
	if workersGiven {
		q.Workers = &workers
	}
	made, err := check.Plan(q)
	if errors.Is(err, plan.ErrUsage) {
		return err
	}
	if err != nil {
		return failed(err)
	}
	for _, w := range made.Warnings {
		logWarning(own, w)
	}
	r := newRunner(made, own, loader, admin)
	if f.pidFile != "" {
		if r.pid, err = holdPIDFile(f.pidFile); err != nil {
			return failed(err)
		}
		defer r.pid.remove()
	}
	return r.run(ctx)
}

// parse reads what can be wrong with the flags.
func (f *serveFlags) parse() (admin []service.Address, workers service.Workers, err error) {
	if err := workers.UnmarshalText([]byte(f.workers)); err != nil {
		return nil, 0, fmt.Errorf("--workers: %w", err)
	}
	if f.admin == "" {
		return nil, workers, nil
	}
	a, err := service.ParseListen(f.admin)
	if err != nil {
		return nil, 0, fmt.Errorf("--admin: %w", err)
	}
	return []service.Address{a}, workers, nil
}

// loggers makes the logger of the program, and that of the applications, which
// follows the levels that the file sets for Python's logging (URI-15) unless
// --log-level does. The program's own lines, such as where it serves, are not
// silenced by the file: scripts wait for them.
func (p *program) loggers(s *source) (own, apps *slog.Logger, err error) {
	own, err = p.logger()
	if err != nil || !strings.HasPrefix(s.uri, "config:") {
		return own, own, err
	}
	file, _, err := paste.OpenURI(s.uri, s.options()...)
	if err != nil {
		return own, own, nil //nolint:nilerr // told, with all others, when the plan is made
	}
	levels := plan.LoggingLevels(file)
	if levels == nil {
		return own, own, nil
	}
	if p.levelGiven {
		own.Info("the sections for Python's logging are not used: --log-level decides", "at", levels.Pos.String())
		return own, own, nil
	}
	if own, err = p.atLevel(min(slog.LevelInfo, levels.Root)); err != nil {
		return nil, nil, err
	}
	below, err := p.handler(slog.LevelDebug)
	if err != nil {
		return nil, nil, err
	}
	own.Info("of the sections for Python's logging, the levels are used; handlers and formatters have no meaning here, see --log-format",
		"at", levels.Pos.String(), "root", levels.Root.String(), "sections", fmt.Sprint(levels.BySection))
	return own, slog.New(levels.Handler(below)), nil
}

// logWarning writes a problem with its place in fields of their own.
func logWarning(logger *slog.Logger, w *paste.Error) {
	text := w.Problem
	if w.Hint != "" {
		text += "; " + w.Hint
	}
	logger.Warn(text, "at", w.Pos.String(), "section", w.Section, "option", w.Option)
}

// newRunner makes the servers, and metrics about them.
func newRunner(made *plan.Plan, logger *slog.Logger, loader *pipeline.Loader, admin []service.Address) *runner {
	r := &runner{plan: made, logger: logger}
	for _, g := range made.Groups {
		r.servers = append(r.servers, &service.Server{Group: g.Group, Handler: g.Application, Logger: logger})
	}
	registerProcess(loader, made, r.servers)
	if admin != nil {
		g := service.DefaultGroup()
		g.Name, g.Listen, g.AccessLog = "admin", admin, "off"
		r.servers = append(r.servers, &service.Server{Group: g, Handler: adminHandler(loader), Logger: logger})
	}
	return r
}
