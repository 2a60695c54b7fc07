package versions_test

import (
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"

	_ "github.com/wheatpaste/wheatpaste/apps/nova/versions"
)

// The documents are compared with those of the originals in filters/services.
func TestDocuments(t *testing.T) {
	initest.Examples(t, paste.App, "egg:wheatpaste#nova_versions", "egg:wheatpaste#nova_version")
	tests := []struct {
		name, section, path string
		status              int
		body                string
	}{
		{"list", "use = egg:wheatpaste#nova_versions\ncompute_link_prefix = https://c/x", "/", 200, `{"versions": [{"id": "v2.0", "status": "SUPPORTED", "version": "", "min_version": "", "updated": "2011-01-21T11:33:21Z", "links": [{"rel": "self", "href": "https://c/x/v2/"}]}, {"id": "v2.1", "status": "CURRENT", "version": "2.93", "min_version": "2.1", "updated": "2013-07-23T11:33:21Z", "links": [{"rel": "self", "href": "https://c/x/v2.1/"}]}]}`},
		{"choices", "paste.app_factory = nova.api.openstack.compute.versions:Versions.factory", "/x", 300, `{"choices": [{"id": "v2.0", "status": "SUPPORTED", "links": [{"rel": "self", "href": "http://example.com/v2/x"}], "media-types": [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2"}]}, {"id": "v2.1", "status": "CURRENT", "links": [{"rel": "self", "href": "http://example.com/v2.1/x"}], "media-types": [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}]}]}`},
		{"another release", "use = egg:wheatpaste#nova_version\nmax_version = 2.96", "/", 200, `{"version": {"id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1", "updated": "2013-07-23T11:33:21Z", "links": [{"rel": "self", "href": "http://example.com/"}, {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}], "media-types": [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}]}}`},
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
		{Name: "version", INI: "[app:main]\nuse = egg:wheatpaste#nova_versions\nmax_version = x", Error: `paste.ini:3:15: [app:main] max_version: invalid version "x", want one such as 2.93`},
		{Name: "prefix", INI: "[app:main]\nuse = egg:wheatpaste#nova_version\ncompute_link_prefix = x", Error: `paste.ini:3:23: [app:main] compute_link_prefix: invalid URL "x", want one such as https://api.example.org`},
	})
}

func BenchmarkList(b *testing.B) {
	app := pipelinetest.Load(b, "[app:main]\nuse = egg:wheatpaste#nova_versions\n")
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		app.ServeHTTP(httptest.NewRecorder(), r)
	}
}
