package launcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// design.md 6, the table of signals: requests in flight finish.
func TestSingleDrainsAtAStop(t *testing.T) {
	for _, test := range []struct {
		name string
		stop func(*underTest)
	}{
		{"SIGTERM", func(u *underTest) { u.signal(syscall.SIGTERM) }},
		{"SIGINT", func(u *underTest) { u.signal(syscall.SIGINT) }},
		{"SIGTERM again is harmless (SIG-14)", func(u *underTest) {
			u.signal(syscall.SIGTERM)
			u.waitLog("msg=draining")
			u.signal(syscall.SIGTERM)
		}},
		{"the verb", func(u *underTest) {
			go func() {
				if code, err := u.control.Stop(context.Background()); code != 0 || err != nil {
					u.t.Errorf("Stop() = %d, %v, want 0", code, err)
				}
			}()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := startSingle(t, settings{})
			_, answer := u.begin(u.address(), "/slow?until="+u.path("go"))
			test.stop(u)
			u.waitLog("msg=draining")
			if st := u.status(); st.State != control.Draining || st.Workers[0].State != control.WorkerDraining || st.Workers[0].InFlight != 1 {
				t.Errorf("status = %+v, want one request in flight, Draining", st)
			}
			if err := os.WriteFile(u.path("go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := text(answer, nil); err != nil || got != "one" {
				t.Errorf("the request in flight got %q, %v", got, err)
			}
			if code := u.exit(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
		})
	}
}

// SIG-18: Draining is never left; what asks for something else is ignored, with
// a line (IMP-03).
func TestSingleIgnoresWhatComesInADrain(t *testing.T) {
	u := startSingle(t, settings{})
	_, answer := u.begin(u.address(), "/slow?until="+u.path("go"))
	u.signal(syscall.SIGTERM)
	u.waitLog("msg=draining")
	for name, s := range map[string]syscall.Signal{
		"SIGHUP": syscall.SIGHUP, "SIGUSR1": syscall.SIGUSR1, "SIGTTIN": syscall.SIGTTIN, "SIGTTOU": syscall.SIGTTOU,
	} {
		u.signal(s)
		u.waitLog(`msg="ignored: the server stops" signal=` + name)
	}
	if got, err := u.control.Reload(t.Context()); err != nil || got.Result != control.Rejected || fmt.Sprint(got.Errors) != "[the server stops]" {
		t.Errorf("Reload() = %+v, %v, want it rejected", got, err)
	}
	if st := u.status(); st.State != control.Draining {
		t.Errorf("state %s, want Draining", st.State)
	}
	if err := os.WriteFile(u.path("go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := text(answer, nil); err != nil || got != "one" {
		t.Errorf("the request in flight got %q, %v", got, err)
	}
	if code := u.exit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// Exit code 3: requests were cut.
func TestSingleCuts(t *testing.T) {
	for _, test := range []struct {
		name     string
		graceful time.Duration
		signals  []syscall.Signal
		reason   string
	}{
		{"at graceful_shutdown_timeout", 200 * time.Millisecond, []syscall.Signal{syscall.SIGTERM}, "graceful_shutdown_timeout"},
		{"at the second SIGINT", patience, []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, "stop"},
		{"at SIGQUIT", patience, []syscall.Signal{syscall.SIGQUIT}, "stop"},
		{"at SIGQUIT after SIGTERM", patience, []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT}, "stop"},
		{"at SIGQUIT in a reload", patience, []syscall.Signal{syscall.SIGHUP, syscall.SIGQUIT}, "stop"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := startSingle(t, settings{Graceful: test.graceful})
			_, answer := u.begin(u.address(), "/stuck")
			for _, s := range test.signals {
				u.signal(s)
				if s != syscall.SIGQUIT {
					u.waitLog("msg=draining")
				}
			}
			if _, err := text(answer, nil); err == nil {
				t.Error("the request that is stuck was answered")
			}
			if code := u.exit(); code != 3 {
				t.Errorf("exit code %d, want 3", code)
			}
			u.waitLog(`msg="request cut" server=main reason=` + test.reason)
		})
	}
}

func TestSingleHasNoWorkers(t *testing.T) {
	const want = "one process serves (workers = 0), want a restart with --workers N"
	u := startSingle(t, settings{})
	for name, s := range map[string]syscall.Signal{"SIGTTIN": syscall.SIGTTIN, "SIGTTOU": syscall.SIGTTOU} {
		u.signal(s)
		u.waitLog(`msg="the number of workers stays" signal=` + name + ` error="` + want + `"`)
	}
	if err := u.control.SetWorkers(t.Context(), "main", 2); err == nil || err.Error() != want {
		t.Errorf("SetWorkers() = %v, want %q", err, want)
	}
	u.signal(syscall.SIGUSR2)
	u.waitLog(`msg="a report was written" path=stderr`)
	u.signal(syscall.SIGUSR1)
	u.waitLog(`msg="reopening the log files"`)
	if err := u.control.Reopen(t.Context()); err != nil {
		t.Errorf("Reopen() = %v", err)
	}
	st := u.status()
	if len(st.Workers) != 1 {
		t.Fatalf("%d workers, want one for the group", len(st.Workers))
	}
	w := st.Workers[0]
	if w.Server != "main" || w.Slot != 0 || w.PID != u.cmd.Process.Pid || w.Generation != 1 || w.State != control.WorkerReady || w.RSSBytes <= 0 {
		t.Errorf("worker = %+v, want this process in slot 0", w)
	}
}

// A stop in the middle of a reload answers what waits in the queue, and ends.
func TestSingleStopsInAReload(t *testing.T) {
	for _, test := range []struct {
		name string
		stop func(*underTest) (code int)
	}{
		{"SIGTERM", func(u *underTest) int { u.signal(syscall.SIGTERM); return 0 }},
		{"the verb is told the exit code", func(u *underTest) int {
			code, err := u.control.Stop(context.Background())
			if err != nil {
				u.t.Errorf("Stop() = %v", err)
			}
			return code
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := startSingle(t, settings{})
			address := u.address()
			_, answer := u.begin(address, "/slow?until="+u.path("go"))
			u.set(func(s *settings) { s.Text = "two" })
			u.signal(syscall.SIGHUP)
			u.waitLog("msg=draining")
			waits := u.waiting(address)
			stopped := make(chan int, 1)
			go func() { stopped <- test.stop(u) }()
			u.waitLog("msg=stopping")
			if err := os.WriteFile(u.path("go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := text(answer, nil); err != nil || got != "one" {
				t.Errorf("the request in flight got %q, %v", got, err)
			}
			if got, err := text(http.ReadResponse(waits.r, nil)); err != nil || got != "two" {
				t.Errorf("the connection that waited got %q, %v", got, err)
			}
			if code := u.exit(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			if code := <-stopped; code != 0 {
				t.Errorf("the verb says %d, want 0", code)
			}
			if _, err := connect(address); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("connect = %v, want a refusal", err)
			}
		})
	}
}

// A reload during a reload is remembered once.
func TestSingleRemembersAReload(t *testing.T) {
	u := startSingle(t, settings{})
	_, answer := u.begin(u.address(), "/slow?until="+u.path("go"))
	u.signal(syscall.SIGHUP)
	u.waitLog("msg=draining")
	for n := range 3 {
		u.signal(syscall.SIGHUP)
		u.eventually("it is remembered", func() bool {
			return strings.Count(u.logs.String(), `msg="a reload is remembered: one is going on"`) == n+1
		})
	}
	if err := os.WriteFile(u.path("go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := text(answer, nil); err != nil || got != "one" {
		t.Errorf("the request in flight got %q, %v", got, err)
	}
	u.waitRunning(3)
	u.signal(syscall.SIGTERM)
	if code := u.exit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if n := strings.Count(u.logs.String(), "msg=reloaded "); n != 2 {
		t.Errorf("%d reloads, want 2", n)
	}
}

func TestInheritedRefusesWhatIsNotItsOwn(t *testing.T) {
	const want = "WHEATPASTE_SINGLE is set by a server for itself, want it unset"
	for _, value := range []string{"", "nonsense", `{"pid":1}`} {
		t.Setenv(singleVariable, value)
		if _, err := Inherited(); err == nil || err.Error() != want {
			t.Errorf("Inherited() with %q = %v, want %q", value, err, want)
		}
		if _, set := os.LookupEnv(singleVariable); set {
			t.Error("the variable is left for children")
		}
	}
	if f, err := Inherited(); f != nil || err != nil {
		t.Errorf("Inherited() = %v, %v, want nothing", f, err)
	}
	var none *Former
	if _, ok := none.FD("lock"); ok {
		t.Error("nobody has left a descriptor")
	}
}

// design.md 6: no copy may put a socket into blocking mode.
func TestSingleCopiesStayNonBlocking(t *testing.T) {
	dir := t.TempDir()
	g := service.DefaultGroup()
	g.Listen = []service.Address{{Network: "tcp", Addr: "127.0.0.1:0"}, {Network: "unix", Addr: dir + "/s"}}
	change, err := prepareSockets(t.Context(), nil, []*service.Group{g})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range change.opened {
		l, err := k.copy()
		if err != nil {
			t.Fatal(err)
		}
		for name, one := range map[string]net.Listener{"socket": k.origin, "copy": l} {
			err := descriptor(one, func(fd int) error {
				flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
				if flags&unix.O_NONBLOCK == 0 {
					t.Errorf("the %s of %s blocks", name, k.addr)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		if err := errors.Join(l.Close(), k.origin.Close()); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(dir + "/s"); !os.IsNotExist(err) {
		t.Errorf("the path is left behind: %v", err)
	}
}

// All goroutines of Run end with it: see TestMain.
func TestSingleEndsWithItsContext(t *testing.T) {
	g := service.DefaultGroup()
	g.Listen, g.AccessLog = []service.Address{{Network: "tcp", Addr: "127.0.0.1:0"}}, "off"
	ctx, stop := context.WithCancel(t.Context())
	var loaded []*Plan
	var calls []string
	hook := func(name string) func(context.Context) error {
		return func(context.Context) error { calls = append(calls, name); return nil }
	}
	plan := &Plan{Groups: []*service.Group{g}}
	s := NewSingle(Config{
		Log: slog.New(slog.DiscardHandler), Board: scoreboard.New(),
		Loaded: func(p *Plan) { loaded = append(loaded, p) },
		Ready:  func() error { stop(); return nil },
	}, func(*Plan) ([]Part, error) {
		return []Part{{Server: &service.Server{Group: g, Logger: slog.New(slog.DiscardHandler)}, Start: hook("start"), Close: hook("close")}}, nil
	})
	if code, err := s.Run(ctx, plan); code != 0 || err != nil {
		t.Errorf("Run() = %d, %v, want 0", code, err)
	}
	if fmt.Sprint(calls) != "[start close]" || len(loaded) != 1 || loaded[0] != plan {
		t.Errorf("calls %v, loaded %v", calls, loaded)
	}
	if st := s.Status(); st.State != control.Stopped {
		t.Errorf("state %s, want Stopped", st.State)
	}
	if got := s.Reload(context.Background()); got.Result != control.Rejected || fmt.Sprint(got.Errors) != "[the server has stopped]" {
		t.Errorf("Reload() = %+v, want it rejected", got)
	}
}

func TestSingleThatIsNotReady(t *testing.T) {
	g := service.DefaultGroup()
	g.Listen, g.AccessLog = []service.Address{{Network: "tcp", Addr: "127.0.0.1:0"}}, "off"
	quiet := slog.New(slog.DiscardHandler)
	want := errors.New("pid file: read-only file system")
	s := NewSingle(Config{Log: quiet, Board: scoreboard.New(), Ready: func() error { return want }}, func(*Plan) ([]Part, error) {
		return []Part{{Server: &service.Server{Group: g, Logger: quiet}}}, nil
	})
	if code, err := s.Run(t.Context(), &Plan{Groups: []*service.Group{g}}); code != 1 || !errors.Is(err, want) {
		t.Errorf("Run() = %d, %v, want 1 and %v", code, err, want)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	g.Listen[0].Addr = taken.Addr().String()
	built := false
	s = NewSingle(Config{Log: quiet, Board: scoreboard.New()}, func(*Plan) ([]Part, error) { built = true; return nil, nil })
	var listen *service.ListenError
	if code, err := s.Run(t.Context(), &Plan{Groups: []*service.Group{g}}); code != 1 || !errors.As(err, &listen) || built {
		t.Errorf("Run() = %d, %v, want 1 and a ListenError before anything is built", code, err)
	}
}
