//go:build unix

package sdnotify

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reader listens as systemd does.
func reader(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSend: one datagram for all lines, to a path and to an abstract name (SD-01).
func TestSend(t *testing.T) {
	names := map[string]string{"a path": filepath.Join(t.TempDir(), "notify")}
	if abstractNames {
		names["an abstract name"] = fmt.Sprintf("@wheatpaste-sdnotify-test-%d", os.Getpid())
	}
	for kind, name := range names {
		t.Run(kind, func(t *testing.T) {
			c := reader(t, name)
			n, err := New(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := n.Send(Ready, Status("well"), MainPID(7)); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 1000)
			size, err := c.Read(b)
			if want := "READY=1\nSTATUS=well\nMAINPID=7\n"; err != nil || string(b[:size]) != want {
				t.Errorf("the message is %q, %v, want %q", b[:size], err, want)
			}
		})
	}
}

func TestSendToNobody(t *testing.T) {
	n, err := New(filepath.Join(t.TempDir(), "none"))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Send(Ready); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("Send() = %v, want %v", err, syscall.ENOENT)
	}
	if n, err := New(""); n != nil || err != nil {
		t.Errorf("New(\"\") = %v, %v, want nothing", n, err)
	}
	if err := (*Notifier)(nil).Send(Ready); err != nil {
		t.Errorf("Send() of nil = %v, want nil", err)
	}
}

// TestSendToAFullQueue: a reader that reads nothing must not stop us.
func TestSendToAFullQueue(t *testing.T) {
	if !abstractNames {
		t.Skip("only Linux's queues of datagrams make the writer wait")
	}
	name := filepath.Join(t.TempDir(), "notify")
	reader(t, name)
	n, err := New(name)
	if err != nil {
		t.Fatal(err)
	}
	for range 100_000 {
		began := time.Now()
		if err = n.Send(Watchdog); err == nil {
			continue
		}
		if took := time.Since(began); took > 10*sendTime {
			t.Errorf("Send() returned after %v, want %v", took, sendTime)
		}
		break
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Send() = %v, want %v", err, os.ErrDeadlineExceeded)
	}
}

func TestNewRefuses(t *testing.T) {
	long := "/" + strings.Repeat("a", 107)
	for _, tt := range []struct{ socket, want string }{
		{"rel", `NOTIFY_SOCKET: invalid socket "rel", want an absolute path or @name`},
		{"vsock:2:1234", `NOTIFY_SOCKET: invalid socket "vsock:2:1234", want an absolute path or @name`},
		{"@", `NOTIFY_SOCKET: invalid socket "@", want an absolute path or @name`},
		{"/", `NOTIFY_SOCKET: invalid socket "/", want an absolute path or @name`},
		{long, `NOTIFY_SOCKET: a path of 108 bytes, the system takes 107`},
	} {
		if n, err := New(tt.socket); n != nil || err == nil || err.Error() != tt.want {
			t.Errorf("New(%q) = %v, want %s", tt.socket, err, tt.want)
		}
	}
}

func TestLines(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{Reloading(1500 * time.Microsecond), "RELOADING=1\nMONOTONIC_USEC=1500"},
		{Status("a\nREADY=1\r\n\tb"), "STATUS=a READY=1 b"},
		{Status(strings.Repeat("ä", 300)), "STATUS=" + strings.Repeat("ä", 250) + "..."},
		{Status("x" + strings.Repeat("ä", 300)), "STATUS=x" + strings.Repeat("ä", 249) + "..."},
		{MainPID(42), "MAINPID=42"},
		{Extend(30 * time.Second), "EXTEND_TIMEOUT_USEC=30000000"},
		{Extend(-time.Second), "EXTEND_TIMEOUT_USEC=1"},
		{Errno(98), "ERRNO=98"},
	} {
		if tt.got != tt.want {
			t.Errorf("the line is %q, want %q", tt.got, tt.want)
		}
	}
}

func TestWatchdogInterval(t *testing.T) {
	for _, tt := range []struct {
		usec, pid string
		want      time.Duration
		err       string
	}{
		{"", "", 0, ""},
		{"", "x", 0, ""},
		{"30000000", "", 30 * time.Second, ""},
		{"30000000", "77", 30 * time.Second, ""},
		{"30000000", "78", 0, ""},
		{"0", "", 0, `WATCHDOG_USEC: invalid number "0", want microseconds`},
		{"-1", "", 0, `WATCHDOG_USEC: invalid number "-1", want microseconds`},
		{"9223372036854775807", "", 0, `WATCHDOG_USEC: invalid number "9223372036854775807", want microseconds`},
		{"1s", "", 0, `WATCHDOG_USEC: invalid number "1s", want microseconds`},
		{"1", "me", 0, `WATCHDOG_PID: invalid number "me", want a process id`},
		{"1", "0", 0, `WATCHDOG_PID: invalid number "0", want a process id`},
	} {
		env := map[string]string{WatchdogVariable: tt.usec, WatchdogPIDVariable: tt.pid}
		got, err := WatchdogInterval(func(name string) string { return env[name] }, 77)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err {
			t.Errorf("WatchdogInterval(%q, %q) = %v, %q, want %v, %q", tt.usec, tt.pid, got, text, tt.want, tt.err)
		}
	}
}
