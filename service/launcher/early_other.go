//go:build !unix

package launcher

// Early does nothing where there are no such signals.
func Early() {}
