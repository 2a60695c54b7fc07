//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/paste"
)

// upgrading is an application that takes each connection over and echoes lines,
// with the process's id before them.
type upgrading struct {
	Leave bool `paste:"leave"` // the handler returns, and leaves it to a goroutine
}

func init() {
	paste.RegisterApp("egg:launchtest#upgrade", upgrading{}, func(_ *paste.Build, u upgrading) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, in, err := http.NewResponseController(w).Hijack()
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
			if u.Leave {
				go echoLines(conn, in.Reader)
				return
			}
			echoLines(conn, in.Reader)
		}), nil
	})
}

func echoLines(conn net.Conn, in *bufio.Reader) {
	defer conn.Close()
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		fmt.Fprintf(conn, "%d %s", os.Getpid(), line)
	}
}

// TestUpgradedConnections live through a reload in a worker that drains, until
// graceful_shutdown_timeout; then they are cut, named and counted (design.md 6,
// drain).
func TestUpgradedConnections(t *testing.T) {
	t.Parallel()
	for leave, message := range map[string]string{"false": "request cut", "true": "connection cut"} {
		t.Run("leave "+leave, func(t *testing.T) {
			t.Parallel()
			s := supervise(t, file(t, "paste.ini", "[app:main]\nuse = egg:launchtest#upgrade\nleave = "+leave+"\n"+
				server("workers = 1", "graceful_shutdown_timeout = 4")))
			address := s.serves("main")
			old := s.awaitReady("main", 1)[0]
			kept, closed := upgrade(t, address), upgrade(t, address)
			kept.echoes(old)
			closed.echoes(old)
			if got := s.metric("wheatpaste_connections", `state="hijacked"`); got != 2 {
				t.Errorf("%v connections are upgraded by the metrics, want 2", got)
			}
			began := time.Now()
			if code, out, _ := s.verb("reload"); code != 0 || out != "ok\n" {
				t.Fatalf("reload ends with %d %q", code, out)
			}
			now := s.awaitReady("main", 1, old)[0]
			s.drains(old)
			kept.echoes(old)
			closed.echoes(old)
			closed.conn.Close()
			upgrade(t, address).echoes(now)
			kept.isCut(began)
			until(t, "the old worker ends", func() bool { return hasEnded(old) })
			s.says(`level=WARN msg="` + message + `" worker=0 generation=1 server=main reason=graceful_shutdown_timeout method=GET uri="?/ws\?token=\*\*\*"? client=127\.0\.0\.1 `)
			if got := s.metric("wheatpaste_drain_cut_requests_total", `server="main"`); got != 1 {
				t.Errorf("%v requests cut by the metrics, want 1", got)
			}
		})
	}
}

// drains wants a worker of the first generation to be shown as draining.
func (s *supervised) drains(pid int) {
	s.t.Helper()
	for _, w := range s.status().Workers {
		if w.PID == pid && w.State == control.WorkerDraining && w.Generation == 1 {
			return
		}
	}
	s.t.Errorf("worker %d does not drain: %+v", pid, s.status().Workers)
}

// upgraded is a connection that was taken over.
type upgraded struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func upgrade(t *testing.T, address string) *upgraded {
	t.Helper()
	c := wire(t, address)
	u := &upgraded{t, c, bufio.NewReader(c)}
	fmt.Fprint(c, "GET /ws?token=geheim HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
	r, err := http.ReadResponse(u.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("answer %d, want 101", r.StatusCode)
	}
	return u
}

func (u *upgraded) echoes(worker int) {
	u.t.Helper()
	fmt.Fprintln(u.conn, "dough")
	line, err := u.in.ReadString('\n')
	if want := strconv.Itoa(worker) + " dough\n"; err != nil || line != want {
		u.t.Errorf("the connection says %q, error %v, want %q", line, err, want)
	}
}

func (u *upgraded) isCut(began time.Time) {
	u.t.Helper()
	rest, err := io.ReadAll(u.in)
	if err != nil && strings.Contains(err.Error(), "timeout") || len(rest) > 0 {
		u.t.Errorf("the connection ends with %q, error %v", rest, err)
	}
	if took := time.Since(began); took < 3900*time.Millisecond || took > 8*time.Second {
		u.t.Errorf("it is cut %s after the reload, want 4 s", took)
	}
}
