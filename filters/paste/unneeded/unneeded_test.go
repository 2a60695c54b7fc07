package unneeded

import (
	"net/http/httptest"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/apps/respond"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestTheyPassAndSaySo(t *testing.T) {
	for use, want := range map[string]string{
		"use = egg:Paste#recursive": "passes requests through: forwards inside are made by egg:Paste#errordocument itself; remove it",
		"use = egg:Paste#registry":  "passes requests through: Go needs no registry of a request's objects; remove it",
		"paste.filter_factory = barbican.api.middleware.simple:SimpleFilter.factory": "passes requests through: it is barbican's example of a filter and does nothing; remove it",
	} {
		app := pipelinetest.Load(t, "[pipeline:main]\npipeline = f app\n[filter:f]\n"+use+"\n[app:app]\nuse = egg:wheatpaste#respond\nbody = hi\n")
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Body.String() != "hi" || len(app.Warnings()) != 1 || app.Warnings()[0].Problem != want {
			t.Errorf("%s: %q, warnings %v, want %s", use, w.Body, app.Warnings(), want)
		}
	}
}
