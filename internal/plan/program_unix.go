//go:build unix

package plan

import "golang.org/x/sys/unix"

// mayWrite asks the system whether this process may make files in a folder.
func mayWrite(path string) error { return unix.Access(path, unix.W_OK|unix.X_OK) }
