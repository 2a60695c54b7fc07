//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
	"github.com/wheatpaste/wheatpaste/service"
)

// TestHungWorkers is point 6 of the issue: a worker that can do nothing is
// noticed after 10 s, its stacks are kept, and it is replaced, while another one
// serves on (design.md 6, heartbeat).
func TestHungWorkers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 13 s")
	}
	t.Parallel()
	all := []*hanging{
		hang(t, func(s *supervised, _ string) int {
			victim := s.ready("main")[0]
			kill(t, victim, syscall.SIGSTOP)
			return victim
		}),
		hang(t, (*supervised).block),
	}
	for i, h := range all {
		h.isReplaced([]string{"stopped", "its only P blocked"}[i])
	}
}

// hanging is a master with a worker that hangs.
type hanging struct {
	*supervised
	workers, victim int
	began           time.Time
	visits          func() []visit
}

func hang(t *testing.T, how func(s *supervised, address string) int) *hanging {
	t.Helper()
	cores, _ := service.UsableCores()
	h := &hanging{workers: max(2, cores)} // so that each has one P
	h.supervised = supervise(t, file(t, "paste.ini", loadApp+server("workers = "+strconv.Itoa(h.workers))))
	address := h.serves("main")
	h.awaitReady("main", h.workers)
	h.visits = h.visit(address, h.workers)
	h.began = time.Now()
	h.victim = how(h.supervised, address)
	return h
}

func (h *hanging) isReplaced(name string) {
	h.t.Helper()
	h.awaitReady("main", h.workers, h.victim)
	if took := time.Since(h.began); took < 9*time.Second || took > 20*time.Second {
		h.t.Errorf("%s: replaced after %s, want 10 s and a little", name, took)
	}
	for _, v := range h.visits() {
		if v.pid != h.victim && (v.err != nil || v.requests < 50) {
			h.t.Errorf("%s: worker %d: %d requests, the slowest %s, error %v, want no trouble", name, v.pid, v.requests, v.slowest, v.err)
		}
	}
	h.hungIsTold(h.victim)
	h.finish()
}

// block has a worker enter a system call of which Go's scheduler knows nothing.
// Which one it is, it has said on the same connection.
func (s *supervised) block(address string) int {
	s.t.Helper()
	c := wire(s.t, address)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		s.t.Fatal(err)
	}
	victim, err := strconv.Atoi(r.Header.Get(load.WorkerHeader))
	if err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprint(c, "GET /block HTTP/1.1\r\nHost: h\r\n\r\n")
	return victim
}

// hungIsTold wants the reason, and where it hung.
func (s *supervised) hungIsTold(victim int) {
	s.t.Helper()
	s.says(fmt.Sprintf(`level=ERROR msg="a worker hangs: its stacks follow" server=main worker=\d+ pid=%d reason="no heartbeat for 1\ds"$`, victim))
	s.says(`^SIGABRT: abort$`)
	s.says(`^goroutine \d+ `)
	s.says(fmt.Sprintf(`level=ERROR msg="a worker ended" server=main worker=\d+ generation=1 pid=%d reason=hung `, victim))
	if got := s.metric("wheatpaste_worker_exits_total", `server="main"`, `reason="hung"`); got != 1 {
		s.t.Errorf("%v workers hung, want 1", got)
	}
	hung := 0
	for _, w := range s.status().Workers {
		if strings.HasPrefix(w.LastExit, "no heartbeat for 1") {
			hung++
		}
		if w.LastExit != "" && w.Restarts != 1 {
			s.t.Errorf("slot %d: %d restarts, want 1", w.Slot, w.Restarts)
		}
	}
	if hung != 1 {
		s.t.Errorf("%d slots have no heartbeat for their last exit, want 1", hung)
	}
	if n := s.said("pause="); n != 0 {
		s.t.Errorf("%d pauses before a start, want none: it counts for nothing", n)
	}
}

// visit is a kept connection to one worker, over which requests go on.
type visit struct {
	pid, requests int
	slowest       time.Duration
	err           error
}

// visit keeps a connection to each of n workers busy until stop is called.
func (s *supervised) visit(address string, n int) (stop func() []visit) {
	s.t.Helper()
	clients := map[int]*http.Client{}
	until(s.t, "a connection to each worker", func() bool {
		c := client(s.t, address)
		c.Timeout = 5 * time.Second
		pid, err := ask(c, address)
		if err != nil {
			s.t.Fatal(err)
		}
		clients[pid] = c
		return len(clients) == n
	})
	end, results := make(chan struct{}), make(chan visit, n)
	for pid, c := range clients {
		go func() { results <- repeat(c, address, pid, end) }()
	}
	return func() (list []visit) {
		close(end)
		for range n {
			list = append(list, <-results)
		}
		return list
	}
}

// repeat asks until the end, or until an answer is not the worker's.
func repeat(c *http.Client, address string, pid int, end <-chan struct{}) visit {
	v := visit{pid: pid}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-end:
			return v
		}
		began := time.Now()
		got, err := ask(c, address)
		v.requests++
		v.slowest = max(v.slowest, time.Since(began))
		if err == nil && got != pid {
			err = fmt.Errorf("worker %d answers", got)
		}
		if v.err = err; err != nil {
			return v
		}
	}
}

// ask gives the pid of the worker that answers.
func ask(c *http.Client, address string) (int, error) {
	r, err := c.Get("http://" + address + "/")
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return 0, err
	}
	return strconv.Atoi(r.Header.Get(load.WorkerHeader))
}

// TestAStoppedMasterBlamesNobody: Ctrl-Z of the whole process group is no
// worker's fault, and what was there goes on afterwards.
func TestAStoppedMasterBlamesNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 12 s")
	}
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2")))
	address := s.serves("main")
	before := s.awaitReady("main", 2)
	kill(t, -s.Process.Pid, syscall.SIGTSTP)
	until(t, "all are stopped", func() bool {
		return processState(s.Process.Pid) == "T" && processState(before[0]) == "T" && processState(before[1]) == "T"
	})
	<-time.After(11 * time.Second) // longer than a heartbeat may be missed
	kill(t, -s.Process.Pid, syscall.SIGCONT)
	for range 20 { // the master looks at the heartbeats ten times a second
		<-time.After(100 * time.Millisecond)
		if r, _ := fresh(t, address, "/"); r.StatusCode != 200 {
			t.Errorf("answer %d", r.StatusCode)
		}
	}
	if now := s.ready("main"); !slices.Equal(now, before) {
		t.Errorf("%v are ready, want %v as before", now, before)
	}
	if n := s.said("a worker (hangs|ended)"); n != 0 {
		t.Errorf("%d workers are blamed, want none", n)
	}
	s.finish()
}

// processState is the letter of /proc/PID/stat.
func processState(pid int) string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(text), ") ")
	letter, _, _ := strings.Cut(rest, " ")
	return letter
}
