package service

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// threadStatus gives what the kernel says of all threads of this process, of one
// property.
func threadStatus(t *testing.T, property string) []string {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(tasks) == 0 {
		t.Fatal(tasks, err)
	}
	var values []string
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if name, value, _ := strings.Cut(line, ":"); name == property {
				values = append(values, strings.TrimSpace(value))
			}
		}
	}
	return values
}

// TestConfined starts a process as the master starts workers. This process
// itself goes on with what it has.
func TestConfined(t *testing.T) {
	for _, on := range []bool{false, true} {
		if b, err := os.ReadFile("/proc/self/status"); !on && (err != nil || strings.Contains(string(b), "NoNewPrivs:\t1")) {
			continue // the tests run without, or the first thread was the one
		}
		g := DefaultGroup()
		g.NoNewPrivs = on
		id, err := g.Identity()
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		cmd := child("confined", fmt.Sprint(on))
		if err := id.Confined(func() { out, err = cmd.Output() }); err != nil {
			t.Fatal(err)
		}
		if err != nil || !strings.HasPrefix(string(out), "looked\n") {
			t.Errorf("the child failed: %v\n%s", err, out)
		}
	}
}

// TestConfinedLeavesTheOthersAlone: what the process starts otherwise, such as a
// new master, has what it had.
func TestConfinedLeavesTheOthersAlone(t *testing.T) {
	id := &Identity{noNewPrivs: true, Umask: -1}
	for range 8 {
		if err := id.Confined(func() {}); err != nil {
			t.Fatal(err)
		}
		if out, err := child("confined", "false").Output(); err != nil {
			t.Errorf("the child failed: %v\n%s", err, out)
		}
	}
}

func childConfined(t *testing.T) {
	want := "0"
	if os.Getenv(listenVariable) == "true" {
		want = "1"
	}
	for _, got := range threadStatus(t, "NoNewPrivs") {
		if got != want {
			t.Errorf("NoNewPrivs is %s, want %s", got, want)
		}
	}
	for _, got := range threadStatus(t, "CapAmb") {
		if got != "0000000000000000" {
			t.Errorf("CapAmb is %s, want none", got)
		}
	}
	fmt.Println("looked")
}

// TestConfine: a process that is no root and has inherited a capability, as by
// systemd's AmbientCapabilities.
func TestConfine(t *testing.T) {
	needRoot(t)
	u := nobody(t)
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		lacks(t, "setpriv")
	}
	cmd := child("confining", t.TempDir())
	cmd.Args = append([]string{"setpriv", "--reuid=" + u.Uid, "--clear-groups", "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = setpriv
	// The binary of the test may stand where nobody gets in.
	if err := exec.Command(setpriv, "--reuid="+u.Uid, "--clear-groups", os.Args[0], "-test.list=^$").Run(); err != nil {
		t.Skip("nobody cannot run this test: ", err)
	}
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "confined\n") {
		t.Errorf("the child failed: %v\n%s", err, out)
	}
}

func childConfining(t *testing.T) {
	if !hasCapabilities() {
		t.Error("there is nothing to drop")
	}
	g := DefaultGroup()
	g.Dir = "/"
	id, err := g.Identity()
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(id.Become(), id.Confine())
	if errors.Is(err, errors.ErrUnsupported) { // a test with cgo
		fmt.Println("confined")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if dir, err := os.Getwd(); dir != "/" || err != nil {
		t.Errorf("in %s, %v, want /", dir, err)
	}
	for _, property := range []string{"CapPrm", "CapEff", "CapInh", "CapAmb"} {
		for _, got := range threadStatus(t, property) {
			if got != "0000000000000000" {
				t.Errorf("%s is %s, want none", property, got)
			}
		}
	}
	for _, got := range threadStatus(t, "NoNewPrivs") {
		if got != "1" {
			t.Errorf("NoNewPrivs is %s, want 1", got)
		}
	}
	fmt.Println("confined")
}

// TestSocketOwner: HTTP-04.
func TestSocketOwner(t *testing.T) {
	needRoot(t)
	u := nobody(t)
	path := socketPath(t)
	g := testGroup(t)
	g.Listen, g.SocketUser, g.SocketGroup, g.SocketMode = []Address{{"unix", path}}, "nobody", "123456", 0o640
	look := func(how, uid string, gid uint32, mode os.FileMode) {
		t.Helper()
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		if fmt.Sprint(st.Uid) != uid || st.Gid != gid || info.Mode().Perm() != mode {
			t.Errorf("%s: %d:%d %o, want %s:%d %o", how, st.Uid, st.Gid, info.Mode().Perm(), uid, gid, mode)
		}
	}
	l := mustListen(t, g)
	look("Listen", u.Uid, 123456, 0o640)
	l.Close()
	var s Sockets
	commit(t, &s, Want{g, 2})
	look("Sockets", u.Uid, 123456, 0o640)
	again := *g
	again.SocketUser, again.SocketGroup, again.SocketMode = "0", "0", 0o600
	commit(t, &s, Want{&again, 2})
	look("after a reload", "0", 0, 0o600)
}

func TestSocketOwnerProblems(t *testing.T) {
	for want, set := range map[string]func(*Group){
		`socket_user: unknown user "no-such-user", want a user of this machine`:     func(g *Group) { g.SocketUser = "no-such-user" },
		`socket_group: unknown group "no-such-group", want a group of this machine`: func(g *Group) { g.SocketGroup = "no-such-group" },
		`chdir: "relative" is no absolute path, want one`:                           func(g *Group) { g.Dir = "relative" },
		`chdir: stat /no/such: no such file or directory, want a folder`:            func(g *Group) { g.Dir = "/no/such" },
		`chdir: "/dev/null" is no folder, want one`:                                 func(g *Group) { g.Dir = "/dev/null" },
	} {
		g := testGroup(t)
		set(g)
		if err := g.Check(); err == nil || err.Error() != want {
			t.Errorf("Check() = %v, want %s", err, want)
		}
	}
}
