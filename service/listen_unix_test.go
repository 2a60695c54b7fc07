//go:build unix

package service

import (
	"net"
	"strconv"
	"syscall"
	"testing"
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
	if _, err := Listen(t.Context(), g); err == nil {
		t.Error("the descriptor was not taken over")
	}
}
