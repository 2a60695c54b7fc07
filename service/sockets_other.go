//go:build !linux

package service

import (
	"context"
	"errors"
	"io"
	"net"
)

// Worker processes are Linux's alone: elsewhere no Sockets can be had.

func (p *place) open(context.Context, *Group, *Sockets) (int, error) {
	return -1, errors.ErrUnsupported
}

func (s *Socket) another(int) (*Socket, error) { return nil, errors.ErrUnsupported }

func (s *Socket) prime(*Group) error { return errors.ErrUnsupported }

// Refuse is Linux's alone.
func (s *Socket) Refuse() error { return errors.ErrUnsupported }

func takeLock(Address, string) (*addressLock, error) { return nil, errors.ErrUnsupported }

func closeFD(int) error { return nil }

func listenOn(int) error { return nil }

func whileOrphans(_ context.Context, _ string, try func() error) error { return try() }

func creatorGone(string, int) bool { return false }

func mark(net.Addr) io.Closer { return io.NopCloser(nil) }
