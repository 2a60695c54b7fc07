package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/launcher"
)

// serveFlags are those of serve alone.
type serveFlags struct {
	servers []string
	listen  []string
	workers string
	admin   string
	control string
	pidFile string
	watch   bool

	workersGiven, controlGiven bool
}

func (p *program) serveCommand() *cobra.Command {
	var s source
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve [URI] [var=value ...]",
		Short: "Serve a file",
		Long: `serve builds the application of a file (default ./api-paste.ini#main) and answers
requests from worker processes: where [server:main] says, else where bind_port in
[DEFAULT] says, else on 127.0.0.1:8080. With --config-file nova.conf and no URI,
it serves the enabled_apis of that file.

SIGTERM and SIGINT end it gracefully: requests in flight are answered. A second
SIGINT, or SIGQUIT, ends it at once. SIGHUP reads the files anew: when they are
right, new workers take over; when not, all goes on as it is. SIGUSR1 opens the
log files anew, SIGUSR2 writes a report, unless signal_profile says otherwise.
SIGTTIN and SIGTTOU change the number of workers by one.

The exit code is 0 after a clean end, 1 when it could not start, 2 when it was
called wrongly, 3 when requests were cut, 4 when its workers crashed ten times in
a row.`,
		Example: "  wheatpaste serve\n  wheatpaste serve /etc/nova/api-paste.ini -n osapi_compute --missing stub --listen 127.0.0.1:8774\n  wheatpaste serve --config-file /etc/nova/nova.conf --missing stub\n  wheatpaste serve development.ini debug=true --watch",
	}
	s.flags(c)
	f.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		f.workersGiven, f.controlGiven = c.Flags().Changed("workers"), c.Flags().Changed("control")
		return p.serveOrWork(c, args, &s, &f)
	}
	return c
}

func (f *serveFlags) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.servers, "server-name", nil, "server section to run (repeatable, or all)")
	c.Flags().StringArrayVar(&f.listen, "listen", nil, "address in place of the server's: host:port, unix:/path, fd:3 or systemd:NAME (repeatable)")
	c.Flags().StringVar(&f.workers, "workers", "auto", "number of worker processes, auto (one per usable core), or 0 for none")
	c.Flags().StringVar(&f.admin, "admin", "", "address for /metrics and /healthcheck: host:port, unix:/path or systemd:NAME")
	c.Flags().StringVar(&f.control, "control", "", "path of the control socket")
	c.Flags().StringVar(&f.pidFile, "pid-file", "", "file for the process id")
	c.Flags().BoolVar(&f.watch, "watch", false, "reload when the files change")
}

// serveOrWork is what this process does: a master has started it as a worker,
// or an operator has started it.
func (p *program) serveOrWork(c *cobra.Command, args []string, s *source, f *serveFlags) error {
	w, err := launcher.Inherit()
	if err != nil {
		if w != nil {
			w.Fail(err.Error())
		}
		return failed(err)
	}
	if w == nil {
		if err := s.parse(c, args); err != nil {
			return err
		}
		return p.serve(c.Context(), s, f)
	}
	err = p.work(w, func() error { return s.parse(c, args) }, s, f)
	if err != nil && !errors.Is(err, launcher.ErrOrphan) && service.ExitCode(err) == service.ExitError {
		w.Fail(err.Error())
	}
	if err != nil {
		return &exit{service.ExitCode(err), nil} // the master tells
	}
	return nil
}

// parse reads what can be wrong with the flags.
func (f *serveFlags) parse() (admin []service.Address, workers *service.Workers, err error) {
	var number service.Workers
	if err := number.UnmarshalText([]byte(f.workers)); err != nil {
		return nil, nil, fmt.Errorf("--workers: %w", err)
	}
	if f.workersGiven {
		workers = &number
	}
	if f.admin == "" {
		return nil, workers, nil
	}
	a, err := service.ParseListen(f.admin)
	if err != nil {
		return nil, nil, fmt.Errorf("--admin: %w", err)
	}
	return []service.Address{a}, workers, nil
}

// request is what serve makes a plan of.
func (f *serveFlags) request(q plan.Request, workers *service.Workers) plan.Request {
	q.Servers, q.Listen, q.Workers = f.servers, f.listen, workers
	return q
}

// logWarning writes a problem with its place in fields of their own.
func logWarning(logger *slog.Logger, w *paste.Error) {
	text := w.Problem
	if w.Hint != "" {
		text += "; " + w.Hint
	}
	logger.Warn(text, "at", w.Pos.String(), "section", w.Section, "option", w.Option)
}

// serve runs until it is told to end.
func (p *program) serve(ctx context.Context, s *source, f *serveFlags) error {
	if launcher.Probing() {
		return p.probe(s, f)
	}
	r, err := p.newRunner(s, f)
	if err != nil {
		return err
	}
	first, err := r.rehearse()
	err = r.orGoBack(err)
	if errors.Is(err, plan.ErrUsage) {
		return err
	}
	if err != nil {
		r.manager.ended(err)
		return failed(err)
	}
	return r.run(ctx, first)
}
