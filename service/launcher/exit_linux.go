package launcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// end is how a worker ended.
type end struct {
	reason string // for metrics
	text   string // for people
	own    bool   // it was of its own doing: it counts as a crash
}

// judge says how a worker ended. oom tells whether the kernel has killed for
// want of memory since the last time.
func (w *worker) judge(status unix.WaitStatus, oom bool) end {
	text := describe(status)
	if words := w.output.lastWords(); words != "" {
		text += " (" + words + ")"
	}
	signaled := status.Signaled()
	switch {
	case w.planned == reasonHung:
		return end{reasonHung, w.why, false}
	case w.planned != "":
		return end{w.planned, w.plannedText(text, signaled), false}
	case w.state == control.WorkerDraining && !signaled:
		return end{reasonRecycled, text, false}
	case signaled && status.Signal() == unix.SIGKILL && oom:
		return end{reasonOOM, "killed for want of memory", w.readyAt.IsZero()}
	case w.readyAt.IsZero():
		// Whoever kills a worker that starts is no fault of the worker.
		killed := signaled && (status.Signal() == unix.SIGKILL || status.Signal() == unix.SIGTERM)
		return end{reasonStartFailed, text, !killed}
	case signaled:
		return end{reasonSignal, text, false}
	default:
		return end{reasonExit, text, true}
	}
}

func (w *worker) plannedText(text string, signaled bool) string {
	switch {
	case signaled:
		return w.why + ", " + text
	case w.why != "":
		return w.why
	}
	return text
}

func describe(status unix.WaitStatus) string {
	switch {
	case status.Signaled():
		return fmt.Sprintf("signal %d, %s", status.Signal(), status.Signal())
	case status.Exited():
		return "exit status " + strconv.Itoa(status.ExitStatus())
	}
	return "unknown end"
}

// oomWatch counts what the kernel has killed in our control group.
type oomWatch struct {
	path string
	seen int64
}

func newOOMWatch() *oomWatch {
	o := &oomWatch{path: oomEvents()}
	o.seen = o.read()
	return o
}

// oomEvents is the file that counts, under cgroup v2; "" without.
func oomEvents() string {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return filepath.Join("/sys/fs/cgroup", group, "memory.events")
		}
	}
	return ""
}

func (o *oomWatch) read() int64 {
	text, err := os.ReadFile(o.path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			v, _ := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
			return v
		}
	}
	return 0
}

// more reports whether there was one since the last call.
func (o *oomWatch) more() bool {
	n := o.read()
	more := n > o.seen
	o.seen = n
	return more
}

// residentSize is a process's memory in bytes, 0 when it is not known.
func residentSize(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
