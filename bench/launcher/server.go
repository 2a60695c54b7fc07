package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// probePrefix begins the names of the sockets on which each of our processes
// says how many goroutines it has.
var probePrefix = "wheatpaste-soak-" + strconv.Itoa(os.Getpid()) + "-"

// pasteFile is what is served: metrics and health beside the application, which
// stands behind filters as an API does.
var pasteFile = template.Must(template.New("paste").Parse(`[composite:main]
use = egg:Paste#urlmap
/v1 = api
/metrics = metrics
/healthcheck = health

[pipeline:api]
pipeline = request_id catch_errors sizelimit load

[filter:request_id]
use = egg:oslo.middleware#request_id

[filter:catch_errors]
use = egg:oslo.middleware#catch_errors

[filter:sizelimit]
use = egg:oslo.middleware#sizelimit

[app:load]
use = egg:wheatpaste-soak#load

[app:metrics]
use = egg:wheatpaste#metrics

[app:health]
use = egg:oslo.middleware#healthcheck

[server:main]
use = egg:wheatpaste#http
listen = {{.Addr}}
h2c = true
access_log = off
{{range .Options}}{{.}}
{{end}}`))

// server is a running testserver, the leader of a process group.
type server struct {
	b       *bench
	addr    string
	file    string
	logPath string
	control *control.Client
	cmd     *exec.Cmd
	exited  chan struct{} // closed when the master has been waited for
	ended   time.Time
}

// start serves with these options of the server section, and returns when
// requests are answered. An address that is empty is a free one.
func (b *bench) start(addr string, options ...string) (*server, error) {
	b.started++
	base := filepath.Join(b.dir, strconv.Itoa(b.started))
	if addr == "" {
		free, err := freeAddress()
		if err != nil {
			return nil, err
		}
		addr = free
	}
	var text bytes.Buffer
	if err := pasteFile.Execute(&text, map[string]any{"Addr": addr, "Options": options}); err != nil {
		return nil, err
	}
	s := &server{b: b, addr: addr, file: base + ".ini", logPath: base + ".log", exited: make(chan struct{})}
	s.control = control.NewClient(base + ".sock")
	if err := os.WriteFile(s.file, text.Bytes(), 0o600); err != nil {
		return nil, err
	}
	if err := s.launch(); err != nil {
		return nil, err
	}
	return s, s.awaitServing()
}

func (s *server) launch() error {
	log, err := os.Create(s.logPath)
	if err != nil {
		return err
	}
	defer log.Close()                                                                // the processes have it
	s.cmd = exec.Command(s.b.binary, "serve", s.file, "--control", s.control.Path()) //nolint:gosec,noctx // ends in kill
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = ownGroup()
	s.cmd.Env = append(os.Environ(), "WHEATPASTE_SOAK_PROBE="+probePrefix)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.b.servers = append(s.b.servers, s)
	go func() {
		s.cmd.Wait() //nolint:errcheck // the state says it
		s.ended = time.Now()
		close(s.exited)
	}()
	return nil
}

func (s *server) awaitServing() error {
	err := s.b.until("the server is ready", 30*time.Second, func() bool {
		return strings.Contains(s.log(), "msg=serving server=") || s.hasExited()
	})
	if err == nil && s.hasExited() {
		err = errors.New("the server ended at once")
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, s.tail())
	}
	return nil
}

func (s *server) pid() int { return s.cmd.Process.Pid }

func (s *server) hasExited() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// log is all that master and workers have logged.
func (s *server) log() string {
	text, err := os.ReadFile(s.logPath)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// tail is the end of the log.
func (s *server) tail() string {
	lines := strings.Split(strings.TrimSpace(s.log()), "\n")
	return "log: " + strings.Join(lines[max(0, len(lines)-10):], "\nlog: ")
}

// verb runs a verb of the command line, as an operator does.
func (s *server) verb(name string, args ...string) error {
	args = append([]string{name, "--control", s.control.Path()}, args...)
	out, err := exec.CommandContext(s.b.ctx, s.b.binary, args...).CombinedOutput() //nolint:gosec // our own binary
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// ready are the workers of a status that answer requests.
func ready(status control.Status) []control.Worker {
	var list []control.Worker
	for _, w := range status.Workers {
		if w.State == control.WorkerReady {
			list = append(list, w)
		}
	}
	return list
}

// toGroup signals the master and all that it has started.
func (s *server) toGroup(sig syscall.Signal) error { return sendSignal(-s.pid(), sig) }

// toMaster signals the master alone.
func (s *server) toMaster(sig syscall.Signal) error { return sendSignal(s.pid(), sig) }

// exit waits for the master's end and returns its code.
func (s *server) exit(limit time.Duration) (int, error) {
	wait := time.NewTimer(limit)
	defer wait.Stop()
	select {
	case <-s.exited:
		return s.cmd.ProcessState.ExitCode(), nil
	case <-wait.C:
		return 0, fmt.Errorf("the master still lives after %s\n%s", limit, s.tail())
	}
}

// nothingLeft wants all processes gone and the port free.
func (s *server) nothingLeft(limit time.Duration) error {
	return s.b.until("no process left of "+strconv.Itoa(s.pid()), limit, func() bool {
		return sendSignal(-s.pid(), 0) != nil
	})
}

// kill ends what is left.
func (s *server) kill() {
	sendSignal(-s.pid(), syscall.SIGKILL) //nolint:errcheck // nobody may be left
	<-s.exited
}
