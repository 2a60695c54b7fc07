package service

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

// lacks skips a test, or fails it where nothing may be missing.
func lacks(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
		t.Fatal("needs ", what)
	}
	t.Skip("needs ", what)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		lacks(t, "root")
	}
}

// nobody is a user that stands on every machine.
func nobody(t *testing.T) *user.User {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		lacks(t, "the user nobody")
	}
	return u
}

func mustBecomeNobody(t *testing.T) *Identity {
	t.Helper()
	g := DefaultGroup()
	g.User, g.Umask = "nobody", "027"
	id, err := g.Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Become(); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestIdentity(t *testing.T) {
	u := nobody(t)
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	tests := []struct {
		name, user, group, umask string
		wantUID, wantGID, mask   int
		change                   bool
	}{
		{"nothing", "", "", "", 0, 0, -1, false},
		{"a name, with its own group", "nobody", "", "", uid, gid, -1, true},
		{"a number of an entry", u.Uid, "", "", uid, gid, -1, true},
		{"another group", "nobody", "0", "", uid, 0, -1, true},
		{"numbers without entries", "123456", "234567", "", 123456, 234567, -1, true},
		{"a group alone", "", "234567", "", 0, 234567, -1, true},
		{"who we are", "root", "", "", 0, 0, -1, false},
		{"an octal mask", "", "", "027", 0, 0, 0o27, false},
		{"Python's octal", "", "", "0o27", 0, 0, 0o27, false},
		{"a decimal mask, as gunicorn reads it", "", "", "18", 0, 0, 0o22, false},
	}
	for _, tt := range tests {
		g := DefaultGroup()
		g.User, g.UserGroup, g.Umask = tt.user, tt.group, tt.umask
		id, err := g.identity(0, 0)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if id.UID != tt.wantUID || id.GID != tt.wantGID || id.Umask != tt.mask || id.change != tt.change {
			t.Errorf("%s: %+v, want %+v", tt.name, id, tt)
		}
	}
}

func TestIdentityErrors(t *testing.T) {
	u := nobody(t)
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	group := groupName(gid)
	tests := []struct {
		user, group, umask string
		as                 int
		option, want       string
	}{
		{"no-such-user", "", "", 0, "user", `unknown user "no-such-user", want a user of this machine`},
		{"-1", "", "", 0, "user", `unknown user "-1", want a user of this machine`},
		{"4294967295", "0", "", 0, "user", `unknown user "4294967295", want a user of this machine`},
		{"123456", "", "", 0, "user", `user "123456" has no entry on this machine, want the option group too`},
		{"", "no-such-group", "", 0, "group", `unknown group "no-such-group", want a group of this machine`},
		{"", "", "9", 0, "", ""},
		{"", "", "08", 0, "umask", `invalid mask "08", want an octal number like 022`},
		{"", "", "01000", 0, "umask", `invalid mask "01000", want an octal number like 022`},
		{"root", "", "", uid, "user", `the process is user "nobody", want to be root or user = nobody`},
		{"", "0", "", uid, "group", fmt.Sprintf("the process is of group %q, want to be root or group = %s", group, group)},
		{"nobody", "", "", uid, "", ""},
		{"nobody", group, "", uid, "", ""},
		{"nobody", "", "", -1, "user", "this system cannot change the user, want none"},
	}
	for _, tt := range tests {
		g := DefaultGroup()
		g.User, g.UserGroup, g.Umask = tt.user, tt.group, tt.umask
		own := gid
		if tt.as == 0 {
			own = 0
		}
		_, err := g.identity(tt.as, own)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", tt, err)
			}
			continue
		}
		var oe *paste.OptionError
		if !errors.As(err, &oe) || oe.Option != tt.option || oe.Err.Error() != tt.want {
			t.Errorf("%+v: got %v", tt, err)
		}
	}
}

// TestBecome runs a process that becomes nobody and tries what root may.
func TestBecome(t *testing.T) {
	needRoot(t)
	nobody(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := child("nobody", secret).Output()
	if err != nil || !strings.HasPrefix(string(out), "tried\n") {
		t.Errorf("the child failed: %v\n%s", err, out)
	}
}

func childNobody(t *testing.T) {
	stop, held := make(chan struct{}), sync.WaitGroup{}
	ready := make(chan struct{})
	for range 4 { // threads of their own, from before
		held.Go(func() {
			runtime.LockOSThread()
			ready <- struct{}{}
			<-stop
			if syscall.Geteuid() == 0 || syscall.Getegid() == 0 {
				t.Error("a thread is root still")
			}
		})
	}
	for range 4 {
		<-ready
	}
	id := mustBecomeNobody(t)
	close(stop)
	held.Wait()
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(tasks) < 5 {
		t.Errorf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		checkStatus(t, task, id)
	}
	if syscall.Setuid(0) == nil || syscall.Setgid(0) == nil || syscall.Setgroups([]int{0}) == nil {
		t.Error("it became root again")
	}
	if _, err := os.ReadFile(os.Getenv(listenVariable)); !errors.Is(err, os.ErrPermission) {
		t.Errorf("it reads root's file: %v", err)
	}
	fmt.Println("tried")
}

// checkStatus reads what the kernel says of a thread.
func checkStatus(t *testing.T, file string, id *Identity) {
	t.Helper()
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return // the thread has ended
	}
	if err != nil {
		t.Error(err)
		return
	}
	text := strings.Join(strings.Fields(string(b)), " ")
	four := func(n int) string { return strings.TrimSuffix(strings.Repeat(strconv.Itoa(n)+" ", 4), " ") }
	for _, want := range []string{
		"Uid: " + four(id.UID) + " Gid: " + four(id.GID), "Umask: 0027",
		"CapPrm: 0000000000000000", "CapEff: 0000000000000000", "CapAmb: 0000000000000000",
		fmt.Sprintf("Groups: %d ", id.GID),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %q in %q", file, want, text)
		}
	}
}
