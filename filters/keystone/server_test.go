package keystone_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// python has the originals.
const python = "/usr/bin/python3"

// needPython ends the test when Debian's packages are not there.
func needPython(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short: it starts a Keystone")
	}
	out, err := exec.Command(python, "-c", "import keystonemiddleware.auth_token, keystone.server.wsgi, memcache, paste.deploy").CombinedOutput()
	if err == nil {
		out, err = exec.Command("memcached", "-V").CombinedOutput()
	}
	if err == nil {
		return
	}
	if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
		t.Fatalf("keystone, python3-keystonemiddleware, python3-memcache, python3-pastedeploy and memcached are needed: %v\n%s", err, out)
	}
	t.Skip("keystone, python3-keystonemiddleware or memcached is not installed")
}

// start runs a program until stop is called, which the end of the test does. It
// gives the first line that the program prints.
func start(t *testing.T, name string, args ...string) (line string, stop func()) {
	t.Helper()
	cmd := exec.Command(name, args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			stdin.Close()
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	t.Cleanup(stop)
	line, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		stop()
		t.Fatalf("%s %v: %v\n%s", name, args, err, stderr.String())
	}
	return strings.TrimSpace(line), stop
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// keystone is a real one, with what the tests want in it.
type keystone struct {
	t         *testing.T
	dir, port string
	halt      func()
	admin     string // a token
}

func newKeystone(t *testing.T) *keystone {
	t.Helper()
	k := &keystone{t: t, dir: t.TempDir(), port: freePort(t)}
	k.configure(3600)
	for _, name := range []string{"fernet", "cred"} {
		if err := os.Mkdir(filepath.Join(k.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(python, "testdata/realkeystone.py", "prepare", k.dir, k.port).CombinedOutput(); err != nil {
		t.Fatalf("keystone-manage: %v\n%s", err, out)
	}
	return k
}

// configure says how long tokens are good; the next start obeys.
func (k *keystone) configure(expiration int) {
	k.t.Helper()
	conf := fmt.Sprintf(`[DEFAULT]
log_file = %[1]s/keystone.log
max_param_size = 255
[database]
connection = sqlite:///%[1]s/keystone.sqlite
sqlite_synchronous = false
[identity]
password_hash_rounds = 4
[token]
provider = fernet
expiration = %[2]d
[fernet_tokens]
key_repository = %[1]s/fernet
[credential]
key_repository = %[1]s/cred
[cache]
enabled = true
backend = oslo_cache.dict
`, k.dir, expiration)
	if err := os.WriteFile(filepath.Join(k.dir, "keystone.conf"), []byte(conf), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

func (k *keystone) start() {
	k.t.Helper()
	_, k.halt = start(k.t, python, "testdata/realkeystone.py", "serve", k.dir, k.port)
}

func (k *keystone) stop() { k.halt() }

func (k *keystone) url() string { return "http://127.0.0.1:" + k.port }

// call does one request and gives the JSON of the answer, and its token.
func (k *keystone) call(method, path, token string, body any) (map[string]any, string) {
	k.t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			k.t.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, k.url()+"/v3"+path, bytes.NewReader(text))
	if err != nil {
		k.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("X-Auth-Token", token)
		r.Header.Set("X-Subject-Token", token)
	}
	client := &http.Client{Timeout: 20 * time.Second}
	resp, err := client.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		k.t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, answer, err)
	}
	var result map[string]any
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &result); err != nil {
			k.t.Fatal(err)
		}
	}
	return result, resp.Header.Get("X-Subject-Token")
}

type object = map[string]any

// inDefault names something in the default domain.
func inDefault(name string) object {
	return object{"name": name, "domain": object{"id": "default"}}
}

// login gives a token; a nil scope is none.
func (k *keystone) login(user, password string, scope any) string {
	k.t.Helper()
	u := inDefault(user)
	u["password"] = password
	auth := object{"identity": object{"methods": []string{"password"}, "password": object{"user": u}}}
	if scope != nil {
		auth["scope"] = scope
	}
	_, token := k.call("POST", "/auth/tokens", "", object{"auth": auth})
	return token
}

// create makes an object and gives its id.
func (k *keystone) create(path, kind string, body object) string {
	k.t.Helper()
	result, _ := k.call("POST", path, k.admin, object{kind: body})
	return result[kind].(object)["id"].(string)
}

func (k *keystone) revoke(token string) {
	k.t.Helper()
	k.call("DELETE", "/auth/tokens", token, nil)
}
