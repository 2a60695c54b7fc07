package launcher

import (
	"context"
	"io"
	"log/slog"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/report"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// Config is what a master, or a Single, needs to know. All but Log, Version and
// Board may be left out.
type Config struct {
	// Load reads and builds everything anew and opens nothing: the rehearsal
	// of a reload. Its error holds all that is wrong.
	Load    func(context.Context) (*Plan, error)
	Log     *slog.Logger
	Version string
	Board   *scoreboard.Board
	// Ready is called once, when every group answers; its error ends the
	// master.
	Ready func() error
	// Loaded is called with each plan that is in force from now on, the
	// first one too.
	Loaded func(*Plan)
	// Reopen opens the master's own log files anew.
	Reopen func() error
	Stderr io.Writer // of workers' panics and stacks; nil for os.Stderr
	// Report is what reports tell beside what the launcher knows.
	Report report.Source
	// Notify is called at each change of state, and then ten times a second. It
	// is called in the loop that supervises, and must not wait for long.
	Notify func(State)

	// Upgraded is what the master before an upgrade has left; nil without one.
	Upgraded *Handed

	// What follows is for a process that executes itself, or another program.

	// Former is what Inherited gave.
	Former *Former
	// Control is the control socket, which goes on over a reload.
	Control *control.Listener
	// KeepFDs gives descriptors that are to be kept over a reload, by names
	// under which Former.FD finds them.
	KeepFDs func() map[string]int
	// KeepEnv are variables for the process after a reload.
	KeepEnv []string
}

// Plan is what one generation of workers serves.
type Plan struct {
	Groups   []*service.Group
	Snapshot []byte // for the workers
	Data     any    // the caller's
}
