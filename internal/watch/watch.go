// Package watch tells when one of a list of files has other content.
package watch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// quiet is how long nothing may happen before the files are looked at: an editor
// takes several steps to save one.
const quiet = 200 * time.Millisecond

// Watcher watches files. It sees them by the folders that lead to them, and so
// through renames over them and through swaps of symbolic links (the ..data of
// kubernetes).
type Watcher struct {
	changed func(path string)
	log     *slog.Logger
	events  *fsnotify.Watcher
	done    chan struct{}

	mu      sync.Mutex
	paths   []string
	known   map[string]digest // by path, when changed was called last
	folders map[string]bool   // that are watched
	names   map[string]bool   // whose events matter
}

// digest is that of a content; none is that of a file that cannot be read.
type digest [sha256.Size]byte

var none digest

// New makes a watcher of no files yet. It calls changed from one goroutine, once
// for all that happens within a short time, with the first file of the list that
// has other content than before. A file that vanishes is waited for.
func New(log *slog.Logger, changed func(path string)) (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching files: %w", err)
	}
	w := &Watcher{changed: changed, log: log, events: events, done: make(chan struct{})}
	go w.run()
	return w, nil
}

// Close ends the watching, and waits for a call of changed that is under way:
// changed itself may not call it.
func (w *Watcher) Close() error {
	err := w.events.Close()
	<-w.done
	return err
}

// Set replaces the list of files. What is known of a file that was in the list
// already stays: a change that came while it was read is told still. The error
// names the folders that cannot be watched; the others are.
func (w *Watcher) Set(paths []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paths = nil
	for _, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			return fmt.Errorf("watching %q: %w", path, err)
		}
		if !slices.Contains(w.paths, abs) {
			w.paths = append(w.paths, abs)
		}
	}
	err := w.follow()
	known := map[string]digest{}
	for _, path := range w.paths {
		sum, ok := w.known[path]
		if !ok {
			sum = digestOf(path)
		}
		known[path] = sum
	}
	w.known = known
	return err
}

func (w *Watcher) run() {
	defer close(w.done)
	timer := time.NewTimer(quiet)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case e, ok := <-w.events.Events:
			if !ok {
				return
			}
			if w.concerned(e.Name) {
				timer.Reset(quiet)
			}
		case err, ok := <-w.events.Errors:
			if !ok {
				return
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) { // that loses events and nothing else
				w.log.Warn("watching files", "error", err)
			}
			timer.Reset(quiet)
		case <-timer.C:
			if path := w.compare(); path != "" {
				w.changed(path)
			}
		}
	}
}

// concerned tells the files of the list from others in their folders, such as
// logs that are written all the time.
func (w *Watcher) concerned(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.names[name]
}

// compare gives the first file with other content, or "".
func (w *Watcher) compare() (first string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.follow(); err != nil {
		w.log.Warn("watching files", "error", err)
	}
	for _, path := range w.paths {
		sum := digestOf(path)
		if sum == none || sum == w.known[path] {
			continue
		}
		w.known[path] = sum
		if first == "" {
			first = path
		}
	}
	return first
}

// follow watches the folders that lead to the files now. The files are read
// afterwards, so that no change falls between.
func (w *Watcher) follow() error {
	folders, names := map[string]bool{}, map[string]bool{}
	for _, path := range w.paths {
		walk(path, folders, names)
	}
	var errs []error
	for folder := range folders {
		// Again also for one that is watched: there may be another one at its path.
		if err := w.events.Add(folder); err != nil {
			errs = append(errs, fmt.Errorf("watching %q: %w", folder, err))
			continue
		}
		names[folder] = true
	}
	for folder := range w.folders {
		if !folders[folder] {
			_ = w.events.Remove(folder) // it may be gone
		}
	}
	w.folders, w.names = folders, names
	return errors.Join(errs...)
}

// digestOf reads a file; what is none, such as a pipe, has no content to watch.
func digestOf(path string) digest {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return none
	}
	f, err := os.Open(path)
	if err != nil {
		return none
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return none
	}
	return digest(h.Sum(nil))
}
