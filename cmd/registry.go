package cmd

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/describe"
	"github.com/wheatpaste/wheatpaste/paste"
)

// kinds are the words that list takes.
var kinds = []string{string(paste.KindApp), string(paste.KindComposite), string(paste.KindFilter), string(paste.KindFilterApp), string(paste.KindServer)}

func (p *program) listCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [KIND]",
		Short: "List the registered factories with their aliases",
		Long:  "list shows the factories of all kinds, or of one: app, composite, filter, filter-app, server.",
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.ValidArgsFunction = completeNames(func() []string { return kinds })
	c.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("unexpected argument %q behind KIND", args[1])
		}
		if len(args) == 1 && !slices.Contains(kinds, args[0]) {
			return fmt.Errorf("unknown kind %q, want %s", args[0], anyOf(kinds))
		}
		return p.list(args, asJSON)
	}
	return c
}

// listed is one factory in list --json (design.md 8).
type listed struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
}

func (p *program) list(kind []string, asJSON bool) error {
	items := []listed{}
	var help []string
	wide := 0
	for _, f := range paste.DefaultRegistry.Factories() {
		if len(kind) == 1 && string(f.Kind) != kind[0] {
			continue
		}
		items = append(items, listed{string(f.Kind), f.Name, append([]string{}, f.Aliases...)})
		wide = max(wide, len(f.Name))
		text := f.Help
		if f.Refusal != "" {
			text = "refused: " + f.Refusal
		}
		help = append(help, text)
	}
	if asJSON {
		return p.json(items)
	}
	w := bufio.NewWriter(p.stdout)
	for i, item := range items {
		fmt.Fprintf(w, "%-10s  %-*s  %s\n", item.Kind, wide, item.Name, help[i])
		for _, alias := range item.Aliases {
			fmt.Fprintf(w, "%-10s    %s\n", "", alias)
		}
	}
	return failed(w.Flush())
}

func (p *program) describeCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "describe NAME",
		Short: "Describe one factory: options, defaults, help, example",
		Long:  "describe takes a canonical name or any alias: egg:Paste#urlmap, oslo_middleware:RequestId.factory, or the last word of one.",
		Args:  arguments("NAME"),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.ValidArgsFunction = completeNames(func() []string {
		var names []string
		for _, f := range paste.DefaultRegistry.Factories() {
			names = append(append(names, f.Name), f.Aliases...)
		}
		return names
	})
	c.RunE = func(_ *cobra.Command, args []string) error {
		found, err := describe.Find(paste.DefaultRegistry, args[0])
		if err != nil {
			return failed(err)
		}
		if asJSON {
			return p.json(describe.Data(found))
		}
		var b strings.Builder
		for i, f := range found {
			if i > 0 {
				b.WriteByte('\n')
			}
			describe.Text(&b, f)
		}
		_, err = io.WriteString(p.stdout, b.String())
		return failed(err)
	}
	return c
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  arguments(),
		RunE: func(*cobra.Command, []string) error {
			version, revision := buildVersion()
			_, err := fmt.Fprintf(p.stdout, "wheatpaste %s %s %s %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return failed(err)
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
