//go:build linux

package main

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
	"github.com/wheatpaste/wheatpaste/internal/control"
)

const twoServers = `
[app:main]
use = egg:wheatpaste#respond
body = main
[app:other]
use = egg:wheatpaste#respond
body = other
`

func twoGroups(t *testing.T) *supervised {
	t.Helper()
	ini := file(t, "paste.ini", twoServers+serverNamed("a", "workers = 2")+serverNamed("b", "workers = 1", "wheatpaste.app = other"))
	return supervise(t, ini, "--server-name", "all")
}

// TestSeveralGroups: listeners, workers and applications of their own, in one
// master (design.md 6 and 8).
func TestSeveralGroups(t *testing.T) {
	t.Parallel()
	s := twoGroups(t)
	for name, want := range map[string]string{"a": "main", "b": "other"} {
		if r, body := fresh(t, s.serves(name), "/"); r.StatusCode != 200 || strings.TrimSpace(body) != want {
			t.Errorf("server %s answers %d %q, want %q", name, r.StatusCode, body, want)
		}
	}
	a, b := s.awaitReady("a", 2), s.awaitReady("b", 1)
	s.number(b, "b=3")
	if now := s.ready("a"); !slices.Equal(now, a) {
		t.Errorf("the workers of a are %v, want %v as before", now, a)
	}
	s.number(a, "4") // of the first
	if _, text, _ := s.verb("status"); strings.Count(text, "\na ") != 4 || strings.Count(text, "\nb ") != 3 {
		t.Errorf("status does not list 4 of a and 3 of b:\n%s", text)
	}
	for _, want := range []struct {
		server string
		n      float64
	}{{"a", 4}, {"b", 3}} {
		if got := s.metric("wheatpaste_workers", `server="`+want.server+`"`, `state="ready"`); got != want.n {
			t.Errorf("%v ready workers of %s by the metrics, want %v", got, want.server, want.n)
		}
	}
	s.finish()
}

// number sets the number of workers; those that were there stay.
func (s *supervised) number(before []int, word string) {
	s.t.Helper()
	if code, out, errs := s.verb("workers", word); code != 0 || out+errs != "" {
		s.t.Errorf("workers %s ends with %d %q %q", word, code, out, errs)
	}
	name, number, named := strings.Cut(word, "=")
	if !named {
		name, number = "a", word
	}
	n, _ := strconv.Atoi(number)
	now := s.ready(name)
	if len(now) != n || slices.ContainsFunc(before, func(pid int) bool { return !slices.Contains(now, pid) }) {
		s.t.Errorf("after workers %s %v are ready, want %d with %v among them", word, now, n, before)
	}
}

// TestTTINAndTTOU change the first group alone, and not below one worker.
func TestTTINAndTTOU(t *testing.T) {
	t.Parallel()
	s := twoGroups(t)
	address := s.serves("a")
	before := s.awaitReady("a", 2)
	s.signal(syscall.SIGTTIN)
	s.awaitReady("a", 3)
	s.signal(syscall.SIGTTOU)
	s.awaitReady("a", 2)
	s.signal(syscall.SIGTTOU)
	if now := s.awaitReady("a", 1); now[0] != before[0] {
		t.Errorf("%v is left, want that of slot 0, %d", now, before[0])
	}
	s.signal(syscall.SIGTTOU)
	s.says(`level=WARN msg="the number of workers stays" server=a workers=1 error="0 workers for the server a, want 1 to 4096"$`)
	for range 10 { // the queues of removed slots are a neighbour's (design.md 6)
		if r, _ := fresh(t, address, "/"); r.StatusCode != 200 {
			t.Errorf("answer %d", r.StatusCode)
		}
	}
	if n := len(s.ready("b")); n != 1 {
		t.Errorf("%d workers of b, want 1", n)
	}
	s.finish()
}

func TestWorkersThatCannotBe(t *testing.T) {
	t.Parallel()
	s := twoGroups(t)
	s.serves("a")
	for _, test := range []struct {
		word, want string
		code       int
	}{
		{"c=2", `wheatpaste: no server "c", want one of a, b`, 1},
		{"0", `wheatpaste: invalid number of workers "0", want 1 to 4096 (see wheatpaste workers --help)`, 2},
		{"b=0", `wheatpaste: invalid number of workers "0", want 1 to 4096 (see wheatpaste workers --help)`, 2},
		{"b=4097", `wheatpaste: invalid number of workers "4097", want 1 to 4096 (see wheatpaste workers --help)`, 2},
	} {
		if code, out, errs := s.verb("workers", test.word); code != test.code || out != "" || errs != test.want+"\n" {
			t.Errorf("workers %s ends with %d %q %q, want %d %q", test.word, code, out, errs, test.code, test.want)
		}
	}
	if a, b := len(s.ready("a")), len(s.ready("b")); a != 2 || b != 1 {
		t.Errorf("%d and %d workers, want 2 and 1 as before", a, b)
	}
	s.finish()
}

func TestUnknownServerName(t *testing.T) {
	t.Parallel()
	ini := file(t, "paste.ini", twoServers+serverNamed("a")+serverNamed("b"))
	code, stderr := supervise(t, ini, "--server-name", "c").end()
	if want := ini + ": No section 'c' (prefixed by 'server') found in config " + ini + "; the file has [server:a], [server:b]"; code != 1 || stderr != want {
		t.Errorf("exit code %d, want 1 and %q:\n%s", code, want, stderr)
	}
}

// TestOneGroupThatNeverStarts ends the other one, too, and cleanly.
func TestOneGroupThatNeverStarts(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", loadApp+"[app:bad]\nuse = egg:launchtest#crash\nfails = no oven\n"+
		serverNamed("a", "workers = 1")+serverNamed("b", "workers = 1", "wheatpaste.app = bad")), "--server-name", "all")
	code, stderr := s.end()
	if want := "\nwheatpaste: server b: no worker could start: starting the application bad: no oven"; code != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("exit code %d, want 1 and %q:\n%s", code, want, stderr)
	}
	if n := s.said("msg=stopped cut=0$"); n != 1 {
		t.Errorf("%d last words, want one", n)
	}
}

// TestAFullPoolLeavesTheQueue is CHECK-15: on a shared socket, the worker whose
// pool is full takes no connection from the free one.
func TestAFullPoolLeavesTheQueue(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", "[composite:main]\nuse = egg:Paste#urlmap\n/hold = hold\n/ = load\n"+
		"[app:hold]\nuse = egg:servetest#hold\n[app:load]\nuse = egg:wheatpaste-soak#load\n"+server("accept = shared", "pool_size = 1", "workers = 2")))
	address := s.serves("main")
	h := holdRequest(t, address+"/hold")
	busy := 0
	until(t, "one worker is busy", func() bool {
		for _, w := range s.status().Workers {
			if w.InFlight == 1 {
				busy = w.PID
			}
		}
		return busy != 0
	})
	for range 20 {
		r, body := fresh(t, address, "/")
		if r.StatusCode != 200 || body != load.Plain || r.Header.Get(load.WorkerHeader) == strconv.Itoa(busy) {
			t.Errorf("answer %d %q of worker %s, want one of the free worker", r.StatusCode, body, r.Header.Get(load.WorkerHeader))
		}
	}
	if rest, err := h.finish(); rest != "done\n" || err != nil {
		t.Errorf("the request ends with %q, error %v", rest, err)
	}
	if st := s.status(); st.State != control.Running || len(readyOf(st, "main")) != 2 {
		t.Errorf("the status is %+v", st)
	}
	s.finish()
}
