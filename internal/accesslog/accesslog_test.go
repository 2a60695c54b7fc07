package accesslog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate is a target that holds up the writer until it is opened.
type gate struct {
	open    chan struct{}
	entered chan struct{}
	once    sync.Once
	bytes.Buffer
}

func newGate() *gate { return &gate{open: make(chan struct{}), entered: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	g.once.Do(func() { close(g.entered) })
	<-g.open
	return g.Buffer.Write(p)
}

func entry(n int) *Entry {
	return &Entry{Client: "c", Time: at, Method: "GET", URI: fmt.Sprintf("/%d", n), Proto: "HTTP/1.1", Status: 200}
}

func mustClose(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(context.Background()); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

func TestCloseWritesWhatWaits(t *testing.T) {
	var out bytes.Buffer
	l, err := Open(Stdout, Options{Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 100 {
				l.Write(entry(n))
			}
		})
	}
	wg.Wait()
	mustClose(t, l)
	mustClose(t, l)
	if got := strings.Count(out.String(), "\n"); got != 800 || l.Dropped() != 0 {
		t.Errorf("%d lines written, %d dropped, want 800 and 0", got, l.Dropped())
	}
}

func TestFullQueueDropsAndCounts(t *testing.T) {
	g := newGate()
	var logged bytes.Buffer
	l, err := Open(Stdout, Options{Stdout: g, Queue: 2, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(entry(0))
	<-g.entered // the writer holds line 0
	for n := 1; n <= 5; n++ {
		l.Write(entry(n))
	}
	if l.Dropped() != 3 {
		t.Errorf("Dropped() = %d, want 3", l.Dropped())
	}
	close(g.open)
	mustClose(t, l)
	for n, want := range []bool{true, true, true, false, false, false} {
		if got := strings.Contains(g.String(), fmt.Sprintf("GET /%d ", n)); got != want {
			t.Errorf("line %d written: %v, want %v", n, got, want)
		}
	}
	if want := `level=WARN msg="access log lines lost" lines=3 total=3`; !strings.Contains(logged.String(), want) {
		t.Errorf("logged %q, want %q in it", logged.String(), want)
	}
	l.Write(entry(6))
	if l.Dropped() != 4 {
		t.Errorf("Dropped() = %d after a line for the closed log, want 4", l.Dropped())
	}
}

func TestCloseGivesUpWithTheContext(t *testing.T) {
	g := newGate()
	l, err := Open(Stdout, Options{Stdout: g})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(entry(0))
	<-g.entered
	l.Write(entry(1))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = l.Close(ctx)
	if want := "access log: 1 lines not written: context canceled"; err == nil || err.Error() != want {
		t.Errorf("Close() = %v, want %s", err, want)
	}
	close(g.open)
	mustClose(t, l)
}

func TestReopenFollowsAMovedFile(t *testing.T) {
	dir := t.TempDir()
	path, moved := filepath.Join(dir, "access.log"), filepath.Join(dir, "access.log.1")
	l, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(entry(1))
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Write(entry(2))
	mustClose(t, l)
	for file, want := range map[string]string{moved: "/1", path: "/2"} {
		text, err := os.ReadFile(file)
		if err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), "GET "+want+" ") {
			t.Errorf("%s holds %q (%v), want the line of %s alone", filepath.Base(file), text, err, want)
		}
	}
	if err := l.Reopen(); err == nil || err.Error() != "access log: closed" {
		t.Errorf("Reopen() of a closed log = %v", err)
	}
}

func TestFailedReopenKeepsTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "logs", "access.log")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(dir, "moved")
	if err := os.Rename(filepath.Dir(path), moved); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Reopen() = %v, want that the folder does not exist", err)
	}
	l.Write(entry(1))
	mustClose(t, l)
	if b, _ := os.ReadFile(filepath.Join(moved, "access.log")); !strings.Contains(string(b), "GET /1 ") {
		t.Errorf("the old file holds %q, want the line", b)
	}
}

func TestAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	for n := range 2 {
		l, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		l.Write(entry(n))
		mustClose(t, l)
	}
	if b, _ := os.ReadFile(path); strings.Count(string(b), "\n") != 2 {
		t.Errorf("the file holds %q, want two lines", b)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "no", "access.log"), Options{})
	if !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "access log: open ") {
		t.Errorf("Open() = %v", err)
	}
}

func TestOffIsNil(t *testing.T) {
	l, err := Open(Off, Options{})
	if l != nil || err != nil {
		t.Fatalf("Open(off) = %v, %v", l, err)
	}
	l.Write(entry(1))
	if err := errors.Join(l.Reopen(), l.Close(context.Background())); err != nil || l.Dropped() != 0 {
		t.Errorf("a log that is off: %v, %d dropped", err, l.Dropped())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestFailedWritesAreCounted(t *testing.T) {
	var logged bytes.Buffer
	l, err := Open(Stdout, Options{Stdout: broken{}, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(entry(1))
	if err := l.Close(context.Background()); err == nil || err.Error() != "disk full" {
		t.Errorf("Close() = %v, want disk full", err)
	}
	if l.Dropped() != 1 || !strings.Contains(logged.String(), `lines=1 total=1 error="disk full"`) {
		t.Errorf("%d dropped, logged %q", l.Dropped(), logged.String())
	}
}

// writes counts the writes and checks that each holds whole lines.
type writes struct {
	t     *testing.T
	sizes []int
}

func (w *writes) Write(p []byte) (int, error) {
	if !bytes.HasSuffix(p, []byte("\n")) {
		w.t.Errorf("a write ends within a line: %q", p)
	}
	w.sizes = append(w.sizes, len(p))
	return len(p), nil
}

func TestWritesToAPipeAreAtomic(t *testing.T) {
	w := &writes{t: t}
	g := newGate()
	both := io.MultiWriter(g, w)
	l, err := Open(Stdout, Options{Stdout: both})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 1000 {
		l.Write(entry(n))
	}
	close(g.open)
	mustClose(t, l)
	for _, size := range w.sizes {
		if size > pipeBatch {
			t.Errorf("one write of %d bytes, want at most PIPE_BUF (%d)", size, pipeBatch)
		}
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	l, err := Open(Stdout, Options{Stdout: io.Discard, Queue: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, l)
	line := func() {
		e := Entry{Client: "127.0.0.1", Time: at, Method: "GET", URI: "/a?b=c", Proto: "HTTP/1.1", Status: 200, Agent: "a"}
		l.Write(&e)
	}
	line()
	if n := testing.AllocsPerRun(1000, line); n >= 1 {
		t.Errorf("%v allocations a line, want none: neither the text nor the entry", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	l, err := Open(Stdout, Options{Stdout: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close(context.Background())
	e := &Entry{
		Client: "127.0.0.1", Time: at, Method: "GET", URI: "/v2.1/servers?limit=100", Proto: "HTTP/1.1", Status: 200,
		Bytes: 1234, Agent: "curl/8.0", RequestID: "req-0c0f6ce3-9f4a-4b12-8a0e-3c8b6a2f3c11", Duration: 1234 * time.Microsecond,
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Write(e)
	}
}
