package service

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var errStillRoot = errors.New("the process could become root again")

// become changes groups first: afterwards it may not. The system takes all
// capabilities away with the last user that is root, unless it was told not to.
func (id *Identity) become() error {
	if id.UID != 0 {
		if err := dropBounding(); err != nil {
			return fmt.Errorf("dropping capabilities: %w", err)
		}
	}
	groups := id.Groups
	if !slices.Contains(groups, id.GID) {
		groups = append([]int{id.GID}, groups...)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return fmt.Errorf("setgroups %v: %w", groups, err)
	}
	if err := syscall.Setresgid(id.GID, id.GID, id.GID); err != nil {
		return fmt.Errorf("setgid %d: %w", id.GID, err)
	}
	if err := syscall.Setresuid(id.UID, id.UID, id.UID); err != nil {
		return fmt.Errorf("setuid %d: %w", id.UID, err)
	}
	if id.UID == 0 {
		return nil
	}
	if syscall.Setuid(0) == nil || hasCapabilities() {
		return errStillRoot
	}
	return nil
}

// dropBounding keeps what the process executes from getting any capability.
// Only root may do so, who has CAP_SETPCAP: in a container perhaps not, and then
// no_new_privs does as much.
func dropBounding() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		err := allThreads(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0)
		switch {
		case err == nil:
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EPERM), errors.Is(err, errors.ErrUnsupported):
			return nil // an older kernel's last one was before
		default:
			return err
		}
	}
	return nil
}

// hasCapabilities looks at what this thread may still do, or could again.
func hasCapabilities() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return true
	}
	return data[0].Effective|data[1].Effective|data[0].Permitted|data[1].Permitted != 0
}

func setUmask(mask int) { syscall.Umask(mask) }

// confine does what [Identity.Confined] has not done already: that is all of it
// but for a program with capabilities of its own.
func (id *Identity) confine() error {
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if id.noNewPrivs && (err != nil || set == 0) {
		if err := allThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
			return fmt.Errorf("no_new_privs: %w", err)
		}
	}
	if unix.Geteuid() == 0 || !hasCapabilities() {
		return nil // root is what it was started as; see the option user
	}
	if err := dropCapabilities(); err != nil {
		return fmt.Errorf("dropping capabilities: %w", err)
	}
	return nil
}

// Confined calls start, which starts a worker, in a thread that has given up what
// the worker shall not have: the system keeps privileges by thread, and a new
// process has those of the thread that makes it. That holds for all threads of
// the worker from its beginning, also in a program with cgo.
func (id *Identity) Confined(start func()) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := id.confineThread()
		if err == nil {
			start()
		}
		done <- err
	}()
	return <-done
}

func (id *Identity) confineThread() error {
	if id.noNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return os.NewSyscallError("prctl", err)
		}
	}
	// Those of systemd's AmbientCapabilities are for the master, which binds.
	err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	if err != nil && !errors.Is(err, unix.EINVAL) { // Linux before 4.3 has none
		return os.NewSyscallError("prctl", err)
	}
	return nil
}

// dropCapabilities takes all away from all threads.
func dropCapabilities() error {
	err := allThreads(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0)
	if err != nil && !errors.Is(err, unix.EINVAL) { // Linux before 4.3 has none
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return allThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none[0])), 0) //nolint:gosec // the system reads them
}

// allThreads makes a system call in each thread of the process: the system keeps
// privileges by thread. A program that is linked with cgo cannot.
func allThreads(trap, a, b, c uintptr) error {
	_, _, no := syscall.AllThreadsSyscall6(trap, a, b, c, 0, 0, 0)
	switch {
	case no == syscall.ENOTSUP:
		return errors.ErrUnsupported
	case no != 0:
		return no
	}
	return nil
}
