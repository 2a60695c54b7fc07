package healthcheck

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestOptionsInAFile(t *testing.T) {
	const app = "[app:main]\nuse = egg:oslo.middleware#healthcheck\n"
	const loose = "[app:main]\npaste.app_factory = oslo_middleware:Healthcheck.app_factory\n"
	initest.Examples(t, paste.App, "egg:oslo.middleware#healthcheck")
	initest.Examples(t, paste.Filter, "egg:oslo.middleware#healthcheck")
	initest.Run(t, []initest.Case{
		{Name: "none", INI: app},
		{Name: "all", INI: app + "detailed = on\nbackends = disable_by_files_ports, enable_by_files\ndisable_by_file_paths = 80:/a,81:/b\n" +
			"enable_by_file_paths = /c\nallowed_source_ranges = 10.0.0.0/8, ::1\nignore_proxied_requests = true"},
		{Name: "detailed", INI: app + "detailed = maybe",
			Error: "paste.ini:3:12: [app:main] detailed: String is not true/false: 'maybe', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{Name: "backends", INI: app + "backends = disable_by_file nope", Error: "paste.ini:3:12: [app:main] backends: unknown backend " +
			`"disable_by_file nope", want a list, with commas, of disable_by_file, disable_by_files_ports, enable_by_files, tcp, http, memcached, redis, sql`},
		{Name: "ports", INI: app + "backends = disable_by_files_ports\ndisable_by_file_paths = /a",
			Error: `paste.ini:4:25: [app:main] disable_by_file_paths: invalid item "/a", want PORT:PATH`},
		{Name: "ranges", INI: app + "allowed_source_ranges = 10.0.0.1/8",
			Error: `paste.ini:3:25: [app:main] allowed_source_ranges: invalid network "10.0.0.1/8", want networks such as 10.0.0.0/8, or addresses`},
		{Name: "unknown", INI: app + "backend = x", Error: "paste.ini:3:11: [app:main] backend: unknown option, did you mean backends?"},
		{Name: "unknown to the original", INI: loose + "backend = x", Warnings: "backend: unknown option, did you mean backends?; it is ignored"},
		{Name: "path of the application", INI: app + "path = /hc", Warnings: "path: only the filter form looks at it; mount the application where it is to answer"},
		{Name: "no conf file", INI: loose + "oslo_config_project = wheatpaste-test",
			Warnings: `oslo_config_project: no conf file of "wheatpaste-test" was found, the defaults of all options count`},
		{Name: "time-out", INI: app + "check_timeout = soon", Error: `paste.ini:3:17: [app:main] check_timeout: invalid duration "soon", want seconds or a number with ms, s, m or h`},
		{Name: "password", INI: app + "backends = sql\ncheck_sql = mysql://u:pa%%zz@h/d",
			Error: `paste.ini:4:13: [app:main] check_sql: item 1: no URL, want mysql://... (signs such as @ and / in a password are written %40, %2F)`},
	})
}

// TestGlobalOptionsCount: the original merges the global configuration in.
func TestGlobalOptionsCount(t *testing.T) {
	h := pipelinetest.Load(t, `
[DEFAULT]
backends = disable_by_file
path = /hc
[pipeline:main]
pipeline = check last
[filter:check]
paste.filter_factory = oslo_middleware:Healthcheck.factory
[app:last]
use = egg:initest#last
`)
	for path, want := range map[string]int{"/hc": 200, "/healthcheck": 404} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want || want == 200 && w.Body.String() != "OK" {
			t.Errorf("%s: %d %q, want %d", path, w.Code, w.Body.String(), want)
		}
	}
}

// TestOptionsInAConfFile: the group [healthcheck] counts where the section says
// nothing, and [database] says where the database is.
func TestOptionsInAConfFile(t *testing.T) {
	there := touch(t)
	conf := filepath.Join(t.TempDir(), "glance.conf")
	text := "[healthcheck]\nbackends = disable_by_file, sql\ndisable_by_file_path = " + there +
		"\ndetailed = on\ncheck_timeout = 0.5\n[database]\nconnection = mysql+pymysql://glance:geheim@127.0.0.1:1/glance?charset=utf8\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := pipelinetest.Load(t, "[app:main]\nuse = egg:oslo.middleware#healthcheck\noslo_config_file = "+conf+"\n")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var doc struct{ Reasons []jsonReason }
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	want := []jsonReason{
		{resultClass, "Path '" + there + "' was found", "DISABLED BY FILE"},
		{resultClass, "mysql://127.0.0.1:1/glance: connection refused", "SQL UNAVAILABLE"},
	}
	if w.Code != 503 || !slices.Equal(doc.Reasons, want) {
		t.Errorf("%d %+v, want %+v", w.Code, doc.Reasons, want)
	}
}
