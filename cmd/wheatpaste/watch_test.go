//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
	"github.com/wheatpaste/wheatpaste/internal/control"
)

// TestWatch: with --watch a change of the file is a reload, and a mistake in it
// changes nothing.
func TestWatch(t *testing.T) {
	t.Parallel()
	text := func(factory, body string) string {
		return "[app:main]\nuse = egg:wheatpaste#" + factory + "\nbody = " + body + "\n" + server("workers = 1")
	}
	ini := file(t, "paste.ini", text("respond", "first"))
	s := supervise(t, ini, "--watch")
	address := s.serves("main")
	answers := func(want string) {
		t.Helper()
		until(t, "the answer is "+want, func() bool {
			_, body := fresh(t, address, "/")
			return strings.TrimSpace(body) == want
		})
	}
	answers("first")
	rewrite(t, ini, text("respond", "second")) // as editors save
	answers("second")
	if err := os.WriteFile(ini, []byte(text("resond", "third")), 0o600); err != nil { // as a shell writes
		t.Fatal(err)
	}
	until(t, "the change is rejected", func() bool {
		last := s.status().LastReload
		return last != nil && last.Result == control.Rejected
	})
	if last := s.status().LastReload; len(last.Errors) != 1 || !strings.HasPrefix(last.Errors[0], ini+":2:7: ") {
		t.Errorf("the errors are %q, want one at %s:2:7", last.Errors, ini)
	}
	s.says(`level=INFO msg="a file has changed" file=` + ini + `$`)
	s.says(`level=INFO msg=reloading reason=watch$`)
	answers("second")
	rewrite(t, ini, text("respond", "fourth"))
	answers("fourth")
	if got := s.metric("wheatpaste_reloads_total", `result="rejected"`); got != 1 {
		t.Errorf("%v rejected reloads, want 1", got)
	}
	s.finish()
}

// TestReopen: a log that was moved away is opened anew by all workers, by
// SIGUSR1 and by the verb.
func TestReopen(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "access.log")
	s := supervise(t, file(t, "paste.ini", loadApp+"[server:main]\nuse = egg:wheatpaste#http\nlisten = "+free+"\nworkers = 2\naccess_log = "+log+"\n"))
	v := &visitor{supervised: s, address: s.serves("main"), log: log}
	v.untilBothWrite()
	for i, reopen := range []func(){
		func() { s.signal(syscall.SIGUSR1) },
		func() {
			if code, out, errs := s.verb("reopen"); code != 0 || out+errs != "" {
				t.Errorf("reopen ends with %d %q %q", code, out, errs)
			}
		},
	} {
		if err := os.Rename(log, fmt.Sprint(log, ".", i)); err != nil {
			t.Fatal(err)
		}
		reopen()
		v.untilBothWrite()
	}
	s.finish()
	var all string
	for _, path := range []string{log + ".0", log + ".1", log} {
		all += read(path)
	}
	if n := strings.Count(all, "\n"); n != v.sent {
		t.Errorf("%d lines in the three files, want %d", n, v.sent)
	}
}

// visitor sends requests whose paths are found in the log.
type visitor struct {
	*supervised
	address, log string
	sent         int
}

// untilBothWrite sends requests until there are lines of two workers in the log.
func (v *visitor) untilBothWrite() {
	v.t.Helper()
	by := map[string]string{} // worker by path
	until(v.t, "both workers write to the log", func() bool {
		path := fmt.Sprintf("/request-%d-", v.sent)
		r, _ := fresh(v.t, v.address, path)
		v.sent++
		by[path] = r.Header.Get(load.WorkerHeader)
		text, writers := read(v.log), map[string]bool{}
		for path, worker := range by {
			if strings.Contains(text, path) {
				writers[worker] = true
			}
		}
		return len(writers) == 2
	})
}

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}
