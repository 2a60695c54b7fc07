package conformance

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// load is what `wheatpaste tree --json --portable FILE` prints.
func load(path string, globals map[string]string) ([]byte, error) {
	return tree.Portable(path, paste.GlobalConf(globals))
}

var (
	seedFlag = flag.Uint64("seed", 0, "seed of TestRandom; 0: $WHEATPASTE_SEED, else the clock")
	caseFlag = flag.Int("case", -1, "run this one case of the seed")
)

// shared finds the folder with the corpus and the oracle.
func shared() string {
	if dir := os.Getenv("WHEATPASTE_SHARED"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared")
}

// need skips a test whose means are missing, or fails it where they have to be there.
func need(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// TestCorpus holds the tree of every file in the corpus against the recorded answer.
func TestCorpus(t *testing.T) {
	expected := filepath.Join(shared(), "corpus-expected")
	_, err := os.Stat(expected)
	need(t, err)
	files, same := 0, 0
	err = filepath.WalkDir(expected, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		files++
		name, err := filepath.Rel(expected, strings.TrimSuffix(path, ".json"))
		if err == nil && corpusFile(t, path, name) {
			same++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d files as Paste Deploy", same, files)
	if files == 0 {
		t.Errorf("no files in %s", expected)
	}
}

func corpusFile(t *testing.T, answer, name string) bool {
	t.Helper()
	text, err := os.ReadFile(answer)
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(answer, err)
	}
	path := filepath.Join(shared(), "corpus", name)
	ini, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, fault := ask(load, path, nil)
	if fault != "" {
		t.Errorf("%s: %s", name, fault)
		return false
	}
	differences := Diff(want, got, ini)
	for _, d := range differences[:min(3, len(differences))] {
		t.Errorf("%s: %s", name, d)
	}
	return len(differences) == 0
}

// TestRandom holds the trees of generated files against Paste Deploy itself.
func TestRandom(t *testing.T) {
	seed, files := seed(t), number(t, "WHEATPASTE_RANDOM", 300)
	run := &run{t: t, generator: Generator{Seed: seed}, found: map[string][]finding{}}
	first := 0
	if *caseFlag >= 0 {
		first, files = *caseFlag, 1
	}
	run.start(first, files)
	t.Logf("seed %d, %d files from case %d\n%s", seed, files, first, &run.stats)
	run.report()
	if run.stats.unusable*50 > files+100 {
		t.Errorf("the oracle cannot answer %d of %d files", run.stats.unusable, files)
	}
	if missing := run.stats.Missing(); files >= 2000 && len(missing) > 0 {
		t.Errorf("the generator has not reached %q in %d files", missing, files)
	}
}

func seed(t *testing.T) uint64 {
	t.Helper()
	if *seedFlag != 0 {
		return *seedFlag
	}
	if text := os.Getenv("WHEATPASTE_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return uint64(time.Now().UnixNano())
}

func number(t *testing.T, variable string, preset int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return preset
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s = %q, want a number from 1", variable, text)
	}
	return n
}

// run is one pass over many cases, shared by one worker per core.
type run struct {
	t         *testing.T
	generator Generator
	checkers  []Checker
	stats     Stats

	mu    sync.Mutex
	found map[string][]finding // by shape of the first difference
}

// finding is a case that differs.
type finding struct {
	number      int
	differences []Difference
}

func (r *run) start(first, files int) {
	for range min(runtime.GOMAXPROCS(0), files) {
		oracle, err := StartOracle(filepath.Join(shared(), "oracle"))
		need(r.t, err)
		r.t.Cleanup(func() { _ = oracle.Close() })
		r.checkers = append(r.checkers, Checker{Oracle: oracle, Load: load, Dir: r.t.TempDir()})
	}
	numbers := make(chan int)
	var workers sync.WaitGroup
	for _, k := range r.checkers {
		workers.Go(func() {
			for n := range numbers {
				r.one(k, n)
			}
		})
	}
	for n := range files {
		numbers <- first + n
	}
	close(numbers)
	workers.Wait()
}

func (r *run) one(k Checker, n int) {
	result, err := k.Check(r.generator.Case(n))
	switch {
	case errors.Is(err, ErrUnusable):
		r.stats.Unusable()
		return
	case err != nil:
		r.t.Errorf("seed %d, case %d: %v", r.generator.Seed, n, err)
		return
	}
	r.stats.Add(result.Want)
	if len(result.Differences) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	shape := result.Differences[0].Shape
	r.found[shape] = append(r.found[shape], finding{n, result.Differences})
}

// report shows one small case of each shape and keeps its folder.
func (r *run) report() {
	for shape, findings := range r.found {
		f := findings[0]
		r.t.Errorf("%s: %d cases, such as seed %d, case %d", shape, len(findings), r.generator.Seed, f.number)
		deadline := time.Now().Add(time.Minute)
		small := Shrink(r.generator.Case(f.number), 600, func(c Case) bool {
			return time.Now().Before(deadline) && r.shape(c) == shape
		})
		dir, err := os.MkdirTemp("", "wheatpaste-case-")
		if err != nil {
			r.t.Fatal(err)
		}
		path, err := small.Write(dir)
		if err != nil {
			r.t.Fatal(err)
		}
		result, err := r.checkers[0].Check(small)
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Logf("kept as %s\n%s", path, small)
		for _, d := range result.Differences[:min(4, len(result.Differences))] {
			r.t.Log(d)
		}
	}
}

func (r *run) shape(c Case) string {
	result, err := r.checkers[0].Check(c)
	if err != nil || len(result.Differences) == 0 {
		return ""
	}
	return result.Differences[0].Shape
}
