package launcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/report"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// Exit codes, beside those of package service.
const exitCrashes = 4

// tickTime is how often the loop looks at its clocks.
const tickTime = 100 * time.Millisecond

// generation is a plan with its number, in the memory that workers read.
type generation struct {
	number   int
	plan     *Plan
	snapshot int
	carried  int           // the memory with its description for another program; -1 for none yet
	told     *report.Setup // the description by the program before; nil without one
	workers  int           // that use it; the last one closes it when it is not the current one
}

// Master supervises worker processes. Make it with New.
type Master struct {
	conf    Config
	log     *slog.Logger
	board   *scoreboard.Board
	program *program
	oom     *oomWatch
	signals *signals

	events   chan func()
	finished chan struct{} // closed when the loop has ended
	reports  reports

	// All that follows is the loop's.
	state       string
	current     *generation
	sockets     *service.Sockets
	former      int // the program before an upgrade, until its workers are replaced; else -1
	groups      []*group
	profile     service.SignalProfile // of the plan in force
	workers     map[int]*worker       // by pid, all that live
	change      *change               // the reload that is going on
	queued      []chan control.Reload
	lastReload  *control.Reload
	serving     bool // Ready was called
	exitCode    int
	failed      error
	interrupt   bool      // a SIGINT was had
	cutRequests int       // in the drain
	cutting     bool      // a fast stop
	settling    *settling // the end of a reload, nil without
	closeAt     time.Time // when the sockets are closed, in a drain
	lastTick    time.Time
	trustFrom   time.Time // before, a heartbeat that is missed means nothing
	nextMemory  time.Time

	certificates *service.CertificateWatch // of the plan in force
	nextLook     time.Time
}

// New makes a master. Its board must be one that workers can share.
func New(conf Config) (*Master, error) {
	if conf.Log == nil {
		conf.Log = slog.Default()
	}
	if conf.Stderr == nil {
		conf.Stderr = os.Stderr
	}
	p, err := openProgram()
	if err != nil {
		return nil, err
	}
	return &Master{
		conf: conf, log: conf.Log, board: conf.Board, program: p, oom: newOOMWatch(),
		events: make(chan func()), finished: make(chan struct{}),
		state: control.Starting, workers: map[int]*worker{}, sockets: &service.Sockets{}, former: -1,
	}, nil
}

// Run serves a plan until a signal or Stop ends it, and gives the exit code of
// the program. The error is what kept it from serving, or what ended it. Signals
// stay handled when it has returned: one that comes late is as harmless as those
// before it (SIG-14).
func (m *Master) Run(ctx context.Context, plan *Plan) (int, error) {
	defer m.program.close()
	defer m.reports.wait()
	defer close(m.finished)
	m.signals = listenSignals()
	if err := m.beginOrResume(ctx, plan); err != nil {
		return service.ExitError, err
	}
	tick := time.NewTicker(tickTime)
	defer tick.Stop()
	done := ctx.Done()
	for m.state != control.Stopped {
		select {
		case do := <-m.events:
			do()
		case s := <-m.signals.c:
			m.signal(s)
		case <-tick.C:
			m.clocks(time.Now())
		case <-done:
			done = nil
			m.stop("the context ended")
		}
	}
	m.end()
	if m.failed == nil && m.cutRequests > 0 {
		return service.ExitCut, m.cutError()
	}
	return m.exitCode, m.failed
}

func (m *Master) cutError() error {
	why := "graceful_shutdown_timeout"
	if m.cutting {
		why = "stop"
	}
	return &service.CutError{Requests: m.cutRequests, Why: why}
}

func (m *Master) beginOrResume(ctx context.Context, plan *Plan) error {
	if h := m.conf.Upgraded; h != nil {
		return m.resume(plan, h)
	}
	return m.begin(ctx, plan)
}

// begin opens the sockets and starts the first generation.
func (m *Master) begin(ctx context.Context, plan *Plan) error {
	gen, err := m.newGeneration(plan)
	if err != nil {
		return err
	}
	change, err := m.sockets.Prepare(ctx, wants(plan.Groups))
	if err != nil {
		return err
	}
	change.Commit()
	m.current = gen
	for _, g := range plan.Groups {
		m.groups = append(m.groups, newGroup(g))
	}
	m.loaded(plan)
	for _, g := range m.groups {
		for _, s := range g.slots {
			m.fill(g, s)
		}
	}
	return nil
}

func (m *Master) newGeneration(plan *Plan) (*generation, error) {
	fd, err := newMemory("wheatpaste-generation", plan.Snapshot)
	if err != nil {
		return nil, err
	}
	n := 1
	if m.current != nil {
		n = m.current.number + 1
	}
	return &generation{number: n, plan: plan, snapshot: fd, carried: -1}, nil
}

// release closes a generation that nobody needs any more.
func (m *Master) release(g *generation) {
	if g.workers == 0 && g != m.current && (m.change == nil || m.change.gen != g) && g.snapshot >= 0 {
		_ = unix.Close(g.snapshot)
		closeFD(g.carried)
		g.snapshot, g.carried = -1, -1
	}
}

func (m *Master) loaded(plan *Plan) {
	m.profile = profileOf(plan.Groups)
	m.watchCertificates(plan)
	if m.conf.Loaded != nil {
		m.conf.Loaded(plan)
	}
}

// wants are the sockets of groups.
func wants(groups []*service.Group) []service.Want {
	var list []service.Want
	for _, g := range groups {
		list = append(list, service.Want{Group: g, Slots: slotsOf(g)})
	}
	return list
}

// slotsOf is the number of workers of a group; its plan has none of 0 and auto.
func slotsOf(g *service.Group) int { return max(1, int(g.Workers)) }

// post has the loop do something; it reports whether the loop still runs.
func (m *Master) post(do func()) bool {
	select {
	case m.events <- do:
		return true
	case <-m.finished:
		return false
	}
}

// call has the loop do something and waits for it.
func (m *Master) call(do func()) bool {
	done := make(chan struct{})
	if !m.post(func() { do(); close(done) }) {
		return false
	}
	<-done
	return true
}

// end closes what the master holds.
func (m *Master) end() {
	m.closeSockets()
	if m.current != nil {
		m.current.workers = 0
		g := m.current
		m.current = nil
		m.release(g)
	}
	m.answer(m.queued, control.Reload{Time: time.Now(), Result: control.Rejected, Errors: []string{"the server stops"}})
	m.log.Info("stopped", "cut", m.cutRequests)
}

// giveUp ends the program because of something that cannot be mended.
func (m *Master) giveUp(code int, err error) {
	if m.failed == nil {
		m.failed, m.exitCode = err, code
	}
	m.log.Error("giving up", "error", err)
	m.drainAll()
}

// errNothingServes is for a group that never had a ready worker.
func errNothingServes(g *group) error {
	text := fmt.Sprintf("server %s: no worker could start", g.Name)
	if g.lastFailure != "" {
		text += ": " + g.lastFailure
	}
	return errors.New(text)
}

// errCrashes is for one whose workers end again and again.
func errCrashes(g *group) error {
	return fmt.Errorf("server %s: %d workers in a row ended by themselves, and none is ready", g.Name, g.crashes.row)
}

// addresses are those that are served.
func (m *Master) addresses() map[string]bool {
	shown := map[string]bool{}
	for _, s := range m.sockets.All() {
		shown[s.Display()] = true
	}
	return shown
}
