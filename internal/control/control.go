// Package control is the control socket of a running server, and its client: a
// few requests over HTTP on a unix socket, for its owner and for root alone.
package control

import (
	"context"
	"time"
)

// States of a master (design.md 6); Draining is never left (SIG-18).
const (
	Starting  = "Starting"
	Running   = "Running"
	Reloading = "Reloading"
	Draining  = "Draining"
	Stopped   = "Stopped"
)

// States of a worker.
const (
	WorkerStarting = "starting"
	WorkerReady    = "ready"
	WorkerDraining = "draining"
	WorkerHung     = "hung"
)

// Results of a reload.
const (
	OK         = "ok"
	Rejected   = "rejected"
	RolledBack = "rolled_back"
)

// MaxWorkers is the greatest number of workers that a server takes.
const MaxWorkers = 4096

// Status is what status --json prints. Its keys are a contract (design.md 8).
type Status struct {
	State      string   `json:"state"`
	Generation int      `json:"generation"`
	PID        int      `json:"pid"`
	Version    string   `json:"version"`
	LastReload *Reload  `json:"last_reload"` // nil before the first
	Workers    []Worker `json:"workers"`
}

// Reload is the outcome of a reload. Each error is one line.
type Reload struct {
	Time   time.Time `json:"time"`
	Result string    `json:"result"`
	Errors []string  `json:"errors"`
}

// Worker is one worker process; a server of one process is a worker of itself.
type Worker struct {
	Server     string  `json:"server"`
	Slot       int     `json:"slot"`
	PID        int     `json:"pid"`
	Generation int     `json:"generation"`
	State      string  `json:"state"`
	AgeSeconds float64 `json:"age_seconds"`
	Requests   uint64  `json:"requests"`
	InFlight   int64   `json:"in_flight"`
	RSSBytes   int64   `json:"rss_bytes"`
	Restarts   int     `json:"restarts"`
	LastExit   string  `json:"last_exit"` // "" when the slot has lost no worker
}

// Master does what the requests on the socket ask for. Its methods are called
// from several goroutines, with a context that ends when the socket is closed,
// not when a client goes away.
type Master interface {
	// Status tells at once what there is.
	Status() Status
	// Reload returns the outcome: workers are ready, or the old ones go on.
	Reload(ctx context.Context) Reload
	// Upgrade executes the program's file on the disk in place of the one that
	// runs, and reloads. When it comes about, the process executes that program
	// and never returns.
	Upgrade(ctx context.Context) Reload
	// Stop begins a graceful stop, however often it is called (SIG-14). It may
	// return before or after the end; the clients wait for Finish.
	Stop(ctx context.Context)
	// SetWorkers changes the number of workers of a server; "" is the first.
	SetWorkers(ctx context.Context, server string, n int) error
	// Report tells what all processes do, as text or as JSON, without secrets.
	Report(ctx context.Context, text bool) ([]byte, error)
	// Reopen reopens the log files of all workers.
	Reopen(ctx context.Context) error
}
