package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// searchTimeout bounds the question to one socket.
const searchTimeout = 2 * time.Second

// searchers is how many sockets are asked at a time.
const searchers = 8

// Found is a running master.
type Found struct {
	Path   string
	Status Status
}

// NoMasterError says that no master runs where it was looked for, or more than
// one.
type NoMasterError string

// Error is the whole text.
func (e NoMasterError) Error() string { return string(e) }

// Find takes the only running master. Several, and none, are a NoMasterError
// that lists them.
func (p Places) Find(ctx context.Context) (Found, error) {
	paths, dirs := p.sockets()
	found, silent := ask(ctx, paths)
	if len(found) == 1 {
		return found[0], nil
	}
	var b strings.Builder
	if len(found) > 1 {
		b.WriteString("several masters run, want --control with one of")
		for _, f := range found {
			fmt.Fprintf(&b, "\n%s (process %d, %s)", f.Path, f.Status.PID, f.Status.State)
		}
		return Found{}, NoMasterError(b.String())
	}
	b.WriteString("no running master found in " + strings.Join(dirs, ", ") + ", want one there or --control")
	for _, line := range silent {
		b.WriteString("\n" + line)
	}
	return Found{}, NoMasterError(b.String())
}

// ask tells the masters among sockets, in their order, and why some that listen
// cannot be told.
func ask(ctx context.Context, paths []string) (found []Found, silent []string) {
	statuses, errs := make([]Status, len(paths)), make([]error, len(paths))
	places := make(chan struct{}, searchers)
	var wg sync.WaitGroup
	for i, path := range paths {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			ctx, cancel := context.WithTimeout(ctx, searchTimeout)
			defer cancel()
			statuses[i], errs[i] = NewClient(path).Status(ctx)
		})
	}
	wg.Wait()
	for i, path := range paths {
		var none NoMasterError
		switch {
		case errs[i] == nil:
			found = append(found, Found{path, statuses[i]})
		case !errors.As(errs[i], &none):
			silent = append(silent, errs[i].Error())
		}
	}
	return found, silent
}
