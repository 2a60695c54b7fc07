package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// mounted is an application that can be replaced while it answers requests.
type mounted struct {
	uri string

	mu  sync.RWMutex
	now *generation
}

// generation is an application with the requests that it has.
type generation struct {
	app      *pipeline.App
	requests sync.WaitGroup
}

// ServeHTTP gives a request to the application of this moment, which is not
// closed before it has answered.
func (m *mounted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.RLock()
	g := m.now
	g.requests.Add(1)
	m.mu.RUnlock()
	defer g.requests.Done()
	g.app.ServeHTTP(w, r)
}

// reload loads and starts the application anew. An error changes nothing.
func (m *mounted) reload() error {
	app, err := pipeline.LoadApp(m.uri)
	if err != nil {
		return err // every problem of the files, one a line
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if err := app.Start(ctx); err != nil {
		_ = app.Close(ctx) // the error of the start says more
		return err
	}
	m.mu.Lock()
	old := m.now
	m.now = &generation{app: app}
	m.mu.Unlock()
	if old == nil {
		return nil
	}
	return old.close()
}

// close ends the last application, after the last request.
func (m *mounted) close() error { return m.now.close() }

// close waits for the requests that have begun, for endTime at most, and runs the
// OnClose hooks.
func (g *generation) close() error {
	answered := make(chan struct{})
	go func() {
		g.requests.Wait()
		close(answered)
	}()
	timer := time.NewTimer(endTime)
	defer timer.Stop()
	select {
	case <-answered:
	case <-timer.C: // the host may want to cut them
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	return g.app.Close(ctx)
}
