//go:build !linux

package service

import (
	"errors"
	"net"
)

// refuseNew is Linux's alone; elsewhere a connection that comes in the last
// microsecond before the listener is closed is reset.
func refuseNew(net.Listener) error { return errors.ErrUnsupported }

func waiting(net.Listener) bool { return false }
