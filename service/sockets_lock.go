package service

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// Two masters must not share a port unnoticed, which SO_REUSEPORT would let
// them (PAIN-16), and yet a new one must be able to bind while the workers of
// one that was killed drain (CHECK-05). Two kinds of abstract unix sockets tell
// the cases apart. They need no file and no right, live in the network
// namespace of the ports, and end with the process:
//
//   - wheatpaste/listen/ID is the lock of an address. A master takes it before
//     it binds. Who cannot have it connects, and the kernel names the holder.
//   - wheatpaste/worker/ID/N says that a worker has a copy of the sockets of the
//     address still.
//
// So when a bind without SO_REUSEPORT fails, nobody has the lock of an address
// that overlaps, and workers are there, they are orphans: the sockets are shared
// with them until they have drained. Neither name gives a right: a stranger who
// takes one cannot make us share a port that the kernel keeps for another user,
// and a lock of another user is not believed.
const (
	lockPrefix = "@wheatpaste/listen/"
	markPrefix = "@wheatpaste/worker/"
)

// addressLock is a lock that is held.
type addressLock struct {
	id     string
	socket io.Closer // nil when it is not to be had: then the bind decides
	places atomic.Int32
}

// again shares the lock with one more place of this master: the same address,
// written in another way.
func (l *addressLock) again() *addressLock {
	l.places.Add(1)
	return l
}

func (l *addressLock) release() {
	if l != nil && l.places.Add(-1) == 0 && l.socket != nil {
		_ = l.socket.Close() // nothing is sent over it
	}
}

// unixID names a unix socket in locks: paths can be as long as a name.
func unixID(path string) string {
	if !abstract(path) {
		if full, err := filepath.Abs(path); err == nil {
			path = full
		}
	}
	sum := sha256.Sum256([]byte(path))
	return "unix:" + hex.EncodeToString(sum[:16])
}

// endpoint reads a resolved address of a network ("tcp4", "tcp6"; "tcp" is both
// families), of which the host may be missing.
func endpoint(address, network string) (netip.AddrPort, error) {
	if strings.HasPrefix(address, ":") {
		if network == "tcp4" {
			address = "0.0.0.0" + address
		} else {
			address = "[::]" + address
		}
	}
	ap, err := netip.ParseAddrPort(address)
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), err
}

// overlapping compares two names of locks.
func overlapping(a, b string) bool {
	if a == b {
		return a != ""
	}
	ae, aerr := netip.ParseAddrPort(a)
	be, berr := netip.ParseAddrPort(b)
	return aerr == nil && berr == nil && overlap(ae, be)
}

// overlap tells that the system lets only one listen on one of the two. [::]
// takes IPv4 too.
func overlap(a, b netip.AddrPort) bool {
	return a.Port() == b.Port() && (a.Addr() == b.Addr() || covers(a.Addr(), b.Addr()) || covers(b.Addr(), a.Addr()))
}

func covers(wild, other netip.Addr) bool {
	return wild == netip.IPv6Unspecified() || wild == netip.IPv4Unspecified() && other.Is4()
}
