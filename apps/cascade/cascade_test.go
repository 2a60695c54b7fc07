package cascade

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestMain(m *testing.M) {
	type options struct {
		Status int    `paste:"status" help:"of the answer"`
		Flag   string `paste:"flag,global" help:"what it answers, too"`
	}
	paste.RegisterApp("egg:test#say", options{Status: 200}, func(b *paste.Build, o options) (http.Handler, error) {
		name := b.Name()
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(o.Status)
			fmt.Fprintf(w, "%s%s %s", name, o.Flag, body)
		}), nil
	})
	os.Exit(m.Run())
}

const apps = `
[app:found]
use = egg:test#say
[app:missing]
use = egg:test#say
status = 404
[app:broken]
use = egg:test#say
status = 500
`

func TestCascade(t *testing.T) {
	for _, test := range []struct {
		rule, section, app string
		status             int
		body               string
	}{
		{"CAS-01 404 is caught by default", "use = egg:Paste#cascade\napp1 = missing\napp2 = broken\napp3 = found", "broken", 500, "broken text"},
		{"CAS-01 catch", "use = egg:wheatpaste#cascade\ncatch = 404 500\napp1 = missing\napp2 = broken\napp3 = found", "found", 200, "found text"},
		{"CAS-01 by call", "use = call:paste.cascade:make_cascade\napp1 = missing\napp2 = found", "found", 200, "found text"},
		{"CAS-02 order by text", "use = egg:Paste#cascade\napp2 = broken\napp10 = found", "found", 200, "found text"},
		{"CAS-03 the last stands", "use = egg:Paste#cascade\napp1 = broken\napp0 = missing\ncatch = 404 500", "broken", 500, "broken text"},
		{"LDR-03 globals are passed on", "use = egg:Paste#cascade\nset flag = !\napp1 = missing\napp2 = found", "found", 200, "found! text"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			h := pipelinetest.Load(t, "[composite:main]\n"+test.section+"\n"+apps)
			w := httptest.NewRecorder()
			e, w2, r := pipeline.Begin(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("text")))
			h.ServeHTTP(w2, r)
			if w.Code != test.status || w.Body.String() != test.body {
				t.Errorf("answer %d %s, want %d %s", w.Code, w.Body, test.status, test.body)
			}
			if e.App() != test.app {
				t.Errorf("app %q, want %q", e.App(), test.app)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	_, err := pipelinetest.Try(t, `[composite:main]
use = egg:Paste#cascade
catch = 404 418
app1 = found
debug = true
app2 = gone
`+apps)
	if err == nil {
		t.Fatal("no error")
	}
	for _, line := range []string{
		"paste.ini:3:9: [composite:main] catch: unknown status 418, want a redirection or an error such as 404",
		"paste.ini:5:9: [composite:main] debug: Bad configuration key 'debug' (='true'); all configuration keys must start with 'app'",
		"paste.ini:6:8: [composite:main] app2: No section 'gone'",
	} {
		if !strings.Contains(err.Error(), line) {
			t.Errorf("error\n%v\nwant in it %s", err, line)
		}
	}
}
