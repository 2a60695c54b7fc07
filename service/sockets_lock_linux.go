package service

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// orphanTime is how long an address is waited for that cannot be shared
	// with the workers of a dead master.
	orphanTime = 5 * time.Second
	orphanTick = 20 * time.Millisecond
	// dyingTime is how long a process that was killed may take to be gone.
	dyingTime = time.Second
)

// takeLock takes the lock of an address, or says who has it. Without unix
// sockets (a sandbox may forbid them) or when a stranger has the name, the bind
// alone decides.
func takeLock(a Address, id string) (*addressLock, error) {
	lock := (&addressLock{id: id}).again()
	l, pid, err := bindLock(lockPrefix + id)
	if err != nil {
		return nil, inUse(a, pid)
	}
	if l != nil {
		lock.socket = l
	}
	if pid := rival(id); pid != 0 {
		lock.release()
		return nil, inUse(a, pid)
	}
	return lock, nil
}

// bindLock gives nil without an error when there is no lock to be had. It waits
// for who is between bind and listen, and for the last threads of a process that
// was just killed.
func bindLock(name string) (l *net.UnixListener, holder int, err error) {
	for end := time.Now().Add(dyingTime); ; time.Sleep(orphanTick) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		if err == nil {
			return l, 0, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, 0, nil
		}
		pid, believed, asked := lockHolder(name)
		late := time.Now().After(end)
		switch {
		case asked && !believed, !asked && late:
			return nil, 0, nil
		case asked && !dead(pid), late:
			return nil, pid, err
		}
	}
}

func inUse(a Address, pid int) error {
	return &ListenError{a, "address already in use" + byHolder(pid) + ", want a free one", syscall.EADDRINUSE}
}

// lockHolder asks the kernel who has a lock. One of another user is not
// believed, or anybody could keep us from a port, but for root, whose sockets
// are not to be had anyway.
func lockHolder(name string) (pid int, believed, asked bool) {
	cred, err := lockOwner(name)
	if err != nil {
		return 0, false, false
	}
	return int(cred.Pid), cred.Uid == 0 || int(cred.Uid) == os.Geteuid(), true
}

func lockOwner(name string) (cred *syscall.Ucred, err error) {
	c, err := net.DialTimeout("unix", name, time.Second)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // nothing is sent over it
	err = control(c, func(fd int) (err error) {
		cred, err = syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		return err
	})
	return cred, err
}

// served tells that a living master of another user has the lock of an address,
// and the sockets, too: nobody there is an orphan. The lock alone is anybody's to
// take.
func served(id string) bool {
	_, port, err := net.SplitHostPort(id)
	if err != nil {
		return false
	}
	for _, other := range unixNames(lockPrefix) {
		if !overlapping(other, id) {
			continue
		}
		cred, err := lockOwner(lockPrefix + other)
		if err == nil && !dead(int(cred.Pid)) && slices.Contains(listeningUsers(port), int(cred.Uid)) {
			return true
		}
	}
	return false
}

// rival finds another process that has the lock of an address, or of one that
// overlaps: 0.0.0.0:80 and 127.0.0.1:80 have different locks.
func rival(id string) int {
	for _, other := range unixNames(lockPrefix) {
		if !overlapping(other, id) {
			continue
		}
		if pid, believed, _ := lockHolder(lockPrefix + other); believed && pid != os.Getpid() && !dead(pid) {
			return pid
		}
	}
	return 0
}

// orphans tells that workers have sockets of an address. They are orphans if
// there is no rival.
func orphans(id string) bool {
	for _, name := range unixNames(markPrefix) {
		if i := strings.LastIndexByte(name, '/'); i > 0 && overlapping(name[:i], id) {
			return true
		}
	}
	return false
}

// unixNames lists the abstract names with a prefix, without it. Everybody may
// read them.
func unixNames(prefix string) []string {
	f, err := os.Open("/proc/net/unix")
	if err != nil {
		return nil // no /proc: the bind decides
	}
	defer func() { _ = f.Close() }() // only read
	var names []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if _, name, found := strings.Cut(lines.Text(), " "+prefix); found {
			names = append(names, name)
		}
	}
	return names
}

// whileOrphans tries to listen until it works, as long as only workers of a
// dead master are in the way, which close their listeners soon.
func whileOrphans(ctx context.Context, id string, try func() error) error {
	err := try()
	end := time.Now().Add(orphanTime)
	for errors.Is(err, syscall.EADDRINUSE) && orphans(id) && rival(id) == 0 && !served(id) && time.Now().Before(end) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(orphanTick):
		}
		err = try()
	}
	return err
}

// creatorGone tells that a unix socket that answers belongs to workers of a dead
// master: the path is free to be replaced.
func creatorGone(path string, pid int) bool {
	return dead(pid) && orphans(unixID(path))
}

// dead is also true of a process that nobody has waited for, as in a container
// without an init.
func dead(pid int) bool {
	if pid <= 0 {
		return false // of another namespace
	}
	if err := syscall.Kill(pid, 0); err != nil {
		return errors.Is(err, syscall.ESRCH)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	// The name before the state may hold brackets and blanks.
	state := stat[bytes.LastIndexByte(stat, ')')+1:]
	return bytes.HasPrefix(state, []byte(" Z")) || bytes.HasPrefix(state, []byte(" X"))
}

// markNumber makes the names of marks unique in a process.
var markNumber atomic.Int64

// mark tells the machine that this process has a copy of a socket. Where it
// cannot, a new master has to wait until this one has closed it: no reason not
// to serve.
func mark(addr net.Addr) io.Closer {
	id := addr.String()
	if addr.Network() == "unix" {
		id = unixID(id)
	}
	name := fmt.Sprintf("%s%s/%d.%d", markPrefix, id, os.Getpid(), markNumber.Add(1))
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return io.NopCloser(nil)
	}
	return c
}
