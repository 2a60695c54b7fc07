//go:build unix

package service

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// TakeInherited takes the sockets that were passed to this process, and unsets
// the variables: they are not for programs that it starts. It is called once,
// early.
func TakeInherited() (*Inherited, error) {
	list, err := parsePassed(os.Getenv, os.Getpid())
	for _, name := range []string{listenPID, listenFDs, listenNames, "LISTEN_PIDFDID"} {
		err = errors.Join(err, os.Unsetenv(name))
	}
	if err != nil || len(list) == 0 {
		return nil, err
	}
	for i := range list {
		unix.CloseOnExec(list[i].fd)
		list[i].addr = listeningAddr(list[i].fd)
	}
	return &Inherited{list}, nil
}

// listeningAddr is what a descriptor listens on; nil when it does not.
func listeningAddr(fd int) net.Addr {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_STREAM || mustAccept(fd) != nil {
		return nil
	}
	return socketAddr(fd)
}

// socketAddr is the address of a socket; nil when it is of another kind.
func socketAddr(fd int) net.Addr {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return nil
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
	case *unix.SockaddrInet6:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: zoneName(int(sa.ZoneId))}
	case *unix.SockaddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: "unix"}
	}
	return nil
}

// zoneName is that of the interface of a link-local address; "" for the others.
func zoneName(id int) string {
	if i, err := net.InterfaceByIndex(id); err == nil {
		return i.Name
	}
	return ""
}

// copyDescriptor makes a copy of a descriptor that another process has opened.
// The first one stays, so that a later reload may name it again, but is not left
// to programs that are started.
func copyDescriptor(fd int) (int, error) {
	unix.CloseOnExec(fd)
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFD)
	return n, os.NewSyscallError("fcntl", err)
}
