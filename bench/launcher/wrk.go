package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// wrk is the load generator of that name beside our own clients; nil when it is
// not installed.
type wrk struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

// startWrk puts wrk on the server for as long as the scenario takes.
func (b *bench) startWrk(s *server) *wrk {
	path, err := exec.LookPath("wrk")
	if err != nil {
		b.note("wrk is not installed: our own clients only")
		return nil
	}
	w := &wrk{}
	w.cmd = exec.CommandContext(b.ctx, path, "-t1", fmt.Sprintf("-c%d", b.figures.wrk), "-d3600s", "--timeout", "30s", "http://"+s.addr+"/v1/plain") //nolint:gosec // our own address
	w.cmd.Stdout, w.cmd.Stderr = &w.out, &w.out
	if err := w.cmd.Start(); err != nil {
		b.problem("wrk: %v", err)
		return nil
	}
	return w
}

// end has wrk print what it has counted, and fails the scenario for each error.
func (w *wrk) end(b *bench) {
	if w == nil {
		return
	}
	w.cmd.Process.Signal(os.Interrupt) //nolint:errcheck // Wait tells
	if err := w.cmd.Wait(); err != nil {
		b.problem("wrk: %v: %s", err, w.out.String())
		return
	}
	text := w.out.String()
	b.note("wrk: %s", strings.TrimSpace(total.FindString(text)))
	b.check(total.MatchString(text), "wrk sent nothing: %s", text)
	for _, line := range complaint.FindAllString(text, -1) {
		b.problem("wrk: %s", strings.TrimSpace(line))
	}
}

// What wrk prints; the complaints only when there were any.
var (
	total     = regexp.MustCompile(`(?m)^ *[1-9]\d* requests in .*$`)
	complaint = regexp.MustCompile(`(?m)^ *(Socket errors|Non-2xx or 3xx responses): .*$`)
)
