package cmd

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/check"
	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
)

// planned is what a process plans from the command line, the conf files and the
// paste file that they name.
func planned(t *testing.T, files *snapshot.Files, only string) (plan string, source *source) {
	t.Helper()
	s := newSource(t, files, "--config-file", "conf/nova.conf", "--missing", "stub")
	loader, err := s.loader(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	q := s.request(loader)
	q.Only = only
	made, err := check.Plan(q)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, g := range made.Groups {
		list = append(list, g.Name+"@"+g.Listen[0].String()+"="+g.Application.Context.Label()+"*"+g.Workers.String())
	}
	return strings.Join(list, " "), s
}

func newSource(t *testing.T, files *snapshot.Files, args ...string) *source {
	t.Helper()
	s := &source{files: files}
	c := &cobra.Command{Use: "serve"}
	c.Flags().String("log-format", "text", "")
	s.flags(c)
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if err := s.parse(c, c.Flags().Args()); err != nil {
		t.Fatal(err)
	}
	return s
}

// LAUNCH-10: a worker plans what its master has rehearsed, whatever the disk
// holds meanwhile.
func TestAWorkerPlansFromTheSnapshot(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("conf", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"conf/nova.conf":     "[DEFAULT]\nmetadata_workers = 3\n[wsgi]\napi_paste_config = paste.ini\n",
		"conf/paste.ini":     "[app:osapi_compute]\nuse = config:more.ini#sub\n[app:metadata]\nuse = egg:nova#metadata\n",
		"conf/more.ini":      "[app:sub]\nuse = egg:nova#sub\n",
		"conf/unrelated.ini": "",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, master := planned(t, nil, "")
	if want != "osapi_compute@0.0.0.0:8774=osapi_compute*auto metadata@0.0.0.0:8775=metadata*3" {
		t.Errorf("the master plans %s", want)
	}
	data, err := master.files.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll("conf"); err != nil {
		t.Fatal(err)
	}
	for _, only := range []string{"", "metadata", "osapi_compute"} {
		files, err := snapshot.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := planned(t, files, only)
		if only == "" && got != want || !strings.HasPrefix(got, only) || only != "" && strings.Contains(got, " ") {
			t.Errorf("only %q: the worker plans %s", only, got)
		}
	}
}

// LAUNCH-10 again: the conf files that sections name, and the places where one
// was looked for in vain, are in the snapshot as the paste files are.
func TestAWorkerReadsTheConfFilesOfSectionsFromTheSnapshot(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HOME", t.TempDir())
	for name, text := range map[string]string{
		"paste.ini":   "[app:main]\nuse = egg:oslo.middleware#healthcheck\noslo_config_project = wheatpaste-test\noslo_config_file = glance.conf\n",
		"glance.conf": "[healthcheck]\nbackends = disable_by_file\ndisable_by_file_path = /\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(files *snapshot.Files) (string, *source, *plan.Plan) {
		s := newSource(t, files, "paste.ini")
		loader, err := s.loader(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		made, err := check.Plan(s.request(loader))
		if err != nil {
			t.Fatal(err)
		}
		rec := httptest.NewRecorder()
		made.Groups[0].Application.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
		return rec.Body.String(), s, made
	}
	const want = "DISABLED BY FILE"
	got, master, made := answer(nil)
	if got != want {
		t.Errorf("the master answers %q", got)
	}
	var listed, looked []string
	for _, f := range made.Files {
		listed = append(listed, filepath.Base(f.Path))
	}
	for _, path := range watched(master.files) {
		looked = append(looked, filepath.Base(path))
	}
	if fmt.Sprint(listed) != "[glance.conf paste.ini]" || !slices.Contains(looked, "wheatpaste-test.conf.d") || !slices.Contains(looked, "glance.conf") {
		t.Errorf("config_info lists %s, --watch looks at %s", listed, looked)
	}
	data, err := master.files.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("glance.conf", []byte("[healthcheck]\nbackends = enable_by_files\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := snapshot.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := answer(files); got != want {
		t.Errorf("the worker answers %q, want %q", got, want)
	}
}

// design.md 7: what is served when nothing, a URI, or conf files are given.
func TestWhichFileIsMeant(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"nova.conf": "[DEFAULT]\nenabled_apis = metadata\n", "swift.conf": "", "api-paste.ini": "",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		args []string
		uri  string
		nova bool
	}{
		{"nothing", nil, "config:api-paste.ini", false},
		{"a URI", []string{"a.ini"}, "config:a.ini", false},
		{"a conf file", []string{"--config-file", "swift.conf"}, "config:api-paste.ini", true},
		{"a conf file and var=value", []string{"--config-file", "swift.conf", "a=b"}, "config:api-paste.ini", true},
		{"a conf file and a URI", []string{"a.ini", "--config-file", "swift.conf"}, "config:a.ini", false},
		{"enabled_apis and a URI", []string{"a.ini", "--config-file", "nova.conf"}, "config:a.ini", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSource(t, nil, tt.args...)
			if err := s.prepare(); err != nil {
				t.Fatal(err)
			}
			if s.uri != tt.uri || s.nova != tt.nova {
				t.Errorf("uri %s, nova %v, want %s, %v", s.uri, s.nova, tt.uri, tt.nova)
			}
		})
	}
}
