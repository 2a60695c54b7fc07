package conformance

import (
	"bufio"
	"bytes"
	_ "embed" // the driver
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

//go:embed testdata/driver.py
var driver string

// python is Debian's interpreter: python3-pastedeploy installs for it.
const python = "/usr/bin/python3"

// ErrUnusable says that the oracle has no answer to hold ours against: its
// emulation of composites runs into Python's limits.
var ErrUnusable = errors.New("the oracle cannot answer")

// Oracle is a Python process that loads paste files with Paste Deploy itself.
// It serves one caller at a time.
type Oracle struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr bytes.Buffer
}

// StartOracle starts the process; folder is where paste_tree.py lies.
func StartOracle(folder string) (*Oracle, error) {
	o := &Oracle{cmd: exec.Command(python, "-c", driver, folder)} //nolint:gosec // our own driver
	o.cmd.Env = append(os.Environ(), "PYTHONUTF8=1")
	o.cmd.Stderr = &o.stderr
	var err error
	if o.stdin, err = o.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o.stdout = bufio.NewReader(out)
	if err := o.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := o.stdout.ReadString('\n'); err != nil {
		return nil, o.died(err)
	}
	return o, nil
}

// died says why the process ended; it is waited for so that its standard
// error is whole.
func (o *Oracle) died(err error) error {
	_ = o.Close() // the exit status says less than the text
	text := bytes.TrimSpace(o.stderr.Bytes())
	return fmt.Errorf("oracle: %w: %s", err, text[bytes.LastIndexByte(text, '\n')+1:])
}

// Answer is what the oracle says of one file: two trees, as encoding/json
// decodes them.
type Answer struct {
	Tree any // Paste Deploy's
	// Mended is the same without the errors of INT-16 and INT-17: what the
	// loader made itself stands for itself where it would be a syntax error.
	// It is nil when Tree has no such error.
	Mended   any
	Unusable string // why there is none
}

// Ask gives the answer for the file at path, with globals from the caller, or
// ErrUnusable.
func (o *Oracle) Ask(path string, globals map[string]string) (Answer, error) {
	var answer Answer
	question, err := json.Marshal(map[string]any{"path": path, "globals": globals})
	if err != nil {
		return answer, err
	}
	if _, err := o.stdin.Write(append(question, '\n')); err != nil {
		return answer, o.died(err)
	}
	line, err := o.stdout.ReadBytes('\n')
	if err != nil {
		return answer, o.died(err)
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return answer, fmt.Errorf("oracle: %w", err)
	}
	if answer.Unusable != "" {
		return answer, fmt.Errorf("%w: %s", ErrUnusable, answer.Unusable)
	}
	if nesting(answer.Tree) > deepest || nesting(answer.Mended) > deepest {
		return answer, fmt.Errorf("%w: composites nested too deep", ErrUnusable)
	}
	return answer, nil
}

// deepest is far above what a generated file nests. Only a composite that
// mounts itself by ever longer paths (config:./x.ini, config:././x.ini) gets
// there: the oracle's emulation then ends at Python's limit, wherever that is.
const deepest = 200

func nesting(v any) int {
	n := 0
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n = max(n, nesting(e))
		}
	case map[string]any:
		for _, e := range v {
			n = max(n, nesting(e))
		}
	default:
		return 0
	}
	return n + 1
}

// Close ends the process.
func (o *Oracle) Close() error {
	return errors.Join(o.stdin.Close(), o.cmd.Wait())
}
