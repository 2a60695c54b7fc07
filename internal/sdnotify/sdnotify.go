// Package sdnotify tells systemd, or whoever else listens on NOTIFY_SOCKET,
// what a service does (sd_notify(3)).
package sdnotify

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Variables are what systemd tells a service about this protocol. They are
// meant for one process, not for those that it starts (SD-03).
const (
	SocketVariable      = "NOTIFY_SOCKET"
	WatchdogVariable    = "WATCHDOG_USEC"
	WatchdogPIDVariable = "WATCHDOG_PID"
)

const (
	sendTime      = 500 * time.Millisecond
	maxStatus     = 500 // bytes: it is shown in one line
	maxSocketPath = 107 // of sockaddr_un's 108 bytes, without the zero
)

// Lines of a message that have no value of their own.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	Watchdog = "WATCHDOG=1"
)

// Notifier sends messages to one socket.
type Notifier struct{ addr net.UnixAddr }

// New makes a notifier for the value of NOTIFY_SOCKET: an absolute path, or
// @name for an abstract one. It gives nil for "", and nothing is to be told
// then.
func New(socket string) (*Notifier, error) {
	switch {
	case socket == "":
		return nil, nil
	case socket[0] != '/' && socket[0] != '@' || len(socket) == 1:
		return nil, fmt.Errorf("%s: invalid socket %q, want an absolute path or @name", SocketVariable, socket)
	case len(socket) > maxSocketPath:
		return nil, fmt.Errorf("%s: a path of %d bytes, the system takes %d", SocketVariable, len(socket), maxSocketPath)
	}
	return &Notifier{net.UnixAddr{Name: socket, Net: "unixgram"}}, nil
}

// Send sends lines as one message. It waits half a second at most for a reader
// whose queue is full. Without a notifier it does nothing.
func (n *Notifier) Send(lines ...string) error {
	if n == nil || len(lines) == 0 {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &n.addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // the message is sent, or not
	if err := c.SetWriteDeadline(time.Now().Add(sendTime)); err != nil {
		return err
	}
	_, err = c.Write([]byte(strings.Join(lines, "\n") + "\n"))
	return err
}

// Reloading says that a reload has begun. Type=notify-reload wants the time, by
// the clock of [Monotonic], to tell one reload from the next.
func Reloading(now time.Duration) string {
	return "RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now.Microseconds(), 10)
}

// Status is one line for people; line ends in it become blanks.
func Status(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' }), " ")
	if len(text) > maxStatus {
		text = strings.ToValidUTF8(text[:maxStatus], "") + "..."
	}
	return "STATUS=" + text
}

// MainPID says which process is the service now, after an upgrade.
func MainPID(pid int) string { return "MAINPID=" + strconv.Itoa(pid) }

// Extend asks for patience: the next message comes within this time.
func Extend(by time.Duration) string {
	return "EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(max(by.Microseconds(), 1), 10)
}

// Errno says which error of the system ended the service.
func Errno(n int) string { return "ERRNO=" + strconv.Itoa(n) }

// WatchdogInterval reads how often the process has to say that it lives; 0 is
// never, also when another process is meant.
func WatchdogInterval(getenv func(string) string, pid int) (time.Duration, error) {
	text := getenv(WatchdogVariable)
	if text == "" {
		return 0, nil
	}
	usec, err := strconv.ParseInt(text, 10, 64)
	if err != nil || usec <= 0 || usec > int64(time.Duration(1<<63-1)/time.Microsecond) {
		return 0, fmt.Errorf("%s: invalid number %q, want microseconds", WatchdogVariable, text)
	}
	if who := getenv(WatchdogPIDVariable); who != "" {
		n, err := strconv.Atoi(who)
		if err != nil || n <= 0 {
			return 0, fmt.Errorf("%s: invalid number %q, want a process id", WatchdogPIDVariable, who)
		}
		if n != pid {
			return 0, nil
		}
	}
	return time.Duration(usec) * time.Microsecond, nil
}
