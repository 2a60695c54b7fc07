package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/filters/keystone/audit"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// python has the original.
const python = "/usr/bin/python3"

func init() {
	paste.RegisterApp("audited:app_factory", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(audited), nil
	})
}

// audited is the app of testdata/original.py.
func audited(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Do-Fail") != "" {
		panic("no")
	}
	status := 200
	if text := r.Header.Get("X-Do-Status"); text != "" {
		status, _ = strconv.Atoi(text)
	}
	w.WriteHeader(status)
	_, _ = io.Copy(w, r.Body)
}

// question is a request.
type question struct {
	Name      string            `json:"-"`
	Method    string            `json:"method"`
	Script    string            `json:"script"`
	Path      string            `json:"path"`
	Query     string            `json:"query"`
	Host      string            `json:"host"`
	Scheme    string            `json:"scheme"`
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
	RequestID string            `json:"request_id"`
	GlobalID  string            `json:"global_request_id"`
	novel     bool              // the original gives up on it
}

type sent struct {
	Type    string         `json:"event_type"`
	Payload map[string]any `json:"payload"`
}

type answer struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
	Events []sent `json:"events"`
}

// logged collects events from the log.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) take(t *testing.T) []sent {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	events := []sent{}
	for line := range strings.Lines(l.text.String()) {
		var r struct {
			Msg     string `json:"msg"`
			Type    string `json:"event_type"`
			Payload string `json:"payload"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Msg != "audit" {
			continue
		}
		s := sent{Type: r.Type}
		if err := json.Unmarshal([]byte(r.Payload), &s.Payload); err != nil {
			t.Fatal(err)
		}
		events = append(events, s)
	}
	l.text.Reset()
	return events
}

func ini(options string) string {
	return "[pipeline:main]\npipeline = audit app\n[filter:audit]\nuse = egg:keystonemiddleware#audit\n" + options +
		"\n[app:app]\npaste.app_factory = audited:app_factory\n"
}

// ask asks ours.
func ask(t *testing.T, app http.Handler, log *logged, q question) answer {
	t.Helper()
	var body io.Reader = strings.NewReader(q.Body)
	r := httptest.NewRequest(q.Method, "/", body)
	r.Host, r.URL = q.Host, &url.URL{Path: q.Path, RawQuery: q.Query}
	for name, value := range q.Headers {
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	env, w, r := pipeline.Begin(rec, r)
	env.SetScriptName(q.Script)
	env.SetScheme(q.Scheme)
	env.SetRequestID(q.RequestID)
	env.SetGlobalRequestID(q.GlobalID)
	app.ServeHTTP(w, r)
	a := answer{Status: rec.Code, Body: rec.Body.String(), Events: log.take(t)}
	if q.Headers["X-Do-Fail"] != "" { // the pipeline makes a 500 of the panic
		a.Status, a.Body = 0, ""
	}
	return a
}

func load(t testing.TB, options string) (http.Handler, *logged) {
	t.Helper()
	log := &logged{}
	app, err := pipelinetest.TryWith(t, &pipeline.Loader{Logger: slog.New(slog.NewJSONHandler(log, nil))}, ini(options))
	if err != nil {
		t.Fatal(err)
	}
	return app, log
}

// original asks keystonemiddleware all questions.
func original(t *testing.T, options string, questions []question) []answer {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short: it starts the Python originals")
	}
	if out, err := exec.Command(python, "-c", "import keystonemiddleware.audit, pycadf, paste.deploy").CombinedOutput(); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatalf("python3-keystonemiddleware, python3-pycadf and python3-pastedeploy are needed: %v\n%s", err, out)
		}
		t.Skip("python3-keystonemiddleware or python3-pycadf is not installed")
	}
	file := filepath.Join(t.TempDir(), "paste.ini")
	if err := os.WriteFile(file, []byte(ini(options)), 0o600); err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/original.py", file)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var answers []answer
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

var (
	uuid5 = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	times = regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000$`)
)

// normal replaces ids that are made and times, each by the place where it first
// was, so that the same id stays the same.
func normal(v any, ids map[string]string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			v[k] = normal(v[k], ids)
		}
	case []any:
		for i := range v {
			v[i] = normal(v[i], ids)
		}
	case string:
		if times.MatchString(v) {
			return "TIME"
		}
		return uuid5.ReplaceAllStringFunc(v, func(id string) string {
			if ids[id] == "" {
				ids[id] = fmt.Sprintf("ID%d", len(ids))
			}
			return ids[id]
		})
	}
	return v
}

func normalised(a answer) answer {
	ids := map[string]string{}
	for i := range a.Events {
		a.Events[i].Payload = normal(a.Events[i].Payload, ids).(map[string]any)
	}
	return a
}

const mapped = "audit_map_file = %s/testdata/map.conf\nuse_oslo_messaging = false"

func TestEventsAreThoseOfTheOriginal(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string]string{
		"with a map file":    fmt.Sprintf(mapped, dir),
		"without a map file": "use_oslo_messaging = false",
		"with ignored ones":  fmt.Sprintf(mapped, dir) + "\nignore_req_list = get, Head,",
	}
	for name, options := range sets {
		t.Run(name, func(t *testing.T) {
			list := questions()
			want := original(t, options, list)
			app, log := load(t, options)
			for i, q := range list {
				t.Run(q.Name, func(t *testing.T) {
					compare(t, q, normalised(ask(t, app, log, q)), normalised(want[i]))
				})
			}
		})
	}
}

func compare(t *testing.T, q question, got, want answer) {
	t.Helper()
	if q.novel && len(want.Events) == 0 && len(got.Events) == 2 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		a, _ := json.MarshalIndent(got, "", " ")
		b, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("ours\n%s\noriginal\n%s", a, b)
	}
}
