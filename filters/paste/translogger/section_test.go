package translogger

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	paste.RegisterApp("egg:translogger-test#hello", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(hello), nil
	})
}

// section is a paste file with one filter of these lines.
func section(lines string) string {
	return "[app:main]\nuse = egg:translogger-test#hello\nfilter-with = log\n[filter:log]\n" + lines + "\n"
}

func TestSection(t *testing.T) {
	for _, name := range []string{"use = egg:Paste#translogger", "use = egg:wheatpaste#translogger", "paste.filter_app_factory = paste.translogger:make_filter"} {
		var log bytes.Buffer
		loader := &pipeline.Loader{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		app, err := pipelinetest.TryWith(t, loader, section(name+`
setup_console_handler = False
logger_name = acme.access
logging_level = WARNING
set_logger_level = 30
format = %%(REQUEST_METHOD)s/%%(status)s`))
		if err != nil {
			t.Fatal(err)
		}
		app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		if got, want := log.String(), "level=WARN msg=GET/200 section=filter:log logger=acme.access\n"; !strings.HasSuffix(got, want) {
			t.Errorf("%s: log = %q, want ...%q", name, got, want)
		}
	}
}

func TestSectionDefaultsWriteToStderr(t *testing.T) {
	console, err := os.Create(t.TempDir() + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = console
	app := pipelinetest.Load(t, section("use = egg:Paste#translogger"))
	os.Stderr = stderr
	app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x?y", nil))
	got, err := os.ReadFile(console.Name())
	if err != nil {
		t.Fatal(err)
	}
	if want := `"GET /x?y HTTP/1.1" 200 - "-" "-"` + "\n"; !strings.HasPrefix(string(got), "192.0.2.1 - - [") || !strings.HasSuffix(string(got), want) {
		t.Errorf("stderr = %q, want a line that ends in %q", got, want)
	}
}

func TestSectionErrors(t *testing.T) {
	tests := []struct{ option, want string }{
		{"logging_level = LOUD", `paste.ini:6:17: [filter:log] logging_level: invalid level "LOUD", want DEBUG, INFO, WARNING, ERROR, CRITICAL or a number`},
		{"set_logger_level = ", `paste.ini:6:19: [filter:log] set_logger_level: invalid level "", want DEBUG, INFO, WARNING, ERROR, CRITICAL or a number`},
		{"setup_console_handler = maybe", "paste.ini:6:25: [filter:log] setup_console_handler: String is not true/false: 'maybe', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"format = %%(status)d", `paste.ini:6:10: [filter:log] format: unexpected "d" after %(status), want s, if need be after a width as in -8s`},
		{"loger_name = x", "paste.ini:6:14: [filter:log] loger_name: unknown option, did you mean logger_name?"},
	}
	for _, tt := range tests {
		_, err := pipelinetest.Try(t, section("use = egg:Paste#translogger\n"+tt.option))
		if fmt.Sprint(err) != tt.want {
			t.Errorf("%s: %v\nwant %s", tt.option, err, tt.want)
		}
	}
}
