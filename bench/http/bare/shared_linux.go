package main

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// shared lets several processes listen at one address.
func shared(_, _ string, conn syscall.RawConn) error {
	var set error
	err := conn.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(err, set)
}
