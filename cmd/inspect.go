package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/check"
	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

func (p *program) checkCommand() *cobra.Command {
	var s source
	c := &cobra.Command{
		Use:   "check [URI...] [var=value ...]",
		Short: "Find every problem of paste files without serving them",
		Long: `check builds what the files describe, as serve does, and opens nothing. Each
problem is one line on stderr, file:line:col: message. The exit code is 1 when
there are errors. Warnings are about what loads but is probably not meant, and
about sections that nothing uses.`,
	}
	s.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		uris, globals := splitArgs(args)
		failures := 0
		for _, uri := range uris {
			one := s
			if err := one.parse(c, append([]string{uri}, globals...)); err != nil {
				return err
			}
			loader, err := one.loader(p)
			if err != nil {
				return err
			}
			report := check.Run(loader, one.uri, one.options()...)
			if err := report.Write(p.stderr); err != nil {
				return failed(err)
			}
			failures += len(report.Errors)
		}
		if failures > 0 {
			return &exit{code: exitFailed}
		}
		return nil
	}
	return c
}

// splitArgs tells URIs and var=value words apart; without a URI the default
// file is meant.
func splitArgs(args []string) (uris, assignments []string) {
	for _, arg := range args {
		if isAssignment(arg) {
			assignments = append(assignments, arg)
		} else {
			uris = append(uris, arg)
		}
	}
	if len(uris) == 0 {
		uris = []string{defaultFile}
	}
	return uris, assignments
}

func (p *program) treeCommand() *cobra.Command {
	var s source
	var asJSON, portable bool
	c := &cobra.Command{
		Use:   "tree [URI] [var=value ...]",
		Short: "Show the context tree of every section",
		Long: `tree shows what each section of a file resolves to: the chain of use, the
factory, global and local options, and what pipelines and composites load. No
factory needs to be registered. Secrets are masked, but for --portable.`,
	}
	s.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&portable, "portable", false, "with --json: the test form: <here> and <file> for the paths, and all values as Paste Deploy has them, secrets too")
	c.RunE = func(c *cobra.Command, args []string) error {
		if portable && !asJSON {
			return fmt.Errorf("--portable goes with --json")
		}
		if err := s.parse(c, args); err != nil {
			return err
		}
		return p.tree(&s, asJSON, portable)
	}
	return c
}

func (p *program) tree(s *source, asJSON, portable bool) error {
	opts := s.options()
	if portable { // Paste Deploy's texts name the file by its absolute path
		dir, err := os.Getwd()
		if err != nil {
			return failed(err)
		}
		opts = append(opts, paste.Portable(), paste.RelativeTo(dir))
	}
	l, _, openErr := paste.OpenURI(s.uri, opts...)
	if !asJSON {
		if openErr != nil {
			return failed(openErr)
		}
		return tree.Text(p.stdout, l, s.name)
	}
	out, err := tree.JSON(l, openErr, portable)
	if err != nil {
		return failed(err)
	}
	if _, err := p.stdout.Write(out); err != nil {
		return failed(err)
	}
	if openErr != nil {
		return &exit{code: exitFailed}
	}
	return nil
}

// setting is one option in config --json.
type setting struct {
	Value string `json:"value"`
	Scope string `json:"scope"`
	File  string `json:"file"`
	Line  int    `json:"line"`
	Via   string `json:"via"`
}

func (p *program) configCommand() *cobra.Command {
	var s source
	var asJSON bool
	c := &cobra.Command{
		Use:   "config [URI] [var=value ...]",
		Short: "Show the effective options of one app, and where each was set",
		Long: `config is Paste Deploy's appconfig: the global options overlaid by the local
ones, as the factory of the app would get them. Secrets are masked.`,
	}
	s.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := s.parse(c, args); err != nil {
			return err
		}
		conf, err := paste.AppConfig(s.uri, s.options()...)
		if err != nil {
			return failed(err)
		}
		return p.config(conf, asJSON)
	}
	return c
}

func (p *program) config(conf *paste.Config, asJSON bool) error {
	settings := map[string]setting{}
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for name, v := range conf.All().All() {
		o := v.Origin()
		set := setting{Value: tree.Masked(conf.Context, name, v), Scope: "global", File: o.Pos.File, Line: o.Pos.Line, Via: tree.Via(conf.Context, v)}
		if conf.Local.Has(name) {
			set.Scope = "local"
		}
		settings[name] = set
		if !asJSON {
			fmt.Fprintf(w, "%s = %s\t%s\t%s\t%s\n", name, tree.OneLine(set.Value), set.Scope, tree.Place(o.Pos), set.Via)
		}
	}
	if asJSON {
		return p.json(settings)
	}
	return w.Flush()
}

func (p *program) json(v any) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return failed(err)
	}
	return nil
}
