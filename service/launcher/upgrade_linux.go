package launcher

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/service"
)

// probeMaster reads the state of a master for a probe.
func probeMaster() error {
	_, err := readState(os.Getenv(upgradeVariable))
	return err
}

// Upgrade executes the program's file on disk in place of this one, and replaces
// the workers; it waits for the outcome, if the process lives on as it is.
func (m *Master) Upgrade(ctx context.Context) control.Reload {
	return m.ask(ctx, func(answer chan control.Reload) { m.upgrade("control", answer) })
}

// upgrade begins with the probe (design.md 6): nothing is touched before the new
// program has shown that it can read the state and the files.
func (m *Master) upgrade(why string, answer chan control.Reload) {
	if m.state != control.Running {
		problem := "the server is " + m.state + ", want it Running"
		m.log.Warn("the upgrade is refused", "reason", why, "error", problem)
		m.answer([]chan control.Reload{answer}, control.Reload{Time: time.Now(), Result: control.Rejected, Errors: []string{problem}})
		return
	}
	m.log.Info("upgrading", "reason", why, "program", m.program.path)
	ctx, cancel := context.WithCancel(context.Background())
	c := &change{answers: []chan control.Reload{answer}, cancel: cancel}
	m.change, m.state = c, control.Reloading
	m.notify()
	text, err := m.encode(nil)
	if err != nil {
		m.endChange(control.Rejected, errorLines(err))
		return
	}
	limit := probeLimit(m.serviceGroups())
	go func() {
		err := m.program.probe(ctx, text, limit)
		m.post(func() { m.probed(c, err) })
	}()
}

func (m *Master) serviceGroups() []*service.Group {
	var list []*service.Group
	for _, g := range m.groups {
		list = append(list, g.Group)
	}
	return list
}

// encode writes the state.
func (m *Master) encode(problems []string) ([]byte, error) {
	s, err := m.save()
	if err != nil {
		return nil, err
	}
	s.Back, s.Problems = problems != nil, problems
	return json.Marshal(s)
}

// probe runs the program's file and gives what it complains about.
func (p *program) probe(ctx context.Context, state []byte, limit time.Duration) error {
	fd, err := newMemory("wheatpaste-probe", state)
	if err != nil {
		return err
	}
	memory := os.NewFile(uintptr(fd), "state")
	defer func() { _ = memory.Close() }()
	env := without(p.environment(share{procs: 1}), workerVariable)
	run := &probe{path: p.path, args: p.args[1:], env: append(env, upgradeVariable+"="+strconv.Itoa(firstFD)), state: memory, limit: limit}
	_, err = run.run(ctx)
	return err
}

// probed goes on with an upgrade: it does not return when all is well.
func (m *Master) probed(c *change, err error) {
	if m.change != c {
		return // canceled
	}
	if err == nil {
		err = m.become(m.program.path, nil)
	}
	m.endChange(control.Rejected, errorLines(err))
}

// become executes another program in this process, with all that the master
// has. It returns when that cannot be done, and has changed nothing then.
func (m *Master) become(path string, problems []string) error {
	m.deafen()
	err := m.execute(path, problems)
	for _, w := range m.workers { // it goes on here
		w.heard = make(chan struct{})
		w.output.resume()
		_ = w.channel.conn.SetReadDeadline(time.Time{})
		go m.listen(w)
	}
	return err
}

// deafen stops the goroutines that read from workers: what they have read is
// acted upon, the rest stays in the sockets for the next program.
func (m *Master) deafen() {
	for _, w := range m.workers {
		_ = w.channel.conn.SetReadDeadline(time.Unix(1, 0))
		m.actUntil(w.heard)
		w.output.pause()
	}
}

func (m *Master) execute(path string, problems []string) error {
	m.carrySetups()
	text, err := m.encode(problems)
	if err != nil {
		return err
	}
	memory, err := newMemory("wheatpaste-state", text)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(memory) }()
	s := &state{}
	if err := json.Unmarshal(text, s); err != nil {
		return err
	}
	env := append(without(os.Environ(), upgradeVariable), m.conf.KeepEnv...)
	env = append(env, upgradeVariable+"="+strconv.Itoa(memory))
	err = executeState(path, m.program.args, env, append(s.descriptors(), memory))
	m.signals.listen()
	return err
}

// executeState replaces the program. The signals that ask for something, and
// SIGINT, stay ignored until the next one listens: the runtime of Go leaves SIGHUP
// and SIGINT so, and lets the others do nothing. SIGTERM ends it, and then the
// workers drain as after any end of a master. It returns when that cannot be
// done; the signals are to be listened for again then.
func executeState(path string, args, env []string, fds []int) error {
	signal.Ignore(append(asking(), syscall.SIGINT)...)
	err := keepOpen(fds, func() error { return syscall.Exec(path, args, env) }) //nolint:gosec // the program's own file
	return fmt.Errorf("execute %s: %w", path, err)
}
