package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func named(name string, addresses ...Address) *Group {
	g := groupOn(addresses...)
	g.Name = name
	return g
}

// prepare opens sockets and closes them at the end of the test.
func prepare(t *testing.T, s *Sockets, wants ...Want) *Change {
	t.Helper()
	c, err := s.Prepare(t.Context(), wants)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Abort()
		s.Close()
	})
	return c
}

func commit(t *testing.T, s *Sockets, wants ...Want) (removed []*Socket) {
	t.Helper()
	return prepare(t, s, wants...).Commit()
}

func keys(list []*Socket) string {
	var all []string
	for _, s := range list {
		all = append(all, s.Key())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func option(t *testing.T, fd, level, name int) int {
	t.Helper()
	v, err := unix.GetsockoptInt(fd, level, name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// openFiles counts the descriptors of this process.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func inode(t *testing.T, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

var anyLocal = Address{"tcp", "127.0.0.1:0"}

func TestSlotsHaveSocketsOfTheirOwn(t *testing.T) {
	var s Sockets
	g := named("a", anyLocal)
	commit(t, &s, Want{g, 3})
	seen := map[uint64]bool{}
	for k := range 3 {
		list := s.Slot(g, k, 3)
		if want := fmt.Sprintf("127.0.0.1:0(a/0)#%d", k); keys(list) != want {
			t.Fatalf("slot %d has %q, want %q", k, keys(list), want)
		}
		one := list[0]
		seen[inode(t, one.FD())] = true
		flags, _ := unix.FcntlInt(uintptr(one.FD()), unix.F_GETFL, 0)
		fdFlags, _ := unix.FcntlInt(uintptr(one.FD()), unix.F_GETFD, 0)
		if flags&unix.O_NONBLOCK == 0 || fdFlags&unix.FD_CLOEXEC == 0 {
			t.Errorf("slot %d: flags %#x %#x, want non-blocking and close-on-exec", k, flags, fdFlags)
		}
		if option(t, one.FD(), unix.SOL_SOCKET, unix.SO_ACCEPTCONN) != 1 || option(t, one.FD(), unix.SOL_SOCKET, unix.SO_REUSEPORT) != 1 {
			t.Errorf("slot %d does not listen with SO_REUSEPORT", k)
		}
		if protocol := option(t, one.FD(), unix.SOL_SOCKET, unix.SO_PROTOCOL); protocol != unix.IPPROTO_TCP {
			t.Errorf("slot %d has protocol %d, want plain TCP", k, protocol)
		}
		if one.Display() != s.Slot(g, 0, 3)[0].Display() || strings.HasSuffix(one.Display(), ":0") || displayFD(one.FD()) != one.Display() {
			t.Errorf("slot %d is on %s, displayed %s", k, displayFD(one.FD()), one.Display())
		}
		if one.Shared() || one.Foreign() {
			t.Errorf("slot %d: Shared() %v, Foreign() %v", k, one.Shared(), one.Foreign())
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d sockets, want 3", len(seen))
	}
}

// TestSlotNumbersChange is the rule k mod slots = slot of design.md 6: no queue
// is ever without a worker.
func TestSlotNumbersChange(t *testing.T) {
	var s Sockets
	g := named("a", anyLocal)
	commit(t, &s, Want{g, 2})
	before := s.All()
	c := prepare(t, &s, Want{g, 4})
	if len(c.Opened()) != 2 {
		t.Fatalf("%d sockets opened, want 2", len(c.Opened()))
	}
	for _, added := range c.Opened() {
		if option(t, added.FD(), unix.SOL_SOCKET, unix.SO_ACCEPTCONN) != 0 {
			t.Errorf("%s takes connections before it has a worker", added.Key())
		}
	}
	if got := keys(c.Slot(g, 3, 4)); got != "127.0.0.1:0(a/0)#3" {
		t.Errorf("slot 3 of the change has %q", got)
	}
	if got := keys(s.Slot(g, 1, 2)); got != "127.0.0.1:0(a/0)#1" {
		t.Errorf("slot 1 before the change has %q", got)
	}
	if removed := c.Commit(); len(removed) != 0 {
		t.Errorf("Commit() = %q, want nothing", keys(removed))
	}
	for _, one := range s.All() {
		if option(t, one.FD(), unix.SOL_SOCKET, unix.SO_ACCEPTCONN) != 1 {
			t.Errorf("%s does not listen after Commit", one.Key())
		}
	}
	if removed := commit(t, &s, Want{g, 3}); len(removed) != 0 {
		t.Errorf("with fewer slots, Commit() = %q, want nothing", keys(removed))
	}
	for slot, want := range []string{"127.0.0.1:0(a/0)#0 127.0.0.1:0(a/0)#3", "127.0.0.1:0(a/0)#1", "127.0.0.1:0(a/0)#2"} {
		if got := keys(s.Slot(g, slot, 3)); got != want {
			t.Errorf("slot %d of 3 has %q, want %q", slot, got, want)
		}
	}
	for _, b := range before {
		if !slices.Contains(s.All(), b) {
			t.Errorf("%s is another socket after reloads", b.Key())
		}
	}
}

func TestReloadKeepsWhatIsThere(t *testing.T) {
	var s Sockets
	fixed := freeAddress(t)
	commit(t, &s, Want{named("a", anyLocal, fixed), 1})
	kept := s.All()
	path := Address{"unix", socketPath(t)}
	next := []Want{{named("a", anyLocal), 1}, {named("b", path), 2}}
	files := openFiles(t)
	c := prepare(t, &s, next...)
	c.Abort()
	if got := openFiles(t); got != files {
		t.Errorf("%d descriptors after Abort, want %d", got, files)
	}
	if _, err := os.Lstat(path.Addr); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Lstat() = %v after Abort, want that the path is gone", err)
	}
	if got := s.All(); len(got) != 2 || got[0].FD() < 0 || got[1].FD() < 0 {
		t.Errorf("Abort left %q", keys(got))
	}
	removed := commit(t, &s, next...)
	if want := fixed.String() + "#0"; keys(removed) != want {
		t.Errorf("Commit() = %q, want %q", keys(removed), want)
	}
	if nc, err := net.Dial("tcp", fixed.Addr); err != nil {
		t.Errorf("the removed socket is closed already: %v", err)
	} else {
		nc.Close()
	}
	for _, r := range removed {
		r.Close()
	}
	if _, err := net.Dial("tcp", fixed.Addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial() = %v after the end, want a refusal", err)
	}
	same := 0
	for _, k := range kept {
		if slices.Contains(s.All(), k) {
			same++
		}
	}
	if want := "127.0.0.1:0(a/0)#0 " + path.String() + "#0"; same != 1 || keys(s.All()) != want {
		t.Errorf("%d sockets kept and all are %q, want 1 and %q", same, keys(s.All()), want)
	}
}

func TestAddressOfTwoGroups(t *testing.T) {
	a := Address{"tcp", "127.0.0.1:8080"}
	path := Address{"unix", "/run/s"}
	tests := []struct {
		wants []Want
		want  string
	}{
		{[]Want{{named("a", a), 1}, {named("b", a), 1}},
			`listen 127.0.0.1:8080: servers "a" and "b" both listen there, "a" on 127.0.0.1:8080, want it in one of them`},
		{[]Want{{named("a", Address{"tcp", ":8080"}), 1}, {named("b", a), 1}},
			`listen 127.0.0.1:8080: servers "a" and "b" both listen there, "a" on :8080, want it in one of them`},
		{[]Want{{named("a", path), 1}, {named("b", path), 1}},
			`listen unix:/run/s: servers "a" and "b" both listen there, "a" on unix:/run/s, want it in one of them`},
		{[]Want{{named("a", a, Address{"tcp", "0.0.0.0:8080"}), 1}},
			`listen 0.0.0.0:8080: server "a" listens on 127.0.0.1:8080 already, want it once`},
	}
	for _, tt := range tests {
		var s Sockets
		if _, err := s.Prepare(t.Context(), tt.wants); err == nil || err.Error() != tt.want {
			t.Errorf("Prepare() = %v, want %s", err, tt.want)
		}
	}
	var s Sockets
	commit(t, &s, Want{named("a", anyLocal, anyLocal), 1}, Want{named("b", anyLocal), 1})
	if want := "127.0.0.1:0(a/0)#0 127.0.0.1:0(a/1)#0 127.0.0.1:0(b/0)#0"; keys(s.All()) != want {
		t.Errorf("free ports of two groups are %q, want %q", keys(s.All()), want)
	}
}

// TestAddressInUseByOthers is PAIN-16: neither a plain server nor one with
// SO_REUSEPORT, nor one on all interfaces, gets or gives a share unnoticed.
func TestAddressInUseByOthers(t *testing.T) {
	reuse := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var inner error
		err := c.Control(func(fd uintptr) { inner = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(err, inner)
	}}
	for _, host := range []string{"127.0.0.1", "0.0.0.0", ""} {
		for name, lc := range map[string]net.ListenConfig{"plain": {}, "SO_REUSEPORT": reuse} {
			t.Run(host+" "+name, func(t *testing.T) {
				l, err := lc.Listen(t.Context(), "tcp", host+":0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				a := Address{"tcp", "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)}
				var s Sockets
				files := openFiles(t)
				_, err = s.Prepare(t.Context(), []Want{{named("a", anyLocal, a), 3}})
				want := fmt.Sprintf("listen %s: address already in use by this process, want a free one", a)
				if err == nil || err.Error() != want || !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("Prepare() = %v, want %s", err, want)
				}
				if got := openFiles(t); got != files {
					t.Errorf("%d descriptors after the error, want %d", got, files)
				}
			})
		}
	}
}

func TestPrepareListsAllErrorsAndLeaksNothing(t *testing.T) {
	var s Sockets
	files := openFiles(t)
	taken := mustListen(t, groupOn(anyLocal)).Addr().String()
	bad := socketPath(t) + "/no/s"
	for range 20 {
		_, err := s.Prepare(t.Context(), []Want{
			{named("a", anyLocal, Address{"tcp", taken}, Address{"fd", "999"}), 2},
			{named("b", Address{"unix", socketPath(t)}, Address{"unix", bad}, Address{"tcp", "203.0.113.7:80"}), 2},
		})
		want := "listen " + taken + ": address already in use by this process, want a free one\n" +
			"listen fd:999: bad file descriptor, want the number of a listening socket that this process inherited\n" +
			"listen unix:" + bad + ": no such file or directory\n" +
			"listen 203.0.113.7:80: no address of this machine, want one of its own or 0.0.0.0"
		if err == nil || err.Error() != want {
			t.Fatalf("Prepare() = %v, want %s", err, want)
		}
	}
	// The poller's own descriptors may have come with the first listener.
	if got := openFiles(t); got > files+3 {
		t.Errorf("%d descriptors after 20 errors, %d before", got, files)
	}
}

func TestReloadFromAllInterfacesToOne(t *testing.T) {
	port := freeAddress(t).Addr[len("127.0.0.1:"):]
	var s Sockets
	for _, host := range []string{"0.0.0.0", "127.0.0.1", "localhost", ""} {
		g := named("a", Address{"tcp", host + ":" + port})
		for _, r := range commit(t, &s, Want{g, 2}) {
			r.Close()
		}
		if nc, err := net.Dial("tcp", "127.0.0.1:"+port); err != nil {
			t.Errorf("%q: %v", host, err)
		} else {
			nc.Close()
		}
	}
	var other Sockets
	if _, err := other.Prepare(t.Context(), []Want{{named("b", Address{"tcp", "127.0.0.1:" + port}), 1}}); err == nil {
		t.Error("another master of the same process got the address")
	}
}

// TestSettingsOfAReload: backlog, keep-alive and mode reach the sockets that are
// there, and connections inherit them (HTTP-03).
func TestSettingsOfAReload(t *testing.T) {
	var s Sockets
	path := socketPath(t)
	g := named("a", anyLocal, Address{"unix", path})
	commit(t, &s, Want{g, 1})
	one := s.Slot(g, 0, 1)[0]
	next := named("a", g.Listen...)
	next.Backlog, next.TCPKeepIdle, next.SocketMode = 1, 77*time.Second, 0o600
	c := prepare(t, &s, Want{next, 1})
	if got := option(t, one.FD(), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE); got != 15 {
		t.Errorf("TCP_KEEPIDLE %d before Commit, want 15", got)
	}
	c.Commit()
	if s.Slot(next, 0, 1)[0] != one {
		t.Fatal("the socket is another one")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	taken := 0
	for range 4 {
		if nc, err := net.DialTimeout("tcp", one.Display(), 200*time.Millisecond); err == nil {
			defer nc.Close()
			taken++
		}
	}
	if taken != 2 {
		t.Errorf("%d connections wait, want 2: the backlog and one", taken)
	}
	fd, _, err := unix.Accept(one.FD())
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, o := range []struct {
		name               string
		level, option, val int
	}{
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 77},
		{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15},
		{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9},
	} {
		if got := option(t, fd, o.level, o.option); got != o.val {
			t.Errorf("%s %d, want %d", o.name, got, o.val)
		}
	}
}

func TestSharedSockets(t *testing.T) {
	var s Sockets
	path := Address{"unix", socketPath(t)}
	g := named("a", anyLocal, path)
	g.AcceptShared = true
	commit(t, &s, Want{g, 3})
	for slot := range 3 {
		if got := keys(s.Slot(g, slot, 3)); got != "127.0.0.1:0(a/0)#0 "+path.String()+"#0" {
			t.Errorf("slot %d has %q, want both", slot, got)
		}
	}
	for _, one := range s.All() {
		if !one.Shared() {
			t.Errorf("%s is not shared", one.Key())
		}
	}
	slots := named("a", g.Listen...)
	commit(t, &s, Want{slots, 3})
	if got := keys(s.Slot(slots, 2, 3)); got != "127.0.0.1:0(a/0)#2 "+path.String()+"#0" {
		t.Errorf("with accept = slots, slot 2 has %q", got)
	}
	commit(t, &s, Want{g, 2})
	if got := s.Slot(g, 1, 2); len(got) != 4 || !got[0].Shared() {
		t.Errorf("back with accept = shared, slot 1 has %q, want all", keys(got))
	}
}

// TestUnixPathOfAMaster is HTTP-04.
func TestUnixPathOfAMaster(t *testing.T) {
	path := socketPath(t)
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	g := named("a", Address{"unix", path})
	g.SocketMode = 0o640
	var s, second Sockets
	commit(t, &s, Want{g, 2})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v, want 0640", info.Mode(), err)
	}
	want := "listen unix:" + path + ": address already in use by this process, want a free one"
	if _, err := second.Prepare(t.Context(), []Want{{g, 1}}); err == nil || err.Error() != want {
		t.Errorf("Prepare() = %v, want %s", err, want)
	}
	fd, err := unix.FcntlInt(uintptr(s.All()[0].FD()), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	l, err := FromFD(fd)
	if err != nil {
		t.Fatal(err)
	}
	l.(interface{ Unlink() }).Unlink()
	l.Close()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("a worker's end took the path away: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat() = %v after the last exit, want that the path is gone", err)
	}
}

func TestUnixPathOfAnotherIsLeft(t *testing.T) {
	path := socketPath(t)
	var s Sockets
	commit(t, &s, Want{named("a", Address{"unix", path}), 1})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s.All()[0].Unlink()
	s.Close()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("Stat() = %v: the other one's path is gone", err)
	}
}

func TestAbstractSocketOfAMaster(t *testing.T) {
	a := Address{"unix", "@wheatpaste-master-" + strconv.Itoa(os.Getpid())}
	var s Sockets
	commit(t, &s, Want{named("a", a), 1})
	nc, err := net.Dial("unix", a.Addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if got := s.All()[0].Display(); got != a.String() {
		t.Errorf("Display() = %q, want %q", got, a)
	}
}

func TestCancelledPrepare(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var s Sockets
	if _, err := s.Prepare(ctx, []Want{{named("a", Address{"tcp", "localhost:0"}), 1}}); err == nil {
		t.Error("Prepare() took a cancelled context")
		s.Close()
	}
}
