package versions_test

import (
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"

	_ "github.com/wheatpaste/wheatpaste/apps/glance/versions"
)

// The documents are compared with those of the originals in filters/services.
func TestDocuments(t *testing.T) {
	initest.Examples(t, paste.App, "egg:wheatpaste#glance_versions")
	tests := []struct {
		name, section, path string
		status              int
		body                string
	}{
		{"plain", "use = egg:wheatpaste#glance_versions", "/", 300, `{"versions": [{"id": "v2.15", "status": "CURRENT", "links": [{"rel": "self", "href": "http://example.com/v2/"}]}, {"id": "v2.9", "status": "SUPPORTED", "links": [{"rel": "self", "href": "http://example.com/v2/"}]}, {"id": "v2.7", "status": "SUPPORTED", "links": [{"rel": "self", "href": "http://example.com/v2/"}]}, {"id": "v2.6", "status": "SUPPORTED", "links": [{"rel": "self", "href": "http://example.com/v2/"}]}, {"id": "v2.5", "status": "SUPPORTED", "links": [{"rel": "self", "href": "http://example.com/v2/"}]}, {"id": "v2.4", "status": "SUPPORTED", "links": [{"rel": "self", "href": "http://example.com/v2/"}]}, {"id": "v2.3", "status": "SUPPORTED", "links": [{"rel": "self", "href": "http://example.com/v2/"}]}, {"id": "v2.2", "status": "SUPPORTED", "links": [{"rel": "self", "href": "http://example.com/v2/"}]}, {"id": "v2.1", "status": "SUPPORTED", "links": [{"rel": "self", "href": "http://example.com/v2/"}]}, {"id": "v2.0", "status": "SUPPORTED", "links": [{"rel": "self", "href": "http://example.com/v2/"}]}]}`},
		{"cache and stores", "paste.app_factory = glance.api.versions:create_resource\nimage_cache_dir = /c\nenabled_backends = a:b\npublic_endpoint = https://i/", "/", 300, `{"versions": [{"id": "v2.16", "status": "CURRENT", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.15", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.14", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.13", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.12", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.11", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.10", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.9", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.8", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.7", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.6", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.5", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.4", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.3", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.2", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.1", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}, {"id": "v2.0", "status": "SUPPORTED", "links": [{"rel": "self", "href": "https://i/v2/"}]}]}`},
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
		{Name: "unknown", INI: "[app:main]\npaste.app_factory = glance.api.versions:create_resource\nzzz = 1", Warnings: "zzz: unknown option, egg:wheatpaste#glance_versions takes public_endpoint, image_cache_dir, enabled_backends; it is ignored"},
	})
}

func BenchmarkList(b *testing.B) {
	app := pipelinetest.Load(b, "[app:main]\nuse = egg:wheatpaste#glance_versions\n")
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		app.ServeHTTP(httptest.NewRecorder(), r)
	}
}
