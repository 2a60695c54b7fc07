package launcher

import (
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
)

// Former is what this process was before it executed itself anew, for a reload
// with workers = 0, or another program, for an upgrade: see Inherited.
type Former struct {
	Generation int
	// Snapshot is that of the plan that was rehearsed, to be served if what
	// stands on the disk has become wrong since.
	Snapshot []byte
	// Board goes on counting; it is nil where boards cannot be kept.
	Board *scoreboard.Board
	// Control is the control socket; nil when there was none.
	Control *control.Listener

	sockets keptSockets
	signals *singleSignals
	fds     map[string]int
	since   time.Time // when the servers left their sockets
	again   bool      // a reload was asked for in the meantime

	// What follows is about an upgrade.
	program  string    // the path of the program's file
	hand     *handDown // the way back; nil without one, and when it is given up
	back     bool      // this is the old program again
	problems []string  // of the new one
}

// Upgraded tells that this process is another program than its former self.
func (f *Former) Upgraded() bool { return f != nil && (f.hand != nil || f.back) }

// FD gives a descriptor of Config.KeepFDs, close-on-exec again, to the caller,
// once; false when there is none.
func (f *Former) FD(name string) (int, bool) {
	if f == nil {
		return -1, false
	}
	fd, ok := f.fds[name]
	delete(f.fds, name)
	return fd, ok
}

// handDown is what goes over an exec, in a variable of the environment. The
// descriptors are open.
type handDown struct {
	Version    int            `json:"version"`
	PID        int            `json:"pid"`
	Generation int            `json:"generation"`
	Comm       string         `json:"comm,omitempty"` // the name that the system is to show
	Sockets    []handSocket   `json:"sockets"`
	Snapshot   int            `json:"snapshot"`
	Board      int            `json:"board"` // -1 for none
	Regions    []int          `json:"regions"`
	Control    int            `json:"control"` // -1 for none
	Path       string         `json:"path,omitempty"`
	FDs        map[string]int `json:"fds,omitempty"`
	Since      time.Time      `json:"since"`
	Again      bool           `json:"again,omitempty"`

	Program     string   `json:"program"` // the path of the program's file
	Upgrade     bool     `json:"upgrade,omitempty"`
	Old         int      `json:"old"`          // the executable before an upgrade; -1 for none
	OldSnapshot int      `json:"old_snapshot"` // what it serves; -1 for none
	Back        bool     `json:"back,omitempty"`
	Problems    []string `json:"problems,omitempty"`
}

// handVersion is raised when other programs cannot read what is handed down any
// more.
const handVersion = 1

// handSocket is a listening socket.
type handSocket struct {
	Key     string `json:"key"`
	Network string `json:"network"`
	Addr    string `json:"addr"`
	FD      int    `json:"fd"`
	Path    pathID `json:"path"`
}
