package plan

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Logging is what conf files say about the log, as oslo.log reads them.
type Logging struct {
	Debug  bool
	JSON   bool
	File   string // "" for stderr
	Stderr bool   // beside the file
	// Levels are those of default_log_levels, by the name of Python's logger.
	Levels map[string]slog.Level

	at paste.Error // where the file is named
}

var (
	logDebug  = osloconf.Option{Name: "debug", Type: osloconf.Bool}
	logFile   = osloconf.Option{Name: "log_file", Deprecated: []osloconf.Name{{Name: "logfile"}}}
	logDir    = osloconf.Option{Name: "log_dir", Deprecated: []osloconf.Name{{Name: "logdir"}}}
	logStderr = osloconf.Option{Name: "use_stderr", Type: osloconf.Bool}
	logJSON   = osloconf.Option{Name: "use_json", Type: osloconf.Bool}
	logLevels = osloconf.Option{Name: "default_log_levels", Type: osloconf.List}
)

// defaultLog is the file in log_dir where no log_file is given: oslo.log calls
// it after the program.
const defaultLog = "wheatpaste.log"

const seeFormat = "see use_json and --log-format"

// idleLogging are the options of oslo.log that have no meaning here.
var idleLogging = []idle{
	{osloconf.Option{Name: "use_syslog", Type: osloconf.Bool}, "the log goes to a file or to stderr, which systemd takes"},
	{osloconf.Option{Name: "use_journal", Type: osloconf.Bool}, "the log goes to a file or to stderr, which systemd takes"},
	{osloconf.Option{Name: "use_eventlog", Type: osloconf.Bool}, "the log goes to a file or to stderr"},
	{osloconf.Option{Name: "syslog_log_facility"}, "the log goes to a file or to stderr"},
	{osloconf.Option{Name: "log_config_append", Deprecated: []osloconf.Name{{Name: "log_config"}, {Name: "log-config"}}}, "Python's logging is not there, see debug and default_log_levels"},
	{osloconf.Option{Name: "watch_log_file", Type: osloconf.Bool}, "wheatpaste reopen opens the log anew"},
	{osloconf.Option{Name: "log_rotation_type"}, "let logrotate move the log, and call wheatpaste reopen"},
	{osloconf.Option{Name: "log_rotate_interval"}, "let logrotate move the log, and call wheatpaste reopen"},
	{osloconf.Option{Name: "log_rotate_interval_type"}, "let logrotate move the log, and call wheatpaste reopen"},
	{osloconf.Option{Name: "max_logfile_count"}, "let logrotate move the log, and call wheatpaste reopen"},
	{osloconf.Option{Name: "max_logfile_size_mb"}, "let logrotate move the log, and call wheatpaste reopen"},
	{osloconf.Option{Name: "log_date_format"}, seeFormat},
	{osloconf.Option{Name: "logging_context_format_string"}, seeFormat},
	{osloconf.Option{Name: "logging_default_format_string"}, seeFormat},
	{osloconf.Option{Name: "logging_debug_format_suffix"}, seeFormat},
	{osloconf.Option{Name: "logging_exception_prefix"}, seeFormat},
	{osloconf.Option{Name: "logging_user_identity_format"}, seeFormat},
	{osloconf.Option{Name: "instance_format"}, seeFormat},
	{osloconf.Option{Name: "instance_uuid_format"}, seeFormat},
	{osloconf.Option{Name: "log_color", Type: osloconf.Bool}, seeFormat},
	{osloconf.Option{Name: "publish_errors", Type: osloconf.Bool}, "errors go to the log alone"},
	{osloconf.Option{Name: "fatal_deprecations", Type: osloconf.Bool}, "a deprecated name is a warning"},
	{osloconf.Option{Name: "rate_limit_interval"}, "the log has no limit"},
	{osloconf.Option{Name: "rate_limit_burst"}, "the log has no limit"},
	{osloconf.Option{Name: "rate_limit_except_level"}, "the log has no limit"},
}

// ReadLogging reads the options of the log, and opens nothing. The warnings are
// about options without meaning.
func ReadLogging(conf *osloconf.Config) (*Logging, paste.Errors, error) {
	conf.Declare(logDebug, logFile, logDir, logStderr, logJSON, logLevels)
	r := conf.Read()
	l := &Logging{Debug: r.Bool(logDebug), JSON: r.Bool(logJSON), Stderr: r.Bool(logStderr), Levels: map[string]slog.Level{}}
	l.path(conf, r)
	for _, item := range r.List(logLevels) {
		name, level, err := levelOf(item)
		if err != nil {
			r.Bad(logLevels, "%v", err)
		} else if level != nil {
			l.Levels[name] = *level
		}
	}
	return l, idleWarnings(conf, idleLogging), r.Err()
}

// path finds the log file: oslo.log joins log_dir and log_file.
func (l *Logging) path(conf *osloconf.Config, r *osloconf.Reader) {
	file, dir, at := r.String(logFile), r.String(logDir), logFile
	if file == "" {
		at = logDir
	}
	switch {
	case file == "" && dir == "":
		return
	case file == "":
		file = defaultLog
	}
	l.File = file
	if dir != "" && !filepath.IsAbs(file) {
		l.File = filepath.Join(dir, file)
	}
	l.at = *paste.AllErrors(conf.Bad(at, "no log file"))[0]
	info, err := os.Stat(filepath.Dir(l.File))
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", filepath.Dir(l.File))
	}
	if err != nil {
		r.Bad(at, "%v, want a log file in a folder that exists", err)
	}
}

// Bad gives an error about the log file the place where it is named.
func (l *Logging) Bad(err error) error {
	e := l.at
	e.Problem, e.Cause = err.Error()+", want a log file that can be written", err
	return paste.Errors{&e}
}

// levelOf reads LOGGER=LEVEL; without a level for NOTSET, which is that of the
// logger above.
func levelOf(item string) (name string, level *slog.Level, err error) {
	name, text, ok := strings.Cut(item, "=")
	name, text = strings.TrimSpace(name), strings.TrimSpace(text)
	if l, known := pythonLevels[text]; ok && known && name != "" {
		return name, &l, nil
	}
	if ok && name != "" && text == "NOTSET" {
		return name, nil, nil
	}
	return "", nil, fmt.Errorf("invalid level %q, want LOGGER=LEVEL with a level of DEBUG, INFO, WARNING, ERROR or CRITICAL", item)
}

// Root is the least level.
func (l *Logging) Root() slog.Level {
	if l.Debug {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// OfSections applies the levels to the sections of a file, which may be nil.
func (l *Logging) OfSections(file *paste.Loader) *Levels {
	levels := &Levels{Root: l.Root(), BySection: map[string]slog.Level{}}
	if file != nil && len(l.Levels) > 0 {
		levels.bySection(file, l.Levels)
	}
	return levels
}

func (l *Levels) bySection(file *paste.Loader, loggers map[string]slog.Level) {
	for _, e := range tree.File(file) {
		if level, ok := nearestLogger(loggers, e.Node); ok {
			l.BySection[e.Section.Name] = level
		}
	}
}
