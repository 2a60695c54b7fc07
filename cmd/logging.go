package cmd

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/internal/report"
	"github.com/wheatpaste/wheatpaste/paste"
)

// logs are the loggers of a process: that of the program, and that of the
// applications, which follows the levels that files set. The program's own
// lines, such as where it serves, are not silenced by a file: scripts wait for
// them.
type logs struct {
	own, apps *slog.Logger
	file      *logFile     // nil without log_file
	errors    *report.Ring // the last ones; see keepErrors
}

// Reopen opens the log file anew, after it was moved away. When that is not
// possible the old one stays in use.
func (l *logs) Reopen() error {
	if l.file == nil {
		return nil
	}
	return l.file.open()
}

// Close closes the log file; what is logged then goes to stderr.
func (l *logs) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.close()
}

// logging sets up the log before anything is logged: as nova.conf says where
// that says what is served, else on stderr with the levels of the paste file's
// sections for Python's logging (URI-15). --log-level and --log-format win. What
// is wrong with the files is told, with all else, when the plan is made.
func (p *program) logging(s *source) (*logs, error) {
	if err := s.prepare(); err == nil && s.nova {
		if l, _, err := plan.ReadLogging(s.conf); err == nil {
			return p.confLogging(s, l)
		}
	}
	own, err := p.logger()
	if err != nil {
		return nil, err
	}
	levels := plan.LoggingLevels(s.pasteFile())
	if levels == nil {
		return &logs{own: own, apps: own}, nil
	}
	if p.levelGiven {
		own.Info("the sections for Python's logging are not used: --log-level decides", "at", levels.Pos.String())
		return &logs{own: own, apps: own}, nil
	}
	l, err := p.withLevels(p.stderr, p.logFormat, levels)
	if err != nil {
		return nil, err
	}
	l.own.Info("of the sections for Python's logging, the levels are used; handlers and formatters have no meaning here, see --log-format",
		"at", levels.Pos.String(), "root", levels.Root.String(), "sections", fmt.Sprint(levels.BySection))
	return l, nil
}

// pasteFile opens the file of the URI, for its levels; nil when that fails.
func (s *source) pasteFile() *paste.Loader {
	if !strings.HasPrefix(s.uri, "config:") {
		return nil
	}
	file, _, err := paste.OpenURI(s.uri, s.options()...)
	if err != nil {
		return nil
	}
	return file
}

// confLogging is the log of nova.conf.
func (p *program) confLogging(s *source, set *plan.Logging) (*logs, error) {
	out := p.stderr
	var file *logFile
	if set.File != "" {
		file = &logFile{path: set.File, stderr: p.stderr, both: set.Stderr}
		if err := file.open(); err != nil {
			return nil, failed(set.Bad(err))
		}
		out = file
	}
	format := p.logFormat
	if set.JSON && !s.formatGiven {
		format = "json"
	}
	l, err := p.confLevels(s, set, out, format)
	if err != nil {
		return nil, err
	}
	l.file = file
	return l, nil
}

func (p *program) confLevels(s *source, set *plan.Logging, out io.Writer, format string) (*logs, error) {
	if !p.levelGiven {
		return p.withLevels(out, format, set.OfSections(s.pasteFile()))
	}
	level, err := p.level()
	if err != nil {
		return nil, err
	}
	handler, err := newHandler(out, format, level)
	if err != nil {
		return nil, err
	}
	own := slog.New(handler)
	if len(set.Levels) > 0 {
		own.Info("default_log_levels is not used: --log-level decides")
	}
	return &logs{own: own, apps: own}, nil
}

// withLevels makes the loggers for levels of a file.
func (p *program) withLevels(out io.Writer, format string, levels *plan.Levels) (*logs, error) {
	own, err := newHandler(out, format, min(slog.LevelInfo, levels.Root))
	if err != nil {
		return nil, err
	}
	below, err := newHandler(out, format, slog.LevelDebug)
	if err != nil {
		return nil, err
	}
	return &logs{own: slog.New(own), apps: slog.New(levels.Handler(below))}, nil
}

// newHandler makes a handler of a format, as --log-format names it.
func newHandler(out io.Writer, format string, least slog.Level) (slog.Handler, error) {
	options := &slog.HandlerOptions{Level: least}
	switch format {
	case "text":
		return slog.NewTextHandler(out, options), nil
	case "json":
		return slog.NewJSONHandler(out, options), nil
	}
	return nil, fmt.Errorf("invalid --log-format %q, want text or json", format)
}

// logFile is a file that log lines are appended to. Each line is one write, so
// that the lines of several processes do not mix. Where the file takes nothing,
// stderr does.
type logFile struct {
	path   string
	stderr io.Writer
	both   bool // use_stderr: stderr gets every line, too

	mu   sync.Mutex
	file *os.File // nil when closed
}

// Write takes one line.
func (f *logFile) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	written := false
	if f.file != nil {
		_, err := f.file.Write(line)
		written = err == nil
	}
	if !written || f.both {
		return f.stderr.Write(line)
	}
	return len(line), nil
}

// open opens the file, in place of the one that is open.
func (f *logFile) open() error {
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640) //nolint:gosec // the group may read logs
	if err != nil {
		return err
	}
	f.mu.Lock()
	old := f.file
	f.file = file
	f.mu.Unlock()
	if old != nil {
		_ = old.Close() // what was written is written
	}
	return nil
}

func (f *logFile) close() error {
	f.mu.Lock()
	file := f.file
	f.file = nil
	f.mu.Unlock()
	if file == nil {
		return nil
	}
	return file.Close()
}
