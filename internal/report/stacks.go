package report

import (
	"cmp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Goroutines are those of a process; equal ones stand together.
type Goroutines struct {
	Total  int     `json:"total"`
	Groups []Group `json:"groups"` // the largest first
	Left   int     `json:"groups_left_out"`
}

// Group are goroutines in the same place and the same state.
type Group struct {
	Count       int      `json:"count"`
	State       string   `json:"state"`        // "" when there are too many goroutines to tell
	Example     int      `json:"example"`      // the number of the one that has waited longest; 0 with too many
	WaitMinutes int      `json:"wait_minutes"` // of the example
	Frames      []string `json:"frames"`       // function file:line, the innermost first
}

const (
	// manyGoroutines is from which number on the cheaper way is taken, which
	// does not stop the process for as long.
	manyGoroutines = 5000
	maxGroups      = 300
	maxFrames      = 64
	// maxDump bounds the text of all stacks.
	maxDump = 32 << 20
)

func collectGoroutines() Goroutines {
	n := runtime.NumGoroutine()
	var groups []Group
	if n > manyGoroutines {
		groups = profiled(n)
	} else {
		groups = grouped(dump(n))
	}
	g := Goroutines{Groups: groups}
	for _, one := range groups {
		g.Total += one.Count
	}
	if over := len(groups) - maxGroups; over > 0 {
		g.Groups, g.Left = groups[:maxGroups], over
	}
	return g
}

// dump is the text of all stacks.
func dump(goroutines int) string {
	for size := max(goroutines*2048, 64<<10); ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size || size >= maxDump {
			return string(b[:n])
		}
	}
}

// grouped counts the stacks of a dump: paragraphs that begin with
// "goroutine N [state, M minutes]:".
func grouped(text string) []Group {
	index := map[string]*Group{}
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		head, body, _ := strings.Cut(paragraph, "\n")
		id, state, wait, ok := readHead(head)
		if !ok {
			continue
		}
		frames := readFrames(body)
		key := state + "\n" + strings.Join(frames, "\n")
		g := index[key]
		if g == nil {
			g = &Group{State: state, Frames: frames, Example: id, WaitMinutes: wait}
			index[key] = g
		}
		g.Count++
		if wait > g.WaitMinutes {
			g.Example, g.WaitMinutes = id, wait
		}
	}
	return ordered(index)
}

func ordered[K comparable](index map[K]*Group) []Group {
	list := make([]Group, 0, len(index))
	for _, g := range index {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(b.Count-a.Count, slices.Compare(a.Frames, b.Frames), cmp.Compare(a.State, b.State))
	})
	return list
}

// readHead reads the first line of a stack. What stands behind the state may be
// anything that a plugin has labelled its goroutine with, and is left out.
func readHead(line string) (id int, state string, minutes int, ok bool) {
	rest, ok := strings.CutPrefix(line, "goroutine ")
	if !ok {
		return 0, "", 0, false
	}
	number, rest, _ := strings.Cut(rest, " ")
	id, err := strconv.Atoi(number)
	if err != nil {
		return 0, "", 0, false
	}
	_, rest, _ = strings.Cut(rest, "[")
	rest, _, _ = strings.Cut(rest, "]")
	parts := strings.Split(rest, ", ")
	for _, p := range parts[1:] {
		if n, found := strings.CutSuffix(p, " minutes"); found {
			minutes, _ = strconv.Atoi(n) // else it is not said
		}
	}
	return id, parts[0], minutes, true
}

// readFrames gives the functions without their arguments, each with its place.
func readFrames(body string) []string {
	var frames []string
	name := ""
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\n")
		if place, ok := strings.CutPrefix(line, "\t"); ok {
			place, _, _ = strings.Cut(place, " +0x")
			if len(frames) < maxFrames {
				frames = append(frames, name+" "+place)
			}
			continue
		}
		name = line
		if made, ok := strings.CutPrefix(line, "created by "); ok {
			made, _, _ = strings.Cut(made, " in goroutine ")
			name = "created by " + made
		} else if at := strings.LastIndexByte(line, '('); at > 0 {
			name = line[:at] // the arguments are addresses
		}
	}
	return frames
}

// profiled counts the stacks as the profiler has them: up to 32 frames, without
// numbers, states and waiting times, and without labels.
func profiled(n int) []Group {
	records := make([]runtime.StackRecord, n+n/8+64)
	n, ok := runtime.GoroutineProfile(records)
	for ; !ok; n, ok = runtime.GoroutineProfile(records) {
		records = make([]runtime.StackRecord, n+n/8+64)
	}
	index := map[[32]uintptr]*Group{}
	for i := range records[:n] {
		g := index[records[i].Stack0]
		if g == nil {
			g = &Group{Frames: symbols(records[i].Stack())}
			index[records[i].Stack0] = g
		}
		g.Count++
	}
	return ordered(index)
}

func symbols(stack []uintptr) []string {
	var list []string
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if f.Function != "" {
			list = append(list, f.Function+" "+f.File+":"+strconv.Itoa(f.Line))
		}
		if !more {
			return list
		}
	}
}
