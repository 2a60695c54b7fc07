package service

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

var errStillRoot = errors.New("the process could become root again")

// become changes groups first: afterwards it may not. The system takes all
// capabilities away with the last user that is root, unless it was told not to.
func (id *Identity) become() error {
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
