// Package cmd is the command line of wheatpaste: flags and printing. A program
// with plugins of its own is a main function that imports them and calls Main.
package cmd

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/check"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Exit codes of the contract (design.md 6 and 8).
const (
	exitFailed = 1
	exitUsage  = 2
)

// exit ends the program with a code; the error, if any, is printed.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// failed is the end of a command that could not do its work.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exit{exitFailed, err}
}

// Main runs the command line and gives the exit code. What was asked for goes
// to stdout, logs and errors go to stderr.
func Main(args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	c, err := root.ExecuteC()
	if err == nil {
		return 0
	}
	var e *exit
	if !errors.As(err, &e) {
		fmt.Fprintf(stderr, "wheatpaste: %v (see %s --help)\n", err, c.CommandPath())
		return exitUsage
	}
	if e.err != nil {
		printErrors(stderr, e.err)
	}
	return e.code
}

// printErrors prints each problem of a file on a line of its own, as compilers
// do, and other errors behind the program's name.
func printErrors(w io.Writer, err error) {
	if list, ok := errors.AsType[paste.Errors](err); ok {
		_ = check.Report{Errors: paste.AllErrors(list)}.Write(w) // stderr is the last resort
		return
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w, "wheatpaste: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// program is what all commands share.
type program struct {
	stdout, stderr io.Writer
	logFormat      string
	logLevel       string
	levelGiven     bool
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	p := &program{stdout: stdout, stderr: stderr}
	root := &cobra.Command{
		Use:   "wheatpaste",
		Short: "Serve Paste Deploy pipelines",
		Long: `wheatpaste builds the applications of Paste Deploy files (api-paste.ini,
proxy-server.conf, development.ini) from Go factories, and serves them.

Options may stand before or after arguments. The exit code is 0 when all is
well, 1 when the work could not be done, 2 when it was asked for wrongly.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          knownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			p.levelGiven = c.Flags().Changed("log-level")
			_, err := p.handler(slog.LevelInfo)
			return err
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().StringVar(&p.logFormat, "log-format", "text", "format of the log on stderr: text or json")
	root.PersistentFlags().StringVar(&p.logLevel, "log-level", "info", "least level of the log: debug, info, warn or error")
	complete(root, "log-format", "text", "json")
	complete(root, "log-level", "debug", "info", "warn", "error")
	root.AddCommand(p.serveCommand(), p.checkCommand(), p.treeCommand(), p.configCommand(), p.graphCommand(),
		p.diffCommand(), p.listCommand(), p.describeCommand(), p.versionCommand(), p.completionCommand())
	root.AddCommand(p.verbCommands()...)
	root.SetHelpCommand(helpCommand(root))
	return root
}

// level reads --log-level.
func (p *program) level() (level slog.Level, err error) {
	if err := level.UnmarshalText([]byte(p.logLevel)); err != nil {
		return 0, fmt.Errorf("invalid --log-level %q, want debug, info, warn or error", p.logLevel)
	}
	return level, nil
}

// handler makes the log handler that the flags ask for.
func (p *program) handler(least slog.Level) (slog.Handler, error) {
	if _, err := p.level(); err != nil {
		return nil, err
	}
	options := &slog.HandlerOptions{Level: least}
	switch p.logFormat {
	case "text":
		return slog.NewTextHandler(p.stderr, options), nil
	case "json":
		return slog.NewJSONHandler(p.stderr, options), nil
	}
	return nil, fmt.Errorf("invalid --log-format %q, want text or json", p.logFormat)
}

// logger makes the logger that the flags ask for.
func (p *program) logger() (*slog.Logger, error) {
	level, err := p.level()
	if err != nil {
		return nil, err
	}
	return p.atLevel(level)
}

func (p *program) atLevel(level slog.Level) (*slog.Logger, error) {
	handler, err := p.handler(level)
	if err != nil {
		return nil, err
	}
	return slog.New(handler), nil
}
