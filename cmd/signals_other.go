//go:build !unix

package cmd

import (
	"os"
	"syscall"
)

var handled = []os.Signal{os.Interrupt, syscall.SIGTERM}

func (r *runner) other(os.Signal) bool { return false }
