package service

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// SavedSockets are the sockets of a master on their way to the program that this
// process executes next (an upgrade). It goes as JSON; the descriptors go by
// themselves.
type SavedSockets []SavedPlace

// SavedPlace is an address with its sockets.
type SavedPlace struct {
	Key     string `json:"key"`
	Network string `json:"network"`
	Addr    string `json:"addr"`
	Display string `json:"display"`
	Shared  bool   `json:"shared,omitempty"`

	Lock   string `json:"lock,omitempty"` // its id; several places may share one
	LockFD int    `json:"lock_fd"`        // -1 for none

	Path   string `json:"path,omitempty"` // of a unix socket
	Device uint64 `json:"device,omitempty"`
	Inode  uint64 `json:"inode,omitempty"` // what stood there; 0 for nothing of ours

	Sockets []SavedSocket `json:"sockets"`
}

// SavedSocket is one descriptor.
type SavedSocket struct {
	Index int `json:"index"`
	FD    int `json:"fd"`
}

// Save describes the sockets in force, and changes nothing.
func (s *Sockets) Save() SavedSockets {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list SavedSockets
	for _, sockets := range s.set {
		p := sockets[0].place.save()
		for _, one := range sockets {
			p.Sockets = append(p.Sockets, SavedSocket{one.index, one.FD()})
		}
		list = append(list, p)
	}
	return list
}

func (p *place) save() SavedPlace {
	v := SavedPlace{Key: p.key, Network: p.addr.Network, Addr: p.addr.Addr, Display: p.display, Shared: p.shared.Load(), LockFD: -1}
	if p.lock != nil {
		v.Lock, v.LockFD = p.lock.id, p.lock.fd()
	}
	if p.path != nil {
		v.Path = p.path.path
		v.Device, v.Inode = p.path.identity()
	}
	return v
}

// FDs are all descriptors, once each.
func (v SavedSockets) FDs() []int {
	var fds []int
	for _, p := range v {
		if p.LockFD >= 0 {
			fds = append(fds, p.LockFD)
		}
		for _, s := range p.Sockets {
			fds = append(fds, s.FD)
		}
	}
	slices.Sort(fds)
	return slices.Compact(fds)
}

// RestoreSockets takes over what a former program in this process has saved.
func RestoreSockets(saved SavedSockets) (*Sockets, error) {
	s := &Sockets{set: socketSet{}}
	locks := map[string]*addressLock{}
	for _, v := range saved {
		p, err := v.place(locks)
		if err != nil {
			return nil, err
		}
		for _, one := range v.Sockets {
			unix.CloseOnExec(one.FD)
			s.set[v.Key] = append(s.set[v.Key], p.socket(one.Index, one.FD))
		}
	}
	return s, nil
}

func (v *SavedPlace) place(locks map[string]*addressLock) (*place, error) {
	p := &place{key: v.Key, addr: Address{v.Network, v.Addr}, display: v.Display}
	p.shared.Store(v.Shared)
	if v.Path != "" {
		var err error
		if p.path, err = newOwnPath(v.Path); err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("the socket %q: %w", v.Path, err)
		}
		if device, inode := p.path.identity(); device != v.Device || inode != v.Inode {
			p.path.made = nil // somebody else's by now
		}
	}
	switch known := locks[v.Lock]; {
	case v.Lock == "":
	case known != nil:
		p.lock = known.again()
	default:
		p.lock = restoreLock(v.Lock, v.LockFD)
		locks[v.Lock] = p.lock
	}
	return p, nil
}

// restoreLock goes on with a lock; without a descriptor the bind decided.
func restoreLock(id string, fd int) *addressLock {
	l := &addressLock{id: id}
	l.places.Store(1)
	if fd >= 0 {
		unix.CloseOnExec(fd)
		l.socket = lockFD(fd)
	}
	return l
}

// lockFD is the socket of a lock that came over an exec.
type lockFD int

func (l lockFD) Close() error { return os.NewSyscallError("close", unix.Close(int(l))) }

// fd is the descriptor of the lock; -1 for none.
func (l *addressLock) fd() int {
	if own, ok := l.socket.(lockFD); ok {
		return int(own)
	}
	fd := -1
	if l.socket != nil {
		_ = control(l.socket, func(n int) error { fd = n; return nil }) // without it the bind decides
	}
	return fd
}

// identity is what stands at the path, as long as it is ours.
func (p *ownPath) identity() (device, inode uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fileIdentity(p.made)
}

func fileIdentity(info fs.FileInfo) (device, inode uint64) {
	if info == nil {
		return 0, 0
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return st.Dev, st.Ino
}
