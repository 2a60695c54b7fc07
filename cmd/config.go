package cmd

import (
	"fmt"
	"log/slog"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
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
	var filter string
	c := &cobra.Command{
		Use:   "config [URI] [var=value ...]",
		Short: "Show the effective options of one app or filter, and where each was set",
		Long: `config is Paste Deploy's appconfig: the global options overlaid by the local
ones, as the factory of the app would get them, each with the place and the rule
by which it got there. Options that the section leaves to conf files follow, with
the group that sets them. Secrets are masked.`,
		Example: "  wheatpaste config /etc/nova/api-paste.ini -n metadata\n  wheatpaste config /etc/nova/api-paste.ini --filter authtoken --config-file /etc/nova/nova.conf",
	}
	s.flags(c)
	c.Flags().StringVar(&filter, "filter", "", "filter section to show in place of an app")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := s.parse(c, args); err != nil {
			return err
		}
		loader, err := s.loader(slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		conf, err := s.config(filter)
		if err != nil {
			return failed(err)
		}
		names, settings := effective(conf)
		fromConf, err := leftToConf(conf.Context, loader)
		if err != nil {
			return failed(err)
		}
		for _, o := range fromConf {
			names = append(names, o.Option)
			settings[o.Option] = confSetting(o.Value)
		}
		if asJSON {
			return p.json(settings)
		}
		return failed(p.configText(names, settings))
	}
	return c
}

// config resolves the app, or the filter that is asked for.
func (s *source) config(filter string) (*paste.Config, error) {
	if filter == "" {
		return paste.AppConfig(s.uri, s.options()...)
	}
	c, err := paste.Load(paste.Filter, s.uri, append(s.options(), paste.Name(filter))...)
	if err != nil {
		return nil, err
	}
	return &paste.Config{Global: c.Global, Local: c.Local, Context: c}, nil
}

// leftToConf finds the options that conf files set, as the factory would.
func leftToConf(c *paste.Context, loader *pipeline.Loader) ([]paste.ConfOption, error) {
	if c.Ref == nil {
		return nil, nil
	}
	f, ok := loader.Registry().Lookup(c.Object, c.Ref.Text)
	if !ok {
		return nil, nil
	}
	return f.FromConf(paste.NewBuild(c, paste.BuildConfig{Conf: loader.Conf}))
}

func confSetting(v paste.ConfValue) setting {
	set := setting{Value: tree.MaskedText(v.Text), Scope: "conf", File: v.Pos.File, Line: v.Pos.Line, Via: v.String()}
	if v.Secret && v.Text != "" {
		set.Value = tree.Mask
	}
	return set
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
