package debian

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/apps/all"
	_ "github.com/wheatpaste/wheatpaste/filters/all"
	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	_ "github.com/wheatpaste/wheatpaste/service/servers/all"
)

// shipped are the files, and the applications in them that the services load.
var shipped = []struct {
	pkg, file string
	apps      []string
}{
	{"nova-common", "usr/share/nova-common/api-paste.ini", []string{"osapi_compute", "metadata"}},
	{"neutron-common", "usr/share/neutron-common/api-paste.ini", []string{"neutron"}},
	{"cinder-common", "usr/share/cinder-common/api-paste.ini", []string{"osapi_volume"}},
	{"glance-common", "usr/share/glance-common/glance-api-paste.ini", []string{"glance-api", "glance-api-keystone", "glance-api-cachemanagement"}},
	{"heat-common", "etc/heat/api-paste.ini", []string{"heat-api", "heat-api-noauth", "heat-api-cfn", "heat-api-standalone"}},
	{"manila-common", "usr/share/manila-common/api-paste.ini", []string{"osapi_share"}},
	{"barbican-common", "usr/share/barbican-common/barbican-api-paste.ini", []string{"main"}},
	{"swift-proxy", "etc/swift/proxy-server.conf", []string{"main"}},
}

// TestDebianFilesAreServedWithStubs serves each file as `serve --missing stub
// --workers 0` does: every mount answers, an app without a Go factory with 501
// and its factory's name.
func TestDebianFilesAreServedWithStubs(t *testing.T) {
	integration := os.Getenv("WHEATPASTE_INTEGRATION") == "1"
	if !integration {
		t.Skip("the files are in Debian packages: WHEATPASTE_INTEGRATION=1 downloads them")
	}
	for _, s := range shipped {
		t.Run(s.pkg, func(t *testing.T) {
			file := filepath.Join(unpack(t, s.pkg), s.file)
			for _, app := range s.apps {
				t.Run(app, func(t *testing.T) { probe(t, file, app) })
			}
		})
	}
}

// TestDebianFactoriesAreKnown wants every factory that the files name to be
// served, or refused with a reason.
func TestDebianFactoriesAreKnown(t *testing.T) {
	if os.Getenv("WHEATPASTE_INTEGRATION") != "1" {
		t.Skip("the files are in Debian packages: WHEATPASTE_INTEGRATION=1 downloads them")
	}
	for _, s := range shipped {
		t.Run(s.pkg, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(unpack(t, s.pkg), s.file))
			if err != nil {
				t.Fatal(err)
			}
			served, refused := 0, 0
			for _, f := range factories(string(text)) {
				found, ok := paste.DefaultRegistry.Lookup(f.object, f.name)
				switch {
				case !ok:
					t.Errorf("%s is not known", f.name)
				case found.Refusal != "":
					refused++
					t.Logf("%s is refused: %s", f.name, found.Refusal)
				default:
					served++
				}
			}
			t.Logf("%d factories are served, %d refused", served, refused)
		})
	}
}

type named struct {
	object paste.Object
	name   string
}

// factories are those that the filters, apps and composites of a file name.
func factories(text string) []named {
	objects := map[string]paste.Object{"filter": paste.Filter, "app": paste.App, "composite": paste.App}
	var list []named
	var object paste.Object
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			kind, _, _ := strings.Cut(line[1:], ":")
			object, inside = objects[kind]
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if ok && inside && (key == "use" || strings.HasPrefix(key, "paste.") && strings.HasSuffix(key, "_factory")) {
			list = append(list, named{object, value})
		}
	}
	return list
}

// TestDebianNovaConf plans what nova-api of the package serves (design.md 7.2).
func TestDebianNovaConf(t *testing.T) {
	if os.Getenv("WHEATPASTE_INTEGRATION") != "1" {
		t.Skip("the file is in a Debian package: WHEATPASTE_INTEGRATION=1 downloads it")
	}
	file := filepath.Join(unpack(t, "nova-common"), "usr/share/nova-common/nova.conf")
	source := new(snapshot.Files)
	conf, err := osloconf.LoadFrom(source, []string{file, confFile(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !plan.NovaMode(conf, false) {
		t.Fatal("nova.conf alone does not say what is served")
	}
	ini, err := plan.PasteFile(conf, source)
	if err != nil {
		t.Fatal(err)
	}
	made, err := plan.Make(plan.Request{
		Loader: loader(conf), URI: paste.FileURI(ini), Options: []paste.LoadOption{paste.ReadFiles(source.Read)},
		Conf: conf, Nova: true, Source: source,
	})
	if err != nil || len(made.Errors) > 0 {
		t.Fatal(err, made.Errors)
	}
	var got []string
	for _, g := range made.Groups {
		got = append(got, fmt.Sprintf("%s %s %s workers=%s", g.Name, g.Listen[0], g.Application.Context.Label(), g.Workers))
	}
	want := "osapi_compute 0.0.0.0:8774 osapi_compute workers=auto, metadata 0.0.0.0:8775 metadata workers=auto"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("serves %s\nwant %s", text, want)
	}
}

// unpack downloads a package and unpacks it in a folder of the test's own.
func unpack(t *testing.T, pkg string) string {
	t.Helper()
	dir := t.TempDir()
	run := func(name string, args ...string) {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
	run("apt-get", "download", "-q", pkg)
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) != 1 {
		t.Fatalf("%v %v, want one package", debs, err)
	}
	run("dpkg-deb", "-x", debs[0], dir)
	return dir
}

// loader is the one of serve --missing stub.
func loader(conf *osloconf.Config) *pipeline.Loader {
	return &pipeline.Loader{
		Missing: pipeline.MissingStub, Logger: slog.New(slog.DiscardHandler),
		Conf: osloconf.NewLookup(new(snapshot.Files), conf).Open,
	}
}

// confFile writes what the packages leave to their configuration: how to reach
// keystone. Nothing listens there.
func confFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "service.conf")
	const text = `[keystone_authtoken]
auth_type = password
auth_url = http://127.0.0.1:1/v3
username = service
password = none
user_domain_name = Default
project_name = service
project_domain_name = Default
`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func probe(t *testing.T, file, app string) {
	conf, err := osloconf.Load([]string{confFile(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	made, err := plan.Make(plan.Request{Loader: loader(conf), URI: paste.FileURI(file), Name: &app})
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Errors) > 0 {
		t.Fatal(made.Errors)
	}
	application := made.Groups[0].Application
	if err := application.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer application.Close(t.Context())
	server := httptest.NewServer(application)
	defer server.Close()
	for _, path := range paths(application.Context) {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		t.Logf("%s %d %.80s", path, resp.StatusCode, bytes.ReplaceAll(body, []byte("\n"), []byte(" ")))
		if err != nil || !answers(resp.StatusCode, body) {
			t.Errorf("%s: %d %s %v, want an answer of a filter or app, or 501 that names a factory", path, resp.StatusCode, body, err)
		}
	}
}

// paths are one request for every mount of the application.
func paths(c *paste.Context) []string {
	list := []string{"/", "/healthcheck"}
	var visit func(n *tree.Node, prefix string)
	visit = func(n *tree.Node, prefix string) {
		if n.Err != nil {
			return
		}
		for _, m := range n.Mounts {
			path := prefix + strings.TrimSuffix(m.Key, "+")
			list = append(list, strings.TrimSuffix(path, "/")+"/probe")
			visit(m.Node, strings.TrimSuffix(path, "/"))
		}
		if n.Next != nil {
			visit(n.Next, prefix)
		}
	}
	visit(tree.Context(c), "")
	return list
}

// answers reports whether an answer is one of a stub or a real one.
func answers(status int, body []byte) bool {
	if status != http.StatusNotImplemented {
		return status == http.StatusOK || status == http.StatusNotFound || status == http.StatusUnauthorized || status == http.StatusMultipleChoices
	}
	var stub struct {
		Error struct{ Factory string }
	}
	return json.Unmarshal(body, &stub) == nil && stub.Error.Factory != ""
}
