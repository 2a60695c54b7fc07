package debian

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

// expected is what the oracle found in one file: the factory of each section.
type expected struct {
	Filters map[string]struct{ Factory string }
	Apps    map[string]struct{ Factory string }
}

// tally counts sections by what becomes of them.
type tally struct {
	served, refused int
	unknown         map[string]int
}

func (t *tally) add(object paste.Object, factory string) {
	f, ok := paste.DefaultRegistry.Lookup(object, factory)
	switch {
	case !ok:
		t.unknown[factory]++
	case f.Refusal != "":
		t.refused++
	default:
		t.served++
	}
}

func (t *tally) report(test *testing.T, word string) (unknown int) {
	names := slices.SortedFunc(maps.Keys(t.unknown), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.unknown[b], t.unknown[a]), strings.Compare(a, b))
	})
	for _, n := range names {
		unknown += t.unknown[n]
		test.Logf("unknown %s: %d %s", word, t.unknown[n], n)
	}
	test.Logf("%ss: %d served, %d refused with a reason, %d unknown", word, t.served, t.refused, unknown)
	return unknown
}

// TestCorpusFactories says what becomes of each section of the corpus of real
// files. A filter that is neither served nor refused is a defect of the
// catalogue, but for those of programs that only their authors run.
func TestCorpusFactories(t *testing.T) {
	dir := filepath.Join(cmp.Or(os.Getenv("WHEATPASTE_SHARED"), filepath.FromSlash("../../../shared")), "corpus-expected")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no corpus: %v", err)
	}
	filters, apps := &tally{unknown: map[string]int{}}, &tally{unknown: map[string]int{}}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var e expected
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		for _, s := range e.Filters {
			if s.Factory != "" {
				filters.add(paste.Filter, s.Factory)
			}
		}
		for _, s := range e.Apps {
			if s.Factory != "" {
				apps.add(paste.App, s.Factory)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := filters.report(t, "filter"); n > mostUnknownFilters {
		t.Errorf("%d filter sections are neither served nor refused, want at most %d", n, mostUnknownFilters)
	}
	apps.report(t, "app")
}

// mostUnknownFilters may only become less.
const mostUnknownFilters = 7
