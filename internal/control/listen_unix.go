//go:build unix && !linux

package control

import (
	"net"
	"sync"
	"syscall"
)

// umask guards the file mode mask, which all of a process shares.
var umask sync.Mutex

func listenPrivate(path string) (*net.UnixListener, error) {
	umask.Lock()
	defer umask.Unlock()
	defer syscall.Umask(syscall.Umask(0o177))
	return net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
}
