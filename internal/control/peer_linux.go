package control

import (
	"net"
	"os"
	"syscall"
)

// peer is the process at the other end of a connection: who connected, or who
// listens.
type peer struct {
	pid int // 0: in a process namespace that this one does not see
	uid int
}

func peerOf(c *net.UnixConn) (p peer, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return p, err
	}
	var cred *syscall.Ucred
	var inner error
	if err := raw.Control(func(fd uintptr) {
		cred, inner = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return p, err
	}
	if inner != nil {
		return p, os.NewSyscallError("getsockopt", inner)
	}
	return peer{int(cred.Pid), int(cred.Uid)}, nil
}

// allowed reports whether a client may command: root, and who runs the server.
func allowed(c *net.UnixConn) (uid int, ok bool) {
	p, err := peerOf(c)
	return p.uid, err == nil && mayCommand(p.uid, os.Geteuid())
}

func mayCommand(uid, own int) bool { return uid == 0 || uid == own }
