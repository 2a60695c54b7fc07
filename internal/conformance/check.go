package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// Loader makes the portable JSON tree of one file, with globals from the caller.
type Loader func(path string, globals map[string]string) ([]byte, error)

// Checker holds the trees of a Loader against Paste Deploy's.
type Checker struct {
	Oracle *Oracle
	Load   Loader
	Dir    string // where cases are written
}

// Result is what one case showed.
type Result struct {
	Want        any // Paste Deploy's tree
	Differences []Difference
}

// Check writes c into a folder of its own, asks both sides and removes it.
func (k Checker) Check(c Case) (Result, error) {
	dir, err := os.MkdirTemp(k.Dir, "case-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	path, err := c.Write(dir)
	if err != nil {
		return Result{}, err
	}
	got, fault := ask(k.Load, path, c.Globals)
	want, err := k.Oracle.Ask(path, c.Globals)
	switch {
	case fault != "":
		return Result{Want: want.Tree, Differences: []Difference{noTree(fault)}}, nil
	case err != nil:
		return Result{}, err
	}
	found := Diff(want.Tree, got, c.Files[0].Data)
	if len(found) == 0 && want.Mended != nil { // what Diff excuses has to be right, too
		found = Diff(want.Mended, got, nil)
	}
	return Result{Want: want.Tree, Differences: found}, nil
}

// noTree is the difference when ours gave none.
func noTree(fault string) Difference {
	shape, _, _ := strings.Cut(fault, ":")
	return Difference{Problem: fault, Shape: shape}
}

// patience is how long a Loader may take over one small file.
const patience = 20 * time.Second

// ask gives the Loader's tree of path, or what it did instead: an error, text
// that is no JSON, a panic, no answer.
func ask(load Loader, path string, globals map[string]string) (tree any, fault string) {
	type answer struct {
		tree  any
		fault string
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if p := recover(); p != nil {
				a = answer{fault: fmt.Sprint("panic: ", p)}
			}
			done <- a
		}()
		a.tree, a.fault = decodeTree(load(path, globals))
	}()
	select {
	case a := <-done:
		return a.tree, a.fault
	case <-time.After(patience):
		return nil, fmt.Sprintf("no answer in %v", patience)
	}
}

func decodeTree(text []byte, err error) (tree any, fault string) {
	if err != nil {
		return nil, "error: " + err.Error()
	}
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, "no JSON: " + err.Error()
	}
	return tree, ""
}
