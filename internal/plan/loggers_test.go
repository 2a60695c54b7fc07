package plan

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

func levels(t *testing.T, text string) *Levels {
	t.Helper()
	request(t, text)
	file, err := paste.Open("paste.ini")
	if err != nil {
		t.Fatal(err)
	}
	return LoggingLevels(file)
}

const apps = `
[pipeline:main]
pipeline = session blog
[app:blog]
use = egg:Pyramid-Blog
[filter:session]
paste.filter_factory = beaker.middleware:session_filter_factory
[filter:deep]
paste.filter_factory = beaker.middleware.deep.er:make
[filter:called]
use = call:pyramid_blog.web:make
[filter:broken]
use = lost
`

func TestLoggingLevels(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no sections", apps, ""},
		{"root alone", apps + "[loggers]\nkeys = root\n[logger_root]\nlevel = WARN\nhandlers = console\n", "WARN map[]"},
		{"no level of root", apps + "[handlers]\nkeys = console\n", "INFO map[]"},
		{"unknown level", apps + "[loggers]\nkeys = root\n[logger_root]\nlevel = %(lvl)s\n", "INFO map[]"},
		{"NOTSET is the level above", apps + "[loggers]\nkeys = root, blog\n[logger_root]\nlevel: ERROR\n[logger_blog]\nlevel = NOTSET\nqualname = pyramid_blog\n", "ERROR map[]"},
		{"loggers of packages", apps + `[loggers]
keys = root, blog,
    beaker, deep, sql, unnamed
[logger_root]
# level = DEBUG
level = WARNING
[logger_blog]
level = DEBUG
qualname = pyramid_blog
[logger_beaker]
level = CRITICAL
qualname = beaker
[logger_deep]
level = INFO
qualname = beaker.middleware.deep
[logger_sql]
level = DEBUG
qualname = sqlalchemy.engine
[logger_unnamed]
level = DEBUG
[logger_unlisted]
level = ERROR
qualname = pyramid_blog.web
`, "WARN map[app:blog:DEBUG filter:called:DEBUG filter:deep:INFO filter:session:ERROR+4]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := levels(t, tt.text)
			got := ""
			if l != nil {
				got = fmt.Sprintf("%v %v", l.Root, l.BySection)
			}
			if got != tt.want {
				t.Errorf("levels %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLevelsApplyToSections(t *testing.T) {
	l := &Levels{Root: slog.LevelWarn, BySection: map[string]slog.Level{"app:blog": slog.LevelDebug, "filter:quiet": slog.LevelError}}
	var b bytes.Buffer
	below := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	logger := slog.New(l.Handler(below))
	logger.Info("of root: too low")
	logger.Warn("of root")
	for _, section := range []string{"app:blog", "filter:quiet", "filter:other"} {
		at := logger.With("section", section).WithGroup("g").With("other", 1)
		at.Debug("debug")
		at.Warn("warn")
		at.Error("error")
	}
	want := `level=WARN msg="of root"
level=DEBUG msg=debug section=app:blog g.other=1
level=WARN msg=warn section=app:blog g.other=1
level=ERROR msg=error section=app:blog g.other=1
level=ERROR msg=error section=filter:quiet g.other=1
level=WARN msg=warn section=filter:other g.other=1
level=ERROR msg=error section=filter:other g.other=1
`
	if got := b.String(); got != want {
		t.Errorf("the log is\n%swant\n%s", got, want)
	}
}
