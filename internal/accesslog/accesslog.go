// Package accesslog writes one line per request, off the request's path: the
// request only formats its line and puts it into a bounded queue, one goroutine
// writes.
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
	"time"
)

// The targets that are no path.
const (
	Stdout = "stdout"
	Off    = "off"
)

const (
	defaultQueue = 4096
	// A batch of lines is one write. Several workers share one target, and
	// what one write holds stays together: up to the whole batch in a file
	// that is open for appending, up to PIPE_BUF in a pipe (POSIX write).
	fileBatch = 64 << 10
	pipeBatch = 4096
	// reportEvery is how often losses are reported at most.
	reportEvery = 10 * time.Second
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

// Log takes the lines of many requests at once. When its queue is full, because
// the disk or the reader of the pipe is too slow, new lines are dropped and
// counted: a log never holds up a request. A nil Log is one that is off.
type Log struct {
	queue   chan *[]byte
	reopen  chan chan error
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once
	closed  atomic.Bool
	dropped atomic.Uint64
	stamp   atomic.Pointer[stamp]
	pool    sync.Pool
	format  *Format // nil for the combined one

	// The rest belongs to the writer's goroutine.
	path     string // "" for a target without a file
	out      io.Writer
	file     *os.File // nil for a target without a file
	batch    []byte
	lines    int // in batch
	limit    int
	logger   *slog.Logger
	reported uint64
	reportAt time.Time
	lastErr  error
}

// Open starts a log to a target: stdout, off or the path of a file, which is
// appended to. The log that is off is nil. Close it in the end.
func Open(target string, o Options) (*Log, error) {
	if target == Off {
		return nil, nil
	}
	l := &Log{
		queue:  make(chan *[]byte, orInt(o.Queue, defaultQueue)),
		reopen: make(chan chan error),
		stop:   make(chan struct{}), done: make(chan struct{}),
		limit: pipeBatch, logger: o.Logger, format: o.Format,
	}
	l.pool.New = func() any { b := make([]byte, 0, 512); return &b }
	if l.logger == nil {
		l.logger = slog.New(slog.DiscardHandler)
	}
	if target == Stdout {
		l.out = o.Stdout
		if l.out == nil {
			l.out = os.Stdout
		}
	} else {
		l.path = target
		if err := l.open(); err != nil {
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

// open opens the file; the one that was open stays when it cannot.
func (l *Log) open() error {
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640) //nolint:gosec // the group may read logs
	if err != nil {
		return fmt.Errorf("access log: %w", err)
	}
	if l.file != nil {
		_ = l.file.Close() // what was written is written
	}
	l.file, l.out, l.limit = f, f, pipeBatch
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		l.limit = fileBatch
	}
	return nil
}

// Write takes one line. It never blocks.
func (l *Log) Write(e *Entry) {
	if l == nil {
		return
	}
	if l.closed.Load() {
		l.dropped.Add(1)
		return
	}
	b := l.pool.Get().(*[]byte)
	if l.format != nil {
		*b = l.format.append((*b)[:0], e)
	} else {
		*b = e.append((*b)[:0], l.timestamp(e.Time))
	}
	select {
	case l.queue <- b:
	default:
		l.dropped.Add(1)
		l.release(b)
	}
}

func (l *Log) release(b *[]byte) {
	if cap(*b) <= keepBuffer {
		l.pool.Put(b)
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
	if l == nil || l.path == "" {
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

// Close writes what is in the queue and ends the writer. When the target takes
// no more, it gives up with the context.
func (l *Log) Close(ctx context.Context) error {
	if l == nil {
		return nil
	}
	l.closed.Store(true)
	l.once.Do(func() { close(l.stop) })
	select {
	case <-l.done:
		return l.lastErr
	case <-ctx.Done():
		return fmt.Errorf("access log: %d lines not written: %w", len(l.queue), ctx.Err())
	}
}

// write is the goroutine that owns the target.
func (l *Log) write() {
	defer close(l.done)
	for {
		select {
		case b := <-l.queue:
			l.take(b)
			l.drain()
		case reply := <-l.reopen:
			l.drain() // what came before belongs to the old file
			reply <- l.open()
		case <-l.stop:
			l.drain()
			l.finish()
			return
		}
	}
}

// drain takes the lines that wait, at most a full queue of them, then writes.
func (l *Log) drain() {
	for range cap(l.queue) {
		select {
		case b := <-l.queue:
			l.take(b)
			continue
		default:
		}
		break
	}
	l.flush()
	l.report(time.Now())
}

func (l *Log) take(b *[]byte) {
	if len(l.batch)+len(*b) > l.limit {
		l.flush()
	}
	l.batch = append(l.batch, *b...)
	l.lines++
	l.release(b)
}

func (l *Log) flush() {
	if l.lines == 0 {
		return
	}
	_, l.lastErr = l.out.Write(l.batch)
	if l.lastErr != nil {
		l.dropped.Add(uint64(l.lines))
	}
	l.batch, l.lines = l.batch[:0], 0
}

// report says how many lines were lost since the last time.
func (l *Log) report(now time.Time) {
	n := l.dropped.Load()
	if n == l.reported || now.Before(l.reportAt) {
		return
	}
	attrs := []any{"lines", n - l.reported, "total", n}
	if l.lastErr != nil {
		attrs = append(attrs, "error", l.lastErr)
	}
	l.logger.Warn("access log lines lost", attrs...)
	l.reported, l.reportAt = n, now.Add(reportEvery)
}

func (l *Log) finish() {
	l.reportAt = time.Time{}
	l.report(time.Now())
	if l.file != nil {
		l.lastErr = errors.Join(l.lastErr, l.file.Close())
	}
}
