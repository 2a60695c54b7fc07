//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
	"github.com/wheatpaste/wheatpaste/paste"
)

// crashing is an application whose process ends as a file says: "exit" or
// "panic", and behind it the pid of the one process that is spared, if any.
type crashing struct {
	File  string `paste:"file"`
	Fails string `paste:"fails"` // what OnStart says, always
}

func init() {
	paste.RegisterApp("egg:launchtest#crash", crashing{}, func(b *paste.Build, c crashing) (http.Handler, error) {
		b.OnStart(func(context.Context) error {
			if c.Fails != "" {
				return errors.New(c.Fails)
			}
			c.act()
			return nil
		})
		b.Go(c.watch)
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(load.WorkerHeader, strconv.Itoa(os.Getpid()))
			fmt.Fprintln(w, "alive")
		}), nil
	})
}

func (c crashing) watch(ctx context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for c.act(); ; c.act() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c crashing) act() {
	text, err := os.ReadFile(c.File)
	words := strings.Fields(string(text))
	if err != nil || len(words) == 0 || len(words) > 1 && words[1] == strconv.Itoa(os.Getpid()) {
		return
	}
	if words[0] == "panic" {
		panic("the flour is out")
	}
	os.Exit(7)
}

// crashFile is where the orders for a crash are written, and its application.
func crashFile(t *testing.T) (path, app string) {
	path = filepath.Join(t.TempDir(), "order")
	return path, "[app:main]\nuse = egg:launchtest#crash\nfile = " + path + "\n"
}

// TestCrashLoopDelaysNobodyElse: a group whose workers end by themselves waits
// longer and longer, while the worker of another is replaced at once (CHECK-06,
// LAUNCH-09), and ten ends in a row without a ready worker are the end of all.
func TestCrashLoopDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"exit", "panic"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			order, app := crashFile(t)
			s := supervise(t, file(t, "paste.ini", app+"[app:other]\nuse = egg:wheatpaste-soak#load\n"+
				serverNamed("bad", "workers = 4")+serverNamed("good", "workers = 1", "wheatpaste.app = other")), "--server-name", "all")
			s.serves("bad")
			good := s.serves("good")
			rewrite(t, order, how)
			for i, pause := range []string{"100ms", "200ms", "400ms", "800ms", "1.6s"} {
				s.says(fmt.Sprintf(`level=WARN msg="a worker is started again after a pause" server=bad worker=\d pause=%s failures=%d$`, pause, i+1))
				if i == 0 {
					s.replacesAtOnce(good)
				}
			}
			s.crashWords(how)
			code, stderr := s.end()
			want := "\nwheatpaste: server bad: 10 workers in a row ended by themselves, and none is ready"
			if code != 4 || !strings.HasSuffix(stderr, want) {
				t.Errorf("exit code %d, want 4, and %q at the end of\n%s", code, want, stderr)
			}
		})
	}
}

// replacesAtOnce kills the worker of the good group.
func (s *supervised) replacesAtOnce(address string) {
	s.t.Helper()
	victim := s.awaitReady("good", 1)[0]
	began := time.Now()
	kill(s.t, victim, syscall.SIGKILL)
	r, _ := fresh(s.t, address, "/")
	if took := time.Since(began); r.StatusCode != 200 || r.Header.Get(load.WorkerHeader) == strconv.Itoa(victim) || took > 3*time.Second {
		s.t.Errorf("answer %d of %s after %s, want one of a new worker at once", r.StatusCode, r.Header.Get(load.WorkerHeader), took)
	}
	if n := s.said(`server=good .*pause=`); n != 0 {
		s.t.Errorf("%d pauses of the good group, want none", n)
	}
}

// crashWords wants the reason in the log and in the status.
func (s *supervised) crashWords(how string) {
	s.t.Helper()
	want := map[string]string{"exit": "exit status 7", "panic": "exit status 2 (panic: the flour is out)"}[how]
	var last string
	until(s.t, "a last exit of bad", func() bool { last = s.lastExit("bad", 0); return last != "" })
	if last != want {
		s.t.Errorf("last_exit is %q, want %q", last, want)
	}
	s.says(`level=ERROR msg="a worker ended" server=bad worker=\d generation=1 pid=\d+ reason=(exit|start_failed) status="` + strings.NewReplacer("(", `\(`, ")", `\)`).Replace(want) + `"`)
	if how == "panic" {
		s.says(`^panic: the flour is out$`)
		s.says(`^goroutine \d+ `)
	}
}

// TestANeighbourTakesTheQueue: while one worker is ready, others may crash more
// than ten times, and nobody waits for them: their queues are lent.
func TestANeighbourTakesTheQueue(t *testing.T) {
	t.Parallel()
	order, app := crashFile(t)
	s := supervise(t, file(t, "paste.ini", app+server("workers = 5")))
	address := s.serves("main")
	spared := s.awaitReady("main", 5)[0]
	rewrite(t, order, "exit "+strconv.Itoa(spared))
	s.says(`failures=4$`) // all others have ended
	for range 30 {        // to each of the five queues
		began := time.Now()
		r, _ := fresh(t, address, "/")
		if took := time.Since(began); r.Header.Get(load.WorkerHeader) != strconv.Itoa(spared) || took > 3*time.Second {
			t.Errorf("answer of %s after %s, want %d within a second", r.Header.Get(load.WorkerHeader), took, spared)
		}
	}
	s.says(`failures=11$`)
	if got := s.ready("main"); !slices.Equal(got, []int{spared}) {
		t.Errorf("%v are ready, want only %d", got, spared)
	}
	s.reloadsWell(order, address)
	s.finish()
}

// reloadsWell mends the application: a reload waits for no pause.
func (s *supervised) reloadsWell(order, address string) {
	s.t.Helper()
	if err := os.Remove(order); err != nil {
		s.t.Fatal(err)
	}
	if code, out, errs := s.verb("reload"); code != 0 || out != "ok\n" || errs != "" {
		s.t.Errorf("reload ends with %d %q %q", code, out, errs)
	}
	s.awaitReady("main", 5)
	for range 10 {
		if r, _ := fresh(s.t, address, "/"); r.StatusCode != 200 {
			s.t.Errorf("answer %d", r.StatusCode)
		}
	}
}

// TestAStopEmptiesAllQueues: what waits in the queue of a worker that is dead is
// answered at a stop, too, by its neighbour (design.md 6, drain).
func TestAStopEmptiesAllQueues(t *testing.T) {
	t.Parallel()
	order, app := crashFile(t)
	s := supervise(t, file(t, "paste.ini", app+server("workers = 2")))
	address := s.serves("main")
	spared := s.awaitReady("main", 2)[0]
	rewrite(t, order, "exit "+strconv.Itoa(spared))
	s.says(`failures=1$`)
	var waiting []*bufio.Reader
	for range 20 {
		c := wire(t, address)
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		waiting = append(waiting, bufio.NewReader(c))
	}
	s.signal(syscall.SIGTERM)
	for i, in := range waiting {
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Errorf("connection %d of those that waited: %v", i, err)
			continue
		}
		if r.StatusCode != 200 || r.Header.Get(load.WorkerHeader) != strconv.Itoa(spared) {
			t.Errorf("answer %d of %s, want 200 of %d", r.StatusCode, r.Header.Get(load.WorkerHeader), spared)
		}
		_ = r.Body.Close()
	}
	if code, stderr := s.end(); code != 0 {
		t.Errorf("exit code %d, want 0:\n%s", code, stderr)
	}
}
