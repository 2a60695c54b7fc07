package accesslog

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsWrittenTogether(t *testing.T) {
	for _, tt := range []struct {
		name, lines string
		want        int
	}{
		{"all", "a\nb\n", 4},
		{"as many as the limit allows", "aa\nbb\ncc\n", 6},
		{"up to the limit", "aaaa\nbb\n", 8},
		{"a line that is longer", "aaaaaaaaaaaa\nb\n", 13},
		{"a longer line without an end", "aaaaaaaaaaaa", 12},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := together([]byte(tt.lines), 8); got != tt.want {
				t.Errorf("together(%q, 8) = %d, want %d", tt.lines, got, tt.want)
			}
		})
	}
}

// arrivals notes when each write comes, and how many lines it holds.
type arrivals struct {
	began time.Time
	list  []string
}

func (a *arrivals) Write(p []byte) (int, error) {
	a.list = append(a.list, fmt.Sprintf("%s: %d", time.Since(a.began), strings.Count(string(p), "\n")))
	return len(p), nil
}

func TestLinesGatherAfterAWrite(t *testing.T) {
	const queue = 100
	for _, tt := range []struct {
		name string
		load func(l *Log)
		want string
	}{
		{"one line is written at once", func(l *Log) { l.Write(entry(0)) }, "0s: 1"},
		{"those behind it wait for the pause", func(l *Log) {
			l.Write(entry(0))
			synctest.Wait()
			l.Write(entry(1))
			time.Sleep(pause / 2)
			l.Write(entry(2))
			time.Sleep(pause)
			l.Write(entry(3))
		}, "0s: 1, 10ms: 2, 20ms: 1"},
		{"a line after the pause is written at once", func(l *Log) {
			l.Write(entry(0))
			time.Sleep(5 * pause)
			l.Write(entry(1))
		}, "0s: 1, 50ms: 1"},
		{"half a queue ends the pause", func(l *Log) {
			l.Write(entry(0))
			synctest.Wait()
			for n := range queue / 2 {
				l.Write(entry(n))
			}
			synctest.Wait()
			l.Write(entry(0))
		}, "0s: 1, 0s: 50, 10ms: 1"},
		{"many bytes end the pause", func(l *Log) {
			l.Write(entry(0))
			synctest.Wait()
			long := entry(1)
			long.URI = "/" + strings.Repeat("x", manyBytes)
			l.Write(long)
		}, "0s: 1, 0s: 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &arrivals{began: time.Now()}
				l, err := Open(Stdout, Options{Stdout: out, Queue: queue})
				if err != nil {
					t.Fatal(err)
				}
				tt.load(l)
				time.Sleep(2 * pause)
				mustClose(t, l)
				if got := strings.Join(out.list, ", "); got != tt.want {
					t.Errorf("writes %s, want %s", got, tt.want)
				}
				if l.Dropped() != 0 {
					t.Errorf("%d lines dropped, want none", l.Dropped())
				}
			})
		})
	}
}

func TestLongLinesAreBounded(t *testing.T) {
	g := newGate()
	l, err := Open(Stdout, Options{Stdout: g})
	if err != nil {
		t.Fatal(err)
	}
	long := entry(1)
	long.URI = "/" + strings.Repeat("x", maxWaiting/4)
	l.Write(entry(0))
	<-g.entered
	for range 5 {
		l.Write(long)
	}
	if l.Dropped() != 2 {
		t.Errorf("Dropped() = %d of 5 lines of more than a quarter of the bound each, want 2", l.Dropped())
	}
	close(g.open)
	mustClose(t, l)
}

// counted counts writes.
type counted struct{ writes atomic.Int64 }

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return len(p), nil
}

// BenchmarkWritePaced has the pace of a busy worker: what counts is how many
// writes of the target a line costs.
func BenchmarkWritePaced(b *testing.B) {
	out := &counted{}
	l, err := Open(Stdout, Options{Stdout: io.MultiWriter(out, io.Discard)})
	if err != nil {
		b.Fatal(err)
	}
	e := entry(1)
	began, n := time.Now(), 0
	for b.Loop() {
		l.Write(e)
		for n++; time.Since(began) < time.Duration(n)*20*time.Microsecond; { // 50,000 lines a second
		}
	}
	if err := l.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(out.writes.Load())/float64(b.N), "writes/line")
	b.ReportMetric(float64(l.Dropped()), "lost")
}
