//go:build unix

package launcher

import (
	"os"
	"os/signal"
)

// Early is called before the first rehearsal. From then on the signals that ask
// a running server for something do not end one that has yet to begin: its files
// are about to be read.
func Early() {
	signal.Notify(make(chan os.Signal, 1), asking()...)
}
