//go:build unix

package launcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wheatpaste/wheatpaste/service"
)

const (
	// probeVariable tells a program that it is only asked whether it could go
	// on, and on which descriptor it answers.
	probeVariable = "WHEATPASTE_PROBE"
	// probeTime is the most that it has for that.
	probeTime = 30 * time.Second
	// probeAnswer begins the answer: a program that knows nothing of probes may
	// end well, too.
	probeAnswer = "ready\n"
	// maxProblems bounds what is kept of a probe's errors.
	maxProblems = 50
)

// Probing reports whether this process only rehearses, for a server that wants
// to be upgraded to its program.
func Probing() bool { return os.Getenv(probeVariable) != "" }

// ProbeState reads the state of the server that asks: a program that cannot must
// not be executed in its place. It reports whether one process serves there,
// without workers.
func ProbeState() (single bool, err error) {
	if text, ok := os.LookupEnv(singleVariable); ok {
		_, err := readHandDown(text)
		return true, err
	}
	return false, probeMaster()
}

// ProbeReady answers a probe. The snapshot is what the program would serve.
func ProbeReady(snapshot []byte) error {
	fd, err := strconv.Atoi(os.Getenv(probeVariable))
	if err != nil || fd < firstFD {
		return fmt.Errorf("%s is set by a server for itself, want it unset", probeVariable)
	}
	f := os.NewFile(uintptr(fd), "answer")
	_, err = f.Write(append([]byte(probeAnswer), snapshot...))
	return errors.Join(err, f.Close())
}

// probeLimit is the longest start_timeout, and no more than probeTime.
func probeLimit(groups []*service.Group) time.Duration {
	limit := time.Duration(0)
	for _, g := range groups {
		if g.StartTimeout <= 0 {
			return probeTime
		}
		limit = max(limit, g.StartTimeout)
	}
	if limit == 0 {
		return probeTime
	}
	return min(limit, probeTime)
}

// probe is a run of a program that is asked whether it could go on.
type probe struct {
	path  string
	args  []string // without the first
	env   []string
	state *os.File // its descriptor 3; nil for none
	limit time.Duration
}

// run gives the snapshot of what the program would serve, or what it complains
// about.
func (p *probe) run(ctx context.Context) (snapshot []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = from.Close() }() // only read
	out, err := p.start(ctx, to)
	answered := make(chan []byte, 1)
	if err == nil {
		go func() { data, _ := io.ReadAll(from); answered <- data }() // it ends with the process, or its limit
		err = out.cmd.Wait()
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("the new program %s is not ready within %v", p.path, p.limit)
	case err != nil:
		return nil, errors.Join(fmt.Errorf("the new program %s cannot go on: %w", p.path, err), lastLines(out.text()))
	}
	_ = from.SetReadDeadline(time.Now().Add(time.Second)) // somebody else may hold it open
	answer, ok := bytes.CutPrefix(<-answered, []byte(probeAnswer))
	if !ok {
		return nil, errors.Join(fmt.Errorf("the new program %s cannot go on: it ended without an answer, want a wheatpaste that can be upgraded to", p.path), lastLines(out.text()))
	}
	return answer, nil
}

// probed is a program that runs.
type probed struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

func (p *probed) text() string { return p.out.String() }

// start closes the write end of the answer here.
func (p *probe) start(ctx context.Context, answer *os.File) (*probed, error) {
	defer func() { _ = answer.Close() }()            // the process has it
	c := exec.CommandContext(ctx, p.path, p.args...) //nolint:gosec // the program's own file
	run := &probed{cmd: c}
	c.Stdout, c.Stderr = &run.out, &run.out
	state := p.state
	if state == nil {
		state = answer // a place holder: the answer is descriptor 4
	}
	c.ExtraFiles = []*os.File{state, answer}
	c.Env = append(slices.Clone(p.env), probeVariable+"="+strconv.Itoa(firstFD+1))
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // signals to the group are the server's
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	return run, c.Start()
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
