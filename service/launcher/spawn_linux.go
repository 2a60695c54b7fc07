package launcher

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// workerVariable tells a process that it is a worker, and which descriptor its
// channel is.
const workerVariable = "WHEATPASTE_WORKER"

// The descriptors of a worker when it begins.
const (
	channelFD    = 3
	executableFD = 4
)

// program is the executable that workers are made of: an open descriptor, so
// that a file which is replaced on the disk changes nothing until an upgrade.
type program struct {
	fd   int
	path string // where there is no /proc
	args []string
	env  []string
}

func openProgram() (*program, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1
	}
	return &program{fd: fd, path: path, args: os.Args, env: os.Environ()}, nil
}

func (p *program) close() {
	if p.fd >= 0 {
		_ = unix.Close(p.fd)
	}
}

// start executes the program as a worker. The descriptors go by number, because
// os.File.Fd may make a description that others share block.
func (p *program) start(channel, stderr int, env []string, g *service.Group) (pid int, err error) {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("open", err)
	}
	defer func() { _ = unix.Close(null) }()
	path, files := p.path, []uintptr{uintptr(null), 1, uintptr(stderr), uintptr(channel)}
	if p.fd >= 0 {
		files = append(files, uintptr(p.fd))
		path = "/proc/self/fd/" + strconv.Itoa(executableFD)
	}
	attr := &syscall.ProcAttr{Env: env, Files: files, Sys: &syscall.SysProcAttr{Setpgid: true}} // see joinGroup
	id, err := g.Identity()
	if err != nil {
		return 0, err
	}
	confined := id.Confined(func() { pid, err = syscall.ForkExec(path, p.args, attr) }) //nolint:gosec // the same program as now
	err = errors.Join(confined, err)
	if err != nil {
		return 0, fmt.Errorf("start %s as a worker: %w", p.path, err)
	}
	return pid, nil
}

// share divides what a worker may use of the machine: its cores and its memory.
type share struct {
	procs  int
	memory int64 // bytes; 0 for no limit
}

// environment is that of a worker: the master's, without what systemd tells the
// master alone (SD-03), and with its share.
func (p *program) environment(s share) []string {
	env := make([]string, 0, len(p.env)+4)
	traceback := false
	for _, v := range p.env {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID",
			"GOMAXPROCS", workerVariable:
			continue
		case "GOMEMLIMIT":
			if s.memory > 0 {
				continue
			}
		case "GOTRACEBACK":
			traceback = true
		}
		env = append(env, v)
	}
	env = append(env, workerVariable+"="+strconv.Itoa(channelFD), "GOMAXPROCS="+strconv.Itoa(s.procs))
	if s.memory > 0 {
		env = append(env, "GOMEMLIMIT="+strconv.FormatInt(s.memory, 10))
	}
	if !traceback {
		env = append(env, "GOTRACEBACK=all") // the stacks of a worker that hangs
	}
	return env
}

// handOver is what a new worker gets.
type handOver struct {
	server           string
	slot, generation int
	region           *scoreboard.Region
	board            int
	snapshot         int
	sockets          []*service.Socket
}

// give sends a worker all that it needs.
func (h *handOver) give(c *channel) error {
	if err := sendSockets(c, typeListen, h.sockets); err != nil {
		return err
	}
	return c.send(&message{
		Type: typeStart, Server: h.server, Slot: h.slot, Generation: h.generation, Region: h.region.Index(),
	}, h.board, h.snapshot, 2)
}

// sendSockets sends listening sockets, as many to a packet as fit.
func sendSockets(c *channel, kind string, sockets []*service.Socket) error {
	for len(sockets) > 0 {
		n := min(len(sockets), maxDescriptors)
		m, fds := &message{Type: kind}, []int{}
		for _, s := range sockets[:n] {
			m.Keys, m.Foreign, fds = append(m.Keys, s.Key()), append(m.Foreign, s.Foreign()), append(fds, s.FD())
		}
		if err := c.send(m, fds...); err != nil {
			return err
		}
		sockets = sockets[n:]
	}
	return nil
}

// newMemory makes a file in memory with a content, for all workers of a
// generation to read.
func newMemory(name string, content []byte) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	for off := 0; off < len(content); {
		n, err := unix.Pwrite(fd, content[off:], int64(off))
		if err != nil {
			_ = unix.Close(fd)
			return -1, os.NewSyscallError("pwrite", err)
		}
		off += n
	}
	// Nobody may change it, however a worker goes wrong.
	_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE|unix.F_SEAL_SEAL)
	if err != nil && !errors.Is(err, unix.EINVAL) {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("fcntl", err)
	}
	return fd, nil
}

// readMemory reads all of it. Every reader has its own place in it.
func readMemory(fd int) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	data := make([]byte, st.Size)
	for off := 0; off < len(data); {
		n, err := unix.Pread(fd, data[off:], int64(off))
		if err != nil {
			return nil, os.NewSyscallError("pread", err)
		}
		if n == 0 {
			return data[:off], nil
		}
		off += n
	}
	return data, nil
}
