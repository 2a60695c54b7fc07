// Package accesslog writes one line per request, off the request's path: the
// request only formats its line and puts it to the others that wait, up to a
// bound; one goroutine writes them together.
package accesslog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
)

// The targets that are no path.
const (
	Stdout = "stdout"
	Off    = "off"
)

const (
	defaultQueue = 4096
	// maxWaiting bounds the bytes of the lines that wait: few lines may be
	// long ones.
	maxWaiting = 8 << 20
	// keepBuffer is the largest line buffer that goes back into the pool.
	keepBuffer = 8 << 10
)

// Options are what Open needs beside the target; the zero value is right for a
// server.
type Options struct {
	Stdout io.Writer    // where the target stdout leads to; nil for os.Stdout
	Queue  int          // lines that may wait for the writer; 0 for 4096
	Logger *slog.Logger // gets the losses; nil for none
	Format *Format      // of the lines; nil for Apache's combined format
}

// Log takes the lines of many requests at once. When too many wait, because the
// disk or the reader of the pipe is too slow, new lines are dropped and counted:
// a log never holds up a request. A nil Log is one that is off.
type Log struct {
	some    chan struct{} // a line waits
	many    chan struct{} // so many wait that the next pause must end
	reopen  chan chan error
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once
	dropped atomic.Uint64
	stamp   atomic.Pointer[stamp]
	pool    sync.Pool
	format  *Format // nil for the combined one
	max     int     // lines that may wait

	mu      sync.Mutex // guards what follows
	waiting []byte     // whole lines
	lines   int        // in waiting
	closed  bool

	writer writer // belongs to the writer's goroutine
}

// Open starts a log to a target: stdout, off or the path of a file, which is
// appended to. The log that is off is nil. Close it in the end.
func Open(target string, o Options) (*Log, error) {
	if target == Off {
		return nil, nil
	}
	l := &Log{
		some: make(chan struct{}, 1), many: make(chan struct{}, 1),
		reopen: make(chan chan error),
		stop:   make(chan struct{}), done: make(chan struct{}),
		max: orInt(o.Queue, defaultQueue), format: o.Format,
		writer: writer{limit: pipeBatch, logger: o.Logger},
	}
	l.pool.New = func() any { b := make([]byte, 0, 512); return &b }
	w := &l.writer
	w.dropped = &l.dropped
	if w.logger == nil {
		w.logger = slog.New(slog.DiscardHandler)
	}
	if target == Stdout {
		w.out = o.Stdout
		if w.out == nil {
			w.out = os.Stdout
		}
	} else {
		w.path = target
		if err := w.open(); err != nil {
			return nil, err
		}
	}
	go l.write()
	return l, nil
}

func orInt(n, standard int) int {
	if n > 0 {
		return n
	}
	return standard
}

// Write takes one line. It never waits for the target.
func (l *Log) Write(e *Entry) {
	if l == nil {
		return
	}
	b := l.pool.Get().(*[]byte)
	if l.format != nil {
		own := *e // what a Format gets escapes; the caller's may stay on its stack
		*b = l.format.append((*b)[:0], &own)
	} else {
		*b = e.append((*b)[:0], l.timestamp(e.Time))
	}
	l.put(*b)
	if cap(*b) <= keepBuffer {
		l.pool.Put(b)
	}
}

// put adds a line to those that wait. The writer is told of the first one, and
// when half of what may wait does: all others find it told.
func (l *Log) put(line []byte) {
	l.mu.Lock()
	if l.closed || l.lines == l.max || len(l.waiting)+len(line) > maxWaiting {
		l.mu.Unlock()
		l.dropped.Add(1)
		return
	}
	before := len(l.waiting)
	l.waiting = append(l.waiting, line...)
	l.lines++
	first := l.lines == 1
	half := l.lines == (l.max+1)/2 || before < manyBytes && len(l.waiting) >= manyBytes
	l.mu.Unlock()
	if first {
		tell(l.some)
	}
	if half {
		tell(l.many)
	}
}

func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Dropped is the number of lines that were lost.
func (l *Log) Dropped() uint64 {
	if l == nil {
		return 0
	}
	return l.dropped.Load()
}

// Reopen opens the file anew, after it was moved away. When that is not
// possible the old one stays in use. Other targets have nothing to reopen.
func (l *Log) Reopen() error {
	if l == nil || l.writer.path == "" {
		return nil
	}
	reply := make(chan error, 1)
	select {
	case l.reopen <- reply:
		return <-reply
	case <-l.done:
		return errors.New("access log: closed")
	}
}

// Close writes what waits and ends the writer. When the target takes no more,
// it gives up with the context.
func (l *Log) Close(ctx context.Context) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.once.Do(func() { close(l.stop) })
	select {
	case <-l.done:
		return l.writer.lastErr
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		return fmt.Errorf("access log: %d lines not written: %w", l.lines, ctx.Err())
	}
}
