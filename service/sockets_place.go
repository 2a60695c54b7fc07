package service

import (
	"strconv"
	"sync"
	"sync/atomic"
)

// Socket is a listening socket of a master.
type Socket struct {
	place *place
	index int

	mu sync.Mutex
	fd int // -1 when it is closed
}

// place is an address that is listened on.
type place struct {
	key     string
	addr    Address
	display string
	shared  atomic.Bool
	lock    *addressLock // nil for foreign ones
	path    *ownPath     // of a unix socket with a path

	mu   sync.Mutex
	left int // sockets that are open
}

// socket counts one more socket of a place.
func (p *place) socket(index, fd int) *Socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left++
	return &Socket{place: p, index: index, fd: fd}
}

// gone counts one less; with the last one the address is given up.
func (p *place) gone() {
	p.mu.Lock()
	p.left--
	last := p.left == 0
	p.mu.Unlock()
	if last {
		p.release()
	}
}

func (p *place) release() {
	p.path.Unlink()
	p.lock.release()
}

// id names the place as locks do; "" for one without a lock.
func (p *place) id() string {
	if p.lock == nil {
		return ""
	}
	return p.lock.id
}

// Key names the socket, in all generations: its address as configured and its
// number.
func (s *Socket) Key() string { return s.place.key + "#" + strconv.Itoa(s.index) }

// Display is the address as it is: with the port that the system chose.
func (s *Socket) Display() string { return s.place.display }

// Shared tells that all workers of the group accept from this socket.
func (s *Socket) Shared() bool { return s.place.shared.Load() }

// Foreign tells that the socket was inherited from whoever started the master
// and is not ours to end (SD-03): a worker takes it by [FromForeignFD].
func (s *Socket) Foreign() bool { return s.place.addr.Network == "fd" }

// FD is the descriptor, to be passed on; -1 when it is closed.
func (s *Socket) FD() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fd
}

// Unlink takes a unix path away if it is ours still: no client gets in from
// then on.
func (s *Socket) Unlink() { s.place.path.Unlink() }

// Close closes the descriptor of the master. With the last one of an address
// the address is given up: its path is unlinked, its lock released.
func (s *Socket) Close() error {
	s.mu.Lock()
	fd := s.fd
	s.fd = -1
	s.mu.Unlock()
	if fd < 0 {
		return nil
	}
	err := closeFD(fd)
	s.place.gone()
	return err
}
