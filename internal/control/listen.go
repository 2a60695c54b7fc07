package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxPath is the room that the address of a unix socket has, less the final NUL:
// 107 bytes on Linux.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// dialTimeout bounds a connect; only a full queue makes one wait at all.
const dialTimeout = time.Second

// Listener is a control socket. It is the [net.UnixListener] too, whose
// descriptor may be kept over an exec (FD, [Inherit]).
type Listener struct {
	*net.UnixListener

	// Logger takes what goes wrong with clients; nil is silence.
	Logger *slog.Logger

	path string
	made fs.FileInfo // nil once the path is not ours any more

	unlink   sync.Once
	finish   sync.Once
	finished chan struct{} // closed by Finish when code is set
	served   chan struct{} // closed when the last answer is out
	serving  sync.Once
	code     int
}

// Listen makes the control socket at a path that the operator chose. It has mode
// 0600 from its first moment on. A socket that nobody listens on is replaced;
// one that is held is a *HeldError.
func Listen(path string) (*Listener, error) {
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	unlock := lockFolder(filepath.Dir(path))
	defer unlock()
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := listenPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("control socket %q: %w", path, cause(err))
	}
	l.SetUnlinkOnClose(false)
	made, err := os.Lstat(path)
	if err != nil {
		_ = l.Close() // nobody knows of it
		return nil, fmt.Errorf("control socket %q: %w", path, cause(err))
	}
	return newListener(l, path, made), nil
}

// Inherit takes over the descriptor of a control socket that was kept over an
// exec. The path is unlinked at the end only if it leads to this process.
func Inherit(fd int, path string) (*Listener, error) {
	f := os.NewFile(uintptr(fd), path)
	if f == nil {
		return nil, fmt.Errorf("control socket %q: invalid descriptor %d", path, fd)
	}
	defer f.Close() // the listener has a copy of it
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("control socket %q: descriptor %d: %w", path, fd, cause(err))
	}
	u, ok := l.(*net.UnixListener)
	if !ok {
		_ = l.Close() // somebody else's
		return nil, fmt.Errorf("control socket %q: descriptor %d is a socket of %s", path, fd, l.Addr().Network())
	}
	u.SetUnlinkOnClose(false)
	made, err := os.Lstat(path)
	if err != nil || holder(path) != os.Getpid() {
		made = nil
	}
	return newListener(u, path, made), nil
}

func newListener(l *net.UnixListener, path string, made fs.FileInfo) *Listener {
	return &Listener{UnixListener: l, path: path, made: made, finished: make(chan struct{}), served: make(chan struct{})}
}

// Path is where the socket is.
func (l *Listener) Path() string { return l.path }

// FD is the descriptor, which stays the listener's: non-blocking and
// close-on-exec; -1 when it is closed.
func (l *Listener) FD() int {
	n := -1
	if raw, err := l.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { n = int(fd) }) // closed: -1
	}
	return n
}

// Close takes the path away while it is ours, and closes the socket. Whoever
// serves ends it by Finish.
func (l *Listener) Close() error {
	l.removePath()
	return l.UnixListener.Close()
}

// removePath happens while the socket still listens: nobody takes it for stale
// and puts another one there.
func (l *Listener) removePath() {
	l.unlink.Do(func() {
		if l.made == nil {
			return
		}
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
			_ = os.Remove(l.path) // at worst the next start finds it stale
		}
	})
}

// HeldError says that somebody listens on a control socket.
type HeldError struct {
	Path string
	PID  int // 0 where the system does not tell
}

// Error names the holder.
func (e *HeldError) Error() string {
	who := "another process"
	if e.PID > 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("control socket %q is held by %s, want another --control or the end of that one", e.Path, who)
}

// CheckPath refuses what cannot be the path of a control socket.
func CheckPath(path string) error {
	switch {
	case path == "" || strings.HasPrefix(path, "@") || strings.ContainsRune(path, 0):
		return fmt.Errorf("invalid --control %q, want the path of a socket", path)
	case len(path) > maxPath:
		return fmt.Errorf("control socket %q: the path has %d bytes, want at most %d (--control chooses another)", path, len(path), maxPath)
	}
	return nil
}

// removeStale makes way for a socket. The caller holds the folder's lock: nobody
// of ours is between bind and listen, where a live socket looks like a dead one.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("control socket %q: %w", path, cause(err))
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("control socket %q: the path exists and is no socket, want a free one", path)
	}
	c, err := dial(context.Background(), path)
	if err == nil {
		defer func() { _ = c.Close() }() // nothing was sent
		return &HeldError{path, peerPID(c)}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case !errors.Is(err, syscall.ECONNREFUSED): // such as a full queue, or no permission
		return &HeldError{Path: path}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("control socket %q: the socket of a dead process cannot be replaced: %w", path, cause(err))
	}
	return nil
}

// holder is the process that listens at a path, 0 if that cannot be told.
func holder(path string) int {
	c, err := dial(context.Background(), path)
	if err != nil {
		return 0
	}
	defer func() { _ = c.Close() }() // nothing was sent
	return peerPID(c)
}

func dial(ctx context.Context, path string) (*net.UnixConn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	return c.(*net.UnixConn), nil
}

func peerPID(c *net.UnixConn) int {
	p, err := peerOf(c)
	if err != nil {
		return 0
	}
	return p.pid
}

// cause is what the system said, without the path that stands before it already.
func cause(err error) error {
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return no
	}
	return err
}
