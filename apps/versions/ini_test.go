package versions

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	_ "github.com/wheatpaste/wheatpaste/apps/urlmap" // the composite of the test
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestOptionsInAFile(t *testing.T) {
	const app = "[app:main]\nuse = egg:wheatpaste#versions\n"
	initest.Examples(t, paste.App, "egg:wheatpaste#versions")
	initest.Run(t, []initest.Case{
		{Name: "all", INI: app + "version v1 = status=CURRENT\n  path=/v1/\nstatus = 300\nother = 300\npublic_endpoint = https://h/x"},
		{Name: "none", INI: app, Error: "paste.ini:1:1: [app:main] version: missing, want at least one such as version v1 = status=CURRENT path=/v1/"},
		{Name: "one and all", INI: app + "version v1 = path=x\nversion v2 = status=OLD\nstatus = 404\nsingle = v3",
			Error: "paste.ini:3:14: [app:main] version v1: invalid path \"x\", want one such as /v2.1/\n" +
				"paste.ini:4:14: [app:main] version v2: invalid status \"OLD\", want CURRENT, SUPPORTED, DEPRECATED or EXPERIMENTAL\n" +
				"paste.ini:5:10: [app:main] status: invalid status 404, want 200 or 300\n" +
				"paste.ini:6:10: [app:main] single: unknown version \"v3\", want one of v1, v2"},
	})
}

func TestTwoMountsOfOneSection(t *testing.T) {
	app := pipelinetest.Load(t, `
[composite:main]
use = egg:Paste#urlmap
/ = list
/v2.1 = v21

[app:list]
use = egg:wheatpaste#versions
version v2.1 = version=2.90 min_version=2.1

[app:v21]
use = list
single = v2.1
`)
	const doc = `{"id":"v2.1","status":"CURRENT","version":"2.90","min_version":"2.1","links":[{"rel":"self","href":"http://h/v2.1/"}]}`
	for path, want := range map[string]string{"/": `{"versions":[` + doc + `]}`, "/v2.1": `{"version":` + doc + `}`, "/v2.1/": `{"version":` + doc + `}`} {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://h"+path, nil))
		if got := w.Body.String(); got != want+"\n" {
			t.Errorf("%s: %s\nwant %s", path, got, want)
		}
	}
}
