package audit_test

import (
	"bytes"
	"errors"
	"fmt"
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
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBodiesReachTheApplication(t *testing.T) {
	app, log := load(t, "use_oslo_messaging = false")
	long := `{"rebuild": "` + strings.Repeat("x", 200<<10) + `"}`
	tests := []struct{ name, body, action string }{
		{"short", `{"reboot": 1}`, "update/reboot"},
		{"long", long, "update/rebuild"},
		{"long and broken", long[:150<<10], "update/rebuild"},
		{"short and broken", `{"reboot": 1`, "create"},
		{"long name", `{"` + strings.Repeat("n", 300) + `": 1}`, "update/" + strings.Repeat("n", 255)},
		{"no object", strings.Repeat("[", 100<<10), "create"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := at("", "POST", "/servers/1/action")
			q.Body = tt.body
			a := ask(t, app, log, q)
			if a.Body != tt.body {
				t.Errorf("the application read %d bytes, want %d", len(a.Body), len(tt.body))
			}
			if got := a.Events[0].Payload["action"]; got != tt.action {
				t.Errorf("action %.40q, want %.40q", got, tt.action)
			}
		})
	}
}

var errBroken = errors.New("broken")

func init() {
	paste.RegisterApp("reads:app_factory", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %t", text, errors.Is(err, errBroken))
		}), nil
	})
}

func TestErrorsOfBodiesReachTheApplication(t *testing.T) {
	app := pipelinetest.Load(t, strings.Replace(ini("use_oslo_messaging = false"), "audited:", "reads:", 1))
	r := httptest.NewRequest("POST", "/action", io.MultiReader(strings.NewReader("{"), failing{}))
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if got := w.Body.String(); got != "{ true" {
		t.Errorf("the application saw %q, want the body and its error", got)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func TestTokensStayHidden(t *testing.T) {
	app, log := load(t, "use_oslo_messaging = false")
	for _, token := range []string{"", "a", "abcd"} { // which the original shows
		q := at("", "GET", "/")
		q.Headers["X-Auth-Token"] = token
		initiator := ask(t, app, log, q).Events[0].Payload["initiator"].(map[string]any)
		if got := initiator["credential"].(map[string]any)["token"]; got != " xxxxxxxx " {
			t.Errorf("token %q becomes %q", token, got)
		}
	}
}

func TestAddressOfTheInitiator(t *testing.T) {
	app, log := load(t, "use_oslo_messaging = false\ntrust_x_forwarded_for = false")
	initiator := ask(t, app, log, at("", "GET", "/", "X-Forwarded-For", "203.0.113.9")).Events[0].Payload["initiator"].(map[string]any)
	if got := initiator["host"].(map[string]any)["address"]; got != "192.0.2.1" {
		t.Errorf("address %q, want that of the connection", got)
	}
}

func TestNotifiers(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "nova.conf")
	write(t, conf, "[oslo_messaging_notifications]\ndriver = log\n")
	tests := []struct {
		name, options string
		events        int
	}{
		{"the log", "use_oslo_messaging = false\nlog_name = audit", 2},
		{"the driver log", "driver = log", 2},
		{"the driver of all notifications", "oslo_config_file = " + conf, 2},
		{"noop", "driver = noop", 0},
		{"noop before that of all notifications", "driver = noop\noslo_config_file = " + conf, 0},
		{"no driver", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app, log := load(t, tt.options)
			if a := ask(t, app, log, at("", "GET", "/")); len(a.Events) != tt.events {
				t.Errorf("%d events, want %d", len(a.Events), tt.events)
			}
		})
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOptionErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "map.conf")
	conf := filepath.Join(dir, "nova.conf")
	tests := []struct{ name, options, mapped, conf, want string }{
		{"unknown driver", "driver = mail", "", "", `driver: unknown driver "mail", want messaging, messagingv2, log or noop`},
		{"routing", "driver = routing", "", "", "driver: routing by a file is not supported, want messagingv2 with topics"},
		{"other transport", "driver = messagingv2\ntransport_url = kafka://u:sesame@h/", "", "", "transport_url: unsupported transport, want rabbit://USER:PASSWORD@HOST:PORT/VHOST"},
		{"bad port", "driver = messagingv2\ntransport_url = rabbit://u:sesame@h:99999/", "", "", "transport_url: invalid port, want 1 to 65535"},
		{"bad password", "driver = messagingv2\ntransport_url = rabbit://u:sesame%%zz@h/", "", "", "transport_url: invalid user or password, want %XX for special characters"},
		{"long topic", "driver = messagingv2\ntransport_url = rabbit://h/\ntopics = " + strings.Repeat("t", 201), "", "",
			`topics: invalid topic "` + strings.Repeat("t", 201) + `", want 1 to 200 letters`},
		{"quorum and mirrors", "driver = messagingv2", "", "[oslo_messaging_rabbit]\nrabbit_quorum_queue = true\nrabbit_ha_queues = true\n",
			"rabbit_quorum_queue and rabbit_ha_queues are both true in [oslo_messaging_rabbit], want one of them"},
		{"login", "driver = messagingv2", "", "[oslo_messaging_rabbit]\nrabbit_login_method = RABBIT-CR-DEMO\n",
			`unsupported rabbit_login_method "RABBIT-CR-DEMO" in [oslo_messaging_rabbit], want PLAIN, AMQPLAIN or EXTERNAL`},
		{"no map file", "audit_map_file = " + file + ".not", "", "", "audit_map_file: open " + file + ".not: no such file or directory"},
		{"no section", "", "a = b", "", "audit_map_file: " + file + ":1: an option without a section, want [section] above"},
		{"no option", "", "[path_keywords]\na", "", "audit_map_file: " + file + `:2: invalid line "a", want name = value`},
		{"no end", "", "[path", "", "audit_map_file: " + file + `:1: invalid line "[path", want [section]`},
		{"section twice", "", "[a]\n[b]\n[a]", "", "audit_map_file: " + file + ":3: [a] is there twice"},
		{"option twice", "", "[a]\nx = 1\nX: 2", "", "audit_map_file: " + file + ":3: [a] x is there twice"},
		{"percent", "", "[a]\nx = %(b)s", "", "audit_map_file: " + file + `: [a] x: invalid % in "%(b)s", want %% for a percent sign`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			options := tt.options
			if tt.mapped != "" {
				write(t, file, tt.mapped)
				options += "\naudit_map_file = " + file
			}
			write(t, conf, tt.conf)
			_, err := pipelinetest.Try(t, ini(options+"\noslo_config_file = "+conf))
			if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Fatalf("%v, want %s", err, tt.want)
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("%v shows the password", err)
			}
		})
	}
}

// TestBrokerThatIsAway has requests go on, and the filter end, without one.
func TestBrokerThatIsAway(t *testing.T) {
	app, log := load(t, "driver = messagingv2\ntransport_url = rabbit://u:sesame@127.0.0.1:1,u2:sesame2@127.0.0.1:2/v")
	for range 10 {
		w := httptest.NewRecorder()
		if app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil)); w.Code != 200 {
			t.Errorf("%d, want 200", w.Code)
		}
	}
	const said = "the broker does not take audit events; they wait for it"
	text := ""
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(text, said); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say %q:\n%s", said, text)
		}
		log.mu.Lock()
		text = log.text.String()
		log.mu.Unlock()
	}
	if strings.Contains(text, "sesame") || strings.Count(text, said) != 1 {
		t.Errorf("the log shows a password, or says it twice:\n%s", text)
	}
}

func TestTheExampleOfTheREADMELoads(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```ini\n")
	example, _, ok := strings.Cut(example, "```")
	if !ok {
		t.Fatal("there is none")
	}
	example = strings.Replace(example, "rabbit.example.com:5672", "127.0.0.1:1", 1)
	pipelinetest.Load(t, "[pipeline:main]\npipeline = audit app\n[app:app]\npaste.app_factory = audited:app_factory\n"+example)
}

func BenchmarkAudit(b *testing.B) {
	for _, driver := range []string{"noop", "log"} {
		b.Run(driver, func(b *testing.B) {
			app, log := load(b, "audit_map_file = testdata/map.conf\ndriver = "+driver)
			r := httptest.NewRequest("GET", "/v2.1/servers", http.NoBody)
			r.Host = "nova:8774"
			for name, value := range user() {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			w.Body = &bytes.Buffer{}
			b.ReportAllocs()
			for b.Loop() {
				app.ServeHTTP(w, r)
				log.text.Reset()
			}
		})
	}
}
