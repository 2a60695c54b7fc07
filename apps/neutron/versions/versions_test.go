package versions_test

import (
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"

	_ "github.com/wheatpaste/wheatpaste/apps/neutron/versions"
)

// The documents are compared with those of the originals in filters/services.
func TestDocuments(t *testing.T) {
	initest.Examples(t, paste.App, "egg:wheatpaste#neutron_versions")
	tests := []struct {
		name, section, path string
		status              int
		body                string
	}{
		{"list", "paste.app_factory = neutron.pecan_wsgi.app:versions_factory", "/", 200, `{"versions": [{"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": "http://example.com/v2.0/"}]}]}`},
		{"prefix", "use = egg:wheatpaste#neutron_versions\nnetwork_link_prefix = https://n/net", "/", 200, `{"versions": [{"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": "https://n/net/v2.0/"}]}]}`},
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
		{Name: "prefix", INI: "[app:main]\nuse = egg:wheatpaste#neutron_versions\nnetwork_link_prefix = x", Error: `paste.ini:3:23: [app:main] network_link_prefix: invalid URL "x", want one such as https://api.example.org`},
	})
}

func BenchmarkList(b *testing.B) {
	app := pipelinetest.Load(b, "[app:main]\nuse = egg:wheatpaste#neutron_versions\n")
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		app.ServeHTTP(httptest.NewRecorder(), r)
	}
}
