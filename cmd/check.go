package cmd

import (
	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/check"
)

func (p *program) checkCommand() *cobra.Command {
	var s source
	var servers []string
	c := &cobra.Command{
		Use:   "check [URI...] [var=value ...]",
		Short: "Find every problem of paste files without serving them",
		Long: `check builds what the files describe, applications and servers, as serve does,
and opens nothing. Each problem is one line on stderr, file:line:col: message.
The exit code is 1 when there are errors.

Errors are about what the application reaches: the one that is named, else main,
else every application that no section uses. Warnings are about what loads but is
probably not meant, and about what nothing reaches.`,
		Example: "  wheatpaste check\n  wheatpaste check /etc/nova/api-paste.ini -n osapi_compute --missing stub",
	}
	s.flags(c)
	c.Flags().StringArrayVar(&servers, "server-name", nil, "server section that serve would run (repeatable, or all)")
	c.RunE = func(c *cobra.Command, args []string) error {
		failures := 0
		for _, words := range perURI(args) {
			one := s
			if err := one.parse(c, words); err != nil {
				return err
			}
			n, err := p.check(&one, servers)
			if err != nil {
				return err
			}
			failures += n
		}
		if failures > 0 {
			return &exit{code: exitFailed}
		}
		return nil
	}
	return c
}

// perURI gives the arguments for each URI, or those without one.
func perURI(args []string) [][]string {
	uris, assignments := splitArgs(args)
	if len(uris) == 0 {
		return [][]string{assignments}
	}
	var list [][]string
	for _, uri := range uris {
		list = append(list, append([]string{uri}, assignments...))
	}
	return list
}

// check prints what is wrong with one file and gives the number of errors.
func (p *program) check(s *source, servers []string) (int, error) {
	logger, err := p.logger()
	if err != nil {
		return 0, err
	}
	loader, err := s.loader(logger)
	if err != nil {
		return 0, err
	}
	q := s.request(loader)
	q.Servers = servers
	report, err := check.Request(q)
	if err != nil {
		return 0, err
	}
	return len(report.Errors), failed(report.Write(p.stderr))
}
