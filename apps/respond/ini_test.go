package respond

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestOptionsInAFile(t *testing.T) {
	const app = "[app:main]\nuse = egg:wheatpaste#respond\n"
	initest.Examples(t, paste.App, "egg:wheatpaste#respond")
	initest.Run(t, []initest.Case{
		{Name: "none", INI: app},
		{Name: "all", INI: app + "body = x\nstatus = 404\ncontent_type = text/html\nheader X-A = 1\nheader X-B = 2"},
		{Name: "status", INI: app + "status = ok", Error: "paste.ini:3:10: [app:main] status: Bad integer value: 'ok', want a whole number"},
		{Name: "range", INI: app + "status = 1000", Error: "paste.ini:3:10: [app:main] status: invalid status 1000, want 200 to 599"},
		{Name: "two at once", INI: app + "content_type = x\nheader Trailer = 1",
			Error: "paste.ini:3:16: [app:main] content_type: invalid media type \"x\", want one such as text/plain; charset=utf-8\n" +
				"paste.ini:4:18: [app:main] header Trailer: header Trailer cannot be set here, the answer has none"},
		{Name: "unknown", INI: app + "stats = 200", Error: "paste.ini:3:9: [app:main] stats: unknown option, did you mean status?"},
		{Name: "body of a 204", INI: app + "status = 204\nbody = x", Warnings: "body: an answer with status 204 has no body; it is not sent"},
	})
}

func TestDefaultsInAFile(t *testing.T) {
	w := httptest.NewRecorder()
	pipelinetest.Load(t, "[app:main]\nuse = egg:wheatpaste#respond\nbody = hi").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain" || w.Body.String() != "hi" {
		t.Errorf("got %d %v %q", w.Code, w.Header(), w.Body.String())
	}
}
