// Package report makes guru meditation reports: what a server and all of its
// processes do at one moment, as text and as JSON, without secrets.
//
// A process tells its own [Detail]; the master adds what it knows of each, also
// of one that does not answer, and what only it knows. docs/report.md is the
// contract of the JSON.
package report

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// Schema is the name of the form of the JSON. Keys may be added to it; a change
// of any other kind gets a new name.
const Schema = "wheatpaste-report-1"

// Report is all of it.
type Report struct {
	Schema      string           `json:"schema"`
	Name        string           `json:"name"`
	Time        time.Time        `json:"time"`
	Seconds     float64          `json:"seconds"` // that it took
	Build       Build            `json:"build"`
	Master      Master           `json:"master"`
	Workers     []control.Worker `json:"workers"`
	Generations []Generation     `json:"generations"`
	Listeners   []Listener       `json:"listeners"`
	Processes   []*Process       `json:"processes"`
}

// Build is the program.
type Build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // "" when it is not known
	Time     string `json:"time"`     // of the revision
	Modified bool   `json:"modified"` // the sources were not those of the revision
	Go       string `json:"go"`
	System   string `json:"system"`
}

// Master is the process that an operator started.
type Master struct {
	PID           int             `json:"pid"`
	State         string          `json:"state"`
	Generation    int             `json:"generation"`
	UptimeSeconds float64         `json:"uptime_seconds"`
	Arguments     []string        `json:"arguments"`
	Host          string          `json:"host"`
	LastReload    *control.Reload `json:"last_reload"` // nil before the first
}

// Listener is a listening socket that the master holds.
type Listener struct {
	Server  string `json:"server"`
	Slot    int    `json:"slot"` // -1 for a socket of all slots
	Address string `json:"address"`
	FD      int    `json:"fd"`
}

// The roles of processes.
const (
	RoleMaster = "master"
	RoleWorker = "worker"
	RoleSingle = "single" // serves by itself, without workers
)

// Process is one process of the server.
type Process struct {
	Role             string  `json:"role"`
	PID              int     `json:"pid"`
	Server           string  `json:"server"` // of a worker; "" for others
	Slot             int     `json:"slot"`
	Generation       int     `json:"generation"`
	State            string  `json:"state"`
	AgeSeconds       float64 `json:"age_seconds"`
	HeartbeatSeconds float64 `json:"heartbeat_seconds"` // since the last one
	// Problem says why there is no Detail.
	Problem string   `json:"problem"`
	Counts  []Counts `json:"counts"` // as the scoreboard has them
	Detail  *Detail  `json:"detail"`
}

// Counts are what a server of a process has counted.
type Counts struct {
	Server    string `json:"server"`
	New       int64  `json:"connections_new"`
	Active    int64  `json:"connections_active"`
	Idle      int64  `json:"connections_idle"`
	Hijacked  int64  `json:"connections_hijacked"`
	Requests  int64  `json:"requests"`
	InFlight  int64  `json:"in_flight"`
	Cut       int64  `json:"cut"`
	LinesLost int64  `json:"log_lines_lost"`
	Draining  bool   `json:"draining"`
}

// Detail is what a process tells of itself.
type Detail struct {
	Requests     []Request    `json:"requests"` // the oldest first
	RequestsLeft int          `json:"requests_left_out"`
	Goroutines   Goroutines   `json:"goroutines"`
	Memory       Memory       `json:"memory"`
	Descriptors  []Descriptor `json:"descriptors"` // without sockets
	Sockets      int          `json:"sockets"`
	Errors       []Record     `json:"errors"` // the last ones, the oldest first
	ErrorsLogged int64        `json:"errors_logged"`
}

// Request is one request in flight, or a connection that was upgraded.
type Request struct {
	Server     string  `json:"server"`
	Method     string  `json:"method"`
	URI        string  `json:"uri"`
	Client     string  `json:"client"`
	RequestID  string  `json:"request_id"`
	AgeSeconds float64 `json:"age_seconds"`
	App        string  `json:"app"`
	Pipeline   string  `json:"pipeline"`
	Filter     string  `json:"filter"` // "" in the application
	Status     int     `json:"status"` // 0 while nothing was sent
	Bytes      int64   `json:"bytes"`
	Upgraded   bool    `json:"upgraded"`
}

// maxRequests bounds the table of requests of one process.
const maxRequests = 2000

// AddRequests gives a process its requests, the oldest ones if they are too
// many.
func (d *Detail) AddRequests(list []Request) {
	n := min(len(list), max(maxRequests-len(d.Requests), 0))
	d.RequestsLeft += len(list) - n
	for _, q := range list[:n] {
		q.Method, q.Client, q.RequestID, q.URI = clip(q.Method, 64), clip(q.Client, 256), clip(q.RequestID, 256), clip(q.URI, 2048)
		d.Requests = append(d.Requests, q)
	}
}

// JSON is the report for programs.
func (r *Report) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(r)
	return b.Bytes(), err
}

// clip shortens a text, at a boundary of characters.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	return text[:n] + "..."
}
