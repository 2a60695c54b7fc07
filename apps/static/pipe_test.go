//go:build unix

package static

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestWhatIsNoFileIsNotOpened(t *testing.T) {
	root := folder(t)
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	// Opening a pipe that nobody writes to would block for ever.
	if got := ask(t, load(t, Options{DocumentRoot: root}), get("/pipe")); got.Status != 404 {
		t.Errorf("a pipe: %d, want 404", got.Status)
	}
}
