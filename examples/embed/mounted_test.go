package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slow is an application that answers when it is told to.
type slow struct{ entered, leave, closed chan struct{} }

// oven is the one of the test that runs.
var oven *slow

func (s *slow) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	close(s.entered)
	<-s.leave
	_, _ = io.WriteString(w, "slow")
}

func init() {
	paste.RegisterApp("egg:embedtest#slow", struct{}{}, func(b *paste.Build, _ struct{}) (http.Handler, error) {
		s := oven
		b.OnClose(func(context.Context) error { close(s.closed); return nil })
		return s, nil
	})
}

// file replaces the paste file.
func file(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func ask(h http.Handler) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/", nil))
	return w.Body.String()
}

// waitForOther waits until another generation answers.
func (m *mounted) waitForOther(t *testing.T, than *generation) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		m.mu.RLock()
		now := m.now
		m.mu.RUnlock()
		if now != than {
			return
		}
	}
	t.Fatal("the reload does not take effect")
}

// A reload takes effect for requests that come, the old application ends after
// its last one, and a broken file changes nothing (EMB-06).
func TestReload(t *testing.T) {
	oven = &slow{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	ini := filepath.Join(t.TempDir(), "paste.ini")
	file(t, ini, "[app:main]\nuse = egg:embedtest#slow\n")
	apps := &mounted{uri: "config:" + ini}
	if err := apps.reload(); err != nil {
		t.Fatal(err)
	}
	host, first := pipeline.Mount("/api", apps), apps.now
	answer, reloaded := make(chan string), make(chan error)
	go func() { answer <- ask(host) }()
	<-oven.entered
	file(t, ini, "[app:main]\nuse = egg:wheatpaste#respond\nbody = new\n")
	go func() { reloaded <- apps.reload() }()
	apps.waitForOther(t, first)
	if got := ask(host); got != "new" {
		t.Errorf("after the reload the answer is %q, want new", got)
	}
	select {
	case <-oven.closed:
		t.Error("the old application was closed with a request in flight")
	default:
	}
	close(oven.leave)
	if got := <-answer; got != "slow" {
		t.Errorf("the request in flight got %q, want slow", got)
	}
	if err := <-reloaded; err != nil {
		t.Error(err)
	}
	<-oven.closed

	file(t, ini, "[app:main]\nuse = egg:nobody#x\n")
	if err := apps.reload(); err == nil || !strings.HasPrefix(err.Error(), ini+":2:7: ") {
		t.Errorf("a broken file: error %v, want one at %s:2:7", err, ini)
	}
	if got := ask(host); got != "new" {
		t.Errorf("after a broken file the answer is %q, want new", got)
	}
	if err := apps.close(); err != nil {
		t.Error(err)
	}
}
