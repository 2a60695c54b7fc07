package launcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// packetSize is the longest packet that is read.
	packetSize = 64 << 10
	// maxDescriptors of one packet; the kernel takes 253 (SCM_MAX_FD).
	maxDescriptors = 128
	// sendTimeout bounds how long the master waits for a worker that does not
	// read. The queue holds many messages, and few are ever sent.
	sendTimeout = 100 * time.Millisecond
)

// channel is one end of the pair of sockets between a master and a worker.
type channel struct {
	conn *net.UnixConn
	data []byte // of the reader
}

// newChannelPair makes a pair: the master's end, and the descriptor that the
// worker inherits, which is the caller's to close.
func newChannelPair() (*channel, int, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, os.NewSyscallError("socketpair", err)
	}
	c, err := newChannel(fds[0])
	if err != nil {
		_ = unix.Close(fds[1])
		return nil, -1, err
	}
	return c, fds[1], nil
}

// newChannel takes a descriptor over.
func newChannel(fd int) (*channel, error) {
	f := os.NewFile(uintptr(fd), "channel")
	defer func() { _ = f.Close() }() // the connection has a copy
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("channel: %w", err)
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		_ = conn.Close()
		return nil, errors.New("channel: no unix socket")
	}
	return &channel{conn: u, data: make([]byte, packetSize)}, nil
}

// send sends a message with descriptors.
func (c *channel) send(m *message, fds ...int) error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(sendTimeout))
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	_, _, err := c.conn.WriteMsgUnix(m.encode(), rights, nil)
	return err
}

// receive waits for a message. The end of the other side is io.EOF. One goroutine
// may receive.
func (c *channel) receive() (*message, []int, error) {
	rights := make([]byte, unix.CmsgSpace(4*maxDescriptors))
	n, rn, _, _, err := c.conn.ReadMsgUnix(c.data, rights)
	if err != nil {
		return nil, nil, err
	}
	if n == 0 {
		return nil, nil, io.EOF
	}
	fds, err := descriptors(rights[:rn])
	if err != nil {
		return nil, nil, err
	}
	m := &message{}
	if err := json.Unmarshal(c.data[:n], m); err != nil {
		closeAll(fds)
		return nil, nil, fmt.Errorf("channel: %w", err)
	}
	return m, fds, nil
}

// descriptors takes what came with a packet. Go has set close-on-exec as it
// received them.
func descriptors(rights []byte) ([]int, error) {
	list, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, os.NewSyscallError("parse control message", err)
	}
	var fds []int
	for _, m := range list {
		got, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue // of another kind
		}
		fds = append(fds, got...)
	}
	return fds, nil
}

// fd is the descriptor; it stays the channel's.
func (c *channel) fd() (int, error) { return descriptorOf(c.conn) }

func descriptorOf(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	return fd, raw.Control(func(n uintptr) { fd = int(n) })
}

func (c *channel) close() { _ = c.conn.Close() }

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
