//go:build !linux

package sdnotify

import (
	"errors"
	"time"
)

// Monotonic is not to be had: there is no systemd here.
func Monotonic() (time.Duration, error) { return 0, errors.ErrUnsupported }
