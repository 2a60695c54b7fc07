package launcher

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"time"
)

// maxProfileTime bounds a profile that takes its time.
const maxProfileTime = 2 * time.Minute

// profile is the answer of a worker.
type profile struct {
	data    []byte
	problem string
}

// takeProfile takes one of this process, under the names and with the
// parameters of net/http/pprof. It ends early with the context.
func takeProfile(ctx context.Context, name string, seconds, debug int) ([]byte, error) {
	var b bytes.Buffer
	switch name {
	case "profile":
		if err := pprof.StartCPUProfile(&b); err != nil {
			return nil, err
		}
		pause(ctx, seconds, 30)
		pprof.StopCPUProfile()
		return b.Bytes(), nil
	case "trace":
		if err := trace.Start(&b); err != nil {
			return nil, err
		}
		pause(ctx, seconds, 1)
		trace.Stop()
		return b.Bytes(), nil
	case "heap":
		runtime.GC() // else it is that of the last collection
	}
	p := pprof.Lookup(name)
	if p == nil {
		return nil, fmt.Errorf("no profile %q, want profile, trace, heap, goroutine, allocs, block, mutex or threadcreate", name)
	}
	err := p.WriteTo(&b, debug)
	return b.Bytes(), err
}

// profileTime is how long a profile takes.
func profileTime(seconds, standard int) time.Duration {
	if seconds <= 0 {
		seconds = standard
	}
	return min(time.Duration(min(seconds, 3600))*time.Second, maxProfileTime)
}

func pause(ctx context.Context, seconds, standard int) {
	t := time.NewTimer(profileTime(seconds, standard))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
