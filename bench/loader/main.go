// Command loader times wheatpaste's loader beside Paste Deploy's on the same
// files, by turns in one run: from text to context trees, in process. It needs
// the Debian package python3-pastedeploy.
package main

import (
	"bufio"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// driver times Paste Deploy: a line "CASE FILE" in, seconds out.
//
//go:embed driver.py
var driver string

func main() {
	rounds := flag.Int("rounds", 7, "rounds; the medians are printed")
	nova := flag.String("nova", "", "nova's api-paste.ini; default: a file of the same shape")
	flag.Parse()
	if err := run(*rounds, *nova); err != nil {
		fmt.Fprintln(os.Stderr, "loader:", err)
		os.Exit(1)
	}
}

// benchCase is one thing that both sides do.
type benchCase struct {
	name, kind, file string
	atLeast          float64 // the ratio that the project promises
	ours             func(file string) error
}

func run(rounds int, nova string) error {
	dir, err := os.MkdirTemp("", "wheatpaste-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cases, err := makeCases(dir, nova)
	if err != nil {
		return err
	}
	python, err := startPython()
	if err != nil {
		return err
	}
	defer python.stop()
	fmt.Printf("%-52s %12s %12s %8s %9s\n", "", "ours", "Paste Deploy", "ratio", "promised")
	for _, c := range cases {
		ours, theirs, err := measure(c, python, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		promised := "-"
		if c.atLeast > 0 {
			promised = fmt.Sprintf("%.0f x", c.atLeast)
		}
		fmt.Printf("%-52s %9.3f ms %9.3f ms %6.0f x %9s\n", c.name, ms(ours), ms(theirs), theirs.Seconds()/ours.Seconds(), promised)
	}
	return linearity(dir, rounds)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func makeCases(dir, nova string) ([]benchCase, error) {
	if nova == "" {
		nova = filepath.Join(dir, "nova.ini")
		if err := os.WriteFile(nova, []byte(novaLike), 0o600); err != nil {
			return nil, err
		}
	}
	large := filepath.Join(dir, "large.ini")
	if err := os.WriteFile(large, []byte(sections(10_000)), 0o600); err != nil {
		return nil, err
	}
	return []benchCase{
		{"all sections of nova's file (" + filepath.Base(nova) + ")", "all", nova, 20, allSections},
		{"one app of nova's file", "one", nova, 0, oneApp("metadata")},
		{"one app of a file of 10,000 sections", "main", large, 50, oneApp("main")},
		{"one app behind a chain of 300 use, same file", "chain", large, 50, oneApp("c300")},
	}, nil
}

// measure alternates the two, after one round that does not count.
func measure(c benchCase, python *pythonSide, rounds int) (ours, theirs time.Duration, err error) {
	var a, b []time.Duration
	for i := range rounds + 1 {
		d, err := timeOurs(c)
		if err != nil {
			return 0, 0, err
		}
		t, err := python.time(c.kind, c.file)
		if err != nil {
			return 0, 0, err
		}
		if i > 0 {
			a, b = append(a, d), append(b, t)
		}
	}
	return median(a), median(b), nil
}

// timeOurs repeats a short case, to be longer than the clock's grain.
func timeOurs(c benchCase) (time.Duration, error) {
	n := 0
	start := time.Now()
	for time.Since(start) < 50*time.Millisecond {
		if err := c.ours(c.file); err != nil {
			return 0, err
		}
		n++
	}
	return time.Since(start) / time.Duration(n), nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// allSections does what Paste Deploy needs a load each for.
func allSections(file string) error {
	l, err := paste.Open(file)
	if err != nil {
		return err
	}
	for _, s := range l.Sections() {
		object, name, ok := paste.ObjectOf(s.Name)
		if !ok {
			continue
		}
		if _, err := l.Load(object, name); err != nil {
			return err
		}
	}
	return nil
}

func oneApp(name string) func(string) error {
	return func(file string) error {
		_, err := paste.Load(paste.App, paste.FileURI(file), paste.Name(name))
		return err
	}
}

// linearity prints the time for files of growing size, ours alone.
func linearity(dir string, rounds int) error {
	fmt.Println("\ntime against the number of sections (ours)")
	for _, n := range []int{2_500, 5_000, 10_000, 20_000, 40_000} {
		file := filepath.Join(dir, strconv.Itoa(n)+".ini")
		if err := os.WriteFile(file, []byte(sections(n)), 0o600); err != nil {
			return err
		}
		var times []time.Duration
		for range rounds {
			d, err := timeOurs(benchCase{file: file, ours: oneApp("main")})
			if err != nil {
				return err
			}
			times = append(times, d)
		}
		m := median(times)
		fmt.Printf("%8d sections %9.3f ms %9.0f ns a section\n", n, ms(m), float64(m)/float64(n))
	}
	return nil
}

// sections writes a file of n sections with a composite over some of them, and
// a chain of use.
func sections(n int) string {
	var b strings.Builder
	b.WriteString("[DEFAULT]\nroot = %(here)s\n\n[composite:main]\nuse = egg:Paste#urlmap\n")
	for i := range 10 {
		fmt.Fprintf(&b, "/a%d = a%d\n", i, i)
	}
	for i := range n {
		fmt.Fprintf(&b, "\n# application %d\n[app:a%d]\nuse = egg:Demo\nlog = %%(root)s/a%d.log\nworkers = %d\n", i, i, i, i%8)
	}
	b.WriteString("\n[app:c0]\nuse = egg:Demo\n")
	for i := 1; i <= 300; i++ {
		fmt.Fprintf(&b, "\n[app:c%d]\nuse = c%d\no%d = %d\n", i, i-1, i%10, i)
	}
	return b.String()
}

// pythonSide is a running driver.
type pythonSide struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startPython() (*pythonSide, error) {
	cmd := exec.Command("/usr/bin/python3", "-c", driver) //nolint:gosec // our own driver
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting Python: %w", err)
	}
	return &pythonSide{cmd, in, bufio.NewReader(out)}, nil
}

func (p *pythonSide) time(kind, file string) (time.Duration, error) {
	if _, err := fmt.Fprintf(p.in, "%s %s\n", kind, file); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("paste deploy gave no answer (is python3-pastedeploy installed?): %w", err)
	}
	s, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	return time.Duration(s * float64(time.Second)), err
}

func (p *pythonSide) stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

// novaLike has the sections of nova's api-paste.ini.
const novaLike = `[composite:metadata]
use = egg:Paste#urlmap
/: meta

[pipeline:meta]
pipeline = cors metaapp

[app:metaapp]
paste.app_factory = demo.metadata:Handler.factory

[composite:osapi_compute]
use = call:demo.urlmap:urlmap_factory
/: versions
/v2: legacy
/v2.1: v21
/v2/+: versions_v2

[composite:legacy]
use = call:demo.auth:pipeline_factory_v21
keystone = cors http_proxy_to_wsgi compute_req_id faultwrap sizelimit osprofiler authtoken keystonecontext compat compute

[composite:v21]
use = call:demo.auth:pipeline_factory_v21
noauth2 = cors http_proxy_to_wsgi compute_req_id faultwrap sizelimit osprofiler noauth2 compute
keystone = cors http_proxy_to_wsgi compute_req_id faultwrap sizelimit osprofiler authtoken keystonecontext compute

[filter:request_log]
paste.filter_factory = demo.log:RequestLog.factory

[filter:compute_req_id]
paste.filter_factory = demo.req:ReqId.factory

[filter:faultwrap]
paste.filter_factory = demo.fault:FaultWrapper.factory

[filter:noauth2]
paste.filter_factory = demo.auth:NoAuth.factory

[filter:osprofiler]
paste.filter_factory = demo.profiler:Middleware.factory

[filter:sizelimit]
paste.filter_factory = demo.size:Limiter.factory

[filter:http_proxy_to_wsgi]
paste.filter_factory = demo.proxy:HTTPProxyToWSGI.factory

[filter:compat]
paste.filter_factory = demo.compat:Wrapper.factory

[app:compute]
paste.app_factory = demo.compute:Router.factory

[pipeline:versions]
pipeline = cors faultwrap request_log http_proxy_to_wsgi versionapp

[pipeline:versions_v2]
pipeline = cors faultwrap request_log http_proxy_to_wsgi versionapp

[app:versionapp]
paste.app_factory = demo.versions:Versions.factory

[filter:cors]
paste.filter_factory = demo.cors:filter_factory
project = demo

[filter:keystonecontext]
paste.filter_factory = demo.auth:Context.factory

[filter:authtoken]
paste.filter_factory = demo.token:filter_factory
`
