package service

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Processes of the tests below are this test binary again, in a role.
const (
	roleVariable   = "WHEATPASTE_TEST_ROLE"
	listenVariable = "WHEATPASTE_TEST_LISTEN"
)

// child is this binary in a role. Its standard input ends with the test.
func child(role, listen string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v=false")
	cmd.Env = append(os.Environ(), roleVariable+"="+role, listenVariable+"="+listen)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestChild is no test but the processes of others.
func TestChild(t *testing.T) {
	roles := map[string]func(t *testing.T){"master": childMaster, "worker": childWorker, "second": childSecond, "squatter": childSquatter, "nobody": childNobody, "confined": childConfined, "confining": childConfining}
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		t.Skip("only as a child of another test")
	}
	role(t)
}

// childMaster listens, starts a worker, and lives as long as its input.
func childMaster(t *testing.T) {
	a, err := ParseListen(os.Getenv(listenVariable))
	if err != nil {
		t.Fatal(err)
	}
	var s Sockets
	commit(t, &s, Want{named("a", a), 1})
	worker := child("worker", "")
	worker.Stdin, worker.Stdout = os.Stdin, os.Stdout
	fd, err := unix.FcntlInt(uintptr(s.All()[0].FD()), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	worker.ExtraFiles = []*os.File{os.NewFile(uintptr(fd), "socket")}
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	worker.Wait()
}

// childWorker takes the socket 3 and lives as long as its input.
func childWorker(t *testing.T) {
	l, err := FromFD(3)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fmt.Println("worker", os.Getpid())
	io.Copy(io.Discard, os.Stdin)
}

// childSecond is a second instance: it says what it was told.
func childSecond(t *testing.T) {
	a, err := ParseListen(os.Getenv(listenVariable))
	if err != nil {
		t.Fatal(err)
	}
	var s Sockets
	_, err = s.Prepare(t.Context(), []Want{{named("a", a), 2}})
	fmt.Println(err)
	s.Close()
}

// second starts a second instance and gives its first line.
func second(t *testing.T, listen string) string {
	t.Helper()
	out, err := child("second", listen).Output()
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// startMaster starts a master with a worker. The worker ends with release.
func startMaster(t *testing.T, listen string) (master *exec.Cmd, release func()) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	master = child("master", listen)
	master.Stdin = r
	out, err := master.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	t.Cleanup(func() {
		w.Close()
		master.Process.Kill()
		io.Copy(io.Discard, out) // until the worker is gone too
		master.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "worker ") {
		t.Fatalf("the worker said %q, %v", line, err)
	}
	return master, func() { w.Close() }
}

// TestSecondInstanceIsToldTheHolder is CHECK-07 and PAIN-16.
func TestSecondInstanceIsToldTheHolder(t *testing.T) {
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	by := fmt.Sprintf("by %s (process %d)", strings.TrimSpace(string(comm)), os.Getpid())
	var s Sockets
	path := Address{"unix", socketPath(t)}
	g := named("a", anyLocal, path)
	commit(t, &s, Want{g, 2})
	tcp := s.Slot(g, 0, 2)[0].Display()
	port := tcp[strings.LastIndex(tcp, ":"):]
	for _, listen := range []string{tcp, "0.0.0.0" + port, port, "localhost" + port, path.String()} {
		want := "listen " + listen + ": address already in use " + by + ", want a free one"
		if got := second(t, listen); got != want {
			t.Errorf("a second instance was told %q, want %q", got, want)
		}
	}
	if got := second(t, "127.0.0.2"+port); got != "<nil>" {
		t.Errorf("another address of the same port: %q, want none", got)
	}
	s.Close()
	if got := second(t, tcp); got != "<nil>" {
		t.Errorf("after the end: %q, want no error", got)
	}
}

// TestNewMasterBindsWhileOrphansDrain is CHECK-05: the workers of a master that
// was killed are no reason to wait.
func TestNewMasterBindsWhileOrphansDrain(t *testing.T) {
	for _, a := range []Address{freeAddress(t), {"unix", socketPath(t)}} {
		t.Run(a.Network, func(t *testing.T) {
			master, _ := startMaster(t, a.String())
			if got := second(t, a.String()); !strings.Contains(got, fmt.Sprintf("(process %d)", master.Process.Pid)) {
				t.Errorf("with its master alive: %q, want the master's number", got)
			}
			master.Process.Kill()
			var s Sockets
			start := time.Now()
			eventually(t, "the master's end", func() bool { return dead(master.Process.Pid) })
			commit(t, &s, Want{named("a", a), 1})
			if took := time.Since(start); took > orphanTime {
				t.Errorf("it took %v", took)
			}
			// Some go to the orphan's queue, but not all.
			got := false
			for i := 0; i < 64 && !got; i++ {
				nc, err := net.Dial(a.Network, a.Addr)
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				fd, _, err := unix.Accept(s.All()[0].FD())
				if got = err == nil; got {
					unix.Close(fd)
				}
			}
			if !got {
				t.Error("the new master gets no connection")
			}
		})
	}
}

// TestOneProcessWaitsForOrphans is the same for what cannot be shared: without
// workers there is no SO_REUSEPORT, and an abstract name is one socket's.
func TestOneProcessWaitsForOrphans(t *testing.T) {
	abstractName := Address{"unix", "@wheatpaste-orphan-" + strconv.Itoa(os.Getpid())}
	tests := map[string]struct {
		a      Address
		listen func(g *Group) error
	}{
		"listener": {freeAddress(t), func(g *Group) error {
			l, err := Listen(t.Context(), g)
			if err == nil {
				l[0].Close()
			}
			return err
		}},
		"abstract name": {abstractName, func(g *Group) error {
			var s Sockets
			c, err := s.Prepare(t.Context(), []Want{{g, 1}})
			if err == nil {
				c.Abort()
			}
			return err
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			master, release := startMaster(t, tt.a.String())
			master.Process.Kill()
			eventually(t, "the master's end", func() bool { return dead(master.Process.Pid) })
			done := make(chan error, 1)
			go func() { done <- tt.listen(named("a", tt.a)) }()
			select {
			case err := <-done:
				t.Errorf("it did not wait: %v", err)
				return
			case <-time.After(5 * orphanTick):
			}
			release()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// childSquatter takes a lock's name, as another user.
func childSquatter(t *testing.T) {
	mustBecomeNobody(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: lockPrefix + os.Getenv(listenVariable), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}

// TestLockOfAnotherUserIsNotBelieved: nobody can keep a free port from us.
func TestLockOfAnotherUserIsNotBelieved(t *testing.T) {
	needRoot(t)
	a := freeAddress(t)
	squatter := child("squatter", a.Addr)
	in, err1 := squatter.StdinPipe()
	out, err2 := squatter.StdoutPipe()
	if err := errors.Join(err1, err2, squatter.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); io.Copy(io.Discard, out); squatter.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the squatter said %q, %v", line, err)
	}
	var s Sockets
	commit(t, &s, Want{named("a", a), 2})
	if got, want := second(t, a.Addr), fmt.Sprintf("(process %d)", os.Getpid()); !strings.Contains(got, want) {
		t.Errorf("a second instance was told %q, want %s: the bind decides", got, want)
	}
}

// TestMastersThatStartTogether: of all that want a port at the same moment, one
// gets it (PAIN-16).
func TestMastersThatStartTogether(t *testing.T) {
	for range 20 {
		a := freeAddress(t)
		got := make([]error, 3)
		sets := make([]Sockets, len(got))
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() {
				var c *Change
				if c, got[i] = sets[i].Prepare(t.Context(), []Want{{named("a", a), 2}}); got[i] == nil {
					c.Commit()
				}
			})
		}
		all.Wait()
		n := 0
		for i, err := range got {
			if err == nil {
				n++
			}
			sets[i].Close()
		}
		if n != 1 {
			t.Fatalf("%d masters got the port: %v", n, got)
		}
	}
}

// TestLockComesBeforeTheBind: between the lock of a master and its bind the port
// looks free, and another one must not take it.
func TestLockComesBeforeTheBind(t *testing.T) {
	a := freeAddress(t)
	lock, err := takeLock(a, a.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.release()
	var s Sockets
	_, err = s.Prepare(t.Context(), []Want{{named("a", a), 2}})
	want := fmt.Sprintf("listen %s: address already in use by this process, want a free one", a)
	if err == nil || err.Error() != want {
		t.Errorf("Prepare() = %v, want %s", err, want)
		s.Close()
	}
	// 0.0.0.0 has another lock: it is the rival of the first.
	all := strings.Replace(a.Addr, "127.0.0.1", "0.0.0.0", 1)
	want = "listen " + all + ": address already in use by "
	if got := second(t, all); !strings.HasPrefix(got, want) || !strings.Contains(got, fmt.Sprintf("(process %d)", os.Getpid())) {
		t.Errorf("a second instance was told %q, want this process", got)
	}
}
