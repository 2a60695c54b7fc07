package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/diff"
)

func (p *program) diffCommand() *cobra.Command {
	var s source
	c := &cobra.Command{
		Use:   "diff OLD NEW [var=value ...]",
		Short: "Show what a reload from OLD to NEW would change",
		Long: `diff compares two files in terms of apps, filters and options, as the loader
resolves them; comments, the order of sections and spelling do not count. One
line is one change: + for what is new, - for what goes, ~ for what changes.

The exit code is 0 when both mean the same, 1 when not, 2 when one of them does
not load.`,
	}
	s.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		uris, assignments := splitArgs(args)
		if err := arguments("OLD", "NEW")(c, uris); err != nil {
			return err
		}
		var sides [2]diff.Side
		for i, uri := range uris {
			one := s
			if err := one.parse(c, append([]string{uri}, assignments...)); err != nil {
				return err
			}
			file, name, err := one.portable()
			if err != nil {
				return &exit{exitUsage, err}
			}
			sides[i] = diff.Side{File: file, Name: name}
		}
		return p.diff(sides)
	}
	return c
}

func (p *program) diff(sides [2]diff.Side) error {
	lines, err := diff.Compare(sides[0], sides[1])
	if err != nil {
		return &exit{exitUsage, err}
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(p.stdout, l); err != nil {
			return &exit{exitUsage, err}
		}
	}
	if len(lines) > 0 {
		return &exit{code: exitFailed}
	}
	return nil
}
