//go:build !unix

package control

import "net"

// listenPrivate leaves the access to that of the folder: there is no mode here.
func listenPrivate(path string) (*net.UnixListener, error) {
	return net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
}
