package httpexceptions

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/paste/pastetest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	paste.RegisterApp("egg:httpexceptions-test#teapot", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), nil
	})
}

func section(lines string) string {
	return "[app:main]\nuse = egg:httpexceptions-test#teapot\nfilter-with = exc\n[filter:exc]\n" + lines + "\n"
}

func TestPassesRequestsAndSaysSo(t *testing.T) {
	for _, lines := range []string{
		"use = egg:Paste#httpexceptions", "use = egg:wheatpaste#httpexceptions\nwarning_level = 500",
		"paste.filter_app_factory = paste.httpexceptions:make_middleware\nwarning_level =",
	} {
		app, rec := pipelinetest.Load(t, section(lines)), httptest.NewRecorder()
		app.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
		if rec.Code != http.StatusTeapot {
			t.Errorf("%q: status = %d, want 418", lines, rec.Code)
		}
		if w := app.Warnings(); len(w) != 1 || w[0].Section != "filter:exc" {
			t.Errorf("%q: warnings = %v, want one about [filter:exc]", lines, w)
		}
	}
}

func TestErrors(t *testing.T) {
	tests := []struct{ option, want string }{
		{"warning_level = 99", `paste.ini:6:17: [filter:exc] warning_level: invalid status "99", want one from 100 to 599`},
		{"warning_level = x", `paste.ini:6:17: [filter:exc] warning_level: invalid status "x", want one from 100 to 599`},
		{"level = 500", "paste.ini:6:9: [filter:exc] level: unknown option, egg:Paste#httpexceptions takes warning_level"},
	}
	for _, tt := range tests {
		_, err := pipelinetest.Try(t, section("use = egg:Paste#httpexceptions\n"+tt.option))
		if fmt.Sprint(err) != tt.want {
			t.Errorf("%s: %v\nwant %s", tt.option, err, tt.want)
		}
	}
}

// TestOriginal pins which values of the option the original refuses.
func TestOriginal(t *testing.T) {
	var cases []pastetest.Case
	for _, level := range []string{"100", "599", "99", "600", "x", "", "5_00"} {
		cases = append(cases, pastetest.Case{Factory: "paste.httpexceptions:make_middleware", Options: map[string]string{"warning_level": level}})
	}
	for i, original := range pastetest.Run(t, cases) {
		level := cases[i].Options["warning_level"]
		_, err := pipelinetest.Try(t, section("use = egg:Paste#httpexceptions\nwarning_level = "+level))
		if (err != nil) != (original.Error != "") {
			t.Errorf("warning_level %q: %v, the original %q", level, err, original.Error)
		}
	}
}
