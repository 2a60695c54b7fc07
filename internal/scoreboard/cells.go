package scoreboard

import "sync/atomic"

// Counter is a series that only grows.
type Counter struct{ cell atomic.Uint64 }

// Inc adds 1.
func (c *Counter) Inc() { c.cell.Add(1) }

// Add adds a number.
func (c *Counter) Add(n uint64) { c.cell.Add(n) }

// Value is the count of this region.
func (c *Counter) Value() uint64 { return c.cell.Load() }

// Gauge is a series that goes up and down.
type Gauge struct{ cell atomic.Int64 }

// Inc adds 1.
func (g *Gauge) Inc() { g.cell.Add(1) }

// Dec subtracts 1.
func (g *Gauge) Dec() { g.cell.Add(-1) }

// Add adds a number, which may be negative.
func (g *Gauge) Add(n int64) { g.cell.Add(n) }

// Set sets the value.
func (g *Gauge) Set(n int64) { g.cell.Store(n) }

// Value is the value of this region.
func (g *Gauge) Value() int64 { return g.cell.Load() }
