//go:build unix && !linux

package launcher

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// newMemory makes a file without a name.
func newMemory(name string, content []byte) (int, error) {
	f, err := os.CreateTemp("", name)
	if err != nil {
		return -1, err
	}
	defer func() { _ = f.Close() }() // the copy stays
	if err := os.Remove(f.Name()); err != nil {
		return -1, err
	}
	if _, err := f.Write(content); err != nil {
		return -1, err
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, firstFD)
	return fd, os.NewSyscallError("fcntl", err)
}

// readMemory reads all of it.
func readMemory(fd int) ([]byte, error) {
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFD)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	f := os.NewFile(uintptr(copied), "snapshot")
	defer func() { _ = f.Close() }() // only read
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}
