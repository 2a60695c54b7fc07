package versions_test

import (
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"

	_ "github.com/wheatpaste/wheatpaste/apps/cinder/versions"
)

// The documents are compared with those of the originals in filters/services.
func TestDocuments(t *testing.T) {
	initest.Examples(t, paste.App, "egg:wheatpaste#cinder_versions", "egg:wheatpaste#manila_versions")
	tests := []struct {
		name, section, path string
		status              int
		body                string
	}{
		{"cinder", "use = egg:wheatpaste#cinder_versions\npublic_endpoint = https://c/v3", "/", 300, `{"versions": [{"id": "v3.0", "status": "CURRENT", "version": "3.70", "min_version": "3.0", "updated": "2022-08-31T00:00:00Z", "links": [{"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"}, {"rel": "self", "href": "https://c/v3/"}], "media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}]}]}`},
		{"manila", "paste.app_factory = manila.api.versions:VersionsRouter.factory\nmax_version = 2.90", "/", 300, `{"versions": [{"id": "v1.0", "status": "DEPRECATED", "version": "", "min_version": "", "updated": "2015-08-27T11:33:21Z", "links": [{"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}, {"rel": "self", "href": "http://example.com/v1/"}], "media-types": [{"base": "application/json", "type": "application/vnd.openstack.share+json;version=1"}]}, {"id": "v2.0", "status": "CURRENT", "version": "2.90", "min_version": "2.0", "updated": "2015-08-27T11:33:21Z", "links": [{"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}, {"rel": "self", "href": "http://example.com/v2/"}], "media-types": [{"base": "application/json", "type": "application/vnd.openstack.share+json;version=1"}]}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := pipelinetest.Load(t, "[app:main]\n"+tt.section+"\n")
			w := httptest.NewRecorder()
			app.ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("%d %s\nwant %d %s", w.Code, w.Body, tt.status, tt.body)
			}
		})
	}
}

func TestOptionsInAFile(t *testing.T) {
	initest.Run(t, []initest.Case{
		{Name: "cinder", INI: "[app:main]\nuse = egg:wheatpaste#cinder_versions\nmax_version = 3", Error: `paste.ini:3:15: [app:main] max_version: invalid version "3", want one such as 2.93`},
		{Name: "manila", INI: "[app:main]\nuse = egg:wheatpaste#manila_versions\nmax_version = 2.07", Error: `paste.ini:3:15: [app:main] max_version: invalid version "2.07", want one such as 2.93`},
	})
}

func BenchmarkList(b *testing.B) {
	app := pipelinetest.Load(b, "[app:main]\nuse = egg:wheatpaste#cinder_versions\n")
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		app.ServeHTTP(httptest.NewRecorder(), r)
	}
}
