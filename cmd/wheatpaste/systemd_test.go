//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/wheatpaste/wheatpaste/internal/sdnotify"
)

// notifySocket is what systemd listens on.
type notifySocket struct {
	t    *testing.T
	conn *net.UnixConn
	path string

	mu       sync.Mutex
	messages []string
	on       func(message string) // called with each, when it comes
}

// listenNotify listens until the test ends.
func listenNotify(t *testing.T, on func(string)) *notifySocket {
	t.Helper()
	n := &notifySocket{t: t, path: filepath.Join(t.TempDir(), "notify"), on: on}
	var err error
	if n.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: n.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); n.read() }()
	t.Cleanup(func() {
		_ = n.conn.Close()
		<-ended
		if t.Failed() {
			t.Logf("the messages:\n%s", strings.Join(n.messages, "---\n"))
		}
	})
	return n
}

func (n *notifySocket) read() {
	b := make([]byte, 4096)
	for {
		size, err := n.conn.Read(b)
		if err != nil {
			return
		}
		message := string(b[:size])
		n.on(message)
		n.mu.Lock()
		n.messages = append(n.messages, message)
		n.mu.Unlock()
	}
}

// turns are the messages that change the state, by their first lines.
func (n *notifySocket) turns() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for _, m := range n.messages {
		if first, _, _ := strings.Cut(m, "\n"); slices.Contains([]string{"READY=1", "RELOADING=1", "STOPPING=1"}, first) {
			list = append(list, first)
		}
	}
	return list
}

// awaits waits for the nth message that changes the state and gives it.
func (n *notifySocket) awaits(nth int) string {
	n.t.Helper()
	until(n.t, fmt.Sprintf("message %d comes", nth), func() bool { return len(n.turns()) >= nth })
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.messages {
		for _, first := range []string{"READY=1\n", "RELOADING=1\n", "STOPPING=1\n"} {
			if strings.HasPrefix(m, first) {
				nth--
			}
		}
		if nth == 0 {
			return m
		}
	}
	return ""
}

// count counts the messages with this line.
func (n *notifySocket) count(line string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	found := 0
	for _, m := range n.messages {
		if slices.Contains(strings.Split(m, "\n"), line) {
			found++
		}
	}
	return found
}

// TestNotify is the life of a service as systemd hears of it, in order (SD-01,
// SD-03, EXIT-05): with workers, and in one process, which executes itself anew.
func TestNotify(t *testing.T) {
	for _, workers := range []string{"2", "0"} {
		t.Run("workers="+workers, func(t *testing.T) {
			t.Parallel()
			notify(t, workers)
		})
	}
}

// notified is a service that tells of itself.
type notified struct {
	*supervised
	*notifySocket
	address string
	ini     string
}

func notify(t *testing.T, workers string) {
	address, pidFile := unused(t), filepath.Join(t.TempDir(), "pid")
	atReady := make(chan string, 16) // what is true when a READY comes
	n := &notified{address: address}
	n.notifySocket = listenNotify(t, func(message string) {
		if strings.HasPrefix(message, "READY=1\n") {
			_, body, err := tryFresh(address, "/")
			atReady <- fmt.Sprintf("pid %s, answer %t %v", strings.TrimSpace(read(pidFile)), body != "", err)
		}
	})
	n.ini = loadApp + "[server:main]\nuse = egg:wheatpaste#http\naccess_log = off\nlisten = " + address + "\n"
	path := file(t, "paste.ini", n.ini)
	n.supervised = prepare(t, path, "--workers", workers, "--pid-file", pidFile)
	n.Env = append(os.Environ(), "NOTIFY_SOCKET="+n.path, "WATCHDOG_USEC=400000")
	n.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	n.launch()
	n.awaits(1)
	n.hup(2)
	n.wantStatus(n.awaits(3), `; last reload ok$`)
	rewrite(t, path, "[app:main]\nuse = egg:wheatpaste#nothing\n")
	n.hup(4)
	n.wantStatus(n.awaits(5), `; last reload rejected, \d errors, the first: \S+paste\.ini:2:`)
	pings := n.count("WATCHDOG=1")
	until(t, "it lives", func() bool { return n.count("WATCHDOG=1") > pings+2 })
	n.drains()
	if got, want := n.turns(), []string{"READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"}; !slices.Equal(got, want) {
		t.Errorf("the messages are %q, want %q", got, want)
	}
	for range 3 {
		if got, want := <-atReady, fmt.Sprintf("pid %d, answer true <nil>", n.Process.Pid); got != want {
			t.Errorf("when a READY comes: %s, want %s", got, want)
		}
	}
	n.noEarlySign()
}

// noEarlySign wants no sign of life before the first READY, nor after STOPPING.
func (n *notified) noEarlySign() {
	n.t.Helper()
	all := strings.Join(n.messages, "")
	early, _, _ := strings.Cut(all, "READY=1\n")
	_, late, _ := strings.Cut(all, "STOPPING=1\n")
	for _, part := range []string{early, late} {
		if strings.Contains(part, sdnotify.Watchdog) {
			n.t.Errorf("a sign of life in %q", part)
		}
	}
}

// hup reloads, and wants the nth message to say so with the time.
func (n *notified) hup(nth int) {
	n.t.Helper()
	before, err := sdnotify.Monotonic()
	if err != nil {
		n.t.Fatal(err)
	}
	n.signal(syscall.SIGHUP)
	message := n.awaits(nth)
	after, _ := sdnotify.Monotonic()
	m := regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=(\d+)\nSTATUS=reloading: `).FindStringSubmatch(message)
	if m == nil {
		n.t.Fatalf("message %d is %q", nth, message)
	}
	at, _ := strconv.ParseInt(m[1], 10, 64)
	if at < before.Microseconds() || at > after.Microseconds() {
		n.t.Errorf("the reload began at %d, want %d to %d", at, before.Microseconds(), after.Microseconds())
	}
}

func (n *notified) wantStatus(message, pattern string) {
	n.t.Helper()
	first, status, _ := strings.Cut(strings.TrimSpace(message), "\nSTATUS=")
	if first != "READY=1" || !regexp.MustCompile(pattern).MatchString(status) {
		n.t.Errorf("the message is %q, want READY=1 and %s", message, pattern)
	}
}

// drains stops it with a request in flight, for which it asks for time.
func (n *notified) drains() {
	t := n.t
	t.Helper()
	c := wire(t, n.address)
	if _, err := fmt.Fprint(c, "GET /never HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	n.inFlight(1)
	n.signal(syscall.SIGTERM)
	n.awaits(6)
	until(t, "it asks for time", func() bool { return n.count("EXTEND_TIMEOUT_USEC=30000000") == 1 })
	_ = c.Close() // its request ends with it
	if code, stderr := n.end(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
}

// TestNotifyFailure: systemctl status shows why a service could not start.
func TestNotifyFailure(t *testing.T) {
	t.Parallel()
	n := listenNotify(t, func(string) {})
	s := prepare(t, file(t, "paste.ini", "[app:main]\nuse = egg:wheatpaste#nothing\n"))
	s.Env = append(os.Environ(), "NOTIFY_SOCKET="+n.path)
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
	if code, stderr := s.end(); code != 1 {
		t.Errorf("exit code %d, want 1:\n%s", code, stderr)
	}
	until(t, "it says why", func() bool { n.mu.Lock(); defer n.mu.Unlock(); return len(n.messages) > 0 })
	if got := n.messages; len(got) != 1 || !regexp.MustCompile(`^STATUS=\S+paste\.ini:2:.*egg:wheatpaste#nothing.*\n$`).MatchString(got[0]) {
		t.Errorf("the messages are %q, want one with the reason", got)
	}
}

// unused is an address that nobody listens on just now.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", free)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
