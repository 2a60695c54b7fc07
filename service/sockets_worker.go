package service

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
)

// FromFD makes the listener of a worker from a descriptor of [Sockets] that it
// inherited, which it takes over. The descriptor's description, shared with the
// master and all workers, becomes non-blocking, if it is not, and stays so. A
// TCP socket that does not listen yet does from now on. Closing the listener
// leaves the socket, and a unix path, to the others.
func FromFD(fd int) (net.Listener, error) {
	if err := listenOn(fd); err != nil {
		return nil, &ListenError{fdAddress(fd), systemText(err), err}
	}
	l, err := fromFD(fd)
	if err != nil {
		return nil, err
	}
	m := mark(l.Addr())
	switch l := l.(type) {
	case *net.TCPListener:
		return &inheritedTCP{l, m}, nil
	case *net.UnixListener:
		return &inheritedUnix{l, m}, nil
	}
	_ = m.Close()
	_ = l.Close()
	return nil, &ListenError{fdAddress(fd), "neither a TCP nor a unix socket", errors.ErrUnsupported}
}

// FromForeignFD is FromFD for a socket that belongs to whoever started the
// master (Socket.Foreign): a drain does not turn clients away from it, which it
// would for all processes, and for good (SD-03).
func FromForeignFD(fd int) (net.Listener, error) {
	l, err := fromFD(fd)
	if err != nil {
		return nil, err
	}
	return borrow(l), nil
}

func fdAddress(fd int) Address { return Address{"fd", strconv.Itoa(fd)} }

// fromFD takes a descriptor over. None of this ever clears O_NONBLOCK, as far as
// Go 1.26 goes: NewFile notes the mode it finds, so that the Fd which
// FileListener calls leaves it alone, and FileListener sets it on its copy, that
// is on the description.
func fromFD(fd int) (net.Listener, error) {
	a := fdAddress(fd)
	// Looked at before it becomes an os.File, which would close it in the
	// end: it may be anything.
	if err := mustAccept(fd); err != nil {
		return nil, notListening(a, err)
	}
	f := os.NewFile(uintptr(fd), a.String())
	defer func() { _ = f.Close() }() // the listener has a copy of it
	l, err := net.FileListener(f)
	if err != nil {
		return nil, &ListenError{a, systemText(err), err}
	}
	return l, nil
}

func notListening(a Address, err error) error {
	return &ListenError{a, systemText(err) + ", want the number of a listening socket that this process inherited", err}
}

// inheritedTCP is a listener that tells the machine of its copy of the socket.
type inheritedTCP struct {
	*net.TCPListener
	mark io.Closer
}

// Close closes the listener, then the mark: the mark must never be gone first.
func (l *inheritedTCP) Close() error {
	err := l.TCPListener.Close()
	_ = l.mark.Close() // nothing is sent over it
	return err
}

// inheritedUnix is the same for a unix socket.
type inheritedUnix struct {
	*net.UnixListener
	mark io.Closer
}

// Close is inheritedTCP's.
func (l *inheritedUnix) Close() error {
	err := l.UnixListener.Close()
	_ = l.mark.Close() // nothing is sent over it
	return err
}

// Unlink does nothing: the path is the master's to remove.
func (l *inheritedUnix) Unlink() {}

// borrowedTCP is a TCP listener that is not ours: it has an Unlink, like a unix
// one, by which a drain sees that it must not be filtered.
type borrowedTCP struct{ *net.TCPListener }

// Unlink does nothing.
func (borrowedTCP) Unlink() {}

// borrow makes a listener of an inherited socket one that a drain leaves alone.
func borrow(l net.Listener) net.Listener {
	if t, ok := l.(*net.TCPListener); ok {
		return borrowedTCP{t}
	}
	return l // unix: without our path it has nothing to unlink
}
