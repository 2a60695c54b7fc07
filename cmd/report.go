package cmd

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/report"
)

func (p *program) reportCommand() *cobra.Command {
	var v verb
	var asJSON bool
	var output string
	c := v.command(&cobra.Command{
		Use:   "report",
		Short: "Show what a running master and its workers do at this moment",
		Long: `report is the guru meditation report: the program, the workers, the requests in
flight with the filter that each one is in, the stacks of all goroutines, memory,
descriptors, the last errors, the pipelines and the configuration. Secrets are
masked. A worker that does not answer within half a second is listed as such.
SIGUSR2 writes the same into the folder that report_dir names.`,
		Example: "  wheatpaste report --output report.txt",
		Args:    arguments(),
	})
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&output, "output", "", "file for the report, in place of stdout")
	_ = c.MarkFlagFilename("output") // the flag is there
	c.RunE = func(c *cobra.Command, _ []string) error {
		client, err := v.client(c.Context(), c)
		if err != nil {
			return err
		}
		made, err := client.Report(c.Context(), !asJSON)
		if err != nil {
			return told(err)
		}
		if c.Flags().Changed("output") {
			return failed(writeOutput(output, made))
		}
		_, err = p.stdout.Write(made)
		return failed(err)
	}
	return c
}

// writeOutput writes a report that only its owner may read: that nothing in it
// is secret is a matter of judgement.
func writeOutput(path string, made []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	_, err = f.Write(made)
	return errors.Join(err, f.Close())
}

// keepErrors has the log remember its last errors, for reports.
func (l *logs) keepErrors() *logs {
	l.errors = report.NewRing()
	l.own = slog.New(l.errors.Handler(l.own.Handler()))
	l.apps = slog.New(l.errors.Handler(l.apps.Handler()))
	return l
}

// reportSource is what reports tell of this program and of its plans.
func (r *runner) reportSource() report.Source {
	return report.Source{
		Name:      control.Base(r.source.base(), r.source.configFiles),
		Arguments: report.Arguments(os.Args),
		Errors:    r.logs.errors,
		Describe:  describePlan,
	}
}

// describePlan tells what a plan serves.
func describePlan(data any) report.Setup {
	made := data.(*rehearsal)
	d := (&report.Describer{File: made.File, Conf: made.conf}).Describe(made.Files)
	for _, g := range made.Groups {
		d.Server(g.Name, g.Application.Context)
	}
	return d.Setup()
}
