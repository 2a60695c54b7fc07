package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestOptionsInAFile(t *testing.T) {
	const app = "[app:main]\nuse = egg:wheatpaste#metrics\n"
	initest.Examples(t, paste.App, "egg:wheatpaste#metrics")
	initest.Run(t, []initest.Case{
		{Name: "all", INI: app + "timeout = 5\ncompression = off"},
		{Name: "timeout", INI: app + "timeout = soon", Error: `paste.ini:3:11: [app:main] timeout: invalid duration "soon", want seconds or a number with ms, s, m or h`},
		{Name: "compression", INI: app + "compression = gzip",
			Error: "paste.ini:3:15: [app:main] compression: String is not true/false: 'gzip', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
	})
}

func TestALoadedAppShowsTheMetricsOfItsLoader(t *testing.T) {
	app := pipelinetest.Load(t, "[app:main]\nuse = egg:wheatpaste#metrics\n")
	for range 2 {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != 200 {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		if body := w.Body.String(); !strings.Contains(body, "wheatpaste_http_requests_total{app=\"main\",code=\"200\",method=\"GET\"}") {
			t.Errorf("the requests of this app are not there: %s", body)
		}
	}
}
