package refused_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/apps/refused"
	_ "github.com/wheatpaste/wheatpaste/apps/respond"
	_ "github.com/wheatpaste/wheatpaste/filters/refused"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestReasons(t *testing.T) {
	for section, want := range map[string]string{
		"use = egg:Paste#evalerror":    "paste.ini:4:7: [filter:f] use: egg:Paste#evalerror cannot be served by Go: it runs Python that the browser sends; remove it, egg:wheatpaste#catch_errors logs panics with their stacks",
		"use = egg:WebError#evalerror": "paste.ini:4:7: [filter:f] use: egg:WebError#evalerror cannot be served by Go: it runs Python that the browser sends; remove it, egg:wheatpaste#catch_errors logs panics with their stacks",
		"use = egg:Paste#printdebug":   "paste.ini:4:7: [filter:f] use: egg:Paste#printdebug cannot be served by Go: it prints what Python writes to sys.stdout; use egg:oslo.middleware#debug",
		"paste.filter_factory = nova.api.openstack.compute.limits:RateLimitingMiddleware.factory": "paste.ini:4:24: [filter:f] paste.filter_factory: nova.api.openstack.compute.limits:RateLimitingMiddleware.factory cannot be served by Go: nova dropped its own rate limits; use egg:wheatpaste#ratelimit",
	} {
		_, err := pipelinetest.Try(t, "[pipeline:main]\npipeline = f app\n[filter:f]\n"+section+"\n[app:app]\nuse = egg:wheatpaste#respond\n")
		if err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	}
}

// TestEveryReasonIsASentence wants what operators can do, or that they cannot.
func TestEveryReasonIsASentence(t *testing.T) {
	n := 0
	for _, f := range paste.DefaultRegistry.Factories() {
		if f.Refusal == "" {
			continue
		}
		n++
		ends := []string{"use ", "remove it", "egg:wheatpaste#proxy", "let ", "keep ", "check pages", "have clients"}
		helps := false
		for _, e := range ends {
			helps = helps || strings.Contains(f.Refusal, e)
		}
		if !helps || strings.HasSuffix(f.Refusal, ".") || strings.Contains(f.Refusal, "\n") {
			t.Errorf("%s: %q does not say what to do", f.Name, f.Refusal)
		}
	}
	if n < 50 {
		t.Errorf("%d refusals, want more than 50", n)
	}
}

// TestARefusedAppIsStillAStub serves nova's file as --missing stub does.
func TestARefusedAppIsStillAStub(t *testing.T) {
	app, err := pipelinetest.TryWith(t, &pipeline.Loader{Missing: pipeline.MissingStub},
		"[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:Paste#evalerror\n[app:app]\npaste.app_factory = nova.api.openstack.compute:APIRouterV21.factory\n")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 501 || !strings.Contains(w.Body.String(), `"factory":"nova.api.openstack.compute:APIRouterV21.factory"`) {
		t.Errorf("%d %s, want 501 and the factory", w.Code, w.Body)
	}
}
