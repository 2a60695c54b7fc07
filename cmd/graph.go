package cmd

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/graph"
)

func (p *program) graphCommand() *cobra.Command {
	var s source
	var format string
	c := &cobra.Command{
		Use:   "graph [URI] [var=value ...]",
		Short: "Draw the composition of a file",
		Long: `graph draws the composites, pipelines, filters and apps of a file: as text, for
Graphviz (dot), for Mermaid, or as a picture (svg). Without a name it draws main,
or every application that no section uses.`,
		Example: "  wheatpaste graph /etc/nova/api-paste.ini --format svg > nova.svg",
	}
	s.flags(c)
	c.Flags().StringVar(&format, "format", "text", anyOf(graph.Formats))
	complete(c, "format", graph.Formats...)
	c.RunE = func(c *cobra.Command, args []string) error {
		if !slices.Contains(graph.Formats, format) {
			return fmt.Errorf("unknown --format %q, want %s", format, anyOf(graph.Formats))
		}
		if err := s.parse(c, args); err != nil {
			return err
		}
		file, name, err := s.open()
		if err != nil {
			return failed(err)
		}
		return failed(graph.Write(p.stdout, format, file, name))
	}
	return c
}
