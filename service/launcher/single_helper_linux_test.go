package launcher

import (
	"bufio"
	"bytes"
	"encoding/json"
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
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// underTest is a Single in a process of its own.
type underTest struct {
	t        *testing.T
	dir      string
	settings settings
	cmd      *exec.Cmd
	logs     *logBuffer
	control  *control.Client
	ended    chan struct{}
}

// logBuffer takes what a process says.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startSingle starts the program; without addresses on a free port.
func startSingle(t *testing.T, s settings) *underTest {
	t.Helper()
	u := prepareSingle(t, s)
	u.start(os.Args[0])
	u.waitRunning(1)
	return u
}

func prepareSingle(t *testing.T, s settings) *underTest {
	t.Helper()
	dir, err := os.MkdirTemp("", "single") // shorter than t.TempDir: it holds unix sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if s.Listen == nil {
		s.Listen = map[string][]string{"main": {"127.0.0.1:0"}}
	}
	if s.Graceful == 0 {
		s.Graceful = patience
	}
	if s.Grace == 0 {
		s.Grace = 100 * time.Millisecond
	}
	if s.Text == "" {
		s.Text = "one"
	}
	if s.Mode == 0 {
		s.Mode = 0o600
	}
	u := &underTest{t: t, dir: dir, logs: &logBuffer{}, ended: make(chan struct{})}
	u.set(func(now *settings) { *now = s })
	u.control = control.NewClient(u.path("control"))
	return u
}

func (u *underTest) path(name string) string { return filepath.Join(u.dir, name) }

// set changes the settings, which a reload reads.
func (u *underTest) set(change func(*settings)) {
	u.t.Helper()
	change(&u.settings)
	text, err := json.Marshal(u.settings)
	if err != nil {
		u.t.Fatal(err)
	}
	u.write(string(text))
}

func (u *underTest) write(text string) {
	u.t.Helper()
	if err := os.WriteFile(u.path("new"), []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
	if err := os.Rename(u.path("new"), u.path("settings")); err != nil {
		u.t.Fatal(err)
	}
}

func (u *underTest) start(program string) {
	u.t.Helper()
	u.cmd = exec.Command(program)
	u.cmd.Env = append(os.Environ(), programVariable+"=single", "TEST_SETTINGS="+u.path("settings"),
		"TEST_CONTROL="+u.path("control"), "TEST_LOCK="+u.path("lock"))
	u.cmd.Stdout, u.cmd.Stderr = u.logs, u.logs
	if err := u.cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	go func() {
		_ = u.cmd.Wait() // the tests look at its state
		close(u.ended)
	}()
	u.t.Cleanup(func() {
		_ = u.cmd.Process.Kill()
		<-u.ended
		if u.t.Failed() {
			u.t.Logf("log:\n%s", u.logs)
		}
	})
}

// waitRunning waits for a generation that serves.
func (u *underTest) waitRunning(generation int) control.Status {
	u.t.Helper()
	var st control.Status
	u.eventually("the generation serves", func() bool {
		select {
		case <-u.ended:
			u.t.Fatal("the program has ended")
		default:
		}
		var err error
		st, err = u.control.Status(u.t.Context())
		return err == nil && st.State == control.Running && st.Generation >= generation
	})
	return st
}

func (u *underTest) status() control.Status {
	u.t.Helper()
	st, err := u.control.Status(u.t.Context())
	if err != nil {
		u.t.Fatal(err)
	}
	return st
}

func (u *underTest) eventually(what string, cond func() bool) {
	u.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			u.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (u *underTest) signal(s syscall.Signal) {
	u.t.Helper()
	if err := u.cmd.Process.Signal(s); err != nil {
		u.t.Fatal(err)
	}
}

// waitLog waits for a line of the log.
func (u *underTest) waitLog(text string) {
	u.t.Helper()
	u.eventually("log "+text, func() bool { return strings.Contains(u.logs.String(), text) })
}

// exit waits for the end, and gives the exit code; -1 when a signal was the end.
func (u *underTest) exit() int {
	u.t.Helper()
	select {
	case <-u.ended:
	case <-time.After(patience):
		u.t.Fatal("the program does not end")
	}
	return u.cmd.ProcessState.ExitCode()
}

var servingLine = regexp.MustCompile(`msg=serving server=(\S+) address=(\S+)`)

// addresses are where the servers of the program serve, as its log says.
func (u *underTest) addresses(n int) []string {
	u.t.Helper()
	var list []string
	u.eventually("lines tell where it serves", func() bool {
		list = nil
		for _, m := range servingLine.FindAllStringSubmatch(u.logs.String(), -1) {
			list = append(list, strings.TrimPrefix(m[2], "unix:"))
		}
		return len(list) >= n
	})
	return list
}

// address is the first of them.
func (u *underTest) address() string {
	u.t.Helper()
	return u.addresses(1)[0]
}

// connection is one that a test speaks on.
type connection struct {
	net.Conn
	r *bufio.Reader
}

func connect(address string) (*connection, error) {
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	c, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return &connection{c, bufio.NewReader(c)}, nil
}

// ask sends a request and reads the head of the answer.
func (c *connection) ask(path string) (*http.Response, error) {
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		return nil, err
	}
	return http.ReadResponse(c.r, nil)
}

func text(answer *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return string(body), err
}

// get asks on a connection of its own.
func (u *underTest) get(address, path string) string {
	u.t.Helper()
	c, err := connect(address)
	if err != nil {
		u.t.Fatal(err)
	}
	defer c.Close()
	body, err := text(c.ask(path))
	if err != nil {
		u.t.Fatalf("GET %s: %v", path, err)
	}
	return body
}

// begin sends a request whose answer has begun when begin returns.
func (u *underTest) begin(address, path string) (*connection, *http.Response) {
	u.t.Helper()
	c, err := connect(address)
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { c.Close() })
	answer, err := c.ask(path)
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { answer.Body.Close() })
	return c, answer
}

// waiting gives a connection whose request nobody answers: it waits in the
// queue. An accept loop that is about to leave may still answer some.
func (u *underTest) waiting(address string) *connection {
	u.t.Helper()
	var c *connection
	u.eventually("a connection waits", func() bool {
		var err error
		if c, err = connect(address); err != nil {
			u.t.Fatal(err)
		}
		_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
		if err != nil {
			u.t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err = c.r.Peek(1); errors.Is(err, os.ErrDeadlineExceeded) {
			return true
		}
		c.Close()
		return false
	})
	u.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}
