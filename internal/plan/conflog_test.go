package plan

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

func TestReadLogging(t *testing.T) {
	for _, tt := range []struct{ name, lines, want string }{
		{"nothing", "", "false false  false map[]"},
		{"debug, use_json, use_stderr", "debug = true\nuse_json = 1\nuse_stderr = yes\n", "true true  true map[]"},
		{"log_file", "log_file = here.log\n", "false false here.log false map[]"},
		{"its old name", "logfile = here.log\n", "false false here.log false map[]"},
		{"log_dir", "log_dir = logs\n", "false false logs/wheatpaste.log false map[]"},
		{"both", "logdir = logs\nlog_file = a.log\n", "false false logs/a.log false map[]"},
		{"both, absolute", "log_dir = logs\nlog_file = /tmp/a.log\n", "false false /tmp/a.log false map[]"},
		{"default_log_levels", "default_log_levels = amqp=WARN, sql = DEBUG,oslo=NOTSET\n", "false false  false map[amqp:WARN sql:DEBUG]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := novaRequest(t, "[DEFAULT]\n"+tt.lines)
			if err := os.Mkdir("logs", 0o700); err != nil {
				t.Fatal(err)
			}
			l, _, err := ReadLogging(q.Conf)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(l.Debug, l.JSON, " ", l.File, " ", l.Stderr, l.Levels); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestALogFileThatDoesNotOpen(t *testing.T) {
	l, _, err := ReadLogging(novaRequest(t, "[DEFAULT]\nlog_file = .\n").Conf)
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("open .: is a directory")
	if got, want := l.Bad(cause), "nova.conf:2:12: [DEFAULT] log_file: open .: is a directory, want a log file that can be written"; got.Error() != want || !errors.Is(got, cause) {
		t.Errorf("got %v, want %s", got, want)
	}
}

// default_log_levels count for the sections whose factories are in the package.
func TestLevelsOfSections(t *testing.T) {
	q := request(t, apps)
	file, _, err := paste.OpenURI(q.URI, q.Options...)
	if err != nil {
		t.Fatal(err)
	}
	l := &Logging{Levels: map[string]slog.Level{"pyramid_blog": slog.LevelWarn, "beaker.middleware": slog.LevelError}}
	levels := l.OfSections(file)
	if got, want := fmt.Sprint(levels.Root, levels.BySection), "INFO map[app:blog:WARN filter:called:WARN filter:deep:ERROR filter:session:ERROR]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	l.Debug = true
	if levels := l.OfSections(nil); levels.Root != slog.LevelDebug || len(levels.BySection) > 0 {
		t.Errorf("got %v", levels)
	}
}
