package service

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inheritedFD is a listening descriptor as a parent leaves it: in blocking mode
// and without close-on-exec.
func inheritedFD(t *testing.T) (fd int, addr string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	err = errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 16))
	if err != nil {
		t.Fatal(err)
	}
	return fd, displayFD(fd)
}

// TestForeignSocketIsLeftToOthers is SD-03.
func TestForeignSocketIsLeftToOthers(t *testing.T) {
	fd, addr := inheritedFD(t)
	var s Sockets
	g := testGroup(t)
	g.Listen = []Address{{"fd", strconv.Itoa(fd)}}
	commit(t, &s, Want{g, 2})
	one := s.Slot(g, 1, 2)[0]
	if !one.Foreign() || !one.Shared() || one.Display() != addr || one.FD() == fd {
		t.Errorf("Foreign() %v, Shared() %v, Display() %q, FD() %d", one.Foreign(), one.Shared(), one.Display(), one.FD())
	}
	if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
		t.Error("workers would inherit the descriptor under its own number")
	}
	copied, err := unix.FcntlInt(uintptr(one.FD()), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	l, err := FromForeignFD(copied)
	if err != nil {
		t.Fatal(err)
	}
	r := serveOn(t, g, hello, l)
	r.dial().send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").answer("GET")
	if err := errors.Join(r.end(), one.Refuse(), s.Close()); err != nil {
		t.Error(err)
	}
	nc, err := net.DialTimeout("tcp", addr, 500*time.Millisecond)
	if err != nil {
		t.Fatalf("Dial() = %v after our end: the socket is deaf for its owner", err)
	}
	nc.Close()
	commit(t, &s, Want{g, 2}) // a reload names it again
}

func TestFromFDErrors(t *testing.T) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	idle, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(idle)
	files := openFiles(t)
	for fd, problem := range map[int]string{null: "socket operation on non-socket", idle: "invalid argument", 9999: "bad file descriptor"} {
		want := fmt.Sprintf("listen fd:%d: %s, want the number of a listening socket that this process inherited", fd, problem)
		if _, err := FromFD(fd); err == nil || err.Error() != want {
			t.Errorf("FromFD(%d) = %v, want %s", fd, err, want)
		}
	}
	if got := openFiles(t); got != files {
		t.Errorf("%d descriptors after the errors, want %d", got, files)
	}
}

// TestSharedDescriptionStaysNonBlocking watches the flag that all processes
// share (design.md 6) while listeners come and go.
func TestSharedDescriptionStaysNonBlocking(t *testing.T) {
	var s Sockets
	commit(t, &s, Want{named("a", anyLocal), 1})
	master := s.All()[0].FD()
	var blocking, looked atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			flags, err := unix.FcntlInt(uintptr(master), unix.F_GETFL, 0)
			if err != nil || flags&unix.O_NONBLOCK == 0 {
				blocking.Add(1)
			}
			looked.Add(1)
		}
	}()
	for i := 0; i < 300 || looked.Load() < 1000; i++ {
		fd, err := unix.FcntlInt(uintptr(master), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		l, err := FromFD(fd)
		if err != nil {
			t.Fatal(err)
		}
		l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now())
		if _, err := l.Accept(); !isTimeout(err) {
			t.Fatalf("Accept() = %v, want a timeout", err)
		}
		l.Close()
	}
	close(stop)
	<-stopped
	if blocking.Load() > 0 {
		t.Errorf("in blocking mode %d of %d times", blocking.Load(), looked.Load())
	}
}

// TestQueueOutlivesItsWorker is the reason for slots: what waits in the queue of
// a worker that is gone is answered by the next one.
func TestQueueOutlivesItsWorker(t *testing.T) {
	var s Sockets
	g := testGroup(t)
	commit(t, &s, Want{g, 1})
	one := s.All()[0]
	worker := func() net.Listener {
		fd, err := unix.FcntlInt(uintptr(one.FD()), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		l, err := FromFD(fd)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	worker().Close()
	nc, err := net.Dial("tcp", one.Display())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	r := serveOn(t, g, hello, worker())
	nc.SetDeadline(time.Now().Add(patience))
	if b, err := io.ReadAll(nc); err != nil || !strings.HasSuffix(string(b), "hello\n") {
		t.Errorf("the client that waited got %q, %v", b, err)
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

func TestRefuse(t *testing.T) {
	var s Sockets
	commit(t, &s, Want{named("a", anyLocal), 1})
	one := s.All()[0]
	before, err := net.Dial("tcp", one.Display())
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if err := one.Refuse(); err != nil {
		t.Fatal(err)
	}
	if nc, err := net.DialTimeout("tcp", one.Display(), 100*time.Millisecond); !isTimeout(err) {
		t.Errorf("Dial() = %v, %v, want a timeout", nc, err)
	}
	fd, _, err := unix.Accept(one.FD())
	if err != nil {
		t.Errorf("accept() = %v, want the one from before", err)
	}
	unix.Close(fd)
}
