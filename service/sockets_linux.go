package service

import (
	"context"
	"math"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// What net.KeepAliveConfig takes for 0: accepted sockets have the same
	// whether they inherit it or net sets it.
	keepIdle  = 15 * time.Second
	keepIntvl = 15 * time.Second
	keepCount = 9
	// maxKeepIdle is the kernel's, in seconds.
	maxKeepIdle = 32767
)

// open opens the first socket of a place.
func (p *place) open(ctx context.Context, g *Group, have *Sockets) (int, error) {
	switch p.addr.Network {
	case "fd":
		return p.openFD()
	case "unix":
		return p.openUnix(ctx, g)
	case networkSystemd:
		return -1, errNotActivated(p.addr) // see Inherited.Resolve
	}
	return p.openTCP(ctx, have)
}

// openTCP binds with SO_REUSEPORT when it is sure that it shares with nobody.
// Go chooses family and address, as in Listen; we see what it chose before it
// binds.
func (p *place) openTCP(ctx context.Context, have *Sockets) (int, error) {
	lc := net.ListenConfig{Control: func(_, address string, c syscall.RawConn) error {
		var inner error
		err := c.Control(func(fd uintptr) { inner = p.beforeBind(int(fd), address, have) })
		if err != nil {
			return err
		}
		return inner
	}}
	lc.SetMultipathTCP(false) // its listeners take no filter, see refuseNew
	l, err := lc.Listen(ctx, p.addr.network(), p.addr.Addr)
	if err != nil {
		return -1, err
	}
	defer func() { _ = l.Close() }() // its copy stays
	p.display = displayAddr(l.Addr())
	if anyPort(p.addr) {
		// The system gave a port that nobody has, so that who holds its lock
		// nevertheless does not matter.
		p.lock, _ = takeLock(p.addr, p.display)
	}
	return copyFD(l)
}

// beforeBind takes the lock of a TCP address and finds out whether anybody is
// there who does not know of locks, by a bind without SO_REUSEPORT.
func (p *place) beforeBind(fd int, address string, have *Sockets) error {
	if !anyPort(p.addr) {
		ap, err := endpoint(address, familyOf(fd))
		if err != nil {
			return err
		}
		id := ap.String()
		if p.lock, err = have.takeLock(p.addr, id); err != nil {
			return err
		}
		err = probe(fd, address)
		if err != nil && !have.has(id) && !orphans(id) {
			return err
		}
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

func familyOf(fd int) string {
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && domain == unix.AF_INET {
		return "tcp4"
	}
	return "tcp6"
}

// probe binds a socket like the given one. It does not listen: a client that
// came in this moment would be reset. SO_REUSEADDR is as it will be, so that
// connections of a server that is gone, also in TIME_WAIT, are no obstacle.
func probe(like int, address string) error {
	tcp, err := net.ResolveTCPAddr("tcp", address) // numbers: nothing is asked
	if err != nil {
		return err
	}
	fd, err := socketLike(like)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // nothing depends on it
	return os.NewSyscallError("bind", unix.Bind(fd, sockaddr(tcp, familyOf(like))))
}

func sockaddr(a *net.TCPAddr, network string) unix.Sockaddr {
	if network == "tcp4" {
		sa := &unix.SockaddrInet4{Port: a.Port}
		copy(sa.Addr[:], a.IP.To4())
		return sa
	}
	sa := &unix.SockaddrInet6{Port: a.Port}
	copy(sa.Addr[:], a.IP.To16())
	if zone, err := net.InterfaceByName(a.Zone); err == nil {
		sa.ZoneId = uint32(zone.Index)
	} else if n, err := strconv.ParseUint(a.Zone, 10, 32); err == nil {
		sa.ZoneId = uint32(n)
	}
	return sa
}

// socketLike makes a TCP socket of the same family and families.
func socketLike(like int) (int, error) {
	domain, err := unix.GetsockoptInt(like, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return -1, os.NewSyscallError("getsockopt", err)
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil && domain == unix.AF_INET6 {
		var only int
		if only, err = unix.GetsockoptInt(like, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY); err == nil {
			err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	return fd, nil
}

// another binds one more socket to the address of this one. It does not listen.
func (s *Socket) another(index int) (*Socket, error) {
	sa, err := unix.Getsockname(s.FD())
	if err != nil {
		return nil, os.NewSyscallError("getsockname", err)
	}
	fd, err := socketLike(s.FD())
	if err != nil {
		return nil, err
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	return s.place.socket(index, fd), nil
}

// prime makes a socket listen as its group wants it; again, if it does already.
func (s *Socket) prime(g *Group) error {
	if s.Foreign() {
		return nil
	}
	fd := s.FD()
	if s.place.addr.Network == "unix" {
		if err := s.place.path.give(g); err != nil {
			return err
		}
	} else if err := setKeepAlive(fd, g.TCPKeepIdle); err != nil {
		return err
	}
	backlog := g.Backlog
	if backlog <= 0 {
		backlog = math.MaxInt32 // the system takes what it allows
	}
	return os.NewSyscallError("listen", unix.Listen(fd, min(backlog, math.MaxInt32)))
}

// setKeepAlive is inherited by the connections (HTTP-03).
func setKeepAlive(fd int, idle time.Duration) error {
	if idle <= 0 {
		idle = keepIdle
	}
	seconds := func(d time.Duration) int { return min(int((d+time.Second-1)/time.Second), maxKeepIdle) }
	for _, o := range [...]struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds(idle)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds(keepIntvl)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepCount},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}

// openFD copies an inherited descriptor. The inherited one is neither closed,
// so that a later reload may name it again, nor left to the workers under its
// number.
func (p *place) openFD() (int, error) {
	n, err := strconv.Atoi(p.addr.Addr)
	if err != nil {
		return -1, err
	}
	if err := mustAccept(n); err != nil {
		return -1, notListening(p.addr, err)
	}
	fd, err := copyDescriptor(n)
	if err != nil {
		return -1, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("fcntl", err)
	}
	p.display = displayFD(fd)
	return fd, nil
}

// displayFD names an inherited socket by what it listens on.
func displayFD(fd int) string {
	if addr := socketAddr(fd); addr != nil {
		return displayAddr(addr)
	}
	return ""
}

// openUnix makes a unix socket under the lock of its path.
func (p *place) openUnix(ctx context.Context, g *Group) (int, error) {
	id := unixID(p.addr.Addr)
	var err error
	if p.lock, err = takeLock(p.addr, id); err != nil {
		return -1, err
	}
	var l net.Listener
	err = whileOrphans(ctx, id, func() error {
		l, err = listenUnix(ctx, p.addr.Addr, g)
		return err
	})
	if err != nil {
		return -1, err
	}
	u := l.(*unixListener)
	defer func() { _ = u.UnixListener.Close() }() // its copy and its path stay
	p.display, p.path = displayAddr(u.Addr()), u.ownPath
	return copyFD(u)
}

// copyFD makes a descriptor of a listener without os.File.
func copyFD(l net.Listener) (int, error) {
	copied := -1
	err := control(l, func(fd int) (err error) {
		copied, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFD)
		return os.NewSyscallError("fcntl", err)
	})
	return copied, err
}

func closeFD(fd int) error { return os.NewSyscallError("close", unix.Close(fd)) }

// listenOn makes a bound TCP socket listen, with the system's longest queue until
// Commit says otherwise.
func listenOn(fd int) error {
	on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil || on != 0 {
		return nil // mustAccept says what is wrong
	}
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain == unix.AF_UNIX {
		return nil
	}
	if port, err := boundPort(fd); err != nil || port == 0 {
		return nil // listen would bind it to any port
	}
	return os.NewSyscallError("listen", unix.Listen(fd, math.MaxInt32))
}

func boundPort(fd int) (int, error) {
	sa, err := unix.Getsockname(fd)
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sa.Port, nil
	case *unix.SockaddrInet6:
		return sa.Port, nil
	}
	return 0, err
}

// Refuse makes the kernel drop what would open new connections: for all
// processes that have the socket, until it ends. Of a unix socket it unlinks the
// path; a foreign one it leaves alone (SD-03).
func (s *Socket) Refuse() error {
	switch {
	case s.Foreign():
		return nil
	case s.place.addr.Network == "unix":
		s.Unlink()
		return nil
	}
	return refuseFD(s.FD())
}
