package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

const (
	// probeVariable tells a program that it is only asked whether it could go
	// on.
	probeVariable = "WHEATPASTE_PROBE"
	// probeTime is what it has for that.
	probeTime = 30 * time.Second
	// maxProblems bounds what is kept of a probe's errors.
	maxProblems = 50
)

// Probing reports whether this process only rehearses, for a master that wants
// to be upgraded to its program.
func Probing() bool { return os.Getenv(probeVariable) != "" }

// ProbeState reads the state of the master that asks: a program that cannot must
// not be executed in its place.
func ProbeState() error {
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
		m.answer([]chan control.Reload{answer}, control.Reload{
			Time: time.Now(), Result: control.Rejected, Errors: []string{"the server is " + m.state + ", want it Running"},
		})
		return
	}
	m.log.Info("upgrading", "reason", why, "program", m.program.path)
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	c := &change{answers: []chan control.Reload{answer}, cancel: cancel}
	m.change, m.state = c, control.Reloading
	m.notify()
	text, err := m.encode(nil)
	if err != nil {
		m.endChange(control.Rejected, errorLines(err))
		return
	}
	go func() {
		err := m.program.probe(ctx, text)
		m.post(func() { m.probed(c, err) })
	}()
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
func (p *program) probe(ctx context.Context, state []byte) error {
	fd, err := newMemory("wheatpaste-probe", state)
	if err != nil {
		return err
	}
	memory := os.NewFile(uintptr(fd), "state")
	defer func() { _ = memory.Close() }()
	c := exec.CommandContext(ctx, p.path, p.args[1:]...) //nolint:gosec // the program's own file
	c.Env = append(p.environment(share{procs: 1}), upgradeVariable+"=3", probeVariable+"=1")
	c.Env = without(c.Env, workerVariable)
	c.ExtraFiles = []*os.File{memory}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // signals to the group are the master's
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("the new program %s is not ready within %v", p.path, probeTime)
	}
	return errors.Join(fmt.Errorf("the new program %s cannot go on: %w", p.path, err), lastLines(string(out)))
}

// lastLines makes an error of what a program wrote.
func lastLines(text string) error {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > maxProblems {
		lines = lines[len(lines)-maxProblems:]
	}
	if text = strings.Join(lines, "\n"); text == "" {
		return nil
	}
	return errors.New(text)
}

func without(env []string, name string) []string {
	var list []string
	for _, v := range env {
		if !strings.HasPrefix(v, name+"=") {
			list = append(list, v)
		}
	}
	return list
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
	return executeState(path, m.program.args, env, append(s.descriptors(), memory))
}

// executeState replaces the program. SIGHUP and SIGINT stay ignored until the
// next one listens (Go's runtime leaves them so); others end it, and then the
// workers drain as after any end of a master.
func executeState(path string, args, env []string, fds []int) error {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT)
	err := keepOpen(fds, func() error { return syscall.Exec(path, args, env) }) //nolint:gosec // the program's own file
	listenSignals()
	return fmt.Errorf("execute %s: %w", path, err)
}
