//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// The test binary is the wheatpaste that the tests start, so that these
// factories are in it, too.
func init() {
	paste.RegisterApp("egg:servetest#hold", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(hold), nil
	})
	paste.RegisterApp("egg:servetest#log", struct{}{}, func(b *paste.Build, _ struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			b.Logger().Debug("debugging")
			b.Logger().Warn("warning")
		}), nil
	})
	paste.RegisterApp("egg:servetest#broken", struct{}{}, func(b *paste.Build, _ struct{}) (http.Handler, error) {
		b.OnStart(func(context.Context) error { return errors.New("no such database") })
		b.OnClose(func(context.Context) error { b.Logger().Info("closed"); return errors.New("cannot close") })
		return http.NotFoundHandler(), nil
	})
}

// hold says that it has begun, and answers when the request's body ends.
func hold(w http.ResponseWriter, r *http.Request) {
	c := http.NewResponseController(w)
	if err := c.EnableFullDuplex(); err != nil {
		panic(err)
	}
	_, _ = io.WriteString(w, "begun\n")
	if err := c.Flush(); err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "done\n")
}

// patience bounds every wait, for machines under load.
const patience = time.Minute

// process is a running wheatpaste.
type process struct {
	*exec.Cmd
	t      *testing.T
	stdout bytes.Buffer
	ended  chan struct{}

	mu    sync.Mutex
	grown *sync.Cond
	lines []string // of stderr
	over  bool     // there will be no more
}

// file writes a file of the test and gives its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// begin starts wheatpaste serve; the descriptors are inherited from fd 3 on.
func begin(t *testing.T, inherited []*os.File, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("wheatpaste", append([]string{"serve"}, args...)...), t: t, ended: make(chan struct{})}
	p.grown = sync.NewCond(&p.mu)
	p.ExtraFiles = inherited
	p.Stdout = &p.stdout
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	timeout := time.AfterFunc(patience, func() { _ = p.Process.Kill() })
	go func() {
		defer close(p.ended)
		defer timeout.Stop()
		p.read(stderr)
		_ = p.Wait() // ProcessState tells
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("stderr of %v:\n%s", p.Args, strings.Join(p.lines, "\n"))
		}
	})
	return p
}

func (p *process) read(r io.Reader) {
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, scanner.Text())
		p.mu.Unlock()
		p.grown.Broadcast()
	}
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	p.grown.Broadcast()
}

// line waits for a line of stderr and gives its submatches.
func (p *process) line(pattern string) []string {
	p.t.Helper()
	return p.nth(1, pattern)
}

// nth waits for the nth line of a kind.
func (p *process) nth(n int, pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; ; i++ {
		for i == len(p.lines) && !p.over {
			p.grown.Wait()
		}
		if i == len(p.lines) {
			p.t.Fatalf("wheatpaste never says %s:\n%s", pattern, strings.Join(p.lines, "\n"))
		}
		m := re.FindStringSubmatch(p.lines[i])
		if m != nil {
			n--
		}
		if n == 0 {
			return m
		}
	}
}

// address is where a server listens, once it does.
func (p *process) address(server string) string {
	p.t.Helper()
	return p.line(`level=INFO msg=serving server=` + server + ` address=(\S+)$`)[1]
}

// end waits for the end and gives the exit code and all of stderr.
func (p *process) end() (int, string) {
	p.t.Helper()
	<-p.ended
	return p.ProcessState.ExitCode(), strings.TrimSuffix(strings.Join(p.lines, "\n"), "\n")
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// stopped wants a clean end after SIGTERM.
func (p *process) stopped() {
	p.t.Helper()
	p.signal(os.Signal(sigterm))
	if code, stderr := p.end(); code != 0 || !strings.Contains(stderr, "msg=stopped") {
		p.t.Errorf("exit code %d, want 0 and a last word:\n%s", code, stderr)
	}
}

// get asks one address, which may be unix:PATH, and gives status and body.
func get(t *testing.T, address, path string) (int, string) {
	t.Helper()
	r, err := client(t, address).Get("http://" + host(address) + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func host(address string) string {
	if strings.HasPrefix(address, "unix:") {
		return "localhost"
	}
	return address
}

func client(t *testing.T, address string) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// held is a request that is in flight until finish is called.
type held struct {
	t    *testing.T
	body *io.PipeWriter
	r    *http.Response
	text *bufio.Reader
}

func holdRequest(t *testing.T, address string) *held {
	t.Helper()
	reader, writer := io.Pipe()
	r, err := client(t, address).Post("http://"+address+"/", "text/plain", reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	return begun(t, writer, r)
}

// begun waits until the application has begun with a request.
func begun(t *testing.T, writer *io.PipeWriter, r *http.Response) *held {
	t.Helper()
	h := &held{t, writer, r, bufio.NewReader(r.Body)}
	if line, err := h.text.ReadString('\n'); err != nil || line != "begun\n" {
		t.Fatalf("the request begins with %q, error %v", line, err)
	}
	return h
}

// finish lets the request end, and gives what is still answered.
func (h *held) finish() (string, error) {
	h.t.Helper()
	if err := h.body.Close(); err != nil {
		h.t.Fatal(err)
	}
	rest, err := io.ReadAll(h.text)
	return string(rest), err
}

// seen are the lines of stderr so far.
func (p *process) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.lines...)
}
