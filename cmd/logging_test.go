package cmd

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/internal/snapshot"
)

// logged sets up the log of files, logs at every level as the program and as an
// application, and gives what stands on stderr and in nova.log.
func logged(t *testing.T, p *program, conf string) (l *logs, stderr *bytes.Buffer, file func() string) {
	t.Helper()
	t.Chdir(t.TempDir())
	ini := "[app:main]\nuse = egg:nova#x\n"
	if conf == "" {
		ini += "[loggers]\nkeys = root\n[logger_root]\nlevel = WARN\n"
	}
	if err := os.WriteFile("paste.ini", []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &source{uri: "config:paste.ini", given: true, files: new(snapshot.Files)}
	if conf != "" {
		if err := os.WriteFile("nova.conf", []byte("[DEFAULT]\nenabled_apis = main\n"+conf), 0o600); err != nil {
			t.Fatal(err)
		}
		s.configFiles = []string{"nova.conf"}
	}
	stderr = new(bytes.Buffer)
	p.stderr = stderr
	if p.logFormat == "" {
		p.logFormat = "text"
	} else {
		s.formatGiven = true
	}
	if p.logLevel == "" {
		p.logLevel = "info"
	} else {
		p.levelGiven = true
	}
	l, err := p.logging(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, stderr, func() string {
		text, err := os.ReadFile("nova.log")
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(text)
	}
}

// lines are the levels and messages of a log, whatever its format.
func lines(text string) string {
	var list []string
	for line := range strings.Lines(text) {
		format := "t"
		if line[0] == '{' {
			format = "j"
		}
		for _, word := range []string{"own-debug", "own-info", "app-debug", "app-info", "app-warn", "nova-info", "not used", "levels are used"} {
			if strings.Contains(line, word) {
				list = append(list, format+":"+word)
			}
		}
	}
	return strings.Join(list, " ")
}

func TestLogging(t *testing.T) {
	for _, tt := range []struct {
		name, conf   string
		p            program
		stderr, file string
	}{
		{"nothing said", "debug = no\n", program{}, "t:own-info t:app-info t:app-warn t:nova-info", ""},
		{"debug", "debug = yes\n", program{}, "t:own-debug t:own-info t:app-debug t:app-info t:app-warn t:nova-info", ""},
		{"--log-level wins", "debug = yes\ndefault_log_levels = nova=WARN\n", program{logLevel: "warn"}, "t:app-warn", ""},
		{"and says so", "default_log_levels = nova=WARN\n", program{logLevel: "info"}, "t:not used t:own-info t:app-info t:app-warn t:nova-info", ""},
		{"use_json", "use_json = yes\n", program{}, "j:own-info j:app-info j:app-warn j:nova-info", ""},
		{"--log-format wins", "use_json = yes\n", program{logFormat: "text"}, "t:own-info t:app-info t:app-warn t:nova-info", ""},
		{"log_file", "log_file = nova.log\n", program{}, "", "t:own-info t:app-info t:app-warn t:nova-info"},
		{"use_stderr", "log_file = nova.log\nuse_stderr = yes\n", program{}, "t:own-info t:app-info t:app-warn t:nova-info", "t:own-info t:app-info t:app-warn t:nova-info"},
		{"default_log_levels", "default_log_levels = nova=ERROR\n", program{}, "t:own-info t:app-info t:app-warn", ""},
		{"URI-15 of the paste file", "", program{}, "t:levels are used t:own-info t:app-warn", ""},
		{"URI-15 and --log-level", "", program{logLevel: "info"}, "t:not used t:own-info t:app-info t:app-warn t:nova-info", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, stderr, file := logged(t, &tt.p, tt.conf)
			l.own.Debug("own-debug")
			l.own.Info("own-info")
			l.apps.Debug("app-debug")
			l.apps.Info("app-info")
			l.apps.Warn("app-warn")
			l.apps.With("section", "app:main").Info("nova-info")
			if got := lines(stderr.String()); got != tt.stderr {
				t.Errorf("stderr has %s, want %s", got, tt.stderr)
			}
			if got := lines(file()); got != tt.file {
				t.Errorf("the file has %s, want %s", got, tt.file)
			}
		})
	}
}

// SIG-17: after logrotate the lines go to a new file.
func TestLogFileIsReopened(t *testing.T) {
	l, stderr, file := logged(t, &program{}, "log_file = nova.log\n")
	l.own.Info("first")
	if err := os.Rename("nova.log", "nova.log.1"); err != nil {
		t.Fatal(err)
	}
	l.own.Info("second")
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.own.Info("third")
	old, err := os.ReadFile("nova.log.1")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(old), "\n") != 2 || !strings.Contains(file(), "msg=third\n") || strings.Count(file(), "\n") != 1 {
		t.Errorf("the old file has\n%s\nthe new one\n%s", old, file())
	}
	info, err := os.Stat("nova.log")
	if err != nil || info.Mode().Perm()&0o027 != 0 {
		t.Errorf("mode %v, %v, want none for others", info.Mode(), err)
	}

	t.Run("a folder that is gone", func(t *testing.T) {
		l.file.path = "gone/nova.log"
		if err := l.Reopen(); err == nil || err.Error() != "open gone/nova.log: no such file or directory" {
			t.Errorf("got %v", err)
		}
		l.own.Info("fourth")
		if !strings.Contains(file(), "msg=fourth") || stderr.Len() > 0 {
			t.Errorf("the file has %s, stderr %s", file(), stderr)
		}
	})
	t.Run("closed", func(t *testing.T) {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l.own.Info("fifth")
		if !strings.Contains(stderr.String(), "msg=fifth") {
			t.Errorf("stderr has %q", stderr)
		}
	})
}

func TestALogFileThatCannotBeWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("nova.conf", []byte("[DEFAULT]\nenabled_apis = main\nlog_file = nova.log\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("nova.log", 0o700); err != nil {
		t.Fatal(err)
	}
	p := &program{stderr: new(bytes.Buffer), logFormat: "text", logLevel: "info"}
	s := &source{uri: "config:paste.ini", given: true, files: new(snapshot.Files), configFiles: []string{"nova.conf"}}
	want := "nova.conf:3:12: [DEFAULT] log_file: open nova.log: is a directory, want a log file that can be written"
	if l, err := p.logging(s); l != nil || fmt.Sprint(err) != want {
		t.Errorf("got %v, %v, want %s", l, err, want)
	}
}
