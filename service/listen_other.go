//go:build !unix

package service

import (
	"context"
	"net"
)

// listenUnix leaves the mode to the system: there is none to set here.
func listenUnix(ctx context.Context, path string, _ *Group) (net.Listener, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	return newUnixListener(l.(*net.UnixListener), path)
}

func setBacklog(net.Listener, int) error { return nil }

func mustAccept(int) error { return nil }

// readable cannot tell here: an idle connection is closed when its time is over.
func readable(net.Conn) bool { return false }
