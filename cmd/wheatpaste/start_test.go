//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/paste"
)

func init() {
	paste.RegisterApp("egg:launchtest#slow", slow{}, func(b *paste.Build, s slow) (http.Handler, error) {
		b.OnStart(func(ctx context.Context) error {
			fmt.Fprintln(os.Stderr, "beginning")
			if s.Heeds {
				<-ctx.Done()
				return ctx.Err()
			}
			return neverReady()
		})
		return http.NotFoundHandler(), nil
	})
}

// slow is an application that never gets ready.
type slow struct {
	Heeds bool `paste:"heeds"` // the end of its context
}

// neverReady hangs, and does not hear that its context ends.
func neverReady() error {
	<-make(chan struct{})
	return nil
}

// TestStartFailsForEver: a group that never had a ready worker is given up at
// the third failure, and says why once (LAUNCH-09).
func TestStartFailsForEver(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", "[app:main]\nuse = egg:launchtest#crash\nfails = no oven at \"here\"\n"+server("workers = 1")))
	code, stderr := s.end()
	want := "\nwheatpaste: server main: no worker could start: starting the application main: no oven at \"here\""
	if code != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("exit code %d, want 1, and %q at the end", code, want)
	}
	if n := s.said(`level=ERROR msg="a worker ended" server=main .* reason=start_failed .* error="starting the application main: no oven at `); n != 1 {
		t.Errorf("the reason is logged %d times, want once", n)
	}
	if n := s.said(`msg="a worker is started again after a pause"`); n != 2 {
		t.Errorf("%d pauses, want 2", n)
	}
	if n := s.said(`msg=serving server=main`); n != 0 {
		t.Errorf("%d addresses are served, want none", n)
	}
}

// TestAStopDuringTheStart ends cleanly, though nothing was ever served.
func TestAStopDuringTheStart(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", "[app:main]\nuse = egg:launchtest#slow\nheeds = true\n"+server("workers = 2")))
	until(t, "both workers begin", func() bool { return s.said("^beginning$") == 2 })
	if st := s.status(); st.State != control.Starting {
		t.Errorf("the state is %s, want Starting", st.State)
	}
	began := time.Now()
	s.signal(syscall.SIGTERM)
	code, stderr := s.end()
	if took := time.Since(began); code != 0 || took > 5*time.Second || strings.Contains(stderr, "level=ERROR") {
		t.Errorf("exit code %d after %s, want 0 at once:\n%s", code, took, stderr)
	}
}

// TestStartTimeout: a worker that does not get ready is ended, with its stacks in
// the log, and counts as one that cannot start.
func TestStartTimeout(t *testing.T) {
	t.Parallel()
	s := supervise(t, file(t, "paste.ini", "[app:main]\nuse = egg:launchtest#slow\n"+server("workers = 3", "start_timeout = 1")))
	code, stderr := s.end()
	want := "\nwheatpaste: server main: no worker could start: not ready within start_timeout (1s)"
	if code != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("exit code %d, want 1, and %q at the end", code, want)
	}
	if !strings.Contains(stderr, "SIGABRT: abort") || !strings.Contains(stderr, "wheatpaste.neverReady(") {
		t.Error("the log does not show where it hangs")
	}
}
