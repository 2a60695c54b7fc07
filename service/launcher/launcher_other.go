//go:build !linux

package launcher

import (
	"context"
	"errors"
	"os"
	"sync/atomic"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/report"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// ErrOrphan says that the worker ended because its master was dead.
var ErrOrphan = errors.New("the master is gone")

var errNoWorkers = errors.New("only Linux has worker processes, want workers = 0")

// Master is Linux's alone: elsewhere New gives none.
type Master struct{}

var _ control.Master = (*Master)(nil)

// New fails.
func New(Config) (*Master, error) { return nil, errNoWorkers }

// Run fails.
func (*Master) Run(context.Context, *Plan) (int, error) { return service.ExitError, errNoWorkers }

// Status shows a server that has stopped.
func (*Master) Status() control.Status { return control.Status{State: control.Stopped, PID: pid()} }

// Reload fails.
func (*Master) Reload(context.Context) control.Reload { return rejected(errNoWorkers) }

// ReloadFor fails.
func (*Master) ReloadFor(context.Context, string) control.Reload { return rejected(errNoWorkers) }

// Report fails.
func (*Master) Report(context.Context, bool) ([]byte, error) { return nil, errNoWorkers }

// Upgrade fails.
func (*Master) Upgrade(context.Context) control.Reload { return rejected(errNoWorkers) }

// Handed is Linux's alone.
type Handed struct {
	Board    *scoreboard.Board
	Control  *control.Listener
	Snapshot []byte
	Back     bool
}

// FD has none.
func (*Handed) FD(string) (int, bool) { return -1, false }

// GoBack fails.
func (*Handed) GoBack([]string, []string) error { return errNoWorkers }

// Upgraded gives nothing.
func Upgraded() (*Handed, error) { return nil, nil }

// Stop does nothing.
func (*Master) Stop(context.Context) {}

// SetWorkers fails.
func (*Master) SetWorkers(context.Context, string, int) error { return errNoWorkers }

// Reopen fails.
func (*Master) Reopen(context.Context) error { return errNoWorkers }

// Worker is Linux's alone: elsewhere Inherit gives none.
type Worker struct {
	Server     string
	Slot       int
	Generation int
	Snapshot   []byte
	Region     *scoreboard.Region
	Stderr     *os.File
	Errors     atomic.Pointer[report.Ring]
}

// Inherit gives nil: no process is a worker.
func Inherit() (*Worker, error) { return nil, nil }

// Context is that of a process that ends by itself.
func (*Worker) Context() context.Context { return context.Background() }

// Serve fails.
func (*Worker) Serve(*service.Server, func() error) error { return errNoWorkers }

// Fail does nothing.
func (*Worker) Fail(string) {}

// residentSize is not known.
func residentSize(int) int64 { return 0 }
