package service

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The variables of socket activation, sd_listen_fds(3).
const (
	listenPID   = "LISTEN_PID"
	listenFDs   = "LISTEN_FDS"
	listenNames = "LISTEN_FDNAMES"
	// unknownName is how systemd calls a descriptor without a name.
	unknownName = "unknown"
	maxPassed   = 4096
)

// Inherited are the sockets that whoever started this process has passed to it,
// as systemd does (SD-03). They stay open under their numbers, so that a later
// reload may want one that nobody wanted before. Nil has none.
type Inherited struct{ sockets []passedSocket }

// passedSocket is one of them.
type passedSocket struct {
	fd   int
	name string
	addr net.Addr // nil when it is no listening socket
}

// parsePassed reads the variables; pid is that of this process.
func parsePassed(getenv func(string) string, pid int) ([]passedSocket, error) {
	who, count, names := getenv(listenPID), getenv(listenFDs), getenv(listenNames)
	if who == "" || count == "" {
		return nil, nil
	}
	if n, err := strconv.Atoi(who); err != nil || n <= 0 {
		return nil, fmt.Errorf("%s: invalid number %q, want a process id", listenPID, who)
	} else if n != pid {
		return nil, nil // for another process, whose environment we got
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > maxPassed {
		return nil, fmt.Errorf("%s: invalid number %q, want 0 to %d", listenFDs, count, maxPassed)
	}
	list := make([]passedSocket, n)
	for i := range list {
		list[i] = passedSocket{fd: firstFD + i, name: unknownName}
	}
	if names == "" {
		return list, nil
	}
	given := strings.Split(names, ":")
	if len(given) != n {
		return nil, fmt.Errorf("%s: %d names for %d descriptors, want as many", listenNames, len(given), n)
	}
	for i, name := range given {
		list[i].name = name
	}
	return list, nil
}

// FDs are the descriptors, by their numbers.
func (in *Inherited) FDs() []int {
	var list []int
	for _, s := range in.all() {
		list = append(list, s.fd)
	}
	return list
}

func (in *Inherited) all() []passedSocket {
	if in == nil {
		return nil
	}
	return in.sockets
}

// Environ gives the variables that pass the sockets on over an exec, which keeps
// the process id; nil without sockets.
func (in *Inherited) Environ(pid int) []string {
	if len(in.all()) == 0 {
		return nil
	}
	var names []string
	for _, s := range in.sockets {
		names = append(names, s.name)
	}
	return []string{
		listenPID + "=" + strconv.Itoa(pid), listenFDs + "=" + strconv.Itoa(len(names)), listenNames + "=" + strings.Join(names, ":"),
	}
}

// Resolve replaces, in the addresses of a server, systemd:NAME by all
// descriptors of that name, and an address that one of the sockets has by that
// socket. It opens nothing.
func (in *Inherited) Resolve(addresses []Address) ([]Address, error) {
	var list []Address
	var errs []error
	for _, a := range addresses {
		found := in.find(a)
		switch {
		case len(found) > 0:
			list = append(list, found...)
		case a.Network == networkSystemd:
			errs = append(errs, in.noSuchName(a))
		default:
			list = append(list, a)
		}
	}
	return list, errors.Join(errs...)
}

// find gives the descriptors that an address means.
func (in *Inherited) find(a Address) []Address {
	var list []Address
	for _, s := range in.all() {
		if s.addr != nil && (a.Network == networkSystemd && s.name == a.Addr || s.has(a)) {
			one := a
			one.Network, one.Addr = "fd", strconv.Itoa(s.fd)
			list = append(list, one)
		}
	}
	return list
}

// has tells that a socket listens on an address, as far as that can be told
// without a resolver.
func (s *passedSocket) has(a Address) bool {
	switch addr := s.addr.(type) {
	case *net.TCPAddr:
		want, err := endpoint(a.Addr, a.network())
		ip, ok := netip.AddrFromSlice(addr.IP)
		got := netip.AddrPortFrom(ip.Unmap().WithZone(addr.Zone), uint16(addr.Port))
		return strings.HasPrefix(a.Network, "tcp") && err == nil && ok && want.Port() != 0 && want == got
	case *net.UnixAddr:
		return a.Network == "unix" && addr.Name != "" && samePath(a.Addr, addr.Name)
	}
	return false
}

func samePath(a, b string) bool {
	if abstract(a) || abstract(b) {
		return a == b
	}
	full, err := filepath.Abs(a)
	return err == nil && full == filepath.Clean(b)
}

// noSuchName says which names there are.
func (in *Inherited) noSuchName(a Address) error {
	var names []string
	for _, s := range in.all() {
		if s.addr == nil && s.name == a.Addr {
			return &ListenError{a, "what was passed under this name is no listening socket, want ListenStream and Accept=no", syscall.EINVAL}
		}
		if s.addr != nil {
			names = append(names, s.name)
		}
	}
	if len(names) == 0 {
		return errNotActivated(a)
	}
	slices.Sort(names)
	problem := "no socket of this name was passed, want one of " + strings.Join(slices.Compact(names), ", ")
	return &ListenError{a, problem, syscall.ENOENT}
}

// errNotActivated is for a name when nothing was passed.
func errNotActivated(a Address) error {
	return &ListenError{a, "no socket was passed to this process, want a start by a systemd socket unit", syscall.ENOENT}
}

// Unused names the sockets that none of these addresses means.
func (in *Inherited) Unused(addresses []Address) []string {
	var list []string
	for _, s := range in.all() {
		if slices.ContainsFunc(addresses, func(a Address) bool { return a.Network == "fd" && a.Addr == strconv.Itoa(s.fd) }) {
			continue
		}
		text := "no listening socket"
		if s.addr != nil {
			text = displayAddr(s.addr)
		}
		list = append(list, fmt.Sprintf("%s (fd %d, %s)", s.name, s.fd, text))
	}
	return list
}
