package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/heap"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/internal/watch"
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
	handed  *launcher.Handed // what the master before an upgrade has left; else nil
	former  *launcher.Former // what this process was before a reload with workers = 0; else nil
	board   *scoreboard.Board
	socket  *control.Listener

	adminFDs []int    // of the admin address, where the master serves it
	master   server   // of one process
	pid      *pidFile // nil without --pid-file
	watcher  *watch.Watcher
	cores    string           // where the number of cores comes from; "" when nobody asked for it
	groups   []*service.Group // of the plan that is in force
	again    bool             // the first plan was made
	probing  bool             // the sockets that systemd has passed are not at hand

	manager   *manager           // nil when nobody wants to hear of this process
	inherited *service.Inherited // the sockets that systemd has passed
}

// closeTimeout bounds the OnClose hooks.
const closeTimeout = 10 * time.Second

func (p *program) newRunner(s *source, f *serveFlags) (*runner, error) {
	launcher.Early()
	r := &runner{source: s, flags: f}
	var err error
	if r.admin, r.workers, err = f.parse(); err != nil {
		return nil, err
	}
	if err := r.goOn(); err != nil {
		return nil, failed(err)
	}
	if r.logs, err = p.logging(s); err != nil {
		return r, err
	}
	r.logs.keepErrors()
	r.manager = newManager(r.logs.own, r.handed != nil || r.former.Upgraded())
	if err := r.takeInherited(); err != nil {
		r.manager.ended(err)
		return nil, failed(err)
	}
	return r, nil
}

// goOn takes over from the former self, which has rehearsed what is served now.
func (r *runner) goOn() (err error) {
	if r.handed, err = launcher.Upgraded(); err != nil {
		return err
	}
	if r.handed != nil {
		return r.goOnUpgraded()
	}
	if r.former, err = launcher.Inherited(); err != nil {
		return err
	}
	if r.former == nil {
		r.board, err = scoreboard.Create()
		return err
	}
	if r.board = r.former.Board; r.board == nil { // where none can be kept
		if r.board, err = scoreboard.Create(); err != nil {
			return err
		}
	}
	r.source.files, err = snapshot.Decode(r.former.Snapshot)
	return err
}

// server is a master, or one process that serves itself.
type server interface {
	control.Master
	ReloadFor(ctx context.Context, why string) control.Reload
	Run(ctx context.Context, plan *launcher.Plan) (int, error)
}

// run serves a plan until the end.
func (r *runner) run(ctx context.Context, first *launcher.Plan) error {
	if err := r.hold(first); err != nil {
		r.manager.ended(err)
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
		r.manager.ended(err)
		return &exit{code, err}
	}
	return nil
}

// hold takes what one master alone may have: the control socket and the pid
// file.
func (r *runner) hold(first *launcher.Plan) (err error) {
	if r.socket, err = r.listenControl(); err != nil {
		return err
	}
	path := r.flags.pidFile
	for _, g := range first.Groups {
		path = cmp.Or(path, g.PIDFile) // gunicorn's pidfile
	}
	if path == "" {
		return nil
	}
	fd, ok := r.former.FD(pidFileFD)
	if r.handed != nil {
		fd, ok = r.handed.FD(pidFileFD)
	}
	if ok {
		r.pid = inheritPIDFile(path, fd)
		return nil
	}
	if r.pid, err = holdPIDFile(path); err != nil {
		r.socket.Finish(service.ExitError)
	}
	return err
}

// pidFileFD is the name of the pid file's descriptor over a reload.
const pidFileFD = "pid-file"

// kept are the descriptors that go over a reload with workers = 0.
func (r *runner) kept() map[string]int {
	fds := map[string]int{}
	if r.pid != nil {
		fds[pidFileFD] = int(r.pid.file.Fd())
	}
	for i, fd := range r.adminFDs {
		fds[adminFD(i)] = fd
	}
	for _, fd := range r.inherited.FDs() {
		fds[inheritedFD(fd)] = fd
	}
	return fds
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
	if r.admin != nil && !oneProcess(first) {
		stop, err := r.serveAdmin(beside, master)
		if err != nil {
			return service.ExitError, err
		}
		defer stop()
	}
	if r.flags.watch {
		stop, err := r.watchFiles(beside, master)
		if err != nil {
			return service.ExitError, err
		}
		defer stop()
	}
	if oneProcess(first) { // else that is for the workers
		defer heap.Tend(0)()
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
		Notify: r.manager.hook(),
		Report: r.reportSource(),
	}
	conf.Upgraded, conf.Control, conf.KeepFDs = r.handed, r.socket, r.kept
	conf.KeepEnv = r.inherited.Environ(os.Getpid())
	conf.Version, _ = buildVersion()
	if oneProcess(first) {
		conf.Former = r.former
		single := launcher.NewSingle(conf, r.parts)
		r.master = single
		return single, nil
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
	r.warnUnused()
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
		master.ReloadFor(ctx, "watch")
	})
	if err != nil {
		return nil, fmt.Errorf("--watch: %w", err)
	}
	return func() { _ = r.watcher.Close() }, nil
}

// listenControl opens the control socket: where --control says, else under the
// name of the file.
func (r *runner) listenControl() (*control.Listener, error) {
	switch {
	case r.former != nil && r.former.Control != nil:
		return r.former.Control, nil
	case r.handed != nil && r.handed.Control != nil:
		return r.handed.Control, nil
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
