package launcher

import "time"

const (
	firstDelay  = 100 * time.Millisecond
	maxDelay    = 30 * time.Second
	earlyTime   = 10 * time.Second // an exit sooner after ready counts
	healthyTime = 60 * time.Second // a worker ready for so long ends the row
	crashBudget = 10               // early exits in a row, with no worker ready
	startBudget = 3                // the same, when there never was one
)

// crashes counts the early ends in a row of a group's workers (LAUNCH-09). Those
// of another group do not matter to it.
type crashes struct {
	row       int
	everReady bool
}

// early counts an end, and gives the time to wait before the next start.
func (c *crashes) early() time.Duration {
	c.row++
	delay := firstDelay
	for range c.row - 1 {
		delay = min(2*delay, maxDelay)
	}
	return delay
}

// healthy ends the row.
func (c *crashes) healthy() { c.row = 0 }

// spent reports whether the group is given up, when none of its workers is
// ready.
func (c *crashes) spent() bool {
	if !c.everReady {
		return c.row >= startBudget
	}
	return c.row >= crashBudget
}
