package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

const (
	// A batch of lines is one write. Several workers share one target, and
	// what one write holds stays together: up to the whole batch in a file
	// that is open for appending, up to PIPE_BUF in a pipe (POSIX write).
	fileBatch = 64 << 10
	pipeBatch = 4096
	// pause is how long lines gather after a write. A line that comes alone is
	// written at once; under load a write costs as much as a tenth of a
	// request, so that one per line would be felt.
	pause = 10 * time.Millisecond
	// manyBytes end a pause.
	manyBytes = fileBatch / 2
	// keepBatch is the largest batch whose memory is kept.
	keepBatch = 256 << 10
	// reportEvery is how often losses are reported at most.
	reportEvery = 10 * time.Second
)

// writer owns the target.
type writer struct {
	path  string // "" for a target without a file
	out   io.Writer
	file  *os.File // nil for a target without a file
	limit int
	spare []byte // the memory of the last batch

	logger   *slog.Logger
	dropped  *atomic.Uint64
	reported uint64
	reportAt time.Time
	lastErr  error
}

// open opens the file; the one that was open stays when it cannot.
func (w *writer) open() error {
	f, err := os.OpenFile(w.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640) //nolint:gosec // the group may read logs
	if err != nil {
		return fmt.Errorf("access log: %w", err)
	}
	if w.file != nil {
		_ = w.file.Close() // what was written is written
	}
	w.file, w.out, w.limit = f, f, pipeBatch
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		w.limit = fileBatch
	}
	return nil
}

// write is the goroutine that owns the writer.
func (l *Log) write() {
	defer close(l.done)
	timer := time.NewTimer(pause)
	timer.Stop()
	some := l.some // nil during a pause
	for {
		select {
		case <-some:
		case <-l.many:
		case <-timer.C:
			some = l.some
			continue
		case reply := <-l.reopen:
			l.drain() // what came before belongs to the old file
			reply <- l.writer.open()
			continue
		case <-l.stop:
			l.drain()
			l.writer.finish()
			return
		}
		l.drain()
		some = nil
		timer.Reset(pause)
	}
}

// drain writes the lines that wait.
func (l *Log) drain() {
	w := &l.writer
	l.mu.Lock()
	batch := l.waiting
	l.waiting, l.lines = w.spare[:0], 0
	l.mu.Unlock()
	w.spare = nil
	w.flush(batch)
	if cap(batch) <= keepBatch {
		w.spare = batch
	}
	w.report(time.Now())
}

// flush writes whole lines, as many at a time as stay together.
func (w *writer) flush(lines []byte) {
	for len(lines) > 0 {
		n := together(lines, w.limit)
		if _, w.lastErr = w.out.Write(lines[:n]); w.lastErr != nil {
			w.dropped.Add(uint64(bytes.Count(lines[:n], []byte{'\n'})))
		}
		lines = lines[n:]
	}
}

// together is the length of the lines at the start that are written at once: as
// many as the limit allows, at least one.
func together(lines []byte, limit int) int {
	if len(lines) <= limit {
		return len(lines)
	}
	if n := bytes.LastIndexByte(lines[:limit], '\n') + 1; n > 0 {
		return n
	}
	if n := bytes.IndexByte(lines, '\n') + 1; n > 0 {
		return n
	}
	return len(lines)
}

// report says how many lines were lost since the last time.
func (w *writer) report(now time.Time) {
	n := w.dropped.Load()
	if n == w.reported || now.Before(w.reportAt) {
		return
	}
	attrs := []any{"lines", n - w.reported, "total", n}
	if w.lastErr != nil {
		attrs = append(attrs, "error", w.lastErr)
	}
	w.logger.Warn("access log lines lost", attrs...)
	w.reported, w.reportAt = n, now.Add(reportEvery)
}

func (w *writer) finish() {
	w.reportAt = time.Time{}
	w.report(time.Now())
	if w.file != nil {
		w.lastErr = errors.Join(w.lastErr, w.file.Close())
	}
}
