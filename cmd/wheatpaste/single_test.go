//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
	"github.com/wheatpaste/wheatpaste/internal/control"
)

// TestOneProcess is workers = 0 through the command line: a reload executes the
// process anew, and loses nothing (design.md 6).
func TestOneProcess(t *testing.T) {
	t.Parallel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	ini := file(t, "paste.ini", loadApp+server("h2c = true", "drain_idle_grace = 0.2"))
	s := supervise(t, ini, "--workers", "0", "--pid-file", pidFile)
	address := s.serves("main")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := strict.Start(ctx, strict.Load{
		Addr: address, KeepAlive: 4, NewConn: 2, H2: 1, Rate: 300, WorkerHeader: load.WorkerHeader, IDHeader: load.IDHeader,
		Calls: []strict.Call{{Weight: 3, Method: "GET", Path: "/", Want: load.Plain}, {Method: "POST", Path: "/echo", Echo: true}},
	})
	counted := 0.0
	for generation := 2; generation <= 6; generation++ {
		counted = s.reloadsItself(generation, counted)
		if got, want := read(pidFile), fmt.Sprintln(s.Process.Pid); got != want {
			t.Errorf("the pid file holds %q, want %q", got, want)
		}
	}
	cancel()
	report := run.Wait()
	t.Log(report)
	if len(report.Failures) > 0 || report.Answered < 200 {
		t.Errorf("%d failures, want none\n%s", len(report.Failures), strings.Join(report.Examples(5), "\n"))
	}
	if got := s.metric("wheatpaste_http_requests_total", `app="main"`); int(got) != report.Answered {
		t.Errorf("%v requests counted over 5 reloads, want %d", got, report.Answered)
	}
	if len(report.Workers) != 1 || report.Workers[strconv.Itoa(s.Process.Pid)] != report.Answered {
		t.Errorf("answers by %v, want all of %d", report.Workers, s.Process.Pid)
	}
	s.refusesAndStops(ini)
	if _, err := os.Stat(pidFile); !os.IsNotExist(err) {
		t.Errorf("the pid file is left behind: %v", err)
	}
}

// reloadsItself reloads by the verb, and gives the requests counted so far.
func (s *supervised) reloadsItself(generation int, before float64) float64 {
	s.t.Helper()
	if code, out, errs := s.verb("reload"); code != 0 || out != "ok\n" || errs != "" {
		s.t.Errorf("reload ends with %d %q %q", code, out, errs)
	}
	st := s.status()
	if st.State != control.Running || st.Generation != generation || st.PID != s.Process.Pid || !slices.Equal(readyOf(st, "main"), []int{st.PID}) {
		s.t.Errorf("the status is %+v, want generation %d of the same process", st, generation)
	}
	counted := s.metric("wheatpaste_http_requests_total", `app="main"`)
	if counted <= before {
		s.t.Errorf("%v requests counted after %v", counted, before)
	}
	if got := s.metric("wheatpaste_reloads_total", `result="ok"`); int(got) != generation-1 {
		s.t.Errorf("%v reloads counted, want %d", got, generation-1)
	}
	return counted
}

// refusesAndStops: other numbers of workers and a broken file change nothing.
func (s *supervised) refusesAndStops(ini string) {
	s.t.Helper()
	want := "wheatpaste: one process serves (workers = 0), want a restart with --workers N\n"
	if code, out, errs := s.verb("workers", "2"); code != 1 || out != "" || errs != want {
		s.t.Errorf("workers 2 ends with %d %q %q, want %q", code, out, errs, want)
	}
	rewrite(s.t, ini, "[app:main]\nuse = egg:wheatpaste-soak#lod\n"+server())
	code, out, errs := s.verb("reload")
	if code != 1 || out != "rejected\n" || !strings.HasPrefix(errs, ini+":2:7: ") || strings.Count(errs, "\n") != 1 {
		s.t.Errorf("reload of a broken file ends with %d %q %q", code, out, errs)
	}
	if r, body := fresh(s.t, s.serves("main"), "/"); r.StatusCode != 200 || body != load.Plain {
		s.t.Errorf("answer %d %q", r.StatusCode, body)
	}
	if code, out, errs := s.verb("stop"); code != 0 || out+errs != "" {
		s.t.Errorf("stop ends with %d %q %q", code, out, errs)
	}
	if code, stderr := s.end(); code != 0 {
		s.t.Errorf("exit code %d, want 0:\n%s", code, stderr)
	}
}
