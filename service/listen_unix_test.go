//go:build unix

package service

import (
	"net"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMaskIsPutBack(t *testing.T) {
	before := syscall.Umask(0o027)
	defer syscall.Umask(before)
	mustListen(t, groupOn(Address{"unix", socketPath(t)}))
	if got := syscall.Umask(0o027); got != 0o027 {
		t.Errorf("the process has the mask %#o after Listen, want 0o27", got)
	}
}

func TestInheritedDescriptor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	g := testGroup(t)
	g.Listen = []Address{{"fd", strconv.Itoa(fd)}}
	r := serve(t, g, hello)
	if a := r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.text != "hello\n" {
		t.Errorf("%q, want hello", a.text)
	}
	again, err := Listen(t.Context(), g) // as a reload that names it again
	if err != nil {
		t.Fatalf("the descriptor is gone: %v", err)
	}
	if err := again[0].Close(); err != nil {
		t.Error(err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the descriptor has the flags %#x, %v, want it closed on exec", flags, err)
	}
	if err := unix.Close(fd); err != nil {
		t.Error(err)
	}
}
