package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/wheatpaste/wheatpaste/bench/http/answer"
)

// peerFiles are what the servers are configured with: templates.
//
//go:embed peers
var peerFiles embed.FS

// contender is a server, in the foreground. The words of its command are
// templates.
type contender struct {
	name   string
	binary string // of the path, of GOBIN, or of what prepare has built
	args   string
	file   string // its configuration, in peers
	copies int    // processes that are started; 0 is one
	env    []string
	built  bool // by prepare
}

// ours is what all others are compared with.
const ours = "wheatpaste, 2 workers"

var contenders = []contender{
	{name: ours, binary: "wheatpaste", built: true, file: "paste.ini", args: "serve {{.Dir}}/paste.ini --workers 2 --control {{.Dir}}/control"},
	{name: "wheatpaste, workers = 0", binary: "wheatpaste", built: true, file: "paste.ini", args: "serve {{.Dir}}/paste.ini --workers 0 --control {{.Dir}}/control"},
	{name: "bare net/http, 2 processes", binary: "bare", built: true, copies: 2, env: []string{"GOMAXPROCS=1"}, args: "{{.Addr}}"},
	{name: "bare net/http, 1 process", binary: "bare", built: true, args: "{{.Addr}}"},
	{name: "nginx", binary: "nginx", file: "nginx.conf", args: "-p {{.Dir}} -c {{.Dir}}/nginx.conf -e {{.Dir}}/error.log"},
	{name: "Caddy", binary: "caddy", file: "Caddyfile", args: "run --adapter caddyfile --config {{.Dir}}/Caddyfile"},
	{name: "gunicorn (sync)", binary: "gunicorn", file: "app.py",
		args: "--chdir {{.Dir}} --workers 2 --worker-class sync --log-level error --bind {{.Addr}} app:application"},
	{name: "gunicorn (gthread)", binary: "gunicorn", file: "app.py",
		args: "--chdir {{.Dir}} --workers 2 --worker-class gthread --threads 16 --worker-connections 4096 --keep-alive 75 --log-level error --bind {{.Addr}} app:application"},
	{name: "uWSGI (http11-socket)", binary: "uwsgi", file: "app.py",
		args: "--http11-socket {{.Addr}} --plugin python3 --master --processes 2 --threads 16 --listen 1024 --wsgi-file {{.Dir}}/app.py --disable-logging"},
}

// choose takes the servers whose names begin so, and says which are not
// installed.
func choose(names []string) (list []contender, missing []string) {
	for _, c := range contenders {
		wanted := func(name string) bool { return strings.HasPrefix(strings.ToLower(c.name), strings.ToLower(name)) }
		if len(names) > 0 && !slices.ContainsFunc(names, wanted) {
			continue
		}
		if _, err := find(c.binary); !c.built && err != nil {
			missing = append(missing, err.Error())
			continue
		}
		list = append(list, c)
	}
	return list, missing
}

// find looks in the path, and for what is built of Go in GOBIN.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(filepath.Join(os.Getenv("GOBIN"), name))
	if err != nil {
		return "", fmt.Errorf("%s is not installed", name)
	}
	return path, nil
}

// prepare builds what is ours, and wants wrk.
func (s *suite) prepare(ctx context.Context) error {
	if _, err := find("wrk"); err != nil {
		return err
	}
	packages := map[string]string{"wheatpaste": "./cmd/wheatpaste", "bare": "./bench/http/bare"}
	if s.binary != "" {
		delete(packages, "wheatpaste")
		if err := os.Symlink(s.binary, filepath.Join(s.dir, "wheatpaste")); err != nil {
			return err
		}
	}
	for name, pkg := range packages {
		build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(s.dir, name), pkg) //nolint:gosec // a table above
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("go build %s: %w; it is run in the root of the module", pkg, err)
		}
	}
	script, err := peerFiles.ReadFile("peers/load.lua")
	if err != nil {
		return err
	}
	return os.WriteFile(s.script(), script, 0o600)
}

func (s *suite) script() string { return filepath.Join(s.dir, "load.lua") }

// values fill the templates.
type values struct {
	Dir, Addr, Small, Large string
	LargeSize               int
}

// server is a contender that runs, as a process group.
type server struct {
	contender
	values
	commands []*exec.Cmd
}

// start starts a contender at a free address, in a folder of its own.
func (s *suite) start(ctx context.Context, c contender) (*server, error) {
	s.turns++
	srv := &server{contender: c, values: values{
		Dir: filepath.Join(s.dir, strconv.Itoa(s.turns)), Small: answer.Small, Large: answer.Large(), LargeSize: answer.LargeSize,
	}}
	var err error
	if srv.Addr, err = freeAddress(); err != nil {
		return nil, err
	}
	if err := srv.writeFiles(); err != nil {
		return nil, err
	}
	binary := filepath.Join(s.dir, c.binary)
	if !c.built {
		if binary, err = find(c.binary); err != nil {
			return nil, err
		}
	}
	args := strings.Fields(fill(c.args, srv.values))
	for range max(c.copies, 1) {
		if err := srv.launch(ctx, binary, args); err != nil {
			srv.kill()
			return nil, err
		}
	}
	return srv, nil
}

func (srv *server) launch(ctx context.Context, binary string, args []string) error {
	cmd := exec.CommandContext(ctx, binary, args...) //nolint:gosec // a table above
	cmd.SysProcAttr = inGroup(srv.group())
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+srv.Dir, "XDG_CONFIG_HOME="+srv.Dir)
	cmd.Env = append(cmd.Env, srv.env...)
	file, err := os.OpenFile(filepath.Join(srv.Dir, "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close() // the processes have it
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		return err
	}
	srv.commands = append(srv.commands, cmd)
	return nil
}

// group is the process group; 0 before the first process.
func (srv *server) group() int {
	if len(srv.commands) == 0 {
		return 0
	}
	return srv.commands[0].Process.Pid
}

// kill ends all processes, and drops what they have written.
func (srv *server) kill() {
	if group := srv.group(); group != 0 {
		_ = killGroup(group) // nobody may be left
	}
	for _, cmd := range srv.commands {
		_ = cmd.Wait() // killed
	}
	os.RemoveAll(srv.Dir)
}

// tail is the end of what the processes said.
func (srv *server) tail() string {
	text, err := os.ReadFile(filepath.Join(srv.Dir, "output"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-500):])
}

// writeFiles fills the folder: the long answer for those that serve files, and
// the configuration.
func (srv *server) writeFiles() error {
	large := filepath.Join(srv.Dir, answer.LargePath)
	if err := os.MkdirAll(filepath.Dir(large), 0o755); err != nil { //nolint:gosec // nginx's workers are others
		return err
	}
	if err := os.WriteFile(large, []byte(srv.Large), 0o644); err != nil { //nolint:gosec // the same
		return err
	}
	if srv.file == "" {
		return nil
	}
	text, err := peerFiles.ReadFile("peers/" + srv.file)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(srv.Dir, srv.file), []byte(fill(string(text), srv.values)), 0o600)
}

// fill fills a template of this folder: a mistake in it is ours.
func fill(text string, v values) string {
	var out bytes.Buffer
	if err := template.Must(template.New("peer").Option("missingkey=error").Parse(text)).Execute(&out, v); err != nil {
		panic(err)
	}
	return out.String()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		return "", err
	}
	return l.Addr().String(), errors.Join(l.Close())
}
