//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const sigterm = syscall.SIGTERM

const (
	echoApp = "[app:main]\nuse = egg:wheatpaste#echo\n"
	holdApp = "[app:main]\nuse = egg:servetest#hold\n"
	free    = "127.0.0.1:0"
)

func TestServeAnswers(t *testing.T) {
	t.Parallel()
	p := begin(t, nil, file(t, "paste.ini", echoApp), "--listen", free)
	address := p.address("main")
	if code, body := get(t, address, "/some/path?token=geheim"); code != 200 || !strings.Contains(body, `"PATH_INFO": "/some/path"`) {
		t.Errorf("answer %d %s", code, body)
	}
	p.stopped()
	if want := regexp.MustCompile(`(?m)^.*"GET /some/path\?token=\*\*\* HTTP/1.1".* 200 .*$`); !want.MatchString(p.stdout.String()) {
		t.Errorf("the access log is %q", p.stdout.String())
	}
}

func TestServeWithoutAccessLog(t *testing.T) {
	t.Parallel()
	p := begin(t, nil, file(t, "paste.ini", echoApp+"[server:main]\nuse = egg:wheatpaste#http\nport = 0\naccess_log = off\n"))
	get(t, p.address("main"), "/")
	p.stopped()
	if p.stdout.Len() > 0 {
		t.Errorf("stdout holds %q", p.stdout.String())
	}
}

func TestServeAnApplicationWithoutAFile(t *testing.T) {
	t.Parallel()
	p := begin(t, nil, "egg:wheatpaste#echo", "--listen", free)
	if code, _ := get(t, p.address("main"), "/"); code != 200 {
		t.Errorf("answer %d", code)
	}
	p.stopped()
}

func TestTheAdminAddress(t *testing.T) {
	t.Parallel()
	socket := "unix:" + filepath.Join(t.TempDir(), "admin.sock")
	p := begin(t, nil, file(t, "paste.ini", echoApp), "--listen", free, "--admin", socket)
	address := p.address("main")
	if got := p.address("admin"); got != socket {
		t.Fatalf("admin listens at %s, want %s", got, socket)
	}
	get(t, address, "/")
	if code, body := get(t, socket, "/healthcheck"); code != 200 || body != "OK\n" {
		t.Errorf("/healthcheck answers %d %q", code, body)
	}
	_, metrics := get(t, socket, "/metrics")
	for _, want := range []string{
		`wheatpaste_http_requests_total{app="main",code="200",method="GET"} 1`,
		`wheatpaste_connections{server="main",state="hijacked"} 0`,
		`wheatpaste_build_info{`, `wheatpaste_config_info{file="`, `go_goroutines `, `process_start_time_seconds `,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics does not hold %s", want)
		}
	}
	if code, _ := get(t, address, "/metrics"); code != 200 { // the echo app's
		t.Errorf("the application's own /metrics answers %d", code)
	}
	p.stopped()
}

func TestSIGTERMAnswersWhatIsInFlight(t *testing.T) {
	t.Parallel()
	p := begin(t, nil, file(t, "paste.ini", holdApp), "--listen", free)
	address := p.address("main")
	requests := []*held{holdRequest(t, address), holdRequest(t, address)}
	p.signal(syscall.SIGTERM)
	p.line(`msg=stopping reason=SIGTERM `)
	p.signal(syscall.SIGTERM) // harmless (SIG-14)
	for _, h := range requests {
		if rest, err := h.finish(); rest != "done\n" || err != nil {
			t.Errorf("the request ends with %q, error %v", rest, err)
		}
	}
	if code, stderr := p.end(); code != 0 || strings.Count(stderr, "msg=stopping") != 1 {
		t.Errorf("exit code %d, want 0:\n%s", code, stderr)
	}
}

func TestSecondSIGINTStopsAtOnce(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string][]os.Signal{
		"second SIGINT": {syscall.SIGINT, syscall.SIGINT}, "SIGQUIT": {syscall.SIGQUIT}, "SIGQUIT behind SIGTERM": {syscall.SIGTERM, syscall.SIGQUIT},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := begin(t, nil, file(t, "paste.ini", holdApp), "--listen", free)
			h := holdRequest(t, p.address("main"))
			for _, s := range signals {
				p.signal(s)
				p.line(`msg=stopping `)
			}
			code, stderr := p.end()
			if code != 3 || !strings.Contains(stderr, "\nwheatpaste: 1 requests cut (stop)") {
				t.Errorf("exit code %d, want 3:\n%s", code, stderr)
			}
			if rest, err := h.finish(); err == nil {
				t.Errorf("the request ends with %q", rest)
			}
		})
	}
}

func TestOneSIGINTIsGraceful(t *testing.T) {
	t.Parallel()
	p := begin(t, nil, file(t, "paste.ini", holdApp), "--listen", free)
	h := holdRequest(t, p.address("main"))
	p.signal(syscall.SIGINT)
	p.line(`msg=stopping reason=SIGINT `)
	if rest, err := h.finish(); rest != "done\n" || err != nil {
		t.Errorf("the request ends with %q, error %v", rest, err)
	}
	if code, stderr := p.end(); code != 0 {
		t.Errorf("exit code %d, want 0:\n%s", code, stderr)
	}
}

// A port that is taken is one clear line and exit 1; the file of the other's
// process id is left alone (PAIN-22).
func TestATakenPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := begin(t, nil, file(t, "paste.ini", echoApp), "--listen", l.Addr().String(), "--workers", "2")
	code, stderr := p.end()
	want := regexp.MustCompile(`^wheatpaste: listen ` + regexp.QuoteMeta(l.Addr().String()) + `: address already in use( by \S+ \(process ` + strconv.Itoa(os.Getpid()) + `\))?, want a free one$`)
	if code != 1 || !want.MatchString(stderr) {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

func TestPIDFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pid")
	ini := file(t, "paste.ini", echoApp)
	if err := os.WriteFile(path, []byte("99999999\n"), 0o600); err != nil { // of a process that is gone
		t.Fatal(err)
	}
	p := begin(t, nil, ini, "--listen", free, "--pid-file", path, "--log-level", "debug")
	get(t, p.address("main"), "/")
	pid := fmt.Sprintln(p.Process.Pid)
	content := func() string {
		text, _ := os.ReadFile(path)
		return string(text)
	}
	p.line(`level=DEBUG msg="pid file written"`)
	second := begin(t, nil, ini, "--listen", free, "--pid-file", path, "--workers", "2")
	code, stderr := second.end()
	if want := fmt.Sprintf("wheatpaste: pid file: %q is held by another process, want another file or the end of that one", path); code != 1 || stderr != want {
		t.Errorf("a second instance ends with %d %s", code, stderr)
	}
	if got := content(); got != pid {
		t.Errorf("the file holds %q, want %q", got, pid)
	}
	p.stopped()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is left behind: %v", err)
	}
}

func TestListenUnix(t *testing.T) {
	t.Parallel()
	socket := "unix:" + filepath.Join(t.TempDir(), "http.sock")
	p := begin(t, nil, file(t, "paste.ini", echoApp), "--listen", socket, "--listen", free)
	p.line(`msg=serving server=main address=127\.0\.0\.1:`)
	p.line(`msg=serving server=main address=` + regexp.QuoteMeta(socket) + `$`)
	if code, _ := get(t, socket, "/"); code != 200 {
		t.Errorf("answer %d", code)
	}
	p.stopped()
	if _, err := os.Stat(strings.TrimPrefix(socket, "unix:")); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// inherit makes a listening socket for another process.
func inherit(t *testing.T) (address string, f *os.File) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if f, err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return l.Addr().String(), f
}

func TestListenInherited(t *testing.T) {
	t.Parallel()
	address, f := inherit(t)
	p := begin(t, []*os.File{f}, file(t, "paste.ini", echoApp), "--listen", "fd:3")
	if got := p.address("main"); got != address {
		t.Errorf("it serves on %s, want %s", got, address)
	}
	if code, _ := get(t, address, "/"); code != 200 {
		t.Errorf("answer %d", code)
	}
	p.stopped()
}

func TestLogFormatJSON(t *testing.T) {
	t.Parallel()
	p := begin(t, nil, file(t, "paste.ini", echoApp), "--listen", free, "--log-format", "json")
	line := p.line(`^(.*"msg":"serving".*)$`)[1]
	var got struct{ Level, Msg, Server, Address string }
	if err := json.Unmarshal([]byte(line), &got); err != nil || got.Level != "INFO" || got.Server != "main" {
		t.Errorf("%s is %+v, error %v", line, got, err)
	}
	if code, _ := get(t, got.Address, "/"); code != 200 {
		t.Errorf("answer %d", code)
	}
	p.signal(syscall.SIGTERM)
	if code, stderr := p.end(); code != 0 || !strings.Contains(stderr, `"msg":"stopped"`) {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
}

// What has no Go factory answers 501, and says which.
func TestMissingFactoriesBecomeStubs(t *testing.T) {
	t.Parallel()
	ini := file(t, "paste.ini", "[pipeline:main]\npipeline = strange app\n[filter:strange]\nuse = egg:nobody#filter\n[app:app]\npaste.app_factory = nova.api:APIRouter.factory\n")
	p := begin(t, nil, ini, "--listen", free, "--missing", "stub", "--workers", "0")
	code, body := get(t, p.address("main"), "/")
	var got struct {
		Error struct {
			Code         int
			Factory, App string
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if code != 501 || got.Error.Code != 501 || got.Error.Factory != "nova.api:APIRouter.factory" || got.Error.App != "app" {
		t.Errorf("answer %d %s", code, body)
	}
	p.line(`level=WARN msg="no Go factory is registered for egg:nobody#filter; a stub passes the requests through" at=\S+/paste.ini:4:7 section=filter:strange option=use$`)
	p.stopped()
}

func TestSeveralServers(t *testing.T) {
	t.Parallel()
	ini := file(t, "paste.ini", `
[app:main]
use = egg:wheatpaste#respond
body = main
[app:other]
use = egg:wheatpaste#respond
body = other
[server:one]
use = egg:wheatpaste#http
port = 0
[server:two]
use = egg:Paste#http
port = 0
wheatpaste.app = other
`)
	p := begin(t, nil, ini, "--server-name", "all")
	for server, want := range map[string]string{"one": "main", "two": "other"} {
		if code, body := get(t, p.address(server), "/"); code != 200 || strings.TrimSpace(body) != want {
			t.Errorf("server %s answers %d %q, want %q", server, code, body, want)
		}
	}
	p.stopped()
}

func TestOtherSignals(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "access.log")
	p := begin(t, nil, file(t, "paste.ini", echoApp+"[server:main]\nuse = egg:wheatpaste#http\nport = 0\nworkers = 1\naccess_log = "+log+"\n"))
	address := p.address("main")
	p.signal(syscall.SIGHUP)
	p.line(`msg=reloaded generation=2$`)
	p.signal(syscall.SIGUSR2)
	p.line(`level=INFO msg="a report was written" path=stderr$`)
	p.signal(syscall.SIGTTIN)
	p.line(`msg="the number of workers changes" server=main from=1 to=2$`)
	p.signal(syscall.SIGTTOU)
	p.line(`msg="the number of workers changes" server=main from=2 to=1$`)
	p.signal(syscall.SIGTTOU)
	p.line(`level=WARN msg="the number of workers stays" server=main workers=1 error="0 workers for the server main, want 1 to 4096"$`)
	p.signal(syscall.SIGPIPE)
	get(t, address, "/before")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGUSR1)
	p.line(`msg="reopening the log files"$`)
	reopened(t, log)
	get(t, address, "/after")
	p.stopped()
	for path, want := range map[string]string{log + ".1": "/before", log: "/after"} {
		text, err := os.ReadFile(path)
		if err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), want) {
			t.Errorf("%s holds %q, want one line about %s; error %v", filepath.Base(path), text, want, err)
		}
	}
}

// reopened waits until a log file is there that had been moved away.
func reopened(t *testing.T, log string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		if _, err := os.Stat(log); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not opened anew", log)
		}
	}
}

// The levels of [logger_root] and of the app's logger count for the sections,
// and scripts still see where it serves (URI-15).
func TestPythonLoggingSections(t *testing.T) {
	t.Parallel()
	ini := file(t, "paste.ini", `
[composite:main]
use = egg:Paste#urlmap
/own = own
/other = other
[app:own]
use = egg:servetest#log
[app:other]
use = egg:servetest#log
[loggers]
keys = root, app
[logger_root]
level = WARN
[logger_app]
level = DEBUG
qualname = servetest
[handlers]
keys = console
`)
	p := begin(t, nil, ini, "--listen", free)
	get(t, p.address("main"), "/own")
	p.line(`level=INFO msg="of the sections for Python's logging, the levels are used; .*" at=\S+:10:1 root=WARN `)
	p.line(`level=DEBUG msg=debugging worker=\d generation=1 section=app:own$`)
	p.stopped()

	p = begin(t, nil, ini, "--listen", free, "--log-level", "info")
	get(t, p.address("main"), "/own")
	p.line(`level=INFO msg="the sections for Python's logging are not used: --log-level decides"`)
	p.line(`level=WARN msg=warning worker=\d generation=1 section=app:own$`)
	p.stopped()
	if strings.Contains(strings.Join(p.seen(), "\n"), "debugging") {
		t.Error("--log-level does not decide")
	}

	l, f := inherit(t) // which answers as soon as it serves, without a line in the log
	p = begin(t, []*os.File{f}, ini, "--listen", "fd:3", "--log-level", "error")
	get(t, l, "/own")
	p.signal(syscall.SIGTERM)
	if code, stderr := p.end(); code != 0 || stderr != "" {
		t.Errorf("exit code %d, and with --log-level error the log is %q", code, stderr)
	}
}

// An application that cannot start: exit 1 at the third failure, and its hooks
// for the end run in each worker that has tried.
func TestAStartThatFails(t *testing.T) {
	t.Parallel()
	p := begin(t, nil, file(t, "paste.ini", "[app:main]\nuse = egg:servetest#broken\n"), "--listen", free, "--workers", "1")
	code, stderr := p.end()
	if code != 1 || !strings.HasSuffix(stderr, "\nwheatpaste: server main: no worker could start: starting the application main: no such database") {
		t.Errorf("exit code %d, stderr %s", code, stderr)
	}
	for want, times := range map[string]int{
		`msg=closed worker=0 generation=1 section=app:main`: 3, `level=ERROR msg="closing the application" worker=0 generation=1 app=main error="cannot close"`: 3,
		`level=ERROR msg="a worker ended"`: 1, `error="starting the application main: no such database"`: 1, // the reason is told once
	} {
		if n := strings.Count(stderr, want); n != times {
			t.Errorf("the log holds %s %d times, want %d:\n%s", want, n, times, stderr)
		}
	}
}

// The same in one process.
func TestAStartThatFailsWithoutWorkers(t *testing.T) {
	t.Parallel()
	p := begin(t, nil, file(t, "paste.ini", "[app:main]\nuse = egg:servetest#broken\n"), "--listen", free, "--workers", "0")
	code, stderr := p.end()
	lines := strings.Split(stderr, "\n")
	if code != 1 || lines[len(lines)-1] != "wheatpaste: starting the application main: no such database" {
		t.Errorf("exit code %d, stderr %s", code, stderr)
	}
	for _, want := range []string{`msg=closed section=app:main`, `level=ERROR msg="closing the application" server=main error="cannot close"`} {
		if !strings.Contains(stderr, want) {
			t.Errorf("the log does not hold %s:\n%s", want, stderr)
		}
	}
}
