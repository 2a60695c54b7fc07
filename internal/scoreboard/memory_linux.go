package scoreboard

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Create makes a board in a memory that other processes can map. The memory
// has its full size from the start, but takes only what is written; its size
// is sealed, so that no process can take it from under another's feet.
func Create() (*Board, error) {
	fd, err := unix.MemfdCreate("wheatpaste-scoreboard", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("making the scoreboard: %w", err)
	}
	b, err := create(fd)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("making the scoreboard: %w", err)
	}
	return b, nil
}

func create(fd int) (*Board, error) {
	if err := unix.Ftruncate(fd, totalBytes); err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return nil, err
	}
	header, err := mapWords(fd, 0, headerWords)
	if err != nil {
		return nil, err
	}
	b := &Board{fd: fd, shared: true, header: header, regions: map[int]*Region{}}
	return b, b.format()
}

// Open maps a board that was inherited, and takes over its descriptor. When it
// is none of ours, or one of another version, the descriptor stays open.
func Open(fd int) (*Board, error) {
	b, err := openBoard(fd)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is no scoreboard: %w", fd, err)
	}
	return b, nil
}

func openBoard(fd int) (*Board, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Size != totalBytes {
		return nil, fmt.Errorf("%d bytes, want %d", st.Size, totalBytes)
	}
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil || seals&unix.F_SEAL_SHRINK == 0 {
		return nil, errors.New("its size is not sealed")
	}
	header, err := mapWords(fd, 0, headerWords)
	if err != nil {
		return nil, err
	}
	b := &Board{fd: fd, shared: true, header: header, regions: map[int]*Region{}}
	if err := b.check(); err != nil {
		_ = unix.Munmap(bytesOf(header))
		return nil, err
	}
	unix.CloseOnExec(fd)
	return b, nil
}

// mapWords maps n words of the memory from the first one given.
func mapWords(fd int, first int64, n int) (words, error) {
	data, err := unix.Mmap(fd, first*8, n*8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(data))), n), nil //nolint:gosec // a mapping begins at a page
}

func bytesOf(w words) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w)*8) //nolint:gosec // for Munmap
}

func closeFD(fd int) error { return unix.Close(fd) }
