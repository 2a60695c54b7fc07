package control

import (
	"context"
	"net"
	"os"
	"syscall"
)

// listenPrivate gives the mode to the socket before it has a path: bind makes
// the path with it (unix(7) does not say so, net/unix/af_unix.c does), without
// the umask of the whole process.
func listenPrivate(path string) (*net.UnixListener, error) {
	var inner error
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		if err := raw.Control(func(fd uintptr) { inner = syscall.Fchmod(int(fd), 0o600) }); err != nil {
			return err
		}
		return os.NewSyscallError("fchmod", inner)
	}}
	l, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	return l.(*net.UnixListener), nil
}
