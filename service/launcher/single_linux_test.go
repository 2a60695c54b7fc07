package launcher

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// strictClient retries nothing but a connection whose last answer has announced
// its end, and counts the answers.
func strictClient(address string, stop <-chan struct{}, answers *atomic.Int64) error {
	var c *connection
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		if c == nil {
			var err error
			if c, err = connect(address); err != nil {
				return fmt.Errorf("connect: %w", err)
			}
		}
		answer, err := c.ask("/")
		if _, err = text(answer, err); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		answers.Add(1)
		if answer.Close {
			c.Close()
			c = nil
		}
	}
}

var countLine = regexp.MustCompile(`wheatpaste_http_requests_total\{[^}]*\} (\S+)`)

// counted is what the metrics say of requests.
func (u *underTest) counted(address string) int64 {
	u.t.Helper()
	m := countLine.FindStringSubmatch(u.get(address, "/metrics"))
	if m == nil {
		return 0
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		u.t.Fatal(err)
	}
	return int64(n)
}

// design.md 6: one process that serves all drains and executes itself at a
// reload. No answer is lost, no counter goes back (design.md 9).
func TestSingleLosesNothingInReloads(t *testing.T) {
	const clients, reloads = 8, 20
	u := startSingle(t, settings{Listen: map[string][]string{"main": {"127.0.0.1:0"}, "other": {"127.0.0.1:0"}}})
	before := u.status()
	addresses := u.addresses(2)
	stop := make(chan struct{})
	var answers atomic.Int64
	var running sync.WaitGroup
	failed := make(chan error, clients)
	for i := range clients {
		running.Go(func() {
			if err := strictClient(addresses[i%len(addresses)], stop, &answers); err != nil {
				failed <- err
			}
		})
	}
	var seen int64
	for n := range reloads {
		u.set(func(s *settings) { s.Text = "generation " + strconv.Itoa(n+2) })
		answered := answers.Load()
		u.eventually("clients get answers", func() bool { return answers.Load() > answered+clients || len(failed) > 0 })
		u.signal(syscall.SIGHUP)
		u.waitRunning(n + 2)
		now := u.counted(addresses[0])
		if now < seen {
			t.Errorf("reload %d: the counter goes back from %d to %d", n+1, seen, now)
		}
		seen = now
	}
	close(stop)
	running.Wait()
	close(failed)
	for err := range failed {
		t.Errorf("a client lost an answer: %v", err)
	}
	if got := u.counted(addresses[0]); got != answers.Load() {
		t.Errorf("the metrics count %d requests, want the %d that were answered", got, answers.Load())
	}
	if got := u.get(addresses[1], "/"); got != "generation 21" {
		t.Errorf("the last generation answers %q", got)
	}
	after := u.status()
	if after.PID != before.PID || after.Generation != reloads+1 || after.LastReload == nil || after.LastReload.Result != control.OK {
		t.Errorf("status after = %+v, want the same pid %d, generation %d and a good reload", after, before.PID, reloads+1)
	}
	u.signal(syscall.SIGTERM)
	if code := u.exit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	t.Logf("%d answers in %d reloads; pauses %v", answers.Load(), reloads, pauses(u.logs.String()))
}

var pauseText = regexp.MustCompile(`msg=reloaded generation=\d+ pause=(\S+)`)

// pauses are the times in which connections waited in the queue.
func pauses(log string) []time.Duration {
	var list []time.Duration
	for _, m := range pauseText.FindAllStringSubmatch(log, -1) {
		d, _ := time.ParseDuration(m[1])
		list = append(list, d)
	}
	slices.Sort(list)
	return list
}

// descriptors are what the process has open, without what comes and goes.
func (u *underTest) descriptors() []string {
	dir := fmt.Sprintf("/proc/%d/fd", u.cmd.Process.Pid)
	list, err := os.ReadDir(dir)
	if err != nil {
		u.t.Fatal(err)
	}
	var open []string
	for _, e := range list {
		to, err := os.Readlink(dir + "/" + e.Name())
		if err != nil {
			continue // closed since
		}
		kind, _, _ := strings.Cut(to, ":[")
		open = append(open, kind)
	}
	slices.Sort(open)
	return open
}

func TestSingleKeepsNoDescriptorOverReloads(t *testing.T) {
	u := startSingle(t, settings{})
	unix := u.path("s")
	u.set(func(s *settings) { s.Listen["main"] = append(s.Listen["main"], "unix:"+unix) })
	if got, err := u.control.Reload(t.Context()); err != nil || got.Result != control.OK {
		t.Fatalf("Reload() = %+v, %v", got, err)
	}
	var first []string
	same := 0 // a connection of the control client may be open for a moment
	u.eventually("the descriptors settle", func() bool {
		now := u.descriptors()
		if !slices.Equal(first, now) {
			same = 0
		}
		first = now
		same++
		return same > 50
	})
	for n := range 50 {
		u.signal(syscall.SIGHUP)
		u.waitRunning(n + 3)
	}
	u.eventually("no more descriptors are open than before 50 reloads: "+strings.Join(first, " "), func() bool {
		return len(u.descriptors()) <= len(first)
	})
	t.Logf("pauses %v", pauses(u.logs.String()))
	if got := u.get(u.address(), "/environment"); strings.Contains(got, singleVariable) {
		t.Errorf("the environment has %s, want it taken out", singleVariable)
	}
}

// IMP-01: all or nothing. The old one goes on.
func TestSingleRefusesWhatIsWrong(t *testing.T) {
	u := startSingle(t, settings{})
	address := u.address()
	for _, test := range []struct {
		name, text string
		errors     []string
	}{
		{"a file that does not load", "{", []string{"first line: unexpected end of JSON input", "second line"}},
		{
			"addresses that cannot be had", `{"Listen":{"main":["192.0.2.1:80","127.0.0.1:0"],"other":["198.51.100.1:80"]}}`,
			[]string{
				"listen 192.0.2.1:80: no address of this machine, want one of its own or 0.0.0.0",
				"listen 198.51.100.1:80: no address of this machine, want one of its own or 0.0.0.0",
			},
		},
		{
			"an address in two servers", `{"Listen":{"main":["127.0.0.1:1"],"other":["127.0.0.1:1"]}}`,
			[]string{`listen 127.0.0.1:1: server "main" listens there already, want it once`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			u.write(test.text)
			got, err := u.control.Reload(t.Context())
			if err != nil || got.Result != control.Rejected || !slices.Equal(got.Errors, test.errors) {
				t.Errorf("Reload() = %+v, %v, want rejected with %q", got, err, test.errors)
			}
			st := u.status()
			if st.State != control.Running || st.Generation != 1 || st.LastReload == nil || !slices.Equal(st.LastReload.Errors, test.errors) {
				t.Errorf("status = %+v, want generation 1 to run, and the errors", st)
			}
			if got := u.get(address, "/"); got != "one" {
				t.Errorf("it answers %q", got)
			}
		})
	}
	u.set(func(s *settings) { s.Workers = 2 })
	workers := "server main: workers = 2: one process serves (workers = 0), want a restart with --workers N"
	if got, err := u.control.Reload(t.Context()); err != nil || got.Result != control.Rejected || !slices.Equal(got.Errors, []string{workers}) {
		t.Errorf("Reload() = %+v, %v, want rejected with %q", got, err, workers)
	}
	u.set(func(s *settings) { s.Workers = 0 })
	u.write("{")
	rejections := strings.Count(u.logs.String(), "msg=\"the reload is rejected: all goes on as it is\"")
	u.signal(syscall.SIGHUP)
	u.eventually("a rejected SIGHUP is logged", func() bool {
		return strings.Count(u.logs.String(), "msg=\"the reload is rejected: all goes on as it is\"") == rejections+1
	})
	u.set(func(s *settings) { s.Text = "two" })
	if got, err := u.control.Reload(t.Context()); err != nil || got.Result != control.OK {
		t.Errorf("Reload() = %+v, %v, want ok: what is right is taken later", got, err)
	}
	if got := u.get(address, "/"); got != "two" {
		t.Errorf("it answers %q, want two", got)
	}
}

func TestSingleReloadChangesAddresses(t *testing.T) {
	u := startSingle(t, settings{})
	first, path := u.address(), u.path("s")
	u.set(func(s *settings) { s.Listen = map[string][]string{"other": {"unix:" + path}} })
	waiting, answer := u.begin(first, "/slow?until="+u.path("go"))
	u.signal(syscall.SIGHUP)
	u.waitLog("handing over")
	// HTTP-04: the path is there before the old address has ended.
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("stat = %v, %v, want a socket of mode 0600", info, err)
	}
	if err := os.WriteFile(u.path("go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := text(answer, nil); err != nil || got != "one" {
		t.Errorf("the request of the old generation got %q, %v", got, err)
	}
	waiting.Close()
	u.waitRunning(2)
	if c, err := connect(first); err == nil {
		c.Close()
		t.Errorf("%s still answers, want it closed", first)
	}
	if got := u.get(path, "/"); got != "one" {
		t.Errorf("%s answers %q", path, got)
	}
	u.set(func(s *settings) { s.Mode, s.Text = 0o666, "two" })
	u.signal(syscall.SIGHUP)
	u.waitRunning(3)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("stat = %v, %v, want mode 0666", info, err)
	}
	if got := u.get(path, "/"); got != "two" {
		t.Errorf("%s answers %q", path, got)
	}
	u.signal(syscall.SIGTERM)
	if code := u.exit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	for _, p := range []string{path, u.path("control")} {
		if _, err := os.Stat(p); !os.IsNotExist(err) {
			t.Errorf("%s is left behind: %v", p, err)
		}
	}
}

// What waits in the queue is answered by the new self.
func TestSingleReloadLetsConnectionsWait(t *testing.T) {
	u := startSingle(t, settings{CloseLog: os.DevNull})
	u.set(func(s *settings) { s.CloseLog = u.path("closed") })
	u.signal(syscall.SIGHUP) // now Close is noted
	u.waitRunning(2)
	address := u.address()
	_, answer := u.begin(address, "/slow?until="+u.path("go"))
	u.set(func(s *settings) { s.Text = "two" })
	u.signal(syscall.SIGHUP)
	u.waitLog("generation=3")
	waits := u.waiting(address)
	if err := os.WriteFile(u.path("go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if body, err := text(answer, nil); err != nil || body != "one" {
		t.Errorf("the request in flight got %q, %v", body, err)
	}
	if got, err := text(http.ReadResponse(waits.r, nil)); err != nil || got != "two" {
		t.Errorf("the connection that waited got %q, %v", got, err)
	}
	if b, err := os.ReadFile(u.path("closed")); err != nil || string(b) != "one\n" {
		t.Errorf("Close has noted %q, %v, want one line", b, err)
	}
	if got := u.get(address, "/former"); !strings.Contains(got, `"Text":"two"`) {
		t.Errorf("the snapshot of the former self is %q, want what was rehearsed", got)
	}
}

// A descriptor of the caller's own keeps its lock.
func TestSingleKeepsDescriptorsOfItsCaller(t *testing.T) {
	u := startSingle(t, settings{})
	u.signal(syscall.SIGHUP)
	u.waitRunning(2)
	fd, err := syscall.Open(u.path("lock"), syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EWOULDBLOCK {
		t.Errorf("flock = %v, want it to be held still", err)
	}
}

// A program that was replaced on the disk is not taken by a reload.
func TestSingleExecutesWhatRuns(t *testing.T) {
	u := prepareSingle(t, settings{})
	program := u.path("program")
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, data, 0o700); err != nil {
		t.Fatal(err)
	}
	u.start(program)
	u.waitRunning(1)
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/false\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	u.signal(syscall.SIGHUP)
	u.waitRunning(2)
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", u.cmd.Process.Pid))
	if err != nil || string(comm) != "program\n" {
		t.Errorf("the system shows %q, %v, want its name", comm, err)
	}
	if got := u.get(u.address(), "/"); got != "one" {
		t.Errorf("it answers %q", got)
	}
}

// When the system does not let it execute itself, the reload happens in the
// process that is there.
func TestSingleReloadsWithoutExec(t *testing.T) {
	u := startSingle(t, settings{ExecFails: true})
	address := u.address()
	for n := range 3 {
		u.set(func(s *settings) { s.Text = "again " + strconv.Itoa(n) })
		got, err := u.control.Reload(t.Context())
		if err != nil || got.Result != control.OK {
			t.Fatalf("Reload() = %+v, %v", got, err)
		}
		if got := u.get(address, "/"); got != "again "+strconv.Itoa(n) {
			t.Errorf("it answers %q", got)
		}
	}
	if st := u.status(); st.Generation != 4 || len(st.Workers) != 1 || st.Workers[0].State != control.WorkerReady {
		t.Errorf("status = %+v, want generation 4", st)
	}
	u.signal(syscall.SIGTERM)
	if code := u.exit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// A new self that cannot start is the end.
func TestSingleThatCannotStart(t *testing.T) {
	t.Run("at first", func(t *testing.T) {
		u := prepareSingle(t, settings{StartFail: "no database"})
		u.start(os.Args[0])
		if code := u.exit(); code != 1 || !strings.Contains(u.logs.String(), "error: no database\n") {
			t.Errorf("exit code %d, want 1 and the reason", code)
		}
	})
	t.Run("after a reload", func(t *testing.T) {
		u := startSingle(t, settings{})
		u.set(func(s *settings) { s.StartFail = "no database" })
		_, err := u.control.Reload(t.Context())
		want := fmt.Sprintf("the master (process %d) ended during the reload; its log tells why", u.cmd.Process.Pid)
		if err == nil || err.Error() != want {
			t.Errorf("Reload() = %v, want %q", err, want)
		}
		if code := u.exit(); code != 1 {
			t.Errorf("exit code %d, want 1", code)
		}
	})
}

// A request that outlives graceful_shutdown_timeout is cut before the exec; that
// is no reason for another exit code later.
func TestSingleReloadCutsAtItsTimeout(t *testing.T) {
	u := startSingle(t, settings{Graceful: 300 * time.Millisecond})
	address := u.address()
	_, answer := u.begin(address, "/stuck")
	u.signal(syscall.SIGHUP)
	if _, err := text(answer, nil); err == nil {
		t.Error("the request that is stuck was answered")
	}
	u.waitRunning(2)
	u.waitLog(`msg="request cut" server=main reason=graceful_shutdown_timeout`)
	if got := u.get(address, "/metrics"); !strings.Contains(got, `wheatpaste_drain_cut_requests_total{server="main"} 1`) {
		t.Errorf("the metrics do not count the request that was cut:\n%s", got)
	}
	u.signal(syscall.SIGTERM)
	if code := u.exit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
