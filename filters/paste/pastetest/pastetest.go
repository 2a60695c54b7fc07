// Package pastetest runs the Python originals of the filters, so that tests can
// compare ours with them.
package pastetest

import (
	"bytes"
	_ "embed" // the script
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// python is where the distribution's packages are found; another interpreter
// first in the PATH would not see them.
const python = "/usr/bin/python3"

//go:embed original.py
var script []byte

// Case is one request to one filter of Paste.
type Case struct {
	Factory string            `json:"factory"` // module:attr
	Options map[string]string `json:"options"`
	Global  map[string]string `json:"global"`

	Method     string            `json:"method"` // GET if empty
	ScriptName string            `json:"script_name"`
	Path       string            `json:"path"` // "/" if nil
	NoPath     bool              `json:"-"`    // Path is meant to be empty
	Query      string            `json:"query"`
	Headers    [][2]string       `json:"headers"`
	Environ    map[string]string `json:"environ"`
	SetEnviron map[string]string `json:"set_environ"` // by the application

	// Answers of the application by path, "*" for all others.
	Answers map[string]Answer `json:"answers"`
}

// Answer is what the application below the filter answers. Its texts are bytes
// as latin-1, which WSGI wants.
type Answer struct {
	Status  string      `json:"status"` // with the reason
	Headers [][2]string `json:"headers"`
	Chunks  []string    `json:"chunks"`
	Raise   string      `json:"raise"` // raises a ValueError instead
}

// Result is what came of a Case.
type Result struct {
	Error   string      `json:"error"` // class and text of an exception
	Status  string      `json:"status"`
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body"`
	Stderr  string      `json:"stderr"`
	// Seen is the environ of each call of the application.
	Seen []map[string]any `json:"seen"`
	// Errors is what went to wsgi.errors.
	Errors string `json:"wsgi_errors"`
}

// Run gives what the originals make of the cases. It skips the test where Paste
// is not installed; with WHEATPASTE_INTEGRATION=1 that is a failure.
func Run(t *testing.T, cases []Case) []Result {
	t.Helper()
	if err := exec.Command(python, "-c", "import paste.translogger, paste.deploy").Run(); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatalf("python3-paste is not importable by %s: %v", python, err)
		}
		t.Skipf("python3-paste is not importable by %s", python)
	}
	for i := range cases {
		cases[i].fill()
	}
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", string(script)) //nolint:gosec // our own script
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the original: %v", err)
	}
	var results []Result
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatalf("the original's answer: %v", err)
	}
	return results
}

// fill gives a case what the script expects of every one: JSON knows no
// difference between a nil map and none.
func (c *Case) fill() {
	if c.Method == "" {
		c.Method = "GET"
	}
	if c.Path == "" && !c.NoPath {
		c.Path = "/"
	}
	for _, m := range []*map[string]string{&c.Options, &c.Global, &c.Environ, &c.SetEnviron} {
		if *m == nil {
			*m = map[string]string{}
		}
	}
	if c.Headers == nil {
		c.Headers = [][2]string{}
	}
	if c.Answers == nil {
		c.Answers = map[string]Answer{"*": {
			Status: "200 OK", Headers: [][2]string{{"Content-Type", "text/plain"}}, Chunks: []string{"hello"},
		}}
	}
	for path, a := range c.Answers {
		if a.Headers == nil {
			a.Headers = [][2]string{}
		}
		if a.Chunks == nil {
			a.Chunks = []string{}
		}
		c.Answers[path] = a
	}
}

// Header gives the values of a header of the answer.
func (r Result) Header(name string) []string {
	var values []string
	for _, h := range r.Headers {
		if strings.EqualFold(h[0], name) {
			values = append(values, h[1])
		}
	}
	return values
}
