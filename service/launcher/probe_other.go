//go:build unix && !linux

package launcher

// probeMaster fails: only Linux has masters.
func probeMaster() error { return errNoWorkers }
