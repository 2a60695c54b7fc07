package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/wheatpaste/wheatpaste/bench/launcher/strict"
	"github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
)

// peerFiles are what the other servers are configured with.
//
//go:embed peers
var peerFiles embed.FS

// peerClients is how many connections the comparison has.
const peerClients = 32

// peer is another server, in the foreground, of two processes where it has
// processes; the words of its commands are templates.
type peer struct {
	name   string
	binary string
	files  []string
	args   string
	reload string // arguments of its binary; empty: SIGHUP
}

var peers = []peer{
	{"gunicorn (gthread)", "gunicorn", []string{"app.py"},
		"--chdir {{.Dir}} --workers 2 --worker-class gthread --threads 16 --keep-alive 75 --log-level error --bind {{.Addr}} app:application", ""},
	{"uWSGI (http11-socket)", "uwsgi", []string{"app.py"},
		"--http11-socket {{.Addr}} --plugin python3 --master --processes 2 --threads 16 --wsgi-file {{.Dir}}/app.py --disable-logging", ""},
	{"nginx", "nginx", []string{"nginx.conf"}, "-p {{.Dir}} -c {{.Dir}}/nginx.conf -e {{.Dir}}/error.log", ""},
	{"Caddy", "caddy", []string{"Caddyfile"}, "run --adapter caddyfile --config {{.Dir}}/Caddyfile",
		"reload --force --adapter caddyfile --config {{.Dir}}/Caddyfile --address {{.Admin}}"},
}

// peerValues fill the templates.
type peerValues struct{ Dir, Addr, Admin string }

// peersScenario reloads each server under the same load and prints what was
// lost. Only our own losses fail it.
func peersScenario(b *bench) error {
	b.note("%d connections, %d reloads, %s apart", peerClients, b.figures.peerReloads, b.figures.peerPause)
	if err := b.ourselves(); err != nil {
		b.problem("wheatpaste: %v", err)
	}
	for _, p := range peers {
		if err := b.peer(p); err != nil {
			b.note("%-22s not measured: %v", p.name, err)
		}
	}
	return b.ctx.Err()
}

// ourselves are measured as the others are.
func (b *bench) ourselves() error {
	s, err := b.start("", "workers = 2")
	if err != nil {
		return err
	}
	report, err := b.peerLoad(s.addr, "/v1/plain", func() error { return s.toMaster(syscall.SIGHUP) })
	if err != nil {
		return err
	}
	b.note("%-22s %5d lost: %s", "wheatpaste", len(report.Failures), report)
	b.check(len(report.Failures) == 0, "%d requests lost, want none\n%s", len(report.Failures), strings.Join(report.Examples(5), "\n"))
	return b.stopped(s)
}

// peerLoad reloads again and again under the load of the comparison.
func (b *bench) peerLoad(addr, path string, reload func() error) (*strict.Report, error) {
	l := strict.Load{
		Addr: addr, KeepAlive: peerClients, IDHeader: load.IDHeader,
		Calls: []strict.Call{{Method: "GET", Path: path, Want: load.Plain}},
	}
	return b.during(l, func() error {
		for range b.figures.peerReloads {
			if err := b.pause(b.figures.peerPause); err != nil {
				return err
			}
			if err := reload(); err != nil {
				return err
			}
		}
		return b.pause(2 * b.figures.peerPause)
	})
}

// peer measures one of the others.
func (b *bench) peer(p peer) error {
	binary, err := findPeer(p.binary)
	if err != nil {
		return err
	}
	values, err := b.peerFolder(p)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(b.ctx, binary, words(p.args, values)...) //nolint:gosec // a table above
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr, cmd.WaitDelay = ownGroup(), time.Second
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+values.Dir, "XDG_CONFIG_HOME="+values.Dir)
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		sendSignal(-cmd.Process.Pid, syscall.SIGKILL) //nolint:errcheck // nobody may be left
		cmd.Wait()                                    //nolint:errcheck // killed
	}()
	if err := b.peerAnswers(values.Addr); err != nil {
		return err
	}
	report, err := b.peerLoad(values.Addr, "/", func() error {
		if p.reload == "" {
			return sendSignal(cmd.Process.Pid, syscall.SIGHUP)
		}
		return exec.CommandContext(b.ctx, binary, words(p.reload, values)...).Run() //nolint:gosec // a table above
	})
	if err != nil {
		return err
	}
	b.note("%-22s %5d lost: %s", p.name, len(report.Failures), report)
	return nil
}

// findPeer looks in the path, and for what is built of Go in GOBIN.
func findPeer(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(filepath.Join(os.Getenv("GOBIN"), name))
	if err != nil {
		return "", fmt.Errorf("%s is not installed", name)
	}
	return path, nil
}

// peerFolder writes the files of a server, with free addresses in them.
func (b *bench) peerFolder(p peer) (peerValues, error) {
	values := peerValues{Dir: filepath.Join(b.dir, p.binary)}
	var err error
	if values.Addr, err = freeAddress(); err != nil {
		return values, err
	}
	if values.Admin, err = freeAddress(); err != nil {
		return values, err
	}
	if err := os.Mkdir(values.Dir, 0o700); err != nil {
		return values, err
	}
	for _, file := range p.files {
		text, err := peerFiles.ReadFile("peers/" + file)
		if err != nil {
			return values, err
		}
		if err := os.WriteFile(filepath.Join(values.Dir, file), fill(string(text), values), 0o600); err != nil {
			return values, err
		}
	}
	return values, nil
}

// fill fills a template of this folder: a mistake in it is ours.
func fill(text string, values peerValues) []byte {
	var out bytes.Buffer
	if err := template.Must(template.New("peer").Option("missingkey=error").Parse(text)).Execute(&out, values); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func words(text string, values peerValues) []string {
	return strings.Fields(string(fill(text, values)))
}

// peerAnswers waits for the first good answer.
func (b *bench) peerAnswers(addr string) error {
	last := "nothing"
	err := b.until("an answer", 20*time.Second, func() bool {
		l := strict.Load{Addr: addr, KeepAlive: 1, Rate: 20, Timeout: time.Second, IDHeader: load.IDHeader,
			Calls: []strict.Call{{Method: "GET", Path: "/", Want: load.Plain}}}
		report, err := b.during(l, func() error { return b.pause(60 * time.Millisecond) })
		if err == nil && len(report.Failures) > 0 {
			last = report.Failures[0].Detail
		}
		return err == nil && report.Answered > 0 && len(report.Failures) == 0
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, last)
	}
	return nil
}
