package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// socketPath is a short path: those of t.TempDir can be too long for a socket.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("Linux alone tells this")
	}
}

func groupOn(addresses ...Address) *Group {
	g := DefaultGroup()
	g.Listen = addresses
	return g
}

// mustListen opens one listener.
func mustListen(t *testing.T, g *Group) net.Listener {
	t.Helper()
	l, err := Listen(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l[0].Close() })
	return l[0]
}

func TestAddressInUseNamesTheHolder(t *testing.T) {
	onLinux(t)
	l := mustListen(t, groupOn(Address{"tcp", "127.0.0.1:0"}))
	a := Address{"tcp", l.Addr().String()}
	_, err := Listen(t.Context(), groupOn(a))
	want := fmt.Sprintf("listen %s: address already in use by this process, want a free one", a)
	if err == nil || err.Error() != want {
		t.Errorf("Listen() = %v, want %s", err, want)
	}
	var le *ListenError
	if !errors.As(err, &le) || le.Address != a || !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Listen() = %#v, want a ListenError with EADDRINUSE", err)
	}
}

func TestHolderOfAnotherProcess(t *testing.T) {
	onLinux(t)
	name, err := os.ReadFile("/proc/1/comm")
	if err != nil {
		t.Skip(err)
	}
	want := fmt.Sprintf(" by %s (process 1)", strings.TrimSpace(string(name)))
	if got := byHolder(1); got != want {
		t.Errorf("byHolder(1) = %q, want %q", got, want)
	}
	if got := byHolder(0); got != "" {
		t.Errorf("byHolder(0) = %q, want nothing", got)
	}
}

func TestListenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := strconv.Itoa(int(f.Fd()))
	tests := []struct {
		a    Address
		want string
	}{
		{Address{"tcp", "203.0.113.7:80"}, "listen 203.0.113.7:80: no address of this machine, want one of its own or 0.0.0.0"},
		{Address{"tcp", "no-such-host.invalid:80"}, "listen no-such-host.invalid:80: no such host, want an address or a name of this machine"},
		{Address{"unix", file}, "listen unix:" + file + ": the path exists and is no socket, want a free one"},
		{Address{"unix", dir + "/no/s"}, "listen unix:" + dir + "/no/s: no such file or directory"},
		{Address{"fd", "99"}, "listen fd:99: bad file descriptor, want the number of a listening socket that this process inherited"},
		{Address{"fd", fd}, "listen fd:" + fd + ": socket operation on non-socket, want the number of a listening socket that this process inherited"},
	}
	for _, tt := range tests {
		_, err := Listen(t.Context(), groupOn(tt.a))
		if err == nil || err.Error() != tt.want {
			t.Errorf("Listen() = %v, want %s", err, tt.want)
		}
	}
	if _, err := f.Stat(); err != nil {
		t.Errorf("the descriptor that is no socket was closed: %v", err)
	}
}

func TestListenOpensAllOrNone(t *testing.T) {
	first := mustListen(t, groupOn(Address{"tcp", "127.0.0.1:0"}))
	taken := Address{"tcp", first.Addr().String()}
	free := freeAddress(t)
	if _, err := Listen(t.Context(), groupOn(free, taken)); err == nil {
		t.Fatal("Listen() took an address that is in use")
	}
	mustListen(t, groupOn(free))
}

func freeAddress(t *testing.T) Address {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return Address{"tcp", l.Addr().String()}
}

func TestWildcardIsOneFamily(t *testing.T) {
	l := mustListen(t, groupOn(Address{"tcp", "0.0.0.0:0"}))
	if got := l.Addr().String(); !strings.HasPrefix(got, "0.0.0.0:") {
		t.Errorf("0.0.0.0 listens on %s", got)
	}
}

func TestUnixSocket(t *testing.T) {
	path := socketPath(t)
	g := groupOn(Address{"unix", path})
	g.SocketMode = 0o640
	l := mustListen(t, g)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v, want 0640", info.Mode(), err)
	}
	go func() { // answers the probe of the second one
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	_, err = Listen(t.Context(), g)
	if want := "listen unix:" + path + ": address already in use by this process, want a free one"; runtime.GOOS == "linux" && (err == nil || err.Error() != want) {
		t.Errorf("Listen() = %v, want %s", err, want)
	}
	l.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat() = %v after the end, want that the path is gone", err)
	}
}

func TestStaleUnixSocketIsReplaced(t *testing.T) {
	path := socketPath(t)
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	l := mustListen(t, groupOn(Address{"unix", path}))
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("Dial() = %v, want the new socket", err)
	}
	nc.Close()
	l.Close()
}

func TestUnixSocketOfAnotherIsNotUnlinked(t *testing.T) {
	path := socketPath(t)
	l := mustListen(t, groupOn(Address{"unix", path}))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	l.Close()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("Stat() = %v: the other one's path is gone", err)
	}
}

func TestAbstractSocket(t *testing.T) {
	onLinux(t)
	a := Address{"unix", "@wheatpaste-test-" + strconv.Itoa(os.Getpid())}
	l := mustListen(t, groupOn(a))
	nc, err := net.Dial("unix", a.Addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestBacklog counts how many connections the kernel takes while nobody
// accepts: on Linux one more than the backlog.
func TestBacklog(t *testing.T) {
	onLinux(t)
	g := groupOn(Address{"tcp", "127.0.0.1:0"})
	g.Backlog = 1
	l := mustListen(t, g)
	taken := 0
	for range 4 {
		if c, err := net.DialTimeout("tcp", l.Addr().String(), 200*time.Millisecond); err == nil {
			defer c.Close()
			taken++
		}
	}
	if taken != 2 {
		t.Errorf("%d connections wait, want 2", taken)
	}
}

func TestRunServesAllOrNone(t *testing.T) {
	holder := mustListen(t, groupOn(Address{"tcp", "127.0.0.1:0"}))
	bad, good := testGroup(t), testGroup(t)
	bad.Listen = []Address{{"tcp", holder.Addr().String()}}
	free := freeAddress(t)
	good.Listen = []Address{free}
	err := Run(context.Background(), &Server{Group: good, Handler: nil}, &Server{Group: bad, Handler: nil})
	if ExitCode(err) != 1 || !strings.HasPrefix(err.Error(), "listen "+holder.Addr().String()+": address already in use") {
		t.Errorf("Run() = %v, want the one address that is in use and code 1", err)
	}
	mustListen(t, groupOn(free))
}

func TestRunChecksBeforeItListens(t *testing.T) {
	g := testGroup(t)
	free := freeAddress(t)
	g.Listen, g.KeyFile = []Address{free}, "k.pem"
	err := Run(context.Background(), &Server{Group: g})
	if want := "server test: key_file: a key without a certificate, want cert_file too"; err == nil || err.Error() != want {
		t.Errorf("Run() = %v, want %s", err, want)
	}
	mustListen(t, groupOn(free))
}

func TestRunServesSeveral(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	var servers []*Server
	ready := make(chan struct{}, 2)
	for range 2 {
		g := testGroup(t)
		g.Listen = []Address{freeAddress(t)}
		servers = append(servers, &Server{
			Group: g, Handler: http.HandlerFunc(hello), Logger: slog.New(slog.DiscardHandler),
			Ready: func() { ready <- struct{}{} },
		})
	}
	done := make(chan error, 1)
	go func() { done <- Run(ctx, servers...) }()
	<-ready
	<-ready
	for _, s := range servers {
		nc, err := net.Dial("tcp", s.Group.Listen[0].Addr)
		if err != nil {
			t.Error(err)
			continue
		}
		nc.Close()
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run() = %v, want nil", err)
	}
}
