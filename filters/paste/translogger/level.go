package translogger

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Level is a level of Python's logging, by name or number.
type Level int

const (
	levelDebug Level = 10
	levelInfo  Level = 20
)

var levelNames = map[string]Level{
	"NOTSET": 0, "DEBUG": levelDebug, "INFO": levelInfo, "WARN": 30, "WARNING": 30,
	"ERROR": 40, "CRITICAL": 50, "FATAL": 50,
}

// UnmarshalText reads a name, in any case, or a number. (The original means to
// and fails on Python 3.)
func (l *Level) UnmarshalText(text []byte) error {
	if level, ok := levelNames[strings.ToUpper(string(text))]; ok {
		*l = level
		return nil
	}
	n, err := paste.AsInt(string(text))
	if err != nil || n < 0 || n > 1000 {
		return fmt.Errorf("invalid level %q, want DEBUG, INFO, WARNING, ERROR, CRITICAL or a number", text)
	}
	*l = Level(n)
	return nil
}

// String is the name, for levels that have one.
func (l Level) String() string {
	for _, name := range []string{"NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"} {
		if levelNames[name] == l {
			return name
		}
	}
	return strconv.Itoa(int(l))
}

// slog gives the level of Go's logging: steps of 4 round INFO for Python's
// steps of 10.
func (l Level) slog() slog.Level { return slog.Level((int(l) - int(levelInfo)) * 4 / 10) }
