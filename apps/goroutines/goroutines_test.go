package goroutines

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
)

func TestPage(t *testing.T) {
	w := httptest.NewRecorder()
	serve(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "TestPage") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %.200s, want the stack of this test", w.Code, w.Header(), w.Body)
	}
	w = httptest.NewRecorder()
	serve(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v, want 405", w.Code, w.Header())
	}
}

func TestOptionsInAFile(t *testing.T) {
	const app = "[app:main]\nuse = egg:Paste#watch_threads\n"
	const inside = ": shows the inside of the server to everybody who reaches it"
	initest.Examples(t, paste.App, "egg:Paste#watch_threads")
	initest.Run(t, []initest.Case{
		{Name: "plain", INI: app, Warnings: inside},
		{Name: "kill", INI: app + "allow_kill = true", Warnings: "allow_kill: goroutines cannot be killed\n" + inside},
	})
}
