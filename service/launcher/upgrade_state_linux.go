package launcher

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

const (
	// upgradeVariable names the memory with the state of the master before an
	// upgrade.
	upgradeVariable = "WHEATPASTE_UPGRADE"
	// stateVersion is raised when older programs cannot read the state any
	// more.
	stateVersion = 1
)

// state is a master on its way to another program in the same process. The
// descriptors go by themselves; -1 is none.
type state struct {
	Version    int                  `json:"version"`
	PID        int                  `json:"pid"`
	Generation int                  `json:"generation"` // of the workers that serve
	LastReload *control.Reload      `json:"last_reload,omitempty"`
	Sockets    service.SavedSockets `json:"sockets"`
	Board      int                  `json:"board"`
	Control    int                  `json:"control"`
	Path       string               `json:"path,omitempty"` // of the control socket
	FDs        map[string]int       `json:"fds,omitempty"`  // of Config.KeepFDs

	Program     int    `json:"program"`      // the executable that runs, for the way back
	ProgramPath string `json:"program_path"` // of the file on disk

	Generations []savedGeneration `json:"generations"`
	Groups      []savedGroup      `json:"groups"`
	Workers     []savedWorker     `json:"workers"`

	// Back is set when the new program could not go on, and Problems say why.
	Back     bool     `json:"back,omitempty"`
	Problems []string `json:"problems,omitempty"`
}

type savedGeneration struct {
	Number   int `json:"number"`
	Snapshot int `json:"snapshot"`
	Setup    int `json:"setup"` // what reports say of it; -1 for nothing
}

type savedGroup struct {
	Name      string      `json:"name"`
	Slots     []savedSlot `json:"slots"`
	Row       int         `json:"row"` // of crashes
	EverReady bool        `json:"ever_ready"`
}

type savedSlot struct {
	Restarts int    `json:"restarts"`
	LastExit string `json:"last_exit,omitempty"`
}

// savedWorker is a worker process. Of its group it has what its end is judged
// by: the rest of its plan is over.
type savedWorker struct {
	PID        int       `json:"pid"`
	Server     string    `json:"server"`
	Slot       int       `json:"slot"`
	Generation int       `json:"generation"`
	Region     int       `json:"region"`
	Channel    int       `json:"channel"`
	Output     int       `json:"output"`
	State      string    `json:"state"`
	Serves     bool      `json:"serves"` // in its slot, and is not to be replaced
	Started    time.Time `json:"started"`
	ReadyAt    time.Time `json:"ready_at"`
	Limit      time.Time `json:"limit"`
	Planned    string    `json:"planned,omitempty"`
	Why        string    `json:"why,omitempty"`
	Keys       []string  `json:"keys,omitempty"`

	GracefulTimeout time.Duration `json:"graceful_timeout"`
	DrainAnnounce   time.Duration `json:"drain_announce"`
	StartTimeout    time.Duration `json:"start_timeout"`
	MaxRSS          int64         `json:"max_rss"` // bytes
}

// descriptors are all that the state names.
func (s *state) descriptors() []int {
	fds := append(s.Sockets.FDs(), slices.Collect(maps.Values(s.FDs))...)
	fds = append(fds, s.Board, s.Control, s.Program)
	for _, g := range s.Generations {
		fds = append(fds, g.Snapshot, g.Setup)
	}
	for _, w := range s.Workers {
		fds = append(fds, w.Channel, w.Output)
	}
	return slices.DeleteFunc(fds, func(fd int) bool { return fd < 0 })
}

// save describes the master. Nobody may read from the workers any more.
func (m *Master) save() (*state, error) {
	s := &state{
		Version: stateVersion, PID: os.Getpid(), Generation: m.current.number, LastReload: m.lastReload,
		Sockets: m.sockets.Save(), Board: m.board.FD(), Control: -1,
		Program: m.program.fd, ProgramPath: m.program.path,
	}
	if l := m.conf.Control; l != nil {
		s.Control, s.Path = l.FD(), l.Path()
	}
	if m.conf.KeepFDs != nil {
		s.FDs = m.conf.KeepFDs()
	}
	generations := map[int]*generation{m.current.number: m.current}
	for _, w := range m.workers {
		saved, err := m.saveWorker(w)
		if err != nil {
			return nil, err
		}
		s.Workers = append(s.Workers, saved)
		generations[w.gen.number] = w.gen
	}
	for _, n := range slices.Sorted(maps.Keys(generations)) {
		s.Generations = append(s.Generations, savedGeneration{n, generations[n].snapshot, generations[n].carried})
	}
	for _, g := range m.groups {
		saved := savedGroup{Name: g.Name, Row: g.crashes.row, EverReady: g.crashes.everReady}
		for _, slot := range g.slots {
			saved.Slots = append(saved.Slots, savedSlot{slot.restarts, slot.lastExit})
		}
		s.Groups = append(s.Groups, saved)
	}
	return s, nil
}

func (m *Master) saveWorker(w *worker) (savedWorker, error) {
	channel, err := w.channel.fd()
	if err != nil {
		return savedWorker{}, err
	}
	output, err := w.output.fd()
	if err != nil {
		return savedWorker{}, err
	}
	serves := false
	if g := m.group(w.group.Name); g != nil && w.gen == m.current {
		s := m.slotOf(g, w)
		serves = s != nil && s.worker == w
	}
	return savedWorker{
		PID: w.pid, Server: w.group.Name, Slot: w.slot, Generation: w.gen.number, Region: w.region.Index(),
		Channel: channel, Output: output, State: w.state, Serves: serves,
		Started: w.started, ReadyAt: w.readyAt, Limit: w.limit, Planned: w.planned, Why: w.why,
		Keys:            slices.Sorted(maps.Keys(w.keys)),
		GracefulTimeout: w.group.GracefulTimeout, DrainAnnounce: w.group.DrainAnnounce,
		StartTimeout: w.group.StartTimeout, MaxRSS: int64(w.group.MaxRSS),
	}, nil
}

// Handed is what the master before an upgrade has left to this program, in the
// same process.
type Handed struct {
	Board   *scoreboard.Board
	Control *control.Listener // nil when there was none
	// Snapshot is that of the generation that serves.
	Snapshot []byte
	// Back says that this is the old program again: the new one could not go
	// on. It serves the snapshot, and not what is on the disk.
	Back bool

	state *state
	fds   map[string]int
}

// FD gives a descriptor of Config.KeepFDs, once; false when there is none.
func (h *Handed) FD(name string) (int, bool) {
	if h == nil {
		return -1, false
	}
	fd, ok := h.fds[name]
	delete(h.fds, name)
	return fd, ok
}

// Upgraded gives what the master before an upgrade has left; nil in a process
// that begins anew.
func Upgraded() (*Handed, error) {
	text, ok := os.LookupEnv(upgradeVariable)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(upgradeVariable)
	s, err := readState(text)
	if err != nil {
		return nil, err
	}
	for _, fd := range s.descriptors() {
		unix.CloseOnExec(fd)
	}
	h := &Handed{Back: s.Back, state: s, fds: s.FDs}
	if h.Board, err = scoreboard.Open(s.Board); err != nil {
		return nil, err
	}
	if s.Control >= 0 {
		if h.Control, err = control.Inherit(s.Control, s.Path); err != nil {
			return nil, err
		}
	}
	for _, g := range s.Generations {
		if g.Number == s.Generation {
			h.Snapshot, err = readMemory(g.Snapshot)
		}
	}
	return h, err
}

func readState(text string) (*state, error) {
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s is set by a server for itself, want it unset", upgradeVariable)
	}
	data, err := readMemory(fd)
	if err != nil {
		return nil, fmt.Errorf("the state of the server before the upgrade: %w", err)
	}
	_ = unix.Close(fd)
	s := &state{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("the state of the server before the upgrade: %w", err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("the state of the server before the upgrade has version %d, want %d: a restart is needed", s.Version, stateVersion)
	}
	if s.PID != os.Getpid() && !Probing() {
		return nil, fmt.Errorf("%s is set by a server for itself, want it unset", upgradeVariable)
	}
	return s, nil
}
