package launcher

import (
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// State is what Config.Notify is told.
type State struct {
	State string // control.Starting and so on
	// Workers; of a Single, its servers.
	Ready, Wanted, Draining int
	// Answering says that each server has a worker that lives and is ready.
	Answering bool
	// Deadline is when a drain has ended, at the latest; zero in other states,
	// and when there is no limit.
	Deadline   time.Time
	LastReload *control.Reload
}
