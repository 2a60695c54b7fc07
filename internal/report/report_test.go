package report

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

func TestMaskText(t *testing.T) {
	tests := []struct{ text, want string }{
		{"plain text, token_cache_time = 5", "plain text, token_cache_time = 5"},
		{"mysql://nova:se/cr@t@host/db", "mysql://nova:****@host/db"},
		{"rabbit://u:a@h1:1,u:b@h2:2/", "rabbit://u:****@h2:2/"},
		{"git https://ghp_abcdef@github.com/x", "git https://****@github.com/x"},
		{"http://host:8080/path?a=1", "http://host:8080/path?a=1"},
		{"http://host:8080/path@x", "http://host:****@x"}, // it might be a password with a slash
		{"host=db password=hunter2 user=x", "host=db password=**** user=x"},
		{`{"password": "hunter2", "a": 1}`, `{"password": "****", "a": 1}`},
		{"X-Auth-Token: abcdef", "X-Auth-Token: ****"},
		{"Authorization: Basic YWJjZGVm", "Authorization: ****"},
		{"said Bearer abcdef123456 twice", "said Bearer **** twice"},
		{"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.sig here", "got **** here"},
		{"got gAAAAABabcdefghijklmnopqrstuv here", "got **** here"},
		{"?api_key=1234&b=2", "?api_key=****&b=2"},
	}
	for _, tt := range tests {
		if got := MaskText(tt.text); got != tt.want {
			t.Errorf("MaskText(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestSecretName(t *testing.T) {
	for _, name := range []string{"password", "Admin_Password", "key", "swift_key", "pass", "os_pass", "pwd", "passphrase", "Cookie", "transport_url", "secret"} {
		if !SecretName(name) {
			t.Errorf("%q is not secret", name)
		}
	}
	for _, name := range []string{"key_file", "keystone", "monkey", "bypass", "token_cache_time", "body", "use"} {
		if SecretName(name) {
			t.Errorf("%q is secret", name)
		}
	}
}

func TestArguments(t *testing.T) {
	args := []string{"wheatpaste=x", "serve", "a.ini#main", "mode=fast", "--listen=127.0.0.1:1", "--some-token=abc", "-n", "x", "--", "-v=1", "http://u:pw@h/"}
	want := []string{"wheatpaste=x", "serve", "a.ini#main", "mode=****", "--listen=127.0.0.1:1", "--some-token=****", "-n", "x", "--", "-v=****", "http://u:****@h/"}
	if got := Arguments(args); !slices.Equal(got, want) {
		t.Errorf("Arguments = %q, want %q", got, want)
	}
}

func TestRingKeepsTheLastErrors(t *testing.T) {
	var out bytes.Buffer
	ring := NewRing()
	log := slog.New(ring.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError + 1})))
	log.Info("not kept")
	log.With("worker", 1).WithGroup("db").With("name", "x").Error("cannot", "password", "abc", slog.Group("in", "url", "a://b:c@d"), "n", 5)
	list, total := ring.Records()
	if total != 1 || len(list) != 1 {
		t.Fatalf("%d records, %d in all, want 1", len(list), total)
	}
	want := []Attr{{"worker", "1"}, {"db.name", "x"}, {"db.password", Mask}, {"db.in.url", "a://b:****@d"}, {"db.n", "5"}}
	if list[0].Message != "cannot" || list[0].Level != "ERROR" || !slices.Equal(list[0].Attrs, want) {
		t.Errorf("record %+v, want the attributes %v", list[0], want)
	}
	if out.Len() > 0 {
		t.Errorf("the other handler got what it is not enabled for: %s", out.String())
	}
	list[0].Attrs[0].Value = "changed" // who gets them may change them
	for range ringSize + 2 {
		log.Error(strings.Repeat("é", 2*maxValue))
	}
	list, total = ring.Records()
	if total != ringSize+3 || len(list) != ringSize || len(list[0].Message) > maxValue+3 || !strings.HasSuffix(list[0].Message, "é...") {
		t.Errorf("%d records of %d, the first has %d bytes", len(list), total, len(list[0].Message))
	}
	if log.Enabled(context.Background(), slog.LevelInfo) {
		t.Error("Info is enabled, which the other handler is not for")
	}
}

func TestStacksAreGrouped(t *testing.T) {
	text := `goroutine 7 [chan receive, 3 minutes] {"token":"abc"}:
main.wait(0xc000, {0x1, 0x2})
	/src/main.go:10 +0x1d
created by main.main in goroutine 1
	/src/main.go:5 +0x11

goroutine 9 [chan receive, 12 minutes, locked to thread]:
main.wait(0xc001, {0x3, 0x4})
	/src/main.go:10 +0x1d
created by main.main in goroutine 8
	/src/main.go:5 +0x11

goroutine 1 [running]:
main.(*T).run(...)
	/src/t.go:1
no stack at all
`
	want := []Group{
		{2, "chan receive", 9, 12, []string{"main.wait /src/main.go:10", "created by main.main /src/main.go:5"}},
		{1, "running", 1, 0, []string{"main.(*T).run /src/t.go:1"}},
	}
	if got := grouped(text); !reflect.DeepEqual(got, want) {
		t.Errorf("groups\n%+v, want\n%+v", got, want)
	}
}

func TestManyGoroutinesAreCounted(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for _, n := range []int{100, manyGoroutines} {
		for range n {
			go func() { <-stop }()
		}
		g := collectGoroutines()
		for end := time.Now().Add(time.Minute); g.Groups[0].Count < n && time.Now().Before(end); g = collectGoroutines() {
			runtime.Gosched() // some do not wait yet, which is another state
		}
		if len(g.Groups) == 0 || g.Groups[0].Count < n || g.Total < n || !strings.Contains(strings.Join(g.Groups[0].Frames, "\n"), "TestManyGoroutinesAreCounted") {
			t.Fatalf("with %d goroutines: %d in all, the largest group is %+v", n, g.Total, g.Groups[0])
		}
	}
}

func TestSaveNeverWritesOverAFile(t *testing.T) { // PAIN-24
	folder := t.TempDir()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	var paths []string
	for _, text := range []string{"one", "two"} {
		path, err := Save(folder, "nova/api", at, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if base := filepath.Base(paths[0]); !strings.HasPrefix(base, "nova-api_gurumeditation_20260102020405_") || paths[1] != paths[0]+"_2" {
		t.Errorf("paths %q", paths)
	}
	link := filepath.Join(t.TempDir(), "none")
	if _, err := Save(link, "x", at, nil); err == nil || !os.IsNotExist(err) {
		t.Errorf("a folder that is not there: error %v", err)
	}
	if info, err := os.Stat(paths[0]); err != nil || info.Mode() != fs.FileMode(0o640) {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// full is a report with something in each place.
func full() *Report {
	return &Report{
		Schema: Schema, Name: "api", Build: Build{Version: "1", Revision: "abc", Modified: true},
		Master:  Master{PID: 1, State: "Running", Arguments: []string{"serve"}, LastReload: &control.Reload{Result: "rejected", Errors: []string{"bad hunter22 here"}}},
		Workers: []control.Worker{{Server: "main", PID: 2, LastExit: "panic: hunter22"}},
		Generations: []Generation{{Number: 1, Current: true, Setup: Setup{
			Files: []File{{"a.ini", "00"}}, Pipelines: []Application{{"main", "api", "api: a > b\n"}},
			Sections:  []Section{{Name: "app:api", Use: "egg:x", Options: []Option{{Name: "password", Value: Mask, Scope: "local", File: "a.ini", Line: 3, Via: "section"}}}},
			ConfFiles: []Section{{Name: "DEFAULT", Options: []Option{{Name: "debug", Value: "a\nb"}}}}, secrets: Secrets{map[string]bool{"hunter22": true}},
		}}},
		Listeners: []Listener{{"main", -1, "unix:/x", 5}},
		Processes: []*Process{
			{Role: RoleMaster, PID: 1, Detail: &Detail{Goroutines: Goroutines{Groups: []Group{{Count: 1, Frames: []string{"f"}}}}, Descriptors: []Descriptor{{1, "/x"}}}},
			{Role: RoleWorker, PID: 2, Server: "main", Counts: []Counts{{Server: "main", InFlight: 1}}, Detail: &Detail{
				Requests: []Request{{Server: "main", Method: "GET", URI: "/\x1b[31m/hunter22", Client: "1.2.3.4\nX", Filter: "auth"}},
				Errors:   []Record{{Message: "hunter22", Attrs: []Attr{{"stack", "a\nhunter22"}}}},
			}},
			{Role: RoleWorker, PID: 3, Server: "main", Slot: 1, Problem: "no answer within 500ms", Counts: []Counts{{Server: "main", InFlight: 7}}},
		},
	}
}

func TestKnownSecretsAreMaskedEverywhere(t *testing.T) {
	r := full()
	reload := r.Master.LastReload
	r.Secrets().Scrub(r)
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(data), string(r.Text())} {
		if strings.Contains(text, "hunter22") || !strings.Contains(text, Mask) {
			t.Errorf("the report has a secret, or no mask:\n%s", text)
		}
	}
	if reload.Errors[0] != "bad hunter22 here" {
		t.Error("the launcher's own outcome has changed")
	}
}

func TestTextCannotCommandATerminal(t *testing.T) { // GMR-01
	text := string(full().Text())
	if strings.ContainsAny(text, "\x1b\r") || strings.Contains(text, "\nX") {
		t.Errorf("control characters are in\n%q", text)
	}
	line := strings.Repeat("=", 72)
	want := line + "\n====                        Guru Meditation                         ====\n" + line + "\n" + strings.Repeat("|", 72) + "\n"
	if !strings.HasPrefix(text, want) {
		t.Errorf("the text begins with\n%.300s", text)
	}
	for _, part := range []string{"worker 1 of main, generation 0, pid 3: 7 requests in flight, which it does not tell", "last reload: rejected", "  password = ****  (local, section, a.ini:3)"} {
		if !strings.Contains(text, part) {
			t.Errorf("the text lacks %q:\n%s", part, text)
		}
	}
}

// TestDocs looks for each key of the JSON in docs/report.md.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/report.md")
	if err != nil {
		t.Fatal(err)
	}
	data, err := full().JSON()
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	eachKey(keys, func(key string) {
		if !strings.Contains(string(text), "`"+key+"`") {
			t.Errorf("docs/report.md says nothing of %s", key)
		}
	})
}

func eachKey(v any, tell func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			tell(key)
			eachKey(inner, tell)
		}
	case []any:
		for _, inner := range v {
			eachKey(inner, tell)
		}
	}
}

func TestRequestsAreBounded(t *testing.T) {
	var d Detail
	list := make([]Request, maxRequests+5)
	list[0].URI = strings.Repeat("x", 5000)
	d.AddRequests(list)
	d.AddRequests(list[:3])
	if len(d.Requests) != maxRequests || d.RequestsLeft != 8 || len(d.Requests[0].URI) != 2051 {
		t.Errorf("%d requests, %d left out, the first URI has %d bytes", len(d.Requests), d.RequestsLeft, len(d.Requests[0].URI))
	}
}
