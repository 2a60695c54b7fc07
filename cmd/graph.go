package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/diff"
	"github.com/wheatpaste/wheatpaste/internal/graph"
)

func (p *program) graphCommand() *cobra.Command {
	var s source
	var format string
	c := &cobra.Command{
		Use:   "graph [URI] [var=value ...]",
		Short: "Draw the composition of a file",
		Long:  "graph draws the composites, pipelines, filters and apps of a file: as text, for Graphviz (dot), for Mermaid, or as a picture (svg).",
	}
	s.flags(c)
	c.Flags().StringVar(&format, "format", "text", "text, dot, svg or mermaid")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !slices.Contains(graph.Formats, format) {
			return fmt.Errorf("unknown --format %q, want %s", format, strings.Join(graph.Formats, ", "))
		}
		if err := s.parse(c, args); err != nil {
			return err
		}
		file, name, err := s.open()
		if err != nil {
			return err
		}
		if err := graph.Write(p.stdout, format, file, name); err != nil {
			return failed(err)
		}
		return nil
	}
	return c
}

func (p *program) diffCommand() *cobra.Command {
	var s source
	c := &cobra.Command{
		Use:   "diff OLD NEW [var=value ...]",
		Short: "Show what a reload from OLD to NEW would change",
		Long: `diff compares two files in terms of apps, filters and options, as the loader
resolves them; comments, order of sections and spelling do not count. The exit
code is 0 when they mean the same, 1 when not, 2 when one of them does not load.`,
	}
	s.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		uris, globals := splitArgs(args)
		if len(uris) != 2 {
			return fmt.Errorf("want two files, OLD and NEW")
		}
		var sides [2]diff.Side
		for i, uri := range uris {
			one := s
			if err := one.parse(c, append([]string{uri}, globals...)); err != nil {
				return err
			}
			file, name, err := one.open()
			if err != nil {
				return &exit{exitUsage, err}
			}
			sides[i] = diff.Side{File: file, Name: name}
		}
		lines, err := diff.Compare(sides[0], sides[1])
		if err != nil {
			return &exit{exitUsage, err}
		}
		for _, l := range lines {
			fmt.Fprintln(p.stdout, l)
		}
		if len(lines) > 0 {
			return &exit{code: exitFailed}
		}
		return nil
	}
	return c
}
