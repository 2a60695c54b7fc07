package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// master is one that does nothing but answer.
type master struct {
	outcome control.Reload
	err     error
	calls   []string
}

func (m *master) Status() control.Status {
	return control.Status{
		State: control.Running, Generation: 3, PID: os.Getpid(), Version: "1.2.3",
		Workers: []control.Worker{{Server: "main", State: control.WorkerReady}, {Server: "main", Slot: 1}, {Server: "meta"}},
	}
}

func (m *master) Reload(context.Context) control.Reload { return m.outcome }

func (m *master) Upgrade(context.Context) control.Reload { return m.outcome }

func (m *master) Stop(context.Context) {}

func (m *master) SetWorkers(_ context.Context, server string, n int) error {
	m.calls = append(m.calls, fmt.Sprintf("workers %q %d", server, n))
	return m.err
}

func (m *master) Report(_ context.Context, text bool) ([]byte, error) {
	m.calls = append(m.calls, fmt.Sprintf("report %v", text))
	return []byte("a report\n"), m.err
}

func (m *master) Reopen(context.Context) error {
	m.calls = append(m.calls, "reopen")
	return m.err
}

// serveControl serves a master at a path until the test ends.
func serveControl(t *testing.T, path string, m control.Master) {
	t.Helper()
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- l.Serve(context.Background(), m) }()
	t.Cleanup(func() {
		l.Finish(0)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func run(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Main(args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestVerbs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	at := "--control=" + path
	rejected := control.Reload{Result: control.Rejected, Errors: []string{"a.ini:1:2: one", "b.ini:3:4: \x1b[31mtwo"}}
	for _, c := range []struct {
		name           string
		outcome        control.Reload
		err            error
		args           []string
		code           int
		stdout, stderr string
		calls          []string
	}{
		{name: "reload", outcome: control.Reload{Result: control.OK}, args: []string{"reload", at}, stdout: "ok\n"},
		{name: "upgrade", outcome: control.Reload{Result: control.OK}, args: []string{"upgrade", at}, stdout: "ok\n"},
		{name: "upgrade rejected", outcome: rejected, args: []string{"upgrade", at}, code: 1, stdout: "rejected\n", stderr: "a.ini:1:2: one\nb.ini:3:4: \uFFFD[31mtwo\n"},
		{name: "rejected", outcome: rejected, args: []string{"reload", at}, code: 1, stdout: "rejected\n", stderr: "a.ini:1:2: one\nb.ini:3:4: \uFFFD[31mtwo\n"},
		{name: "reopen", args: []string{"reopen", at}, calls: []string{"reopen"}},
		{name: "option before", args: []string{"workers", at, "2"}, calls: []string{`workers "" 2`}},
		{name: "option behind", args: []string{"workers", "meta=3", "--control", path}, calls: []string{`workers "meta" 3`}},
		{name: "a name with =", args: []string{"workers", at, "a=b=3"}, calls: []string{`workers "a=b" 3`}},
		{
			name: "refused", err: errors.New("one\ntwo"), args: []string{"workers", at, "2"}, code: 1,
			stderr: "wheatpaste: one\nwheatpaste: two\n", calls: []string{`workers "" 2`},
		},
		{
			name: "no master", args: []string{"status", "--control", path + "x"}, code: 2,
			stderr: fmt.Sprintf("wheatpaste: no master listens on the control socket %q\n", path+"x"),
		},
		{name: "no number", args: []string{"workers", at, "many"}, code: 2, stderr: "wheatpaste: invalid number of workers \"many\", want 1 to 4096 (see wheatpaste workers --help)\n"},
		{name: "no workers", args: []string{"workers", at, "main=0"}, code: 2, stderr: "wheatpaste: invalid number of workers \"0\", want 1 to 4096 (see wheatpaste workers --help)\n"},
		{name: "no server", args: []string{"workers", at, "=1"}, code: 2, stderr: "wheatpaste: no server before \"=1\", want SERVER=N or N (see wheatpaste workers --help)\n"},
		{name: "nothing", args: []string{"workers", at}, code: 2, stderr: "wheatpaste: missing argument, want [SERVER=]N (see wheatpaste workers --help)\n"},
		{name: "a word too many", args: []string{"stop", "now", at}, code: 2, stderr: "wheatpaste: unexpected argument \"now\" (see wheatpaste stop --help)\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &master{outcome: c.outcome, err: c.err}
			serveControl(t, path, m)
			code, stdout, stderr := run(c.args...)
			if code != c.code || stdout != c.stdout || stderr != c.stderr {
				t.Errorf("%d, stdout %q, stderr %q, want %d, %q, %q", code, stdout, stderr, c.code, c.stdout, c.stderr)
			}
			if !slices.Equal(m.calls, c.calls) {
				t.Errorf("calls %q, want %q", m.calls, c.calls)
			}
		})
	}
}

// The verbs find the only master, in the folder that the unit has. The places of
// this machine are left alone: what runs there is no business of a test.
func TestVerbFindsMaster(t *testing.T) {
	dir := t.TempDir()
	v := &verb{}
	c := v.command(&cobra.Command{})
	v.places = control.Places{Runtime: dir, Temp: dir, UID: os.Geteuid()}
	serveControl(t, filepath.Join(dir, "nova.sock"), &master{})
	client, err := v.client(t.Context(), c)
	if err != nil || client.Path() != filepath.Join(dir, "nova.sock") {
		t.Fatalf("client = %v, %v", client, err)
	}
	for prefix, want := range map[string][]string{"": {"main=", "meta="}, "me": {"meta="}, "x": nil} {
		if got := v.servers(c, nil, prefix); !slices.Equal(got, want) {
			t.Errorf("completion of %q = %q, want %q", prefix, got, want)
		}
	}
	serveControl(t, filepath.Join(dir, "swift.sock"), &master{})
	_, err = v.client(t.Context(), c)
	want := fmt.Sprintf("several masters run, want --control with one of\n%s/nova.sock (process %d, Running)\n%[1]s/swift.sock (process %[2]d, Running)", dir, os.Getpid())
	var e *exit
	if !errors.As(err, &e) || e.code != 2 || e.Error() != want {
		t.Errorf("client = %v, want exit code 2, %s", err, want)
	}
	if got := v.servers(c, nil, ""); got != nil {
		t.Errorf("completion with two masters = %q", got)
	}
}

func TestStatusText(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	s := control.Status{State: control.Reloading, Generation: 12, PID: 4711, Version: "1.2.3"}
	if got, want := statusText(s), "Reloading  pid 4711  generation 12  version 1.2.3\n"; got != want {
		t.Errorf("statusText = %q, want %q", got, want)
	}
	s.LastReload = &control.Reload{Time: at, Result: control.Rejected, Errors: []string{"a.ini:1:2: one", "a.ini:3:4: t\x1bwo"}}
	s.Workers = []control.Worker{
		{Server: "main", PID: 4712, Generation: 12, State: control.WorkerReady, AgeSeconds: 12.9, Requests: 1234567, InFlight: 7, RSSBytes: 48 << 20},
		{
			Server: "osapi_compute", Slot: 10, PID: 12, Generation: 1, State: control.WorkerDraining, AgeSeconds: 7384, Requests: 1,
			Restarts: 2, LastExit: "signal 9 (killed)",
		},
		{Server: "osapi_compute", Slot: 11, Generation: 12, State: control.WorkerStarting, Restarts: 1, LastExit: "exit 1"},
	}
	want := `Reloading  pid 4711  generation 12  version 1.2.3
last reload 2026-01-02 03:04:05  rejected
  a.ini:1:2: one
  a.ini:3:4: t` + "\uFFFD" + `wo

SERVER         SLOT   PID  GEN  STATE       AGE  REQUESTS  IN-FLIGHT    RSS  RESTARTS  LAST EXIT
main              0  4712   12  ready       12s   1234567          7  48.0M         0  -
osapi_compute    10    12    1  draining  2h03m         1          0      -         2  signal 9 (killed)
osapi_compute    11     -   12  starting     0s         0          0      -         1  exit 1
`
	if got := statusText(s); got != want {
		t.Errorf("statusText =\n%s\nwant\n%s", got, want)
	}
}

func TestAgeAndSize(t *testing.T) {
	for seconds, want := range map[float64]string{-1: "0s", 0.9: "0s", 59.9: "59s", 60: "1m00s", 3599: "59m59s", 3600: "1h00m", 86399: "23h59m", 86400: "1d00h", 1e7: "115d17h"} {
		if got := age(seconds); got != want {
			t.Errorf("age(%v) = %q, want %q", seconds, got, want)
		}
	}
	for n, want := range map[int64]string{0: "-", -1: "-", 1023: "1023", 1024: "1.0K", 1536: "1.5K", 1 << 30: "1.0G", 1 << 50: "1024.0T"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}
