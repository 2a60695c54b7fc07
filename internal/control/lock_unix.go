//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package control

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// lockPatience is how long another start is waited for.
const lockPatience = 2 * time.Second

// lockFolder keeps two masters from replacing the same dead socket at the same
// time. Somebody else may hold a lock on a folder for reasons of his own: after a
// while it goes on without.
func lockFolder(dir string) (unlock func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {} // bind says why
	}
	fd := int(f.Fd()) // a folder: its blocking mode is nobody's concern
	for end := time.Now().Add(lockPatience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
	}
	return func() { f.Close() }
}
