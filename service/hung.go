package service

import (
	"bytes"
	"runtime"
	"sync"
	"time"
)

const (
	// stackFresh is how old the stacks of all goroutines may be to be used once
	// more: to take them stops the whole process, and when a database hangs,
	// many requests end at the same time.
	stackFresh = time.Second
	// stackPause is the least time between two times when they are taken.
	stackPause = 50 * time.Millisecond
	// maxStackDump bounds what is taken, maxStack what is logged of one.
	maxStackDump = 64 << 20
	maxStack     = 16 << 10
)

// reportHung logs a request whose handler was left behind. When it has not
// returned after as long again, the process is held to be in need of a
// replacement.
func (s *Server) reportHung(d *deadline) {
	stack := "not begun"
	if id := d.goroutine.Load(); id != nil {
		stack = s.stacks.of(*id)
	}
	pipeline, filter := d.x.env.Position()
	attrs := append([]any{"server", s.Group.Name}, d.x.attrs()...)
	s.logger.Error("request timed out, and its handler does not return",
		append(attrs, "pipeline", pipeline, "filter", filter, "stack", stack)...)
	time.AfterFunc(min(s.Group.RequestTimeout, maxHungAfter), func() {
		if !isClosed(d.done) {
			s.limit(limitHung)
		}
	})
}

// stackDump holds the stacks of all goroutines as they were a moment ago.
type stackDump struct {
	mu    sync.Mutex
	taken time.Time
	text  []byte
}

// of finds the stack of one goroutine.
func (d *stackDump) of(goroutine string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	stack := ""
	if age := time.Since(d.taken); age < stackFresh {
		if stack = find(d.text, goroutine); stack == "" && age < stackPause {
			return "not taken: too many requests time out"
		}
	}
	if stack == "" {
		d.taken, d.text = time.Now(), allStacks()
		stack = find(d.text, goroutine)
	}
	return stack
}

// find cuts the stack of a goroutine out of a dump: paragraphs that begin with
// "goroutine N [state]:".
func find(dump []byte, goroutine string) string {
	start := 0
	if head := []byte("goroutine " + goroutine + " ["); !bytes.HasPrefix(dump, head) {
		at := bytes.Index(dump, append([]byte("\n\n"), head...))
		if at < 0 {
			return ""
		}
		start = at + 2
	}
	stack, _, _ := bytes.Cut(dump[start:], []byte("\n\n"))
	return string(stack[:min(len(stack), maxStack)])
}

func allStacks() []byte {
	for size := 1 << 20; ; size *= 4 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size || size >= maxStackDump {
			return b[:n]
		}
	}
}

// goroutineID is the number of the goroutine that calls it, as stacks name it.
// The runtime tells it in no other way.
func goroutineID() string {
	var b [40]byte // "goroutine 18446744073709551615 [running]"
	fields := bytes.Fields(b[:runtime.Stack(b[:], false)])
	if len(fields) < 2 {
		return ""
	}
	return string(fields[1])
}
