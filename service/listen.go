package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ListenError says why an address cannot be listened on, in one line.
type ListenError struct {
	Address Address
	Problem string
	Err     error
}

// Error gives the line.
func (e *ListenError) Error() string { return "listen " + e.Address.String() + ": " + e.Problem }

// Unwrap gives what the system said.
func (e *ListenError) Unwrap() error { return e.Err }

// Listen opens the listeners of a group, all of them or, with a *ListenError,
// none. Nothing is set by which two servers could share a port unnoticed
// (HTTP-02). A unix socket that nobody listens on any more is replaced; ours is
// unlinked when the listener is closed, if the path is still ours (HTTP-04).
func Listen(ctx context.Context, g *Group) ([]net.Listener, error) {
	var list []net.Listener
	for _, a := range g.Listen {
		l, err := a.listen(ctx, g)
		if err == nil && g.Backlog > 0 && a.Network != "fd" {
			err = setBacklog(l, g.Backlog)
		}
		if err != nil {
			for _, open := range list {
				_ = open.Close()
			}
			return nil, explain(a, err)
		}
		list = append(list, l)
	}
	return list, nil
}

func (a Address) listen(ctx context.Context, g *Group) (net.Listener, error) {
	switch a.Network {
	case "fd":
		return listenFD(a)
	case networkSystemd:
		return nil, errNotActivated(a) // see Inherited.Resolve
	case "unix":
		return listenUnix(ctx, a.Addr, g)
	}
	lc := net.ListenConfig{}
	lc.SetMultipathTCP(false) // its listeners take no filter, see refuseNew
	if g.TCPKeepIdle > 0 {
		lc.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: g.TCPKeepIdle}
	}
	var l net.Listener
	err := whileOrphans(ctx, a.lockID(), func() (err error) {
		l, err = lc.Listen(ctx, a.network(), a.Addr)
		return err
	})
	return l, err
}

// lockID is the name of the lock of a TCP address, as far as it can be told
// without a resolver: see lockPrefix.
func (a Address) lockID() string {
	ap, err := endpoint(a.Addr, a.network())
	if err != nil {
		return ""
	}
	return ap.String()
}

// explain makes the line of what the system said.
func explain(a Address, err error) error {
	e := &ListenError{Address: a, Err: err}
	var known *ListenError
	var dns *net.DNSError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, syscall.EADDRINUSE):
		e.Problem = "address already in use" + byHolder(tcpHolder(a)) + ", want a free one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.Problem = "no address of this machine, want one of its own or 0.0.0.0"
	case errors.Is(err, os.ErrPermission) && a.Network != "unix":
		e.Problem = "permission denied, want a port from 1024, or the capability CAP_NET_BIND_SERVICE"
	case errors.As(err, &dns):
		e.Problem = "no such host, want an address or a name of this machine"
	default:
		e.Problem = systemText(err)
	}
	return e
}

// systemText is the innermost text of an error: the address stands before it
// already.
func systemText(err error) string {
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return no.Error()
	}
	return err.Error()
}

// byHolder names a process that holds an address; 0 is not known.
func byHolder(pid int) string {
	switch {
	case pid == 0:
		return ""
	case pid == os.Getpid():
		return " by this process"
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return fmt.Sprintf(" by process %d", pid)
	}
	return fmt.Sprintf(" by %s (process %d)", strings.TrimSpace(string(name)), pid)
}

// listenFD listens on a socket that the parent process opened, as systemd's
// socket activation does.
func listenFD(a Address) (net.Listener, error) {
	n, err := strconv.Atoi(a.Addr)
	if err != nil {
		return nil, err
	}
	if err := mustAccept(n); err != nil {
		return nil, notListening(a, err)
	}
	if n, err = copyDescriptor(n); err != nil {
		return nil, err
	}
	return FromForeignFD(n)
}

// ownPath is the path of a unix socket that this process made.
type ownPath struct {
	path string
	mu   sync.Mutex
	made fs.FileInfo // nil when it is gone, and for an abstract name
}

// newOwnPath remembers what stands at a path.
func newOwnPath(path string) (*ownPath, error) {
	if abstract(path) {
		return &ownPath{path: path}, nil
	}
	made, err := os.Lstat(path)
	return &ownPath{path: path, made: made}, err
}

// Unlink removes the path if it is ours still. From then on no client gets in.
func (p *ownPath) Unlink() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stands() {
		_ = os.Remove(p.path) // at worst the next start finds it stale
	}
	p.made = nil
}

func (p *ownPath) stands() bool {
	if p.made == nil {
		return false
	}
	now, err := os.Lstat(p.path)
	return err == nil && os.SameFile(now, p.made)
}

// give gives the path, if it is ours still, the owner and the mode that a group
// wants.
func (p *ownPath) give(g *Group) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stands() {
		return nil
	}
	_, err := g.GiveSocket(p.path)
	return err
}

// lend is give, until undo.
func (p *ownPath) lend(g *Group) (undo func(), err error) {
	if p == nil {
		return func() {}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stands() {
		return func() {}, nil
	}
	return g.GiveSocket(p.path)
}

// GiveSocket gives the path of a unix socket the owner and the mode that the group
// wants: all of it or nothing. Undo gives it those back that it had.
func (g *Group) GiveSocket(path string) (undo func(), err error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	owner, err := g.socketOwner()
	if err != nil {
		return nil, err
	}
	uid, gid := ownerOf(before)
	undo = func() {
		_ = errors.Join(os.Lchown(path, uid, gid), os.Chmod(path, before.Mode().Perm())) // it was so before
	}
	if owner.uid >= 0 && owner.uid != uid || owner.gid >= 0 && owner.gid != gid { // who has it already needs no right
		if err := os.Lchown(path, owner.uid, owner.gid); err != nil {
			return nil, &ListenError{Address{"unix", path}, fmt.Sprintf("the socket cannot be given to %s: %s, want to be root or another owner", ownerText(g), systemText(err)), err}
		}
	}
	if after, err := os.Lstat(path); err == nil && after.Mode().Perm() == g.SocketMode.Perm() {
		return undo, nil
	}
	if err := os.Chmod(path, g.SocketMode.Perm()); err != nil {
		undo()
		return nil, &ListenError{Address{"unix", path}, fmt.Sprintf("the socket cannot have the mode %#o: %s", g.SocketMode.Perm(), systemText(err)), err}
	}
	return undo, nil
}

func ownerText(g *Group) string {
	switch {
	case g.SocketGroup == "":
		return fmt.Sprintf("user %q", g.SocketUser)
	case g.SocketUser == "":
		return fmt.Sprintf("group %q", g.SocketGroup)
	default:
		return fmt.Sprintf("user %q and group %q", g.SocketUser, g.SocketGroup)
	}
}

// unixListener unlinks its path when it is closed, as long as it is the one
// that Listen made.
type unixListener struct {
	*net.UnixListener
	*ownPath
}

func newUnixListener(l *net.UnixListener, path string) (*unixListener, error) {
	l.SetUnlinkOnClose(false)
	own, err := newOwnPath(path)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return &unixListener{l, own}, nil
}

// Close unlinks the path and closes the listener.
func (u *unixListener) Close() error {
	u.Unlink()
	return u.UnixListener.Close()
}

func abstract(path string) bool { return strings.HasPrefix(path, "@") }

// removeStale makes way for a socket: one that nobody listens on is removed,
// anything else is an error.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if abstract(path) || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	a := Address{"unix", path}
	if info.Mode().Type() != fs.ModeSocket {
		return &ListenError{a, "the path exists and is no socket, want a free one", os.ErrExist}
	}
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		defer func() { _ = c.Close() }()
		pid := unixHolder(c)
		if creatorGone(path, pid) {
			return os.Remove(path)
		}
		return &ListenError{a, "address already in use" + byHolder(pid) + ", want a free one", syscall.EADDRINUSE}
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return os.Remove(path)
	}
	return &ListenError{a, "the socket exists and its state cannot be told: " + systemText(err), err}
}
