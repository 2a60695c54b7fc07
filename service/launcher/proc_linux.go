package launcher

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// The reasons of an exit, as metrics count them.
const (
	reasonExit        = "exit"
	reasonSignal      = "signal"
	reasonOOM         = "oom"
	reasonHung        = "hung"
	reasonRecycled    = "recycled"
	reasonStartFailed = "start_failed"
)

// worker is a worker process, as its master sees it. All but the output is the
// loop's.
type worker struct {
	pid     int
	group   *service.Group
	slot    int
	gen     *generation
	region  *scoreboard.Region
	channel *channel
	heard   chan struct{} // closed when nobody listens to it any more
	output  *output

	state   string
	started time.Time
	readyAt time.Time       // zero before
	planned string          // why it ends, when that is no accident: a reason, or "" within a drain
	why     string          // of the plan, for people: max_requests, ...
	failure string          // what it said of its failure
	limit   time.Time       // when it is killed; zero for never
	aborted time.Time       // when it got SIGABRT
	asked   time.Time       // when somebody sent it SIGTERM
	done    bool            // all is answered: only its application is left to close
	killed  bool            // by the master
	keys    map[string]bool // of the sockets that it has
	asking  bool            // it was asked for a report, and has not answered yet
	profile int             // the question for a profile that it has not answered yet; else 0
}

// isReady reports whether it answers requests.
func (w *worker) isReady() bool { return w.state == control.WorkerReady }

// say sends a message. A worker that does not take it is dead, or will be: its
// end is seen elsewhere.
func (w *worker) say(m *message, fds ...int) { _ = w.channel.send(m, fds...) }

func (w *worker) signal(s unix.Signal) { _ = unix.Kill(w.pid, s) } // it is not waited for yet, so that the pid is its own

// tailSize is how much of what a worker wrote to standard error is kept.
const tailSize = 64 << 10

// output passes on what a worker writes to standard error: panics, stacks, what
// libraries print. Its log does not come by here.
type output struct {
	file *os.File
	to   io.Writer
	done chan struct{}

	mu   sync.Mutex
	tail []byte
}

// newOutput makes the pipe; the descriptor is for the worker, and the caller's
// to close.
func newOutput(to io.Writer) (*output, int, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, os.NewSyscallError("pipe2", err)
	}
	_ = unix.SetNonblock(fds[0], true) // for the poller; the worker's end has a description of its own
	return readOutput(fds[0], to), fds[1], nil
}

// readOutput reads from a pipe, which it takes over.
func readOutput(fd int, to io.Writer) *output {
	o := &output{file: os.NewFile(uintptr(fd), "stderr of a worker"), to: to}
	o.resume()
	return o
}

// resume begins to read, or goes on.
func (o *output) resume() {
	_ = o.file.SetReadDeadline(time.Time{})
	o.done = make(chan struct{})
	go o.pass()
}

// pause ends the reading: what is written then stays in the pipe.
func (o *output) pause() {
	_ = o.file.SetReadDeadline(time.Unix(1, 0))
	<-o.done
}

// fd is the descriptor of the pipe.
func (o *output) fd() (int, error) { return descriptorOf(o.file) }

// pass writes whole lines, so that those of several workers and of the log do not
// mix: a pipe takes up to 4096 bytes in one piece (PIPE_BUF).
func (o *output) pass() {
	defer close(o.done)
	buf := make([]byte, 4096)
	held := 0 // bytes of a line that is not whole
	for {
		n, err := o.file.Read(buf[held:])
		o.keep(buf[held : held+n])
		held += n
		whole := bytes.LastIndexByte(buf[:held], '\n') + 1
		if err != nil || whole == 0 && held == len(buf) {
			whole = held
		}
		if whole > 0 {
			_, _ = o.to.Write(buf[:whole]) // there is nowhere to tell that it failed
		}
		held = copy(buf, buf[whole:held])
		if err != nil {
			return
		}
	}
}

// keep keeps the beginning, which names a panic, and then the newest.
func (o *output) keep(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = append(o.tail, p...)
	if over := len(o.tail) - tailSize; over > 0 {
		o.tail = slices.Delete(o.tail, tailSize/2, tailSize/2+over)
	}
}

// kept gives what was written, after the end of the worker.
func (o *output) kept() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.tail)
}

// wait gives the last words of a dead worker a moment to arrive: a process of
// its own making may hold the pipe open.
func (o *output) wait(t time.Duration) {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-o.done:
	case <-timer.C:
	}
	_ = o.file.Close()
	<-o.done
}

// lastWords is the line that says why a Go program ended by itself.
func (o *output) lastWords() string {
	for line := range strings.Lines(o.kept()) {
		line = strings.TrimSpace(line)
		for _, mark := range []string{"panic: ", "fatal error: ", "runtime: "} {
			if strings.HasPrefix(line, mark) {
				return line
			}
		}
	}
	return ""
}
