package launcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/service"
)

// hooksTime bounds the end of the applications.
const hooksTime = 10 * time.Second

// Part is one server of a Single, with the beginning and the end of its
// application, which may be nil. Close is called even when Start was not, or
// failed.
type Part struct {
	Server       *service.Server
	Start, Close func(context.Context) error
}

// Single serves a plan in this process (workers = 0). At a reload it answers
// what is in flight, while new connections wait in the kernel's queues, and
// executes itself anew, under the same process id. Make it with NewSingle.
//
// As with a Master, everything about its state happens in the loop of Run.
type Single struct {
	conf    Config
	log     *slog.Logger
	serve   func(*Plan) ([]Part, error)
	exec    func(path string, args, env []string) error
	signals *singleSignals

	events   chan func()
	finished chan struct{} // closed when the loop has ended
	reports  reports

	// All that follows is the loop's.
	state      string
	generation int
	sockets    keptSockets
	parts      []*part
	cancel     context.CancelFunc // ends the servers
	began      bool               // the servers have their listeners
	ready      bool               // Config.Ready was called
	handing    bool               // the servers end for a new self
	closing    bool               // the applications end
	change     *singleChange      // the reload that is going on
	queued     []chan control.Reload
	lastReload *control.Reload
	profile    service.SignalProfile // of the plan in force
	program    string                // the path of the program's file
	goingBack  []string              // why the program before an upgrade is to go on
	ends       []error               // of the servers, in the last drain
	exitCode   int
	failed     error
	interrupt  bool      // a SIGINT was had
	cutting    bool      // a fast stop
	drained    time.Time // when a drain ends at the latest; zero without a limit
	nextBeat   time.Time
}

// NewSingle makes one. Serve builds the servers of a plan; it is called when
// the sockets are open, so that it may give up the rights to open them.
func NewSingle(conf Config, serve func(*Plan) ([]Part, error)) *Single {
	if conf.Log == nil {
		conf.Log = slog.Default()
	}
	s := &Single{
		conf: conf, log: conf.Log, serve: serve, exec: replaceProcess,
		events: make(chan func()), finished: make(chan struct{}),
		state: control.Starting, generation: 1, sockets: keptSockets{},
	}
	if f := conf.Former; f != nil {
		s.generation, s.sockets, s.signals, s.program = f.Generation+1, f.sockets, f.signals, f.program
	}
	if s.program == "" {
		s.program, _ = os.Executable() // without it an upgrade says so
	}
	return s
}

// Run serves a plan until a signal or Stop ends it, and gives the exit code of
// the program. The error is what kept it from serving, or what ended it. A
// reload ends the process in the middle of Run: nothing that is deferred runs.
// Signals stay handled when it has returned (SIG-14).
func (s *Single) Run(ctx context.Context, plan *Plan) (exitCode int, err error) {
	defer s.reports.wait()
	defer close(s.finished)
	if s.signals == nil {
		s.signals = listenSingleSignals()
	}
	defer s.closeSockets()
	if err := s.begin(plan); err != nil {
		s.goBack(errorLines(err))
		return service.ExitError, err
	}
	s.conf.Former.closeRest()
	done := ctx.Done()
	look, stop := s.look()
	defer stop()
	for s.state != control.Stopped {
		select {
		case do := <-s.events:
			do()
		case got := <-s.signals.c:
			s.signal(got)
		case now := <-look:
			s.looked(now)
		case <-done:
			done = nil
			s.stop("the context ended")
		}
	}
	s.end()
	return s.exitCode, s.failed
}

// begin opens the sockets of a plan, builds its servers and starts their
// applications, in a goroutine that ends with the start; the rest follows by
// started.
func (s *Single) begin(plan *Plan) error {
	if err := s.build(plan); err != nil {
		return err
	}
	s.reports.plan, s.profile = plan, profileOf(plan.Groups)
	if s.conf.Loaded != nil {
		s.conf.Loaded(plan)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	if s.state == control.Draining {
		cancel()
	}
	s.showStates()
	parts := s.parts
	go func() {
		err := startAll(ctx, parts)
		s.post(func() { s.started(ctx, err) })
	}()
	return nil
}

// build makes the servers of a plan. The sockets come first: see NewSingle.
func (s *Single) build(plan *Plan) error {
	if err := checkGroups(plan.Groups); err != nil {
		return err
	}
	change, err := prepareSockets(context.Background(), s.sockets, plan.Groups)
	if err != nil {
		return err
	}
	s.commitSockets(change, plan.Groups)
	list, err := s.serve(plan)
	if err != nil {
		return err
	}
	s.parts, s.began = nil, false
	for _, p := range list {
		one, err := s.enroll(p)
		if err != nil {
			return err
		}
		s.parts = append(s.parts, one)
	}
	return nil
}

// checkGroups finds what is wrong with files, before a port is open.
func checkGroups(groups []*service.Group) error {
	var errs []error
	for _, g := range groups {
		if err := g.Check(); err != nil {
			errs = append(errs, fmt.Errorf("server %s: %w", g.Name, err))
		}
	}
	return errors.Join(errs...)
}

// started lets the servers serve.
func (s *Single) started(ctx context.Context, err error) {
	if err == nil {
		err = s.copySockets()
	}
	if err != nil {
		switch {
		case s.state == control.Draining: // it is what the stop has led to
		case s.conf.Former.mayGoBack() && !s.ready:
			s.goingBack = errorLines(err)
		default:
			s.fail(err)
		}
		s.closeParts()
		return
	}
	s.began = true
	if s.state == control.Draining {
		s.leaveSockets()
	}
	for _, p := range s.parts {
		s.run(ctx, p)
	}
}

// run is one server, in a goroutine that ends with it.
func (s *Single) run(ctx context.Context, p *part) {
	ready := p.Server.Ready
	p.Server.Ready = func() {
		if ready != nil {
			ready()
		}
		s.post(func() { s.partReady(p) })
	}
	var list []net.Listener
	for _, l := range p.listeners {
		list = append(list, l)
	}
	go func() {
		err := p.Server.Serve(ctx, list...)
		s.post(func() { s.partEnded(p, err) })
	}()
}

func (s *Single) partReady(p *part) {
	if p.state == control.WorkerStarting && s.state != control.Draining {
		p.state = control.WorkerReady
	}
	for _, one := range s.parts {
		if one.state != control.WorkerReady {
			return
		}
	}
	s.showStates()
	s.allReady()
}

// allReady is the end of a start, and of a reload.
func (s *Single) allReady() {
	if !s.ready && s.conf.Ready != nil {
		if err := s.conf.Ready(); err != nil {
			s.fail(err)
			return
		}
	}
	former := s.conf.Former
	first := !s.ready
	s.ready, s.state = true, control.Running
	switch {
	case s.change != nil:
		s.reloaded(s.change.began)
	case first && former != nil:
		if former.again {
			s.queued = append(s.queued, nil)
		}
		s.closeFormer()
		s.outcomeOf(former)
	}
	s.notify()
	s.takeQueued()
}

// partEnded acts on the end of a server.
func (s *Single) partEnded(p *part, err error) {
	p.over = true
	switch {
	case s.state == control.Draining:
		s.ends = append(s.ends, err)
	case !s.handing && err == nil:
		s.fail(fmt.Errorf("server %s: ended by itself", p.Server.Group.Name))
	case !s.handing:
		s.fail(err)
	case service.ExitCode(err) == service.ExitError:
		s.log.Error("a server ended", "server", p.Server.Group.Name, "error", err)
	}
	for _, one := range s.parts {
		if !one.over {
			return
		}
	}
	s.closeParts()
}

// closeParts ends the applications, in a goroutine that ends with them.
func (s *Single) closeParts() {
	s.cancel()
	s.closing = true
	parts := s.parts
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), hooksTime)
		defer cancel()
		for _, p := range parts {
			if p.Close == nil {
				continue
			}
			if err := p.Close(ctx); err != nil {
				s.log.Error("closing the application", "server", p.Server.Group.Name, "error", err)
			}
		}
		s.post(s.closed)
	}()
}

// closed is when nothing of a plan is left.
func (s *Single) closed() {
	s.closing = false
	if s.goingBack != nil && s.state != control.Draining {
		s.goBack(s.goingBack)
		s.fail(errors.New(strings.Join(s.goingBack, "\n")))
	}
	if !s.handing || s.cutting || s.failed != nil {
		s.state = control.Stopped
		return
	}
	s.renew()
}

// fail ends the program because of something that cannot be mended.
func (s *Single) fail(err error) {
	if s.failed == nil {
		s.failed = err
	}
	s.log.Error("giving up", "error", err)
	s.drain()
}

// post has the loop do something; it reports whether the loop still runs.
func (s *Single) post(do func()) bool {
	select {
	case s.events <- do:
		return true
	case <-s.finished:
		return false
	}
}

// call has the loop do something and waits for it.
func (s *Single) call(do func()) bool {
	done := make(chan struct{})
	if !s.post(func() { do(); close(done) }) {
		return false
	}
	<-done
	return true
}
