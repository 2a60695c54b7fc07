package testslow

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func TestAnUploadIsReadSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), Options{ChunkSize: 4, Delay: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		rec := httptest.NewRecorder()
		_, w, r := pipeline.Begin(rec, httptest.NewRequest("POST", "/", strings.NewReader("1234567890")))
		h.ServeHTTP(w, r)
		if got := rec.Body.String(); got != "<html><body>10 bytes</body></html>" {
			t.Errorf("body %q", got)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %s, want 2s: two waits between three parts", took)
		}
	})
}

func TestTheFormIsShownWithoutABody(t *testing.T) {
	h, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), Options{ChunkSize: 4})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	body, _ := io.ReadAll(w.Result().Body)
	if string(body) != form || w.Header().Get("Content-Type") != "text/html" {
		t.Errorf("%v %s", w.Header(), body)
	}
}

func TestOptionsInAFile(t *testing.T) {
	const app = "[app:main]\nuse = egg:Paste#test_slow\n"
	initest.Examples(t, paste.App, "egg:Paste#test_slow")
	initest.Run(t, []initest.Case{
		{Name: "all", INI: app + "chunk_size = 1\ndelay = 0\nprogress = no"},
		{Name: "no chunk", INI: app + "chunk_size = 0", Error: "paste.ini:3:14: [app:main] chunk_size: invalid size 0, want 1 to 1048576"},
	})
}
