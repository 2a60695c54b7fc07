package service

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

func TestDefaultGroup(t *testing.T) {
	g := DefaultGroup()
	if g.Listen[0].String() != "127.0.0.1:8080" || g.DrainIdleGrace != time.Second || g.GracefulTimeout != time.Minute ||
		g.AccessLog != "stdout" || g.H2C || g.MaxBody != 0 || g.MaxHeaderLine != 16384 {
		t.Errorf("DefaultGroup() = %+v", g)
	}
	if err := g.Check(); err != nil {
		t.Errorf("Check() = %v", err)
	}
}

func TestCheckFindsEverything(t *testing.T) {
	g := DefaultGroup()
	g.Listen, g.CertFile, g.AccessLog = nil, "/no/such.pem", "/no/such/access.log"
	err := g.Check()
	want := []string{
		"listen: no address, want host:port, :port, [v6]:port, unix:/path, fd:N or systemd:NAME",
		"cert_file: open /no/such.pem: no such file or directory, want PEM files with a certificate and its key",
		"access_log: stat /no/such: no such file or directory, want stdout, off or a path in a folder that exists",
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("Check() =\n%v\nwant\n%s", err, strings.Join(want, "\n"))
	}
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g = DefaultGroup()
	g.AccessLog = file + "/log"
	if err := g.Check(); err == nil || err.Error() != `access_log: "`+file+`" is no folder, want stdout, off or a path` {
		t.Errorf("Check() = %v", err)
	}
}

func TestWorkers(t *testing.T) {
	for text, want := range map[string]Workers{"auto": AutoWorkers, "0": 0, "4": 4} {
		var w Workers
		if err := w.UnmarshalText([]byte(text)); err != nil || w != want || w.String() != text {
			t.Errorf("%q = %v, %v, want %d", text, w, err, want)
		}
	}
	for _, text := range []string{"-1", "", "many", "5000"} {
		var w Workers
		if err := w.UnmarshalText([]byte(text)); err == nil || err.Error() != `invalid number of workers "`+text+`", want auto or 0 to 4096` {
			t.Errorf("%q = %v", text, err)
		}
	}
}

func TestGroupFromDefaults(t *testing.T) {
	t.Run("without bind_port", func(t *testing.T) {
		g, err := GroupFromDefaults(paste.NewConf(map[string]string{"bind_ip": "1.2.3.4", "workers": "x"}), nil)
		if g != nil || err != nil {
			t.Errorf("= %v, %v, want nothing", g, err)
		}
	})
	t.Run("bind_port alone", func(t *testing.T) {
		g, err := GroupFromDefaults(paste.NewConf(map[string]string{"bind_port": "6200"}), nil)
		if err != nil {
			t.Fatal(err)
		}
		want := DefaultGroup()
		want.Listen, want.Backlog, want.TCPKeepIdle = []Address{{"tcp", "0.0.0.0:6200"}}, 4096, 600*time.Second
		if !reflect.DeepEqual(g, want) {
			t.Errorf("= %+v, want %+v", g, want)
		}
	})
	t.Run("everything", func(t *testing.T) {
		var warned []string
		g, err := GroupFromDefaults(paste.NewConf(map[string]string{
			"bind_port": "6200", "bind_ip": "::1", "workers": "3", "backlog": "100", "max_clients": "9", "keep_idle": "30",
			"client_timeout": "5", "keepalive_timeout": "7.5", "cert_file": "c", "key_file": "k", "user": "swift", "bind_timeout": "30", "devices": "/srv",
		}), func(option, problem string) { warned = append(warned, option+": "+problem) })
		if err != nil {
			t.Fatal(err)
		}
		want := DefaultGroup()
		want.Listen, want.Workers, want.Backlog, want.MaxConnections = []Address{{"tcp", "[::1]:6200"}}, 3, 100, 9
		want.TCPKeepIdle, want.BodyTimeout, want.WriteTimeout, want.IdleTimeout = 30*time.Second, 5*time.Second, 5*time.Second, 7500*time.Millisecond
		want.CertFile, want.KeyFile, want.User = "c", "k", "swift"
		if !reflect.DeepEqual(g, want) {
			t.Errorf("= %+v, want %+v", g, want)
		}
		if got := strings.Join(warned, "\n"); got != "bind_timeout: has no meaning here: an address in use is an error at once" {
			t.Errorf("warned %s", got)
		}
	})
	t.Run("all errors", func(t *testing.T) {
		_, err := GroupFromDefaults(paste.NewConf(map[string]string{
			"bind_port": "x", "workers": "y", "backlog": "-1", "client_timeout": "z",
		}), nil)
		want := `bind_port: invalid listen address "0.0.0.0:x": port "x" is no number from 0 to 65535, want host:port, :port, [v6]:port, unix:/path, fd:N or systemd:NAME
backlog: out of range, want a positive number
client_timeout: invalid duration "z", want seconds or a number with ms, s, m or h
workers: invalid number of workers "y", want auto or 0 to 4096`
		if err == nil || err.Error() != want {
			t.Errorf("error\n%v\nwant\n%s", err, want)
		}
	})
}

func TestExitCode(t *testing.T) {
	for want, err := range []error{nil, errors.New("x"), 3: errors.Join(&CutError{Requests: 1}, nil)} {
		if want != 2 && ExitCode(err) != want {
			t.Errorf("ExitCode(%v) = %d, want %d", err, ExitCode(err), want)
		}
	}
}

// TestGroupServe is what a caller of paste.Server sees.
func TestGroupServe(t *testing.T) {
	g := testGroup(t)
	g.Listen = []Address{freeAddress(t)}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var server paste.Server = g
	go func() { done <- server.Serve(ctx, http.HandlerFunc(hello)) }()
	var nc net.Conn
	eventually(t, "the server", func() bool {
		var err error
		nc, err = net.Dial("tcp", g.Listen[0].Addr)
		return err == nil
	})
	defer nc.Close()
	io.WriteString(nc, "GET / HTTP/1.0\r\n\r\n")
	if b, err := io.ReadAll(nc); err != nil || !strings.HasSuffix(string(b), "\r\n\r\nhello\n") {
		t.Errorf("%q, %v, want hello", b, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

func TestServingIsLogged(t *testing.T) {
	path := socketPath(t)
	g := testGroup(t)
	g.Listen = []Address{{"tcp", "127.0.0.1:0"}, {"unix", path}}
	l, err := Listen(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	r := serveOn(t, g, hello, l...)
	for _, want := range []string{
		"level=INFO msg=serving server=test address=" + r.addr + "\n",
		"level=INFO msg=serving server=test address=unix:" + path + "\n",
	} {
		if !strings.Contains(r.logs.String(), want) {
			t.Errorf("logged %s, want %s", r.logs, want)
		}
	}
}

// TestBrokenListenerEndsTheServer: a server that no longer accepts on one of its
// addresses ends, so that somebody notices.
func TestBrokenListenerEndsTheServer(t *testing.T) {
	g := testGroup(t)
	l, err := Listen(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	r := serveOn(t, g, hello, l...)
	l[0].Close()
	if err := r.wait(); ExitCode(err) != 1 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve() = %v, want that the listener is closed, and code 1", err)
	}
}

func TestReopen(t *testing.T) {
	r := serve(t, testGroup(t), hello)
	ask := func(path string) {
		r.dial().send("GET " + path + " HTTP/1.0\r\n\r\n").answer("GET")
		eventually(t, "the end of "+path, func() bool { return r.connections() == 0 })
	}
	ask("/old")
	if err := os.Rename(r.Group.AccessLog, r.Group.AccessLog+".1"); err != nil {
		t.Fatal(err)
	}
	if err := r.Reopen(); err != nil {
		t.Fatal(err)
	}
	ask("/new")
	r.end()
	if log := r.accessLog(); strings.Contains(log, "/old") || !strings.Contains(log, "/new") {
		t.Errorf("access log %q, want the second request alone", log)
	}
}
