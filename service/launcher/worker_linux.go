package launcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/report"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// beatTime is how often a worker shows that it lives.
const beatTime = 500 * time.Millisecond

// Worker is this process, when a master has started it.
type Worker struct {
	Server     string // the group that it serves
	Slot       int
	Generation int
	Snapshot   []byte
	Region     *scoreboard.Region
	Stderr     *os.File // where the log goes: standard error is for panics
	// Errors are the last ones of the log, for reports; it is set before Serve.
	Errors atomic.Pointer[report.Ring]

	profiling atomic.Bool

	channel *channel
	server  *service.Server
	reopen  func() error

	ctx  context.Context // ends with the order to drain, and with the master
	stop context.CancelFunc

	mu        sync.Mutex
	listeners map[string]net.Listener
	began     bool // the server has the listeners

	certificates []byte // that came before the server began

	orphan bool // the master is dead
}

// Inherit reads what the master gives to this process; it gives nil in a
// process that no master has started. It may be called once.
func Inherit() (*Worker, error) {
	text, ok := os.LookupEnv(workerVariable)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(workerVariable) // it is not for programs that an application starts
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s=%q is set by a master for its workers, want it unset", workerVariable, text)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil, fmt.Errorf("%s=%q is no socket; it is set by a master for its workers, want it unset", workerVariable, text)
	}
	unix.CloseOnExec(fd)
	unix.CloseOnExec(executableFD)
	leaveSignals()
	joinGroup()
	setName(filepath.Base(os.Args[0]))
	w := &Worker{listeners: map[string]net.Listener{}}
	if w.channel, err = newChannel(fd); err != nil {
		return nil, err
	}
	w.ctx, w.stop = context.WithCancel(context.Background())
	if err := w.take(); err != nil {
		return w, err
	}
	go w.obey() // ends with the channel, as the process does
	return w, nil
}

// Context ends when the worker has to end, also before it serves.
func (w *Worker) Context() context.Context { return w.ctx }

// setName is how ps and top call the process: else by the number of the
// descriptor that it was executed from.
func setName(name string) {
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0) // without /proc the name is right already
}

// leaveSignals leaves to the master what is sent to all of the process group, and
// goes on writing when nobody reads (SIG-14, design.md 6). They are not ignored:
// programs that an application starts would inherit that.
func leaveSignals() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGTERM)
}

// joinGroup takes the process into its master's group. It began in one of its
// own, because a signal to the group would have ended it before leaveSignals.
func joinGroup() {
	if pgid, err := unix.Getpgid(os.Getppid()); err == nil {
		_ = unix.Setpgid(0, pgid) // a master that is dead has none
	}
}

// take receives the listeners and the rest.
func (w *Worker) take() error {
	for {
		m, fds, err := w.channel.receive()
		if err != nil {
			return fmt.Errorf("waiting for the master: %w", err)
		}
		switch m.Type {
		case typeListen, typeAdopt:
			err = w.listen(m, fds)
		case typeStart:
			return w.begin(m, fds)
		}
		if err != nil {
			return err
		}
	}
}

func (w *Worker) begin(m *message, fds []int) error {
	if len(fds) != 3 {
		closeAll(fds)
		return fmt.Errorf("%d descriptors from the master, want 3", len(fds))
	}
	w.Server, w.Slot, w.Generation = m.Server, m.Slot, m.Generation
	w.Stderr = os.NewFile(uintptr(fds[2]), "stderr")
	board, err := scoreboard.Open(fds[0])
	if err != nil {
		return err
	}
	if w.Region, err = board.Region(m.Region); err != nil {
		return err
	}
	w.Snapshot, err = readMemory(fds[1])
	_ = unix.Close(fds[1])
	return err
}

// listen makes listeners of sockets, or gives them to the server that runs.
func (w *Worker) listen(m *message, fds []int) error {
	if len(m.Keys) != len(fds) || len(m.Foreign) != len(fds) {
		closeAll(fds)
		return fmt.Errorf("%d sockets for %d names from the master", len(fds), len(m.Keys))
	}
	var errs []error
	for i, key := range m.Keys {
		from := service.FromFD
		if m.Foreign[i] {
			from = service.FromForeignFD
		}
		l, err := from(fds[i])
		if err == nil {
			err = w.add(key, l)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (w *Worker) add(key string, l net.Listener) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners[key] = l
	if !w.began {
		return nil
	}
	return w.server.Add(l)
}

// Serve serves until the master, or its death, ends it. The error is for
// [service.ExitCode]. Reopen opens the log files of the process anew.
func (w *Worker) Serve(s *service.Server, reopen func() error) error {
	s.Region, s.Quiet, s.Supervised = w.Region, true, true // the master says where it serves, and what is new
	s.Ready = func() { w.say(&message{Type: typeReady}) }
	s.Left = func() { w.say(&message{Type: typeLeft}) }
	s.OnLimit = func(reason string) { w.say(&message{Type: typeRecycle, Text: reason}) }
	listeners, ok := w.start(s, reopen)
	if !ok { // the others go on with the sockets
		for _, l := range listeners {
			_ = l.Close()
		}
		return w.end(nil)
	}
	finished := make(chan struct{})
	var owned sync.WaitGroup
	owned.Go(func() { w.beat(finished) })
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM) // before the master hears that the worker is ready
	owned.Go(func() { w.watchSignals(terms, finished) })
	err := s.Serve(w.ctx, listeners...)
	close(finished)
	owned.Wait()
	return w.end(err)
}

// start hands the listeners to the server; those that come later are added. It
// fails when the order to end was here first.
func (w *Worker) start(s *service.Server, reopen func() error) ([]net.Listener, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := slices.Collect(maps.Values(w.listeners))
	if w.ctx.Err() != nil {
		return list, false
	}
	w.server, w.reopen, w.began = s, reopen, true
	if w.certificates != nil {
		if err := s.SetCertificates(w.certificates); err != nil {
			fmt.Fprintf(w.Stderr, "worker %d of server %s: %v\n", w.Slot, w.Server, err)
		}
	}
	return list, true
}

// takeCertificates serves with those that the master has found to be new.
func (w *Worker) takeCertificates(fds []int) error {
	defer closeAll(fds)
	if len(fds) != 1 {
		return fmt.Errorf("%d descriptors with certificates from the master, want 1", len(fds))
	}
	data, err := readMemory(fds[0])
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server == nil {
		w.certificates = data // for when it begins
		return nil
	}
	return w.server.SetCertificates(data)
}

// end tells the master that all is answered.
func (w *Worker) end(err error) error {
	done := &message{Type: typeDone}
	if cut, ok := errors.AsType[*service.CutError](err); ok {
		done.Cut = cut.Requests
	}
	w.say(done)
	if w.orphaned() && err == nil {
		return ErrOrphan
	}
	return err
}

// ErrOrphan says that the worker ended because its master was dead; the exit
// code is 1 (SIG-16).
var ErrOrphan = errors.New("the master is gone")

// obey does what the master says, until the channel ends.
func (w *Worker) obey() {
	for {
		m, fds, err := w.channel.receive()
		if err != nil {
			w.orphanedNow(err)
			w.stop()
			return
		}
		switch m.Type {
		case typeListen, typeAdopt:
			err = w.listen(m, fds)
		case typeReopen:
			err = w.reopenLogs()
		case typeCertificates:
			err = w.takeCertificates(fds)
		case typeReport:
			w.report(m.ID)
		case typeProfile:
			w.profile(m)
		default:
			w.order(m)
		}
		if err != nil {
			fmt.Fprintf(w.Stderr, "worker %d of server %s: %v\n", w.Slot, w.Server, err)
		}
	}
}

// order is an order to end.
func (w *Worker) order(m *message) {
	w.mu.Lock()
	server := w.server
	var ending []net.Listener
	for _, key := range m.Keys {
		if l := w.listeners[key]; l != nil {
			ending = append(ending, l)
		}
	}
	if server == nil {
		w.stop() // before Serve could begin
	}
	w.mu.Unlock()
	switch {
	case server == nil:
	case m.Type == typeCut:
		server.Cut()
	case m.Type == typeDrain && m.Handover:
		server.Handover(ending...)
	case m.Type == typeDrain:
		w.stop()
	}
}

func (w *Worker) reopenLogs() error {
	w.mu.Lock()
	reopen := w.reopen
	w.mu.Unlock()
	if reopen == nil {
		return nil
	}
	return reopen()
}

func (w *Worker) orphanedNow(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.orphan = errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

func (w *Worker) orphaned() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.orphan
}

func (w *Worker) say(m *message) { _ = w.channel.send(m) } // without a master nobody hears it

// Fail tells the master why this process cannot start.
func (w *Worker) Fail(text string) { w.say(&message{Type: typeFailed, Text: text}) }

// beat shows that the process lives: its goroutines run, and its accept loops
// are not stuck.
func (w *Worker) beat(finished <-chan struct{}) {
	tick := time.NewTicker(beatTime)
	defer tick.Stop()
	for {
		if w.server.Moving() {
			w.Region.Process().BeatNow()
		}
		select {
		case <-tick.C:
		case <-finished:
			return
		}
	}
}

// watchSignals tells the master of a SIGTERM to this process: the master knows
// whether it came to all of the process group.
func (w *Worker) watchSignals(c chan os.Signal, finished <-chan struct{}) {
	defer signal.Stop(c)
	for {
		select {
		case <-c:
			w.say(&message{Type: typeSignal})
		case <-finished:
			return // what is left to do is done
		}
	}
}
