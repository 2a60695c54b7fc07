// Package original runs the Python originals in tests, to be compared with
// ours.
package original

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// python is the interpreter for which Debian installs the originals.
const python = "/usr/bin/python3"

// Case is one request to an original, with the options of its section.
type Case struct {
	Options map[string]string `json:"options"`
	Filter  bool              `json:"filter"` // the filter form, before an app that answers "inner"
	Method  string            `json:"method"`
	Script  string            `json:"script"`
	Path    string            `json:"path"`
	Query   string            `json:"query"`
	Port    string            `json:"port"`
	Headers map[string]string `json:"headers"`
}

// Answer is what an original answered.
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"` // names as net/http writes them
	Body   string            `json:"body"`
}

// Ask runs a script that reads a list of cases from its standard input and
// writes the list of answers. The test is skipped where the module that it
// needs is not installed; with WHEATPASTE_INTEGRATION=1 it fails.
func Ask(t *testing.T, script, module string, cases []Case) []Answer {
	t.Helper()
	check := exec.CommandContext(t.Context(), python, "-W", "ignore", "-c", "import "+module) //nolint:gosec // a test says which
	if err := check.Run(); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatalf("%s cannot import %s: %v", python, module, err)
		}
		t.Skipf("%s cannot import %s", python, module)
	}
	input, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), python, "-W", "ignore", script) //nolint:gosec // a test says which
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.String())
	}
	var answers []Answer
	if err := json.Unmarshal(stdout.Bytes(), &answers); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	if len(answers) != len(cases) {
		t.Fatalf("%s: %d answers to %d cases", script, len(answers), len(cases))
	}
	return answers
}
