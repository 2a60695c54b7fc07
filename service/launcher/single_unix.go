//go:build unix

package launcher

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/service"
)

// firstFD is the lowest number of a copy: below stand the standard files.
const firstFD = 3

// descriptor runs f on the descriptor of a listener, never through os.File.Fd,
// which may put it into blocking mode.
func descriptor(l net.Listener, f func(fd int) error) error {
	sc, ok := l.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// copy makes a listener for a server. Closing it leaves the socket open.
func (k *keptSocket) copy() (net.Listener, error) {
	var fd int
	err := descriptor(k.origin, func(n int) (err error) {
		fd, err = unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, firstFD)
		return os.NewSyscallError("fcntl", err)
	})
	if err != nil {
		return nil, err
	}
	if k.addr.Network == "fd" {
		return service.FromForeignFD(fd)
	}
	l, err := listenerOf(fd)
	if u, ok := l.(*net.UnixListener); ok {
		unlink, _ := k.origin.(interface{ Unlink() })
		return &copiedUnix{u, unlink}, nil
	}
	return l, err
}

// listenerOf takes a descriptor over. It stays non-blocking: NewFile notes the
// mode that it finds.
func listenerOf(fd int) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "listener")
	defer func() { _ = f.Close() }() // the listener has a copy
	l, err := net.FileListener(f)
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return l, err
}

// copiedUnix is a copy of a unix socket. A server that stops unlinks the path
// before it empties the queue; one that hands over does not.
type copiedUnix struct {
	*net.UnixListener
	path interface{ Unlink() } // nil when it is not ours
}

// Unlink takes the path away.
func (c *copiedUnix) Unlink() {
	if c.path != nil {
		c.path.Unlink()
	}
}

// inheritedPath is a unix socket that a former self made.
type inheritedPath struct {
	*net.UnixListener
	path string
	once sync.Once
	made pathID
}

// Unlink takes the path away if it is ours still.
func (p *inheritedPath) Unlink() {
	p.once.Do(func() {
		if p.made != (pathID{}) && identify(p.path) == p.made {
			_ = os.Remove(p.path) // at worst the next start finds it stale
		}
	})
}

// Close unlinks the path and closes the socket.
func (p *inheritedPath) Close() error {
	p.Unlink()
	return p.UnixListener.Close()
}

// identify notes what stands at the path of a socket that was made just now.
func (k *keptSocket) identify() pathID {
	if k.addr.Network != "unix" || strings.HasPrefix(k.addr.Addr, "@") {
		return pathID{}
	}
	return identify(k.addr.Addr)
}

// identify gives nothing when there is nothing.
func identify(path string) pathID {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return pathID{}
	}
	return pathID{uint64(st.Dev), uint64(st.Ino)} //nolint:unconvert // the types differ between systems
}

// prime makes a socket listen as a group wants it: a former self may have
// wanted something else.
func (k *keptSocket) prime(g *service.Group) error {
	if k.addr.Network == "fd" {
		return nil
	}
	backlog := g.Backlog
	if backlog <= 0 {
		backlog = math.MaxInt32 // the system takes what it allows
	}
	return descriptor(k.origin, func(fd int) error {
		return os.NewSyscallError("listen", unix.Listen(fd, min(backlog, math.MaxInt32)))
	})
}

// leave closes a socket that a server still accepts from. A path stays until
// the server unlinks it, at the end of its announcement.
func (k *keptSocket) leave() {
	if k.path == (pathID{}) {
		_ = k.origin.Close() // the server has its copy
	}
}

// keptFD gives the descriptor of the socket, which is to be kept over an exec.
func (k *keptSocket) keptFD() (int, error) {
	n := -1
	err := descriptor(k.origin, func(fd int) error { n = fd; return nil })
	if err != nil {
		return -1, fmt.Errorf("%s: %w", k.addr, err)
	}
	return n, nil
}

// adopt takes a socket over that a former self has left.
func (h *handSocket) adopt() (*keptSocket, error) {
	k := &keptSocket{key: h.Key, addr: service.Address{Network: h.Network, Addr: h.Addr}, path: h.Path}
	var err error
	if h.Network == "fd" {
		k.origin, err = service.FromForeignFD(h.FD)
	} else {
		k.origin, err = listenerOf(h.FD)
	}
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", h.Key, err)
	}
	if u, ok := k.origin.(*net.UnixListener); ok && h.Network == "unix" {
		k.origin = &inheritedPath{UnixListener: u, path: h.Addr, made: h.Path}
	}
	return k, nil
}
