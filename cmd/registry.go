package cmd

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/describe"
	"github.com/wheatpaste/wheatpaste/paste"
)

// kinds are the words that list takes.
var kinds = []paste.FactoryKind{paste.KindApp, paste.KindComposite, paste.KindFilter, paste.KindFilterApp, paste.KindServer}

func (p *program) listCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [KIND]",
		Short: "List the registered factories with their aliases",
		Long:  "list shows the factories of all kinds, or of one: app, composite, filter, filter-app, server.",
		Args:  cobra.MaximumNArgs(1),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 1 && !slices.Contains(kinds, paste.FactoryKind(args[0])) {
			return fmt.Errorf("unknown kind %q, want app, composite, filter, filter-app or server", args[0])
		}
		return p.list(args, asJSON)
	}
	return c
}

func (p *program) list(kind []string, asJSON bool) error {
	type item struct {
		Kind    string   `json:"kind"`
		Name    string   `json:"name"`
		Aliases []string `json:"aliases"`
	}
	items := []item{}
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, f := range paste.DefaultRegistry.Factories() {
		if len(kind) == 1 && string(f.Kind) != kind[0] {
			continue
		}
		items = append(items, item{string(f.Kind), f.Name, append([]string{}, f.Aliases...)})
		if asJSON {
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Kind, f.Name, f.Help)
		for _, alias := range f.Aliases {
			fmt.Fprintf(w, "\t  %s\t\n", alias)
		}
	}
	if asJSON {
		return p.json(items)
	}
	return w.Flush()
}

func (p *program) describeCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "describe NAME",
		Short: "Describe one factory: options, defaults, help, example",
		Long:  "describe takes a canonical name or any alias: egg:Paste#urlmap, oslo_middleware:RequestId.factory, or the last word of one.",
		Args:  cobra.ExactArgs(1),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(_ *cobra.Command, args []string) error {
		found, err := describe.Find(paste.DefaultRegistry, args[0])
		if err != nil {
			return failed(err)
		}
		if asJSON {
			return p.json(describe.Data(found))
		}
		for i, f := range found {
			if i > 0 {
				fmt.Fprintln(p.stdout)
			}
			describe.Text(p.stdout, f)
		}
		return nil
	}
	return c
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			version, revision := buildVersion()
			fmt.Fprintf(p.stdout, "wheatpaste %s %s %s %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// buildVersion reads what the Go toolchain noted in the binary.
func buildVersion() (version, revision string) {
	version, revision = "devel", "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, revision
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		version = strings.TrimPrefix(v, "v")
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return version, revision
}
