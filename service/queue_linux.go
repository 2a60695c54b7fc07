package service

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// refuseNew makes the kernel drop what would open new connections to a TCP
// listener, so that its queue runs empty and closing it resets nobody. The
// clients try again a second later and are refused then. It needs no privilege,
// holds for all processes that share the socket, and ends with it.
func refuseNew(l net.Listener) error { return control(l, refuseFD) }

func refuseFD(fd int) error {
	// A filter of a TCP listener sees the segment from its header on; byte 13
	// holds the flags. Only SYN without ACK is dropped: the handshakes that
	// have begun must end.
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0x12},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: 0x02},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}))
}

// waiting reports whether a connection waits in the queue of a listener.
func waiting(l net.Listener) bool {
	ready := false
	_ = control(l, func(fd int) error {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		ready = n > 0
		return err
	})
	return ready
}
