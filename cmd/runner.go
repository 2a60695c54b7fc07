package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/check"
	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/internal/watch"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/launcher"
)

// runner is what serve does in the process that an operator started.
type runner struct {
	source  *source
	flags   *serveFlags
	workers *service.Workers
	admin   []service.Address
	logs    *logs
	former  *launcher.Former // what this process was before a reload with workers = 0; else nil
	board   *scoreboard.Board
	socket  *control.Listener
	pid     *pidFile // nil without --pid-file
	watcher *watch.Watcher
	cores   string           // where the number of cores comes from; "" when nobody asked for it
	groups  []*service.Group // of the plan that is in force
	again   bool             // the first plan was made
}

// closeTimeout bounds the OnClose hooks.
const closeTimeout = 10 * time.Second

func (p *program) newRunner(s *source, f *serveFlags) (*runner, error) {
	r := &runner{source: s, flags: f}
	var err error
	if r.admin, r.workers, err = f.parse(); err != nil {
		return nil, err
	}
	if err := r.goOn(); err != nil {
		return nil, failed(err)
	}
	r.logs, err = p.logging(s)
	return r, err
}

// goOn takes over from the former self, which has rehearsed what is served now.
func (r *runner) goOn() (err error) {
	if r.former, err = launcher.Inherited(); err != nil {
		return err
	}
	if r.former == nil {
		r.board, err = scoreboard.Create()
		return err
	}
	r.board = r.former.Board
	r.source.files, err = snapshot.Decode(r.former.Snapshot)
	return err
}

// rehearsal is a plan with what it was made of.
type rehearsal struct {
	*plan.Plan
	files *snapshot.Files
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
	plan := &launcher.Plan{Snapshot: files, Data: &rehearsal{made, s.files}}
	for _, g := range made.Groups {
		plan.Groups = append(plan.Groups, g.Group)
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

// server is a master, or one process that serves itself.
type server interface {
	control.Master
	Run(ctx context.Context, plan *launcher.Plan) (int, error)
}

// run serves a plan until the end.
func (r *runner) run(ctx context.Context, first *launcher.Plan) error {
	if err := r.hold(); err != nil {
		return failed(err)
	}
	if r.pid != nil {
		defer r.pid.remove()
	}
	master, err := r.newServer(first)
	if err != nil {
		r.socket.Finish(service.ExitError)
		return failed(err)
	}
	code, err := r.attend(ctx, master, first)
	if code != 0 {
		return &exit{code, err}
	}
	return nil
}

// hold takes what one master alone may have: the control socket and the pid
// file.
func (r *runner) hold() (err error) {
	if r.socket, err = r.listenControl(); err != nil {
		return err
	}
	if fd, ok := r.former.FD(pidFileFD); ok {
		r.pid = inheritPIDFile(r.flags.pidFile, fd)
		return nil
	}
	if r.flags.pidFile == "" {
		return nil
	}
	if r.pid, err = holdPIDFile(r.flags.pidFile); err != nil {
		r.socket.Finish(service.ExitError)
	}
	return err
}

// pidFileFD is the name of the pid file's descriptor over a reload.
const pidFileFD = "pid-file"

// kept are the descriptors that go over a reload with workers = 0.
func (r *runner) kept() map[string]int {
	if r.pid == nil {
		return nil
	}
	return map[string]int{pidFileFD: int(r.pid.file.Fd())}
}

// attend runs a master with all that stands beside it: the control socket, the
// admin address, the watch on the files.
func (r *runner) attend(ctx context.Context, master server, first *launcher.Plan) (code int, err error) {
	socket := r.socket
	socket.Logger = r.logs.own
	beside, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = socket.Serve(beside, master) // its end is the control socket's, not the server's
	}()
	defer func() {
		socket.Finish(code)
		<-served
	}()
	stopAdmin, err := r.serveAdmin(beside, master)
	if err != nil {
		return service.ExitError, err
	}
	defer stopAdmin()
	if r.flags.watch {
		stop, err := r.watchFiles(beside, master)
		if err != nil {
			return service.ExitError, err
		}
		defer stop()
	}
	return master.Run(ctx, first)
}

func (r *runner) newServer(first *launcher.Plan) (server, error) {
	conf := launcher.Config{
		Load:  func(context.Context) (*launcher.Plan, error) { return r.rehearse() },
		Log:   r.logs.own,
		Board: r.board,
		Ready: r.ready, Loaded: r.loaded, Reopen: r.reopen,
		Stderr: os.Stderr,
	}
	conf.Version, _ = buildVersion()
	if first.Groups[0].Workers == 0 {
		conf.Former, conf.Control, conf.KeepFDs = r.former, r.socket, r.kept
		return launcher.NewSingle(conf, r.parts), nil
	}
	return launcher.New(conf)
}

// reopen opens the log files anew, and makes those that the workers open next.
func (r *runner) reopen() error {
	errs := []error{r.logs.Reopen()}
	for _, g := range r.groups {
		errs = append(errs, ownLog(g))
	}
	return errors.Join(errs...)
}

// ready is called when all servers answer.
func (r *runner) ready() error {
	if r.pid == nil {
		return nil
	}
	if err := r.pid.write(); err != nil {
		return err
	}
	r.logs.own.Debug("pid file written", "path", r.pid.path)
	return nil
}

// loaded is called with the plan that is in force.
func (r *runner) loaded(p *launcher.Plan) {
	made := p.Data.(*rehearsal)
	r.groups = p.Groups
	for _, g := range p.Groups {
		if r.cores != "" && g.Workers > 0 { // START-05: where the number comes from
			r.logs.own.Info("workers = auto", "server", g.Name, "workers", int(g.Workers), "because", r.cores)
		}
	}
	inform(r.board.Master(), made.Plan)
	if r.watcher != nil {
		if err := r.watcher.Set(watched(made.files)); err != nil {
			r.logs.own.Warn("watching the files", "error", err)
		}
	}
}

func watched(files *snapshot.Files) []string {
	var paths []string
	for _, f := range files.Files() {
		paths = append(paths, f.Path)
	}
	return paths
}

// watchFiles reloads when a file changes (--watch).
func (r *runner) watchFiles(ctx context.Context, master server) (stop func(), err error) {
	r.watcher, err = watch.New(r.logs.own, func(path string) {
		r.logs.own.Info("a file has changed", "file", path)
		master.Reload(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("--watch: %w", err)
	}
	return func() { _ = r.watcher.Close() }, nil
}

// listenControl opens the control socket: where --control says, else under the
// name of the file.
func (r *runner) listenControl() (*control.Listener, error) {
	if r.former != nil && r.former.Control != nil {
		return r.former.Control, nil
	}
	if r.flags.controlGiven {
		return control.Listen(r.flags.control)
	}
	l, err := control.SystemPlaces().Listen(control.Base(r.source.base(), r.source.configFiles))
	if err != nil {
		return nil, fmt.Errorf("%w (or say --control PATH)", err)
	}
	return l, nil
}

// serveAdmin answers on the admin address, from this process.
func (r *runner) serveAdmin(ctx context.Context, master server) (stop func(), err error) {
	if r.admin == nil {
		return func() {}, nil
	}
	g := service.DefaultGroup()
	g.Name, g.Listen, g.AccessLog, g.GracefulTimeout = "admin", r.admin, "off", time.Second
	listeners, err := service.Listen(ctx, g)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	s := &service.Server{Group: g, Handler: adminHandler(r.board, master), Logger: r.logs.own}
	go func() {
		defer close(ended)
		if err := s.Serve(ctx, listeners...); err != nil && ctx.Err() == nil {
			r.logs.own.Error("the admin address", "error", err)
		}
	}()
	return func() { cancel(); <-ended }, nil
}

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
