package launcher

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// exited and killed are wait statuses as the kernel gives them (wait(2)).
func exited(code int) unix.WaitStatus           { return unix.WaitStatus(code << 8) }
func killed(signal unix.Signal) unix.WaitStatus { return unix.WaitStatus(signal) }

// design.md 6, SIGCHLD: which ends count as crashes, and as what they are shown.
func TestHowAWorkerEnded(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name   string
		worker worker
		status unix.WaitStatus
		oom    bool
		want   end
	}{
		{"an exit before ready is of its own doing", worker{state: control.WorkerStarting}, exited(1), false,
			end{reasonStartFailed, "exit status 1", true}},
		{"so is a crash", worker{state: control.WorkerStarting}, killed(unix.SIGSEGV), false,
			end{reasonStartFailed, "signal 11, segmentation fault", true}},
		{"who is killed while starting is not to blame", worker{state: control.WorkerStarting}, killed(unix.SIGKILL), false,
			end{reasonStartFailed, "signal 9, killed", false}},
		{"an exit after ready", worker{state: control.WorkerReady, readyAt: now}, exited(2), false,
			end{reasonExit, "exit status 2", true}},
		{"a signal after ready counts for nothing", worker{state: control.WorkerReady, readyAt: now}, killed(unix.SIGSEGV), false,
			end{reasonSignal, "signal 11, segmentation fault", false}},
		{"killed by the kernel", worker{state: control.WorkerReady, readyAt: now}, killed(unix.SIGKILL), true,
			end{reasonOOM, "killed for want of memory", false}},
		{"killed by somebody", worker{state: control.WorkerReady, readyAt: now}, killed(unix.SIGKILL), false,
			end{reasonSignal, "signal 9, killed", false}},
		{"drained", worker{state: control.WorkerDraining, readyAt: now}, exited(0), false,
			end{reasonRecycled, "exit status 0", false}},
		{"drained, with requests cut", worker{state: control.WorkerDraining, readyAt: now}, exited(3), false,
			end{reasonRecycled, "exit status 3", false}},
		{"killed while it drained", worker{state: control.WorkerDraining, readyAt: now}, killed(unix.SIGKILL), false,
			end{reasonSignal, "signal 9, killed", false}},
		{"recycled", worker{state: control.WorkerDraining, readyAt: now, planned: reasonRecycled, why: "max_requests"}, exited(0), false,
			end{reasonRecycled, "max_requests", false}},
		{"hung, whatever its status", worker{state: control.WorkerHung, readyAt: now, planned: reasonHung, why: "no heartbeat for 10s"}, exited(0), false,
			end{reasonHung, "no heartbeat for 10s", false}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := test.worker
			w.output = &output{}
			if got := w.judge(test.status, test.oom); got != test.want {
				t.Errorf("judge = %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestAPanicIsNamed(t *testing.T) {
	var passed strings.Builder
	o, fd, err := newOutput(&passed)
	if err != nil {
		t.Fatal(err)
	}
	text := "listening\npanic: runtime error: index out of range [3] with length 2\n\ngoroutine 1 [running]:\n"
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		t.Fatal(err)
	}
	closeAll([]int{fd})
	o.wait(time.Minute)
	w := worker{state: control.WorkerReady, readyAt: time.Now(), output: o}
	want := "exit status 2 (panic: runtime error: index out of range [3] with length 2)"
	if got := w.judge(exited(2), false); got.text != want {
		t.Errorf("text = %q, want %q", got.text, want)
	}
	if passed.String() != text {
		t.Errorf("passed on %q, want %q", passed.String(), text)
	}
}

func TestTheOutputKeepsItsBeginningAndItsEnd(t *testing.T) {
	o := &output{}
	o.keep([]byte("fatal error: first\n"))
	for range 100 {
		o.keep([]byte(strings.Repeat("x", 2000)))
	}
	o.keep([]byte("last"))
	kept := o.kept()
	if len(kept) > tailSize || !strings.HasPrefix(kept, "fatal error: first\n") || !strings.HasSuffix(kept, "last") {
		t.Errorf("%d bytes from %.20q to %q, want at most %d with both ends", len(kept), kept, kept[len(kept)-10:], tailSize)
	}
}

// A worker's environment is the master's, but for what is the master's alone
// (SD-03) and for its share of the machine.
func TestTheEnvironmentOfAWorker(t *testing.T) {
	p := &program{env: []string{
		"PATH=/bin", "NOTIFY_SOCKET=/run/n", "LISTEN_FDS=1", "LISTEN_PID=7", "LISTEN_FDNAMES=x", "WATCHDOG_USEC=1", "GOMAXPROCS=8",
		"GOMEMLIMIT=1GiB", "SECRET=1",
	}}
	got := strings.Join(p.environment(share{procs: 2, memory: 1 << 20}), " ")
	want := "PATH=/bin SECRET=1 WHEATPASTE_WORKER=3 GOMAXPROCS=2 GOMEMLIMIT=1048576 GOTRACEBACK=all"
	if got != want {
		t.Errorf("environment = %q, want %q", got, want)
	}
	p.env = []string{"GOMEMLIMIT=off", "GOTRACEBACK=crash"}
	got, want = strings.Join(p.environment(share{procs: 1}), " "), "GOMEMLIMIT=off GOTRACEBACK=crash WHEATPASTE_WORKER=3 GOMAXPROCS=1"
	if got != want {
		t.Errorf("environment = %q, want %q", got, want)
	}
}

func TestTheChannelCarriesMessagesAndDescriptors(t *testing.T) {
	here, fd, err := newChannelPair()
	if err != nil {
		t.Fatal(err)
	}
	there, err := newChannel(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer there.close()
	memory, err := newMemory("test", []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll([]int{memory})
	if err := here.send(&message{Type: typeStart, Server: "main", Slot: 3}, memory, memory); err != nil {
		t.Fatal(err)
	}
	m, fds, err := there.receive()
	if err != nil || m.Type != typeStart || m.Server != "main" || m.Slot != 3 || len(fds) != 2 {
		t.Fatalf("received %+v, descriptors %v, error %v", m, fds, err)
	}
	defer closeAll(fds)
	for _, fd := range fds { // each reads from the beginning
		if text, err := readMemory(fd); err != nil || string(text) != "content" {
			t.Errorf("read %q, error %v", text, err)
		}
	}
	if _, err := unix.Pwrite(fds[0], []byte("x"), 0); err == nil {
		t.Error("a worker may write into the snapshot")
	}
	long := &message{Type: typeFailed, Text: strings.Repeat("\x01", 1<<20)}
	if err := here.send(long); err != nil {
		t.Fatal(err)
	}
	if m, _, err := there.receive(); err != nil || !strings.HasSuffix(m.Text, "\n...") {
		t.Errorf("a long text is received as %d bytes, error %v, want it shortened", len(m.Text), err)
	}
	here.close()
	if _, _, err := there.receive(); err == nil {
		t.Error("the end of the other side is no error")
	}
}
