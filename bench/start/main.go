// Command start shows what a process of wheatpaste does before its main
// function: the package variables and init functions, which the master and each
// worker run at every start.
//
//	go run ./bench/start [-runs N] [-wheatpaste FILE]
//
// Times are those of the quickest quarter of the runs. It fails when a package
// of wheatpaste's own allocates more than it may: bytes do not depend on how busy
// the machine is, and what allocates much is slow.
package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// mostBytes is what the package variables of one of our packages may allocate.
// A regular expression of some length takes 10 KB, one with Unicode classes
// 140 KB: see internal/pattern. The table of all factories, 100 KB, is paste's.
const mostBytes = 128 << 10

func main() {
	runs := flag.Int("runs", 25, "starts")
	binary := flag.String("wheatpaste", "", "a wheatpaste that is built already")
	flag.Parse()
	if err := run(*runs, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}

func run(runs int, binary string) error {
	if binary == "" {
		dir, err := os.MkdirTemp("", "wheatpaste-start")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "wheatpaste")
		build := exec.Command("go", "build", "-o", binary, "./cmd/wheatpaste") //nolint:noctx,gosec // our own
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("go build ./cmd/wheatpaste: %w; it is run in the root of the module", err)
		}
	}
	found := map[string]*figures{}
	for range max(runs, 1) {
		if err := start(binary, found); err != nil {
			return err
		}
	}
	text, err := report(found)
	fmt.Print(text)
	return err
}

// start runs the program once, with Go's own trace.
func start(binary string, found map[string]*figures) error {
	cmd := exec.Command(binary, "version") //nolint:noctx // it ends by itself
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s version: %w: %s", binary, err, trace.String())
	}
	return parse(trace.String(), found)
}

// figures are those of one package.
type figures struct {
	name  string
	ms    []float64
	bytes int
}

func (f *figures) time() float64 {
	slices.Sort(f.ms)
	return f.ms[len(f.ms)/4]
}

func (f *figures) ours() bool { return strings.HasPrefix(f.name, "github.com/wheatpaste/wheatpaste/") }

// parse reads lines such as
//
//	init net/http @31 ms, 0.13 ms clock, 4712 bytes, 49 allocs
func parse(trace string, found map[string]*figures) error {
	n := 0
	for line := range strings.Lines(trace) {
		if !strings.HasPrefix(line, "init ") {
			continue
		}
		var name string
		var at, ms float64
		var size, allocs int
		if _, err := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &name, &at, &ms, &size, &allocs); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		f := found[name]
		if f == nil {
			f = &figures{name: name, bytes: size}
			found[name] = f
		}
		f.ms, f.bytes = append(f.ms, ms), min(f.bytes, size) // more is a neighbour's goroutine
		n++
	}
	if n == 0 {
		return fmt.Errorf("no trace: %s", trace)
	}
	return nil
}

// shown is how many packages are listed.
const shown = 15

func report(found map[string]*figures) (string, error) {
	var list []*figures
	var all, own struct {
		ms    float64
		bytes int
	}
	var heavy []string
	for _, f := range found {
		list = append(list, f)
		all.ms, all.bytes = all.ms+f.time(), all.bytes+f.bytes
		if f.ours() {
			own.ms, own.bytes = own.ms+f.time(), own.bytes+f.bytes
			if f.bytes > mostBytes {
				heavy = append(heavy, fmt.Sprintf("%s allocates %d bytes", f.name, f.bytes))
			}
		}
	}
	slices.SortFunc(list, func(a, b *figures) int { return cmp.Or(cmp.Compare(b.time(), a.time()), cmp.Compare(a.name, b.name)) })
	var b strings.Builder
	fmt.Fprintf(&b, "%-58s %8s %9s\n", "before main", "ms", "bytes")
	fmt.Fprintf(&b, "%-58s %8.2f %9d\n", fmt.Sprintf("all %d packages", len(list)), all.ms, all.bytes)
	fmt.Fprintf(&b, "%-58s %8.2f %9d\n", "wheatpaste's own", own.ms, own.bytes)
	for _, f := range list[:min(len(list), shown)] {
		fmt.Fprintf(&b, "  %-56s %8.2f %9d\n", f.name, f.time(), f.bytes)
	}
	if heavy != nil {
		slices.Sort(heavy)
		return b.String(), fmt.Errorf("%s before main, want at most %d", strings.Join(heavy, ", "), mostBytes)
	}
	return b.String(), nil
}
