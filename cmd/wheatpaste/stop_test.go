//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
)

// mixed are short, streamed and echoed answers, POSTs with chunked bodies among
// them, from clients that forgive nothing.
func mixed(address string) strict.Load {
	return strict.Load{
		Addr: address, WorkerHeader: load.WorkerHeader, IDHeader: load.IDHeader,
		Calls: []strict.Call{
			{Weight: 3, Method: "GET", Path: "/", Want: load.Plain},
			{Weight: 2, Method: "POST", Path: "/echo", Echo: true},
			{Method: "GET", Path: "/stream", Want: load.Stream},
		},
	}
}

// lossless wants a load that was one, and of which nothing was lost.
func lossless(t *testing.T, report *strict.Report, atLeast int) {
	t.Helper()
	t.Log(report)
	if report.Requests < atLeast || report.Answered != report.Requests || len(report.Failures) > 0 {
		t.Errorf("of %d requests %d were answered, want all of at least %d:\n%s",
			report.Requests, report.Answered, atLeast, strings.Join(report.Examples(5), "\n"))
	}
}

// toGroup sends a signal to the master and all its workers, as a terminal and
// systemd do.
func (s *supervised) toGroup(sig syscall.Signal) {
	s.t.Helper()
	kill(s.t, -s.Process.Pid, sig)
}

// nobodyLeft wants the process group to be empty, but for what nobody has waited
// for: orphans, where process 1 does not.
func (s *supervised) nobodyLeft() {
	s.t.Helper()
	until(s.t, "nobody is left of the process group", func() bool {
		stats, err := filepath.Glob("/proc/[0-9]*/stat")
		if err != nil {
			s.t.Fatal(err)
		}
		for _, path := range stats {
			if fields := statFields(path); len(fields) > 2 && fields[2] == strconv.Itoa(s.Process.Pid) && fields[0] != "Z" {
				return false
			}
		}
		return true
	})
}

// statFields are those of a process from the third on, its state; none when it
// is gone (proc(5)).
func statFields(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

// inFlight waits until the workers have so many requests.
func (s *supervised) inFlight(want int) {
	s.t.Helper()
	until(s.t, strconv.Itoa(want)+" requests in flight", func() bool {
		n := 0
		for _, w := range s.status().Workers {
			n += int(w.InFlight)
		}
		return n == want
	})
}

// answer is what became of a request of background.
type answer struct {
	code   int
	header http.Header
	body   string
	err    error
	ended  time.Time
}

// background sends n requests at once, each over a connection of its own.
func background(address, path string, n int) <-chan answer {
	answers := make(chan answer, n)
	for range n {
		go func() {
			a := answer{}
			var r *http.Response
			if r, a.body, a.err = tryFresh(address, path); r != nil {
				a.code, a.header = r.StatusCode, r.Header
			}
			a.ended = time.Now()
			answers <- a
		}()
	}
	return answers
}

// answered wants the answers of background to be whole.
func answered(t *testing.T, answers <-chan answer, n int) {
	t.Helper()
	for range n {
		if a := <-answers; a.code != 200 || a.body != load.Plain || a.err != nil {
			t.Errorf("answer %d %q, error %v, want %q", a.code, a.body, a.err, load.Plain)
		}
	}
}

// cpuTicks is what a process has used of the processor, in hundredths of a second.
func cpuTicks(t *testing.T, pid int) int {
	t.Helper()
	fields := statFields("/proc/" + strconv.Itoa(pid) + "/stat")
	if len(fields) < 13 {
		t.Fatalf("process %d is gone", pid)
	}
	sum := 0
	for _, f := range fields[11:13] { // utime and stime, 14 and 15 of proc(5)
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// CHECK-01: SIGTERM to the whole group, twice, loses nothing, and who comes
// later is refused, not reset. The master does next to nothing under load.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2")))
	l := mixed(s.serves("main"))
	l.KeepAlive, l.NewConn, l.Rate, l.UntilRefused = 8, 8, 200, true
	before := cpuTicks(t, s.Process.Pid)
	run := strict.Start(t.Context(), l)
	time.Sleep(2 * time.Second) // the load's own time
	if used := cpuTicks(t, s.Process.Pid) - before; used > 6 {
		t.Errorf("the master used %d0 ms of 2 s, want less than 3 %%", used)
	}
	slow := background(l.Addr, "/sleep?ms=600", 2) // else all may be over when the second one comes
	until(t, "two slow requests are in flight", func() bool {
		return s.metric("wheatpaste_http_requests_in_flight", `app="main"`) >= 2
	})
	s.toGroup(syscall.SIGTERM)
	time.Sleep(100 * time.Millisecond) // as CHECK-01 says
	s.toGroup(syscall.SIGTERM)
	report := run.Wait()
	answered(t, slow, 2)
	lossless(t, report, 300)
	if report.Ended != 16 {
		t.Errorf("%d clients were refused in the end, want 16", report.Ended)
	}
	if code, stderr := s.end(); code != 0 || s.said(`msg=stopping`) != 1 {
		t.Errorf("exit code %d, want 0 and one stop:\n%s", code, stderr)
	}
	s.nobodyLeft()
}

// SIG-14: a SIGTERM that comes when all is answered, and the admin address still
// waits for a client of its own, is as harmless as any other.
func TestALateSIGTERMIsHarmless(t *testing.T) {
	t.Parallel()
	for _, workers := range []string{"1", "0"} {
		t.Run(workers+" workers", func(t *testing.T) {
			t.Parallel()
			pid := filepath.Join(t.TempDir(), "pid")
			s := supervise(t, file(t, "paste.ini", loadApp+server("workers = "+workers)), "--pid-file", pid)
			s.serves("main")
			get(t, s.admin, "/metrics") // the connection stays open, and idle
			s.toGroup(syscall.SIGTERM)
			s.says(`msg=stopped (cut=0|exit_code=0)$`)
			_ = syscall.Kill(-s.Process.Pid, syscall.SIGTERM) // it may have ended just now
			if code, stderr := s.end(); code != 0 {
				t.Errorf("exit code %d, want 0:\n%s", code, stderr)
			}
			if _, err := os.Stat(pid); !os.IsNotExist(err) {
				t.Errorf("the pid file is left behind: %v", err)
			}
		})
	}
}

// Point 3 of the issue, shortened: slow requests in flight are all answered
// (SIG-14: a repeated SIGTERM changes nothing).
func TestStopAnswersSlowRequests(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2")))
	answers := background(s.serves("main"), "/sleep?ms=1000", 50)
	s.inFlight(50)
	s.toGroup(syscall.SIGTERM)
	s.says(`msg=stopping reason=SIGTERM `)
	s.toGroup(syscall.SIGTERM)
	answered(t, answers, 50)
	if code, stderr := s.end(); code != 0 {
		t.Errorf("exit code %d, want 0:\n%s", code, stderr)
	}
	s.nobodyLeft()
}

// CHECK-04: what never ends is cut at the graceful time, named and counted.
func TestAnEndlessRequestIsCut(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"one that ends when it is cut": "/never", "one that ignores it": "/sleep?ms=600000"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2", "graceful_shutdown_timeout = 1")))
			answers := background(s.serves("main"), path, 1)
			s.inFlight(1)
			began := time.Now()
			s.toGroup(syscall.SIGTERM)
			a := <-answers
			if took := a.ended.Sub(began); a.err == nil || took < time.Second || took > 1500*time.Millisecond {
				t.Errorf("it ends after %s with %d %q and error %v, want it cut after 1 to 1.5 s", took, a.code, a.body, a.err)
			}
			s.cutLine(path)
			code, stderr := s.end()
			if code != 3 || !strings.HasSuffix(stderr, "\nwheatpaste: 1 requests cut (graceful_shutdown_timeout)") {
				t.Errorf("exit code %d, want 3:\n%s", code, stderr)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the end took %s", took)
			}
			s.nobodyLeft()
		})
	}
}

// cutLine wants the line that names a request which was cut.
func (s *supervised) cutLine(uri string) {
	s.t.Helper()
	s.says(`level=\S+ msg="request cut" .*method=GET uri="?` + regexp.QuoteMeta(uri) + `"? .*request_id=\S+ age=\S+`)
}

// The same in an old generation, after a reload: the master goes on.
func TestAnEndlessRequestIsCutAfterAReload(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 1", "graceful_shutdown_timeout = 1")))
	address := s.serves("main")
	answers := background(address, "/never", 1)
	s.inFlight(1)
	old := s.ready("main")[0]
	began := time.Now()
	if code, out, errs := s.verb("reload"); code != 0 || out != "ok\n" {
		t.Fatalf("reload ends with %d %q %q", code, out, errs)
	}
	a := <-answers
	if took := a.ended.Sub(began); a.err == nil || took < time.Second || took > 2500*time.Millisecond {
		t.Errorf("it ends after %s with %d %q and error %v, want it cut a second after the reload", took, a.code, a.body, a.err)
	}
	s.cutLine("/never")
	until(t, "the old worker is gone", func() bool { return hasEnded(old) })
	if got := s.metric("wheatpaste_drain_cut_requests_total", `server="main"`); got != 1 {
		t.Errorf("%v requests cut are counted, want 1", got)
	}
	if r, _ := fresh(t, address, "/"); r.StatusCode != 200 {
		t.Errorf("answer %d", r.StatusCode)
	}
	s.finish()
}

// A fast stop by a terminal, whose signals come to all of the group.
func TestAFastStopOfTheGroup(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string][]syscall.Signal{
		"second SIGINT": {syscall.SIGINT, syscall.SIGINT}, "SIGQUIT": {syscall.SIGQUIT},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2")))
			answers := background(s.serves("main"), "/sleep?ms=600000", 3)
			s.inFlight(3)
			began := time.Now()
			for i, sig := range signals {
				s.toGroup(sig)
				s.says([]string{`msg=stopping `, `msg="stopping at once`}[i])
			}
			for range 3 {
				if a := <-answers; a.err == nil {
					t.Errorf("answer %d %q, want none", a.code, a.body)
				}
			}
			code, stderr := s.end()
			if code != 3 || !strings.HasSuffix(stderr, "\nwheatpaste: 3 requests cut (stop)") {
				t.Errorf("exit code %d, want 3:\n%s", code, stderr)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("the end took %s, want it at once", took)
			}
			s.nobodyLeft()
		})
	}
}

// murder kills the master alone, and waits for its end.
func (s *supervised) murder() {
	s.t.Helper()
	kill(s.t, s.Process.Pid, syscall.SIGKILL)
	until(s.t, "the master is dead", func() bool { return zombie(s.Process.Pid) })
}

// zombie reports whether a process has ended; it may not be waited for yet.
func zombie(pid int) bool {
	fields := statFields("/proc/" + strconv.Itoa(pid) + "/stat")
	return len(fields) == 0 || fields[0] == "Z"
}

// CHECK-05 (SIG-16): the workers of a master that is killed under load answer
// what they have and end by themselves, and the port is free.
func TestTheMasterIsKilledUnderLoad(t *testing.T) {
	ini := file(t, "paste.ini", loadApp+server("workers = 2"))
	s := supervise(t, ini)
	address := s.serves("main")
	slow := background(address, "/sleep?ms=1000", 8)
	s.inFlight(8)
	l := mixed(address)
	l.KeepAlive, l.NewConn, l.Rate, l.UntilRefused = 6, 2, 200, true
	run := strict.Start(t.Context(), l)
	time.Sleep(300 * time.Millisecond) // the load's own time
	s.murder()
	lossless(t, run.Wait(), 40)
	answered(t, slow, 8)
	<-s.ended // closes with the standard error of the last worker
	s.nobodyLeft()
	next := supervise(t, ini, "--listen", address)
	if got := next.serves("main"); got != address {
		t.Errorf("the next master serves on %s, want %s", got, address)
	}
	if r, _ := fresh(t, address, "/"); r.StatusCode != 200 {
		t.Errorf("answer %d", r.StatusCode)
	}
	next.finish()
}

// CHECK-05: a new master binds at once, while the orphans still drain.
func TestANewMasterBindsBesideOrphans(t *testing.T) {
	t.Parallel()
	ini := file(t, "paste.ini", loadApp+server("workers = 2"))
	s := supervise(t, ini)
	address := s.serves("main")
	slow := background(address, "/sleep?ms=2500", 4)
	s.inFlight(4)
	s.murder()
	next := supervise(t, ini, "--listen", address)
	next.serves("main")
	select {
	case a := <-slow:
		t.Errorf("a request has ended already: %+v", a)
	default:
	}
	for range 10 {
		if r, body := fresh(t, address, "/"); r.StatusCode != 200 || body != load.Plain {
			t.Errorf("answer %d %q", r.StatusCode, body)
		}
	}
	answered(t, slow, 4)
	<-s.ended
	s.nobodyLeft()
	if r, _ := fresh(t, address, "/"); r.StatusCode != 200 {
		t.Errorf("answer %d", r.StatusCode)
	}
	next.finish()
}

// drain_announce: health checks fail first, while connections are taken as
// before.
func TestDrainAnnounce(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", `[composite:main]
use = egg:Paste#urlmap
/ = load
/healthcheck = health
[app:load]
use = egg:wheatpaste-soak#load
[app:health]
use = egg:oslo.middleware#healthcheck
`+server("workers = 2", "drain_announce = 1")))
	address := s.serves("main")
	if r, body := fresh(t, address, "/healthcheck"); r.StatusCode != 200 {
		t.Errorf("before: /healthcheck answers %d %q", r.StatusCode, body)
	}
	began := time.Now()
	s.toGroup(syscall.SIGTERM)
	s.says(`msg=stopping reason=SIGTERM `)
	until(t, "/healthcheck says 503", func() bool {
		r, body := fresh(t, address, "/healthcheck")
		return r.StatusCode == 503 && strings.Contains(body, "DRAINING")
	})
	asked := 0
	var err error
	for {
		var r *http.Response
		if r, _, err = tryFresh(address, "/"); err != nil {
			break
		}
		if asked++; r.StatusCode != 200 {
			t.Errorf("answer %d", r.StatusCode)
		}
	}
	if took := time.Since(began); !errors.Is(err, syscall.ECONNREFUSED) || took < time.Second || asked < 10 {
		t.Errorf("after %s and %d answers: %v, want a refusal after more than a second", took, asked, err)
	}
	if code, stderr := s.end(); code != 0 {
		t.Errorf("exit code %d, want 0:\n%s", code, stderr)
	}
}

// lastWord wants a start to fail with one clear line, the last one.
func lastWord(t *testing.T, p *process, pattern string) {
	t.Helper()
	code, stderr := p.end()
	re := regexp.MustCompile(`(?:^|\n)wheatpaste: ` + pattern + `$`)
	if code != 1 || !re.MatchString(stderr) || strings.Count("\n"+stderr, "\nwheatpaste: ") != 1 || strings.Contains(stderr, "msg=serving") {
		t.Errorf("exit code %d, want 1 and one line %s:\n%s", code, re, stderr)
	}
}

// CHECK-07 (PAIN-16): a second instance is told who holds the port, however it
// is written, in spite of SO_REUSEPORT.
func TestASecondInstanceIsToldWhoHoldsThePort(t *testing.T) {
	t.Parallel()
	socket := "unix:" + t.TempDir() + "/http.sock"
	ini := file(t, "paste.ini", loadApp+server("workers = 2"))
	s := supervise(t, ini, "--listen", free, "--listen", socket)
	address := s.says(`msg=serving server=main address=(127\.0\.0\.1:\d+)$`)[1]
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, listen := range []string{address, "0.0.0.0:" + port, ":" + port, "localhost:" + port, socket} {
		t.Run(listen, func(t *testing.T) {
			second := begin(t, nil, ini, "--listen", listen)
			lastWord(t, second, `listen `+regexp.QuoteMeta(listen)+`: address already in use by \S+ \(process `+strconv.Itoa(s.Process.Pid)+`\), want a free one`)
		})
	}
	if r, _ := fresh(t, address, "/"); r.StatusCode != 200 {
		t.Errorf("answer %d", r.StatusCode)
	}
	s.finish()
}

// A port that another program has, whether or not it would share it.
func TestAPortOfAnotherProgram(t *testing.T) {
	t.Parallel()
	for name, reuse := range map[string]int{"alone": 0, "with SO_REUSEPORT": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := reusable(t, reuse)
			p := begin(t, nil, file(t, "paste.ini", loadApp+server("workers = 2")), "--listen", l.Addr().String())
			lastWord(t, p, fmt.Sprintf(`listen %s: address already in use by \S+ \(process %d\), want a free one`, l.Addr(), os.Getpid()))
		})
	}
}

// reusable listens, with or without SO_REUSEPORT.
func reusable(t *testing.T, reuse int) net.Listener {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		outer := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, 0xf, reuse) // SO_REUSEPORT
		})
		return errors.Join(outer, err)
	}}
	l, err := config.Listen(context.Background(), "tcp", free)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
