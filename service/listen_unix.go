//go:build unix

package service

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"net"
	"os"
	"sync"
	"syscall"
)

// umask guards the file mode mask, which all of a process shares.
var umask sync.Mutex

// listenUnix makes a unix socket that never has another mode than the one
// wanted (HTTP-04).
func listenUnix(ctx context.Context, path string, g *Group) (net.Listener, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	umask.Lock()
	old := syscall.Umask(0o777 &^ int(g.firstMode().Perm()))
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	syscall.Umask(old)
	umask.Unlock()
	if err != nil {
		return nil, err
	}
	own, err := newUnixListener(l.(*net.UnixListener), path)
	if err != nil {
		return nil, err
	}
	if err := own.give(g); err != nil {
		_ = own.Close()
		return nil, err
	}
	return own, nil
}

// firstMode is that of a socket which is made: as long as it has not its owner,
// nobody else gets in.
func (g *Group) firstMode() fs.FileMode {
	if g.SocketUser != "" || g.SocketGroup != "" {
		return g.SocketMode & 0o700
	}
	return g.SocketMode
}

// control runs f on the descriptor of a listener or a connection.
func control(x any, f func(fd int) error) error {
	sc, ok := x.(syscall.Conn)
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

// setBacklog replaces the length of the queue, for which Go takes what the
// system allows: listen(2) may be called again.
func setBacklog(l net.Listener, n int) error {
	return control(l, func(fd int) error { return os.NewSyscallError("listen", syscall.Listen(fd, min(n, math.MaxInt32))) })
}

// mustAccept fails for a descriptor that is no socket, or one that nobody
// called listen(2) on.
func mustAccept(fd int) error {
	on, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err == nil && on == 0 {
		return syscall.EINVAL
	}
	return err
}

// readable reports whether something has arrived on a connection that nobody
// has read yet. It does not wait.
func readable(c net.Conn) bool {
	got := false
	err := control(c, func(fd int) error {
		var b [1]byte
		n, _, err := syscall.Recvfrom(fd, b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		got = n > 0
		return err
	})
	return err == nil && got
}
