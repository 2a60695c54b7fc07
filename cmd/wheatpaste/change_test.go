//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/paste"
)

// slowStart is an application that does not start while a file is there, nor
// listens to anybody in the meantime.
type slowStart struct {
	File string `paste:"file"`
}

func init() {
	paste.RegisterApp("egg:launchtest#slowstart", slowStart{}, func(b *paste.Build, c slowStart) (http.Handler, error) {
		b.OnStart(func(context.Context) error {
			for _, err := os.Stat(c.File); err == nil; _, err = os.Stat(c.File) {
				time.Sleep(5 * time.Millisecond)
			}
			return nil
		})
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "started") }), nil
	})
}

// Changes of all that makes the sockets, under load: the number of workers,
// accept, backlog, the name of the server, the way an address is written.
func TestReloadsThatChangeTheSocketsLoseNothing(t *testing.T) {
	at := func(section, listen string, options ...string) string {
		return loadApp + strings.Replace(serverNamed(section, append(options, "drain_idle_grace = 200ms")...), free, listen, 1)
	}
	ini := file(t, "paste.ini", at("main", free, "workers = 2"))
	s := supervise(t, ini)
	address := s.serves("main")
	rewrite(t, ini, at("main", address, "workers = 2"))
	s.moved(address)
	l := mixed(address)
	l.KeepAlive, l.NewConn, l.Rate = 6, 4, 500
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := strict.Start(ctx, l)
	for _, text := range []string{
		at("main", address, "workers = 3"),
		at("main", address, "workers = 1"),
		at("main", address, "workers = 2", "accept = shared"),
		at("main", address, "workers = 2", "accept = slots", "backlog = 64"),
		at("other", address, "workers = 3"),
		at("main", strings.Replace(address, "127.0.0.1", "localhost", 1), "workers = 2"),
		at("main", address, "workers = 2", "pool_size = 50"),
	} {
		rewrite(t, ini, text)
		s.reloadWell()
	}
	cancel()
	lossless(t, run.Wait(), 100)
	s.finish()
}

// moved reloads a file that names the port which the system has chosen. The
// address is the same to the kernel: it is not to be had twice, so the reload
// may be refused, but then with the right words.
func (s *supervised) moved(address string) {
	s.t.Helper()
	code, out, errs := s.verb("reload")
	if code != 0 {
		s.t.Logf("from port 0 to the same port: %s %s", out, errs)
	}
	if r, _ := fresh(s.t, address, "/"); r.StatusCode != 200 {
		s.t.Errorf("answer %d", r.StatusCode)
	}
}

// graceful_shutdown_timeout = 0: a drained generation is never cut, and a reload
// is refused while two of them drain (design.md 6).
func TestAReloadIsRefusedWhileTwoGenerationsDrain(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", holdApp+server("workers = 1", "graceful_shutdown_timeout = 0")))
	address := s.serves("main")
	first := holdRequest(t, address)
	s.reloadWell()
	second := holdRequest(t, address)
	s.reloadWell()
	want := "two generations drain and graceful_shutdown_timeout is 0, want them to end first, or a limit\n"
	if code, out, errs := s.verb("reload"); code != 1 || out != "rejected\n" || errs != want {
		t.Errorf("reload ends with %d %q %q, want %q", code, out, errs, want)
	}
	if rest, err := first.finish(); rest != "done\n" || err != nil {
		t.Errorf("the first request ends with %q, error %v", rest, err)
	}
	until(t, "two generations are left", func() bool { return len(s.status().Workers) == 2 })
	s.reloadWell()
	if rest, err := second.finish(); rest != "done\n" || err != nil {
		t.Errorf("the second request ends with %q, error %v", rest, err)
	}
	s.finish()
}

// Workers are made of the executable that the master is, whatever has become of
// its file (design.md 6): only an upgrade takes the one on the disk.
func TestTheExecutableIsReplaced(t *testing.T) {
	t.Parallel()
	dir := openFolder(t)
	program := openProgram(t, dir)
	s := prepare(t, file(t, "paste.ini", loadApp+server("workers = 1")))
	s.Path = program
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
	address := s.serves("main")
	worker := s.ready("main")[0]
	for _, edit := range []func(){
		func() { rewrite(t, program, "#!/bin/sh\nexit 1\n") },
		func() { _ = os.Remove(program) },
	} {
		edit()
		kill(t, worker, syscall.SIGKILL)
		worker = s.awaitReady("main", 1, worker)[0]
		s.reloadWell()
		worker = s.awaitReady("main", 1, worker)[0]
		if r, body := fresh(t, address, "/"); r.StatusCode != 200 || body != load.Plain {
			t.Errorf("answer %d %q", r.StatusCode, body)
		}
	}
	s.finish()
}

// slowly is a master whose next workers start when release is called.
func slowly(t *testing.T, options ...string) (s *supervised, address string, release func()) {
	t.Helper()
	lock := filepath.Join(t.TempDir(), "lock")
	s = supervise(t, file(t, "paste.ini", "[app:main]\nuse = egg:launchtest#slowstart\nfile = "+lock+"\n"+server(append(options, "workers = 2")...)))
	address = s.serves("main")
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return s, address, func() { _ = os.Remove(lock) }
}

// A new worker that does not get ready within start_timeout: roll-back.
func TestAReloadWhoseWorkersDoNotGetReady(t *testing.T) {
	t.Parallel()
	s, address, release := slowly(t, "start_timeout = 1")
	defer release()
	before := s.ready("main")
	code, out, errs := s.verb("reload")
	if code != 1 || out != "rolled_back\n" || errs != "not ready within start_timeout (1s)\n" {
		t.Errorf("reload ends with %d %q %q", code, out, errs)
	}
	until(t, "the new workers are gone", func() bool { return len(s.status().Workers) == 2 })
	if now := s.ready("main"); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("the workers are %v now, want still %v", now, before)
	}
	release()
	s.reloadWell()
	if r, body := fresh(t, address, "/"); r.StatusCode != 200 || body != "started\n" {
		t.Errorf("answer %d %q", r.StatusCode, body)
	}
	s.finish()
}

// A stop during a reload gives the reload up, and waits for no worker that has
// not begun to serve.
func TestAStopDuringAReload(t *testing.T) {
	t.Parallel()
	s, _, release := slowly(t)
	defer release()
	answer := make(chan control.Reload, 1)
	go func() {
		outcome, _ := s.client.Reload(context.Background())
		answer <- outcome
	}()
	until(t, "the new workers start", func() bool { return s.status().State == control.Reloading && len(s.status().Workers) == 4 })
	began := time.Now()
	s.toGroup(syscall.SIGTERM)
	if outcome := <-answer; outcome.Result != control.Rejected || fmt.Sprint(outcome.Errors) != "[the server stops]" {
		t.Errorf("the reload ends with %+v", outcome)
	}
	if code, stderr := s.end(); code != 0 || time.Since(began) > 15*time.Second {
		t.Errorf("exit code %d after %s, want 0 soon:\n%s", code, time.Since(began), stderr)
	}
}

// The same by a signal to the master alone.
func TestAStopWhileWorkersStart(t *testing.T) {
	t.Parallel()
	lock := file(t, "lock", "")
	s := supervise(t, file(t, "paste.ini", "[app:main]\nuse = egg:launchtest#slowstart\nfile = "+lock+"\n"+server("workers = 2")))
	until(t, "the workers start", func() bool {
		st, err := s.client.Status(t.Context())
		return err == nil && st.State == control.Starting && len(st.Workers) == 2
	})
	time.Sleep(200 * time.Millisecond) // they are in OnStart, and not in the runtime's beginning
	began := time.Now()
	s.signal(syscall.SIGTERM)
	if code, stderr := s.end(); code != 0 || time.Since(began) > 15*time.Second {
		t.Errorf("exit code %d after %s, want 0 soon:\n%s", code, time.Since(began), stderr)
	}
	s.nobodyLeft()
}
