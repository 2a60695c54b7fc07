//go:build linux

package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// novaFiles writes nova.conf and the paste file beside it (START-07), and gives
// the path of nova.conf.
func novaFiles(t *testing.T, conf, ini string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"nova.conf": conf, "api-paste.ini": ini} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "nova.conf")
}

const novaINI = `
[app:osapi_compute]
use = egg:wheatpaste#respond
body = compute
[app:metadata]
use = egg:wheatpaste#respond
body = metadata
`

// superviseNova starts a master on conf files, in a group of its own.
func superviseNova(t *testing.T, args ...string) *supervised {
	t.Helper()
	s := prepare(t, "", args...)
	s.Args = append(s.Args[:2:2], s.Args[3:]...) // no URI
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.launch()
	return s
}

// Each enabled API has an address and workers of its own, and one that the file
// does not have is skipped with a warning; the log goes where nova.conf says.
func TestNovaConf(t *testing.T) {
	t.Parallel()
	conf := novaFiles(t, `[DEFAULT]
enabled_apis = osapi_compute, metadata, ec2
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = 0
osapi_compute_workers = 2
metadata_listen = 127.0.0.1
metadata_listen_port = 0
metadata_workers = 1
log_file = nova-api.log
log_dir = DIR
use_stderr = true
`, novaINI)
	dir := filepath.Dir(conf)
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, conf, strings.Replace(string(text), "DIR", dir, 1))
	s := superviseNova(t, "--config-file", conf)
	for api, want := range map[string]struct {
		body    string
		workers int
	}{"osapi_compute": {"compute", 2}, "metadata": {"metadata", 1}} {
		address := s.serves(api)
		if r, body := fresh(t, address, "/"); r.StatusCode != 200 || strings.TrimSpace(body) != want.body {
			t.Errorf("%s answers %d %q, want %q", api, r.StatusCode, body, want.body)
		}
		if got := s.ready(api); len(got) != want.workers {
			t.Errorf("%s has the workers %v, want %d", api, got, want.workers)
		}
	}
	s.says(`level=WARN msg="Could not load paste app 'ec2' from ` + regexp.QuoteMeta(dir) + `/api-paste.ini; the API is skipped; .*" at=` + regexp.QuoteMeta(conf) + `:2:16 section=DEFAULT option=enabled_apis$`)
	s.reloadWell()
	s.finish()
	log, err := os.ReadFile(filepath.Join(dir, "nova-api.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"msg=serving server=osapi_compute ", "msg=serving server=metadata ", "Could not load paste app 'ec2'", "msg=reloaded generation=2", "msg=draining worker=0 generation=2 server=metadata ", "msg=stopped cut=0"} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the log file does not hold %s:\n%s", want, log)
		}
	}
}

// The single-API entry, as nova-api-metadata is (START-08).
func TestNovaAppName(t *testing.T) {
	t.Parallel()
	conf := novaFiles(t, "[DEFAULT]\nmetadata_listen = 127.0.0.1\nmetadata_listen_port = 0\nmetadata_workers = 1\n", novaINI)
	s := superviseNova(t, "--config-file", conf, "--app-name", "metadata")
	if r, body := fresh(t, s.serves("metadata"), "/"); r.StatusCode != 200 || strings.TrimSpace(body) != "metadata" {
		t.Errorf("answer %d %q", r.StatusCode, body)
	}
	if n := s.said(`msg=serving server=osapi_compute`); n != 0 {
		t.Error("osapi_compute is served as well")
	}
	s.finish()
}

// EXIT-02: no API that could be served.
func TestNovaWithoutAPIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ enabled, want string }{
		"none is named":        {"", ":2:15: [DEFAULT] enabled_apis: No APIs were started. Check the enabled_apis config option."},
		"the only one is lost": {"ec2", ":2:16: [DEFAULT] enabled_apis: No APIs were started. Check the enabled_apis config option."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := novaFiles(t, "[DEFAULT]\nenabled_apis = "+c.enabled+"\n", novaINI)
			code, stderr := superviseNova(t, "--config-file", conf).end()
			if lines := strings.Split(stderr, "\n"); code != 1 || lines[len(lines)-1] != conf+c.want {
				t.Errorf("exit code %d, want 1 and %q at the end of\n%s", code, conf+c.want, stderr)
			}
		})
	}
}

// Point 8 of the issue: Debian's own files, each API on its port.
func TestDebianNovaConfIsServed(t *testing.T) {
	if os.Getenv("WHEATPASTE_INTEGRATION") != "1" {
		t.Skip("the files are in a Debian package: WHEATPASTE_INTEGRATION=1 downloads it")
	}
	for _, port := range []string{"8774", "8775"} {
		l, err := net.Listen("tcp", ":"+port)
		if err != nil {
			t.Fatalf("the port is not free: %v", err)
		}
		_ = l.Close()
	}
	dir := t.TempDir()
	cmd := exec.Command("sh", "-c", "apt-get download -q nova-common && dpkg-deb -x nova-common*.deb .")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := superviseNova(t, "--config-file", filepath.Join(dir, "usr/share/nova-common/nova.conf"), "--missing", "stub")
	for api, port := range map[string]string{"osapi_compute": "8774", "metadata": "8775"} {
		if got := s.serves(api); got != "0.0.0.0:"+port {
			t.Errorf("%s is served at %s, want port %s", api, got, port)
		}
		if len(s.ready(api)) == 0 {
			t.Errorf("%s has no worker of its own", api)
		}
	}
	r, body := fresh(t, "127.0.0.1:8775", "/")
	var got struct {
		Error struct {
			Code    int
			Factory string
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || r.StatusCode != 501 || !strings.HasPrefix(got.Error.Factory, "nova.api.metadata.") {
		t.Errorf("metadata answers %d %s, error %v, want 501 and nova's factory", r.StatusCode, body, err)
	}
	if r, body := fresh(t, "127.0.0.1:8774", "/healthcheck"); r.StatusCode >= 500 && r.StatusCode != 501 {
		t.Errorf("osapi_compute answers %d %s", r.StatusCode, body)
	}
	s.finish()
}
