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
func failed(err error) error { return &exit{exitFailed, err} }

// Main runs the command line and gives the exit code. What was asked for goes
// to stdout, logs and errors go to stderr.
func Main(args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return 0
	}
	var e *exit
	if !errors.As(err, &e) {
		fmt.Fprintf(stderr, "wheatpaste: %v\n", err)
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
	var list paste.Errors
	if !errors.As(err, &list) {
		fmt.Fprintf(w, "wheatpaste: %v\n", err)
		return
	}
	for _, e := range paste.AllErrors(list) {
		fmt.Fprintln(w, e)
	}
}

// program is what all commands share.
type program struct {
	stdout, stderr io.Writer
	logFormat      string
	logLevel       string
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	p := &program{stdout: stdout, stderr: stderr}
	root := &cobra.Command{
		Use:           "wheatpaste",
		Short:         "Serve Paste Deploy pipelines",
		Long:          "wheatpaste builds the applications of Paste Deploy files (api-paste.ini,\nproxy-server.conf, development.ini) from Go factories, and serves them.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return c.Help()
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.PersistentFlags().StringVar(&p.logFormat, "log-format", "text", "format of the log: text or json")
	root.PersistentFlags().StringVar(&p.logLevel, "log-level", "info", "least level of the log: debug, info, warn or error")
	root.AddCommand(p.serveCommand(), p.checkCommand(), p.treeCommand(), p.configCommand(), p.graphCommand(),
		p.diffCommand(), p.listCommand(), p.describeCommand(), p.versionCommand())
	return root
}

// logger makes the logger that the flags ask for.
func (p *program) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(p.logLevel)); err != nil {
		return nil, fmt.Errorf("invalid --log-level %q, want debug, info, warn or error", p.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	switch p.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(p.stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(p.stderr, options)), nil
	}
	return nil, fmt.Errorf("invalid --log-format %q, want text or json", p.logFormat)
}

// isAssignment tells a var=value word from a path or URI.
func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && !strings.ContainsAny(name, "/:#\\")
}
