//go:build !linux

package main

import (
	"errors"
	"syscall"
)

func shared(_, _ string, _ syscall.RawConn) error {
	return errors.New("the comparison needs Linux")
}
