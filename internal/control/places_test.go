//go:build linux

package control

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBase(t *testing.T) {
	for _, c := range []struct {
		file  string
		confs []string
		want  string
	}{
		{"/etc/nova/api-paste.ini", []string{"/etc/nova/nova.conf"}, "api-paste"},
		{"", []string{"/etc/nova/nova.conf", "b.conf"}, "nova"},
		{"proxy", nil, "proxy"},
		{"a.b.ini", nil, "a.b"},
		{"", nil, "wheatpaste"},
		{".ini", nil, "wheatpaste"},
		{"/", nil, "wheatpaste"},
	} {
		if got := Base(c.file, c.confs); got != c.want {
			t.Errorf("Base(%q, %q) = %q, want %q", c.file, c.confs, got, c.want)
		}
	}
}

// places makes all folders within one of the test.
func places(t *testing.T) Places {
	t.Helper()
	dir := t.TempDir()
	p := Places{filepath.Join(dir, "unit"), filepath.Join(dir, "xdg"), filepath.Join(dir, "run"), filepath.Join(dir, "tmp"), os.Geteuid()}
	for _, d := range []string{p.Runtime, p.XDG, p.Run, p.Temp} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// The order of design.md 8.
func TestDefaultPlace(t *testing.T) {
	own := os.Geteuid()
	for _, c := range []struct {
		name   string
		change func(*Places)
		root   bool // what root gets
		want   func(Places) string
	}{
		{"RUNTIME_DIRECTORY", func(*Places) {}, false, func(p Places) string { return p.Runtime }},
		{"the first of RUNTIME_DIRECTORY", func(p *Places) { p.Runtime += ":/somewhere/else" }, false,
			func(p Places) string { return strings.TrimSuffix(p.Runtime, ":/somewhere/else") }},
		{"/run/wheatpaste for root", func(p *Places) { p.Runtime = "" }, true, func(p Places) string { return p.Run + "/wheatpaste" }},
		{"XDG_RUNTIME_DIR", func(p *Places) { p.Runtime, p.Run = "", "" }, false, func(p Places) string { return p.XDG + "/wheatpaste" }},
		{"no folder at XDG_RUNTIME_DIR", func(p *Places) { p.Runtime, p.Run, p.XDG = "", "", p.XDG+"/none" }, false,
			func(p Places) string { return fmt.Sprintf("%s/wheatpaste-%d", p.Temp, own) }},
		{"the temporary folder", func(p *Places) { p.Runtime, p.Run, p.XDG = "", "", "" }, false,
			func(p Places) string { return fmt.Sprintf("%s/wheatpaste-%d", p.Temp, own) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.root && own != 0 {
				t.Skip("for root")
			}
			p := places(t)
			c.change(&p)
			for _, name := range []string{"api.sock", "api-2.sock"} {
				l, err := p.Listen("api")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				if want := filepath.Join(c.want(p), name); l.Path() != want {
					t.Errorf("path %q, want %q", l.Path(), want)
				}
			}
		})
	}
}

func TestUnsafeFolder(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(p *Places, dir string) error
		want string
	}{
		{"a link", func(p *Places, dir string) error { return os.Symlink(p.XDG, dir) }, "control socket: %q is no folder, want another --control"},
		{"a file", func(_ *Places, dir string) error { return os.WriteFile(dir, nil, 0o600) }, "control socket: %q is no folder, want another --control"},
		{"others may write", func(_ *Places, dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o770)) },
			"control socket: the folder %q has mode 0770: others may write to it, want 0700 or another --control"},
		{"somebody else's", func(p *Places, _ string) error {
			p.UID++
			return os.Mkdir(filepath.Join(p.Temp, fmt.Sprintf("wheatpaste-%d", p.UID)), 0o700)
		}, fmt.Sprintf("control socket: the folder %%q belongs to user %d, want user %d or another --control", os.Geteuid(), os.Geteuid()+1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := places(t)
			dir := filepath.Join(p.Temp, fmt.Sprintf("wheatpaste-%d", p.UID))
			if err := c.make(&p, dir); err != nil {
				t.Fatal(err)
			}
			p.Runtime, p.Run, p.XDG = "", "", ""
			dir = filepath.Join(p.Temp, fmt.Sprintf("wheatpaste-%d", p.UID))
			want := fmt.Sprintf(c.want, dir)
			if _, err := p.Listen("api"); err == nil || err.Error() != want {
				t.Errorf("Listen = %v, want %s", err, want)
			}
		})
	}
}

func TestRuntimeDirectoryMissing(t *testing.T) {
	p := places(t)
	p.Runtime += "/none"
	want := fmt.Sprintf("control socket: stat %s: no such file or directory", p.Runtime)
	if _, err := p.Listen("api"); err == nil || err.Error() != want {
		t.Errorf("Listen = %v, want %s", err, want)
	}
}

func TestFind(t *testing.T) {
	p := places(t)
	p.UID = 0 // folders of /run count; the others are passed over unless root runs the test
	unit := filepath.Join(p.Run, "nova")
	if err := os.Mkdir(unit, 0o700); err != nil {
		t.Fatal(err)
	}
	find := func() (Found, error) { return p.Find(t.Context()) }
	none := fmt.Sprintf("no running master found in %s, %s/wheatpaste, %s/wheatpaste, %s/wheatpaste-0, %s/*, want one there or --control", p.Runtime, p.Run, p.XDG, p.Temp, p.Run)
	if _, err := find(); !errors.As(err, new(NoMasterError)) || err.Error() != none {
		t.Errorf("Find = %v, want %s", err, none)
	}
	dead(t, filepath.Join(unit, "dead.sock"))
	if err := os.Chmod(filepath.Join(unit, "dead.sock"), 0o600); err != nil {
		t.Fatal(err)
	}
	stranger(t, filepath.Join(unit, "stranger.sock"))
	first := serveAt(t, filepath.Join(unit, "x.sock"), newFake())
	found, err := find()
	if err != nil || found.Path != first.Path() || found.Status.PID != os.Getpid() {
		t.Fatalf("Find = %+v, %v, want %s", found, err, first.Path())
	}
	second := serveAt(t, filepath.Join(p.Runtime, "y.sock"), newFake())
	several := fmt.Sprintf("several masters run, want --control with one of\n%s (process %d, Running)\n%s (process %[2]d, Running)", first.Path(), os.Getpid(), second.Path())
	if _, err := find(); !errors.As(err, new(NoMasterError)) || err.Error() != several {
		t.Errorf("Find = %v, want %s", err, several)
	}
}
