//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/paste"
)

func init() {
	paste.RegisterApp("egg:launchtest#panic", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		panic("the oven is on fire")
	})
}

// neverBelow polls the status until stop is called, which gives the least
// number of ready workers that was seen, and how often was looked.
func (s *supervised) neverBelow() (stop func() (least, looks int)) {
	least, looks := 1<<30, 0
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			if st, err := s.client.Status(context.Background()); err == nil {
				least, looks = min(least, len(readyOf(st, "main"))), looks+1
			}
		}
	}()
	return func() (int, int) { close(quit); <-done; return least, looks }
}

// reloadWell is the verb, and wants its success.
func (s *supervised) reloadWell() {
	s.t.Helper()
	if code, out, errs := s.verb("reload"); code != 0 || out != "ok\n" || errs != "" {
		s.t.Fatalf("reload ends with %d %q %q", code, out, errs)
	}
}

// CHECK-02 and point 1 of the issue, shortened: reloads and changes of the
// number of workers lose nothing, and are never short of workers.
func TestReloadsUnderLoadLoseNothing(t *testing.T) {
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "h2c = true", "drain_idle_grace = 300ms")))
	l := mixed(s.serves("main"))
	l.KeepAlive, l.H2 = 16, 2
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := strict.Start(ctx, l)
	stop := s.neverBelow()
	for i := range 5 {
		s.signal(syscall.SIGHUP)
		s.says(fmt.Sprintf(`msg=reloaded generation=%d$`, 2*i+2))
		s.reloadWell()
	}
	if least, looks := stop(); least < 2 || looks < 20 {
		t.Errorf("%d workers were ready at least, of %d looks, want always 2", least, looks)
	}
	for _, n := range []int{1, 3, 2} {
		if code, out, errs := s.verb("workers", strconv.Itoa(n)); code != 0 {
			t.Errorf("workers %d ends with %d %q %q", n, code, out, errs)
		}
		s.awaitReady("main", n)
	}
	cancel()
	report := run.Wait()
	lossless(t, report, 500)
	if report.GoAways == 0 || report.Closes == 0 {
		t.Errorf("no connection was ended by the drains: %s", report)
	}
	if st := s.status(); st.Generation != 11 || st.State != control.Running || st.LastReload.Result != control.OK {
		t.Errorf("status %+v, want generation 11", st)
	}
	if got := s.metric("wheatpaste_reloads_total", `result="ok"`); got != 10 {
		t.Errorf("%v reloads are counted, want 10", got)
	}
	s.finish()
}

// CHECK-03: whatever is wrong, the old generation serves on, and all who ask are
// told where it is.
func TestABrokenReloadChangesNothing(t *testing.T) {
	t.Parallel()
	taken := reusable(t, 0).Addr().String()
	app := "[app:main]\nuse = egg:wheatpaste#respond\nbody = "
	good := app + "old\n" + server("workers = 2")
	ini := file(t, "paste.ini", good)
	s := supervise(t, ini)
	address := s.serves("main")
	before := s.ready("main")
	here := regexp.QuoteMeta(ini)
	counts := map[string]float64{}
	for _, c := range []struct{ name, text, result, want string }{
		{"syntax error", "[app:main\nuse = egg:wheatpaste#respond\n", control.Rejected, `^` + here + `:1:\d+: `},
		{"unknown filter", "[pipeline:main]\npipeline = f a\n[filter:f]\nuse = egg:nobody#x\n[app:a]\nuse = egg:wheatpaste#echo\n", control.Rejected, `^` + here + `:4:7: .*egg:nobody#x`},
		{"factory that panics", "[app:main]\nuse = egg:launchtest#panic\n", control.Rejected, `^` + here + `:\d+:\d+: .*the oven is on fire`},
		{"missing certificate", app + "new\n" + server("cert_file = /nowhere/cert.pem"), control.Rejected, `^(` + here + `:\d+:\d+: .*)?.*/nowhere/cert\.pem`},
		{"port in use", app + "new\n" + strings.Replace(server(), free, taken, 1), control.Rejected, `^listen ` + taken + `: address already in use by `},
		{"start that fails", "[app:main]\nuse = egg:servetest#broken\n" + server("workers = 2"), control.RolledBack, `no such database`},
	} {
		t.Run(c.name, func(t *testing.T) {
			rewrite(t, ini, c.text)
			want := regexp.MustCompile(c.want)
			last := s.status().LastReload
			s.signal(syscall.SIGHUP)
			until(t, "the reload by SIGHUP ends", func() bool { st := s.status(); return st.State == control.Running && newer(st.LastReload, last) })
			s.wasRefused(t, c.result, want)
			code, out, errs := s.verb("reload")
			if code != 1 || out != c.result+"\n" || !want.MatchString(errs) {
				t.Errorf("reload ends with %d %q %q, want 1, %s and %s", code, out, errs, c.result, want)
			}
			s.wasRefused(t, c.result, want)
			counts[c.result] += 2
			if got := s.metric("wheatpaste_reloads_total", `result="`+c.result+`"`); got != counts[c.result] {
				t.Errorf("%v reloads are counted as %s, want %v", got, c.result, counts[c.result])
			}
			if r, body := fresh(t, address, "/"); r.StatusCode != 200 || strings.TrimSpace(body) != "old" {
				t.Errorf("answer %d %q, want the old one", r.StatusCode, body)
			}
		})
	}
	if now := s.ready("main"); !slices.Equal(now, before) {
		t.Errorf("the workers are %v now, want still %v", now, before)
	}
	rewrite(t, ini, app+"new\n"+server("workers = 2"))
	s.reloadWell()
	if r, body := fresh(t, address, "/"); r.StatusCode != 200 || strings.TrimSpace(body) != "new" {
		t.Errorf("answer %d %q, want the new one", r.StatusCode, body)
	}
	s.finish()
}

// newer reports whether a reload has ended after another one.
func newer(now, before *control.Reload) bool {
	return now != nil && (before == nil || now.Time.After(before.Time))
}

// wasRefused wants the status and the log to tell of a reload that was not to be.
func (s *supervised) wasRefused(t *testing.T, result string, want *regexp.Regexp) {
	t.Helper()
	st := s.status()
	if st.State != control.Running || st.Generation != 1 || st.LastReload.Result != result || !slices.ContainsFunc(st.LastReload.Errors, want.MatchString) {
		t.Errorf("status %+v, last reload %+v, want %s and %s", st, st.LastReload, result, want)
		return
	}
	said := slices.ContainsFunc(s.seen(), func(l string) bool {
		return strings.Contains(l, "level=ERROR ") && strings.Contains(l, strings.ReplaceAll(st.LastReload.Errors[0], `"`, `\"`))
	})
	if !said {
		t.Errorf("the log does not hold %q", st.LastReload.Errors[0])
	}
}

// A changed address: the new one answers before the old one is given up, which
// loses nothing and then refuses.
func TestAReloadMovesTheAddress(t *testing.T) {
	t.Parallel()
	l := reusable(t, 0)
	there := l.Addr().String()
	if err := l.Close(); err != nil { // a port that was free a moment ago
		t.Fatal(err)
	}
	ini := file(t, "paste.ini", loadApp+server("workers = 2", "drain_idle_grace = 300ms"))
	s := supervise(t, ini)
	here := s.serves("main")
	o := mixed(here)
	o.KeepAlive, o.NewConn, o.Rate, o.UntilRefused = 4, 4, 400, true
	run := strict.Start(t.Context(), o)
	rewrite(t, ini, loadApp+strings.Replace(server("workers = 2"), free, there, 1))
	s.reloadWell()
	for {
		if _, _, err := tryFresh(here, "/"); err != nil {
			break
		}
	}
	if r, body, err := tryFresh(there, "/"); err != nil || r.StatusCode != 200 || body != load.Plain {
		t.Errorf("the old address is given up, and at the new one: %v", err)
	}
	s.says(`level=INFO msg=serving server=main address=` + regexp.QuoteMeta(there) + `$`)
	report := run.Wait()
	lossless(t, report, 20)
	if report.Ended != 8 {
		t.Errorf("%d clients were refused in the end, want 8", report.Ended)
	}
	if c, err := net.Dial("tcp", here); err == nil {
		_ = c.Close()
		t.Errorf("%s still answers", here)
	}
	s.finish()
}

// What a reload brings: options of the application, the number of workers, the
// path of the access log. What was said on the command line stays.
func TestAReloadTakesEffect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := func(n, body, log string) string {
		return "[app:main]\nuse = egg:wheatpaste#respond\nbody = " + body + " %(who)s\n" +
			strings.Replace(server("workers = "+n), "access_log = off", "access_log = "+filepath.Join(dir, log), 1)
	}
	ini := file(t, "paste.ini", text("1", "good morning", "one.log"))
	s := supervise(t, ini, "who=Ada")
	address := s.serves("main")
	asks := func(path, want string) {
		t.Helper()
		if r, body := fresh(t, address, path); r.StatusCode != 200 || strings.TrimSpace(body) != want {
			t.Errorf("answer %d %q, want %q", r.StatusCode, body, want)
		}
	}
	asks("/before", "good morning Ada")
	rewrite(t, ini, text("3", "good evening", "two.log"))
	s.reloadWell()
	asks("/after", "good evening Ada")
	s.awaitReady("main", 3)
	s.finish()
	for name, want := range map[string]string{"one.log": "/before", "two.log": "/after"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || strings.Count(string(got), "\n") != 1 || !strings.Contains(string(got), `"GET `+want+` `) {
			t.Errorf("%s holds %q, error %v, want one line about %s", name, got, err, want)
		}
	}
}

// A worker that is started again serves what its generation has read, whatever
// has become of the files since.
func TestARespawnedWorkerServesItsGeneration(t *testing.T) {
	t.Parallel()
	text := func(body string) string {
		return "[app:main]\nuse = egg:wheatpaste#respond\nbody = " + body + "\n" + server("workers = 1")
	}
	ini := file(t, "paste.ini", text("old"))
	s := supervise(t, ini)
	address := s.serves("main")
	worker := s.awaitReady("main", 1)[0]
	for _, edit := range []struct {
		name string
		edit func()
	}{
		{"another content", func() { rewrite(t, ini, text("new")) }},
		{"a broken file", func() { rewrite(t, ini, "[app:main\n") }},
		{"no file", func() { _ = os.Remove(ini) }},
	} {
		edit.edit()
		kill(t, worker, syscall.SIGKILL)
		worker = s.awaitReady("main", 1, worker)[0]
		if r, body := fresh(t, address, "/"); r.StatusCode != 200 || strings.TrimSpace(body) != "old" {
			t.Errorf("%s: answer %d %q, want the old one", edit.name, r.StatusCode, body)
		}
	}
	if code, out, errs := s.verb("reload"); code != 1 || out != "rejected\n" {
		t.Errorf("reload ends with %d %q %q", code, out, errs)
	}
	rewrite(t, ini, text("new"))
	s.reloadWell()
	if r, body := fresh(t, address, "/"); r.StatusCode != 200 || strings.TrimSpace(body) != "new" {
		t.Errorf("answer %d %q, want the new one", r.StatusCode, body)
	}
	s.finish()
}

// A reload during a reload is remembered once, and done.
func TestAReloadDuringAReload(t *testing.T) {
	t.Parallel()
	ini := file(t, "paste.ini", loadApp+server("workers = 2"))
	s := supervise(t, ini)
	s.serves("main")
	var ok atomic.Int32
	done := make(chan struct{})
	for range 4 {
		go func() {
			if outcome, err := s.client.Reload(context.Background()); err == nil && outcome.Result == control.OK {
				ok.Add(1)
			}
			done <- struct{}{}
		}()
	}
	for range 4 {
		<-done
	}
	if ok.Load() != 4 {
		t.Errorf("%d of 4 reloads are ok", ok.Load())
	}
	// At least the first one and the one that was remembered; each that comes
	// after the end of another is one of its own.
	if st := s.status(); st.Generation < 3 || st.Generation > 5 || len(s.awaitReady("main", 2)) != 2 {
		t.Errorf("generation %d, want 3 to 5", st.Generation)
	}
	s.finish()
}

// A SIGHUP to the whole group, as by killall, is one for the master, however
// young the workers are: while a reload starts some, a second one must not end
// them and roll it back.
func TestSIGHUPToTheGroupSparesYoungWorkers(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "drain_idle_grace = 10ms")))
	s.serves("main")
	for i := range 8 {
		before := s.status().Generation
		s.toGroup(syscall.SIGHUP)
		until(t, "new workers begin", func() bool { st := s.status(); return starting(st) > 0 || st.Generation > before })
		s.toGroup(syscall.SIGHUP)
		until(t, "both reloads are done", func() bool {
			return s.said(fmt.Sprintf(`msg=reloaded generation=%d$`, before+2))+s.said(`status="signal 1, hangup"`) > 0
		})
		if n := s.said(`status="signal 1, hangup"`); n > 0 {
			t.Fatalf("SIGHUP has ended %d workers at the reload %d", n, i)
		}
	}
	if got := s.metric("wheatpaste_reloads_total", `result="rolled_back"`); got != 0 {
		t.Errorf("%v reloads are rolled back, want none", got)
	}
	s.finish()
}
