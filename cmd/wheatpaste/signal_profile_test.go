//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// realtime is SIGRTMIN+1.
const realtime = syscall.Signal(35)

// profiled is a server whose signals mean what its profile says.
type profiled struct {
	*supervised
	ini, folder, log string
	options          []string
}

// TestSignalProfiles: each profile has its own upgrade and its own report; a reload
// and an upgrade change the profile (design.md 6, SIG-17).
func TestSignalProfiles(t *testing.T) {
	for _, workers := range []string{"1", "0"} {
		t.Run("workers="+workers, func(t *testing.T) {
			t.Parallel()
			p := &profiled{folder: t.TempDir(), log: filepath.Join(t.TempDir(), "access.log")}
			p.options = []string{"report_dir = " + p.folder, "access_log = " + p.log}
			p.ini = file(t, "paste.ini", p.text("web"))
			p.supervised, _ = upgradable(t, p.ini, "--workers", workers)
			p.serves("main")
			p.reports(realtime)
			p.upgradesBy(syscall.SIGUSR2, "SIGUSR2")
			p.reopensBy(syscall.SIGUSR1)
			p.reports(realtime) // after an upgrade, too
			p.change("swift")
			p.reports(syscall.SIGUSR2)
			p.upgradesBy(syscall.SIGUSR1, "SIGUSR1")
			p.ignores(realtime, "swift")
			p.change("openstack")
			p.reopensBy(syscall.SIGUSR1)
			p.reports(syscall.SIGUSR2)
			p.ignores(realtime, "openstack")
			rewrite(t, p.ini, p.text("web"))
			if code, out, errs := p.verb("upgrade"); code != 0 {
				t.Fatalf("upgrade: exit code %d, %q, %q", code, out, errs)
			}
			p.reports(realtime)
			p.finish()
		})
	}
}

func (p *profiled) text(profile string) string {
	s := loadApp + server(append(p.options, "signal_profile = "+profile)...)
	return strings.Replace(s, "access_log = off\n", "", 1)
}

func (p *profiled) change(profile string) {
	p.t.Helper()
	rewrite(p.t, p.ini, p.text(profile))
	p.reloadWell()
}

func (p *profiled) reports(s syscall.Signal) {
	p.t.Helper()
	before, err := os.ReadDir(p.folder)
	if err != nil {
		p.t.Fatal(err)
	}
	until(p.t, "a report by "+s.String(), func() bool { // more than one a second are ignored
		p.signal(s)
		now, err := os.ReadDir(p.folder)
		return err == nil && len(now) > len(before)
	})
	until(p.t, "all reports are written", func() bool { return p.said(`msg="a report was written"`) >= len(before)+1 })
}

func (p *profiled) upgradesBy(s syscall.Signal, name string) {
	p.t.Helper()
	before := p.status()
	p.signal(s)
	until(p.t, "an upgrade by "+name, func() bool {
		st, err := p.client.Status(p.t.Context())
		return err == nil && st.State == control.Running && st.Generation == before.Generation+1
	})
	p.says(`level=INFO msg=upgrading reason=` + name + ` program=`)
	if st := p.status(); st.PID != before.PID || st.LastReload.Result != control.OK {
		p.t.Errorf("after an upgrade by %s the status is %+v", name, st)
	}
}

func (p *profiled) reopensBy(s syscall.Signal) {
	p.t.Helper()
	if err := os.Rename(p.log, p.log+".1"); err != nil {
		p.t.Fatal(err)
	}
	p.signal(s)
	until(p.t, "the log is opened anew", func() bool { _, err := os.Stat(p.log); return err == nil })
}

func (p *profiled) ignores(s syscall.Signal, profile string) {
	p.t.Helper()
	p.signal(s)
	p.says(`level=INFO msg="ignored: the signal profile has no use for it" signal=SIGRTMIN\+1 signal_profile=` + profile)
}
