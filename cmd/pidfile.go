package cmd

import (
	"fmt"
	"os"
	"strconv"
)

// pidFile is the file of --pid-file. It is locked first and written last, so
// that a second instance, or one that cannot start, does not overwrite that of a
// running one (PAIN-22).
type pidFile struct {
	path string
	file *os.File
}

func holdPIDFile(path string) (*pidFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644) //nolint:gosec // others may read it
	if err != nil {
		return nil, fmt.Errorf("pid file: %w", err)
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("pid file: %q is held by another process, want another file or the end of that one", path)
	}
	return &pidFile{path, f}, nil
}

// inheritPIDFile goes on with the file of the process before its reload.
func inheritPIDFile(path string, fd int) *pidFile {
	return &pidFile{path, os.NewFile(uintptr(fd), path)}
}

// write writes the process id; without a file it does nothing.
func (p *pidFile) write() error {
	if p == nil {
		return nil
	}
	if err := p.file.Truncate(0); err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	if _, err := p.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	return nil
}

// remove takes the file away if it is ours still, and gives up the lock.
func (p *pidFile) remove() {
	mine, err := p.file.Stat()
	if now, nowErr := os.Stat(p.path); err == nil && nowErr == nil && os.SameFile(mine, now) {
		_ = os.Remove(p.path) // at worst it names a process that is gone
	}
	_ = p.file.Close()
}
