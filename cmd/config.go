package cmd

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// setting is one option in config --json (design.md 8).
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
ones, as the factory of the app would get them, each with the place and the rule
by which it got there. Secrets are masked.`,
	}
	s.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := s.parse(c, args); err != nil {
			return err
		}
		if _, err := s.authStrategy(); err != nil {
			return failed(err)
		}
		conf, err := paste.AppConfig(s.uri, s.options()...)
		if err != nil {
			return failed(err)
		}
		names, settings := effective(conf)
		if asJSON {
			return p.json(settings)
		}
		return failed(p.configText(names, settings))
	}
	return c
}

// effective gives the options in their order.
func effective(conf *paste.Config) ([]string, map[string]setting) {
	var names []string
	settings := map[string]setting{}
	node := tree.Context(conf.Context)
	for name, v := range conf.All().All() {
		o := v.Origin()
		set := setting{Value: node.Masked(name, v), Scope: "global", File: o.Pos.File, Line: o.Pos.Line, Via: tree.Via(conf.Context, v)}
		if conf.Local.Has(name) {
			set.Scope = "local"
		}
		names = append(names, name)
		settings[name] = set
	}
	return names, settings
}

// configText prints a table with the values, which may be long, at its end.
func (p *program) configText(names []string, settings map[string]setting) error {
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "OPTION\tSCOPE\tVIA\tPLACE\tVALUE")
	for _, name := range names {
		set := settings[name]
		place := tree.Place(paste.Pos{File: set.File, Line: set.Line})
		if place == "" {
			place = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", tree.OneLine(name), set.Scope, tree.OneLine(set.Via), tree.OneLine(place), tree.OneLine(set.Value))
	}
	return w.Flush()
}
