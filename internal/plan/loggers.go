package plan

import (
	"context"
	"log/slog"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Levels are what the sections for Python's logging say about levels (URI-15):
// [logger_root], and those loggers that are named after the package of a
// section's factory.
type Levels struct {
	Pos       paste.Pos // of the first of the sections
	Root      slog.Level
	BySection map[string]slog.Level // where it is not Root's
}

// LoggingLevels reads the sections for Python's logging; nil without any, or
// without a file.
// Python reads them by themselves, too, and knows nothing of use and [DEFAULT]
// there.
func LoggingLevels(file *paste.Loader) *Levels {
	if file == nil {
		return nil
	}
	l := &Levels{Root: slog.LevelInfo, BySection: map[string]slog.Level{}}
	for _, s := range file.Sections() {
		if s.Name == "loggers" || s.Name == "handlers" || s.Name == "formatters" {
			l.Pos = s.Pos
			break
		}
	}
	if l.Pos.Line == 0 {
		return nil
	}
	loggers := readLoggers(file)
	if level, ok := loggers["root"]; ok {
		l.Root = level
	}
	delete(loggers, "root")
	if len(loggers) == 0 {
		return l
	}
	l.bySection(file, loggers)
	return l
}

// pythonLevels are the names of levels, as logging has them. NOTSET is the level
// of the logger above.
var pythonLevels = map[string]slog.Level{
	"DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARN": slog.LevelWarn, "WARNING": slog.LevelWarn,
	"ERROR": slog.LevelError, "CRITICAL": slog.LevelError + 4, "FATAL": slog.LevelError + 4,
}

// readLoggers gives the levels of the loggers of a file by their qualname.
func readLoggers(file *paste.Loader) map[string]slog.Level {
	options := loggerOptions(file.Text())
	levels := map[string]slog.Level{}
	for key := range strings.SplitSeq(options["loggers"]["keys"], ",") {
		key = strings.TrimSpace(key)
		logger := options["logger_"+key]
		name := logger["qualname"]
		if key == "root" {
			name = "root"
		}
		if level, ok := pythonLevels[logger["level"]]; ok && name != "" {
			levels[name] = level
		}
	}
	return levels
}

// loggerOptions reads the sections that begin with logger, without
// interpolation. A loader resolves only what Paste Deploy knows; it has seen
// that the dialect is right.
func loggerOptions(text string) map[string]map[string]string {
	options := map[string]map[string]string{}
	section, key := "", ""
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		i := strings.IndexAny(trimmed, "=:")
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case line[0] == '[':
			section, key = strings.Trim(trimmed, "[]"), ""
			options[section] = map[string]string{}
		case !strings.HasPrefix(section, "logger"):
		case line[0] == ' ' || line[0] == '\t':
			options[section][key] += " " + trimmed
		case i > 0:
			key = strings.ToLower(strings.TrimSpace(trimmed[:i]))
			options[section][key] = strings.TrimSpace(trimmed[i+1:])
		}
	}
	return options
}

// nearestLogger is the level of the logger that stands over the module of an
// object's factory: the longest name counts.
func nearestLogger(loggers map[string]slog.Level, n *tree.Node) (level slog.Level, found bool) {
	module := factoryModule(n)
	for module != "" {
		if level, found = loggers[module]; found {
			return level, true
		}
		module = module[:max(strings.LastIndexByte(module, '.'), 0)]
	}
	return 0, false
}

// factoryModule is where the code of a factory is, as far as its name tells:
// module:attr stands in the module, what a distribution offers in the package
// of that name.
func factoryModule(n *tree.Node) string {
	if n.Err != nil || n.Ref == nil {
		return ""
	}
	if dist, ok := strings.CutPrefix(n.Ref.Text, "egg:"); ok {
		dist, _, _ = strings.Cut(dist, "#")
		return strings.ToLower(strings.NewReplacer("-", "_").Replace(dist))
	}
	module, _, _ := strings.Cut(strings.TrimPrefix(n.Ref.Text, "call:"), ":")
	return strings.TrimSpace(module)
}

// Handler applies the levels to the logs of the sections. The handler below must
// take all levels.
func (l *Levels) Handler(below slog.Handler) slog.Handler {
	return &levelHandler{Handler: below, levels: l, level: l.Root}
}

type levelHandler struct {
	slog.Handler
	levels *Levels
	level  slog.Level
}

func (h *levelHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// WithAttrs finds the section by the attribute that package pipeline sets.
func (h *levelHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.Handler = h.Handler.WithAttrs(attrs)
	for _, a := range attrs {
		if level, ok := h.levels.BySection[a.Value.String()]; ok && a.Key == "section" {
			next.level = level
		}
	}
	return &next
}

func (h *levelHandler) WithGroup(name string) slog.Handler {
	next := *h
	next.Handler = h.Handler.WithGroup(name)
	return &next
}
