//go:build linux

package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal makes a pseudo terminal: what is written to keyboard arrives as if
// it were typed at the other end.
func terminal(t *testing.T) (keyboard, tty *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	fd := int(keyboard.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return keyboard, tty
}

// inTerminal starts a master in the foreground of a terminal.
func inTerminal(t *testing.T, ini string) (s *supervised, ctrlC func()) {
	t.Helper()
	keyboard, tty := terminal(t)
	s = prepare(t, ini)
	s.Stdin = tty
	s.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	s.launch()
	return s, func() {
		t.Helper()
		if _, err := keyboard.WriteString("\x03"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCtrlC is CHECK-16 without its HUP half: the terminal signals the master
// and all workers.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	t.Run("once drains", func(t *testing.T) {
		t.Parallel()
		s, ctrlC := inTerminal(t, file(t, "paste.ini", holdApp+server("workers = 2")))
		address := s.serves("main")
		held := []*held{holdRequest(t, address), holdRequest(t, address), holdRequest(t, address)}
		ctrlC()
		s.says(`level=INFO msg=stopping reason=SIGINT workers=2$`)
		for _, h := range held {
			if rest, err := h.finish(); rest != "done\n" || err != nil {
				t.Errorf("the request ends with %q, error %v", rest, err)
			}
		}
		if code, stderr := s.end(); code != 0 || !strings.Contains(stderr, "msg=stopped cut=0") {
			t.Errorf("exit code %d, want 0:\n%s", code, stderr)
		}
	})
	t.Run("twice stops", func(t *testing.T) {
		t.Parallel()
		s, ctrlC := inTerminal(t, file(t, "paste.ini", holdApp+server("workers = 2")))
		h := holdRequest(t, s.serves("main"))
		ctrlC()
		s.says(`level=INFO msg=stopping reason=SIGINT `)
		ctrlC()
		code, stderr := s.end()
		if code != 3 || !strings.HasSuffix(stderr, "\nwheatpaste: 1 requests cut (stop)") {
			t.Errorf("exit code %d, want 3:\n%s", code, stderr)
		}
		if rest, err := h.finish(); err == nil {
			t.Errorf("the request ends with %q", rest)
		}
	})
}
