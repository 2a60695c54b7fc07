//go:build linux

package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// helperVariable makes the test binary a helper process of the tests.
const helperVariable = "WHEATPASTE_CONTROL_TEST"

func TestMain(m *testing.M) {
	if what := os.Getenv(helperVariable); what != "" {
		os.Exit(helper(what))
	}
	goleak.VerifyTestMain(m)
}

// fake is a master that does as it is told.
type fake struct {
	mu      sync.Mutex
	status  Status
	outcome Reload
	err     error
	calls   []string
	stopped chan struct{} // closed by the first Stop
	hold    chan struct{} // Reload waits for it, unless nil
	entered chan struct{} // Reload says that it waits
	deaf    bool          // Reload does not care for its context
}

func newFake() *fake {
	return &fake{
		status:  Status{State: Running, Generation: 1, PID: os.Getpid(), Version: "1.2.3"},
		outcome: Reload{Time: time.Unix(1e9, 0).UTC(), Result: OK},
		stopped: make(chan struct{}), entered: make(chan struct{}, 1),
	}
}

func (f *fake) called(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

func (f *fake) Status() Status { return f.status }

// Upgrade is as Reload.
func (f *fake) Upgrade(ctx context.Context) Reload { return f.Reload(ctx) }

func (f *fake) Reload(ctx context.Context) Reload {
	f.called("reload")
	if f.hold != nil {
		f.entered <- struct{}{}
		ended := ctx.Done()
		if f.deaf {
			ended = nil
		}
		select {
		case <-f.hold:
		case <-ended:
		}
	}
	return f.outcome
}

func (f *fake) Stop(context.Context) {
	f.called("stop")
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.stopped:
	default:
		close(f.stopped)
	}
}

func (f *fake) SetWorkers(_ context.Context, server string, n int) error {
	f.called("workers %q %d", server, n)
	return f.err
}

func (f *fake) Report(_ context.Context, text bool) ([]byte, error) {
	f.called("report %v", text)
	if f.err != nil {
		return nil, f.err
	}
	return []byte("a report\n"), nil
}

func (f *fake) Reopen(context.Context) error {
	f.called("reopen")
	return f.err
}

// serve serves a master until the test ends.
func serve(t *testing.T, m Master) *Listener {
	t.Helper()
	return serveAt(t, filepath.Join(t.TempDir(), "x.sock"), m)
}

func serveAt(t *testing.T, path string, m Master) *Listener {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- l.Serve(ctx, m) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return l
}
