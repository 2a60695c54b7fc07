package cmd

import (
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

func (p *program) treeCommand() *cobra.Command {
	var s source
	var asJSON, portable bool
	c := &cobra.Command{
		Use:   "tree [URI] [var=value ...]",
		Short: "Show the context tree of every section",
		Long: `tree shows what each section of a file resolves to: the chain of use, the
factory, global and local options, and what pipelines and composites load. With
a name it shows that application alone. No factory needs to be registered.

Secrets are masked everywhere but in --json --portable, the test form, which
holds every value as Paste Deploy has it.`,
	}
	s.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&portable, "portable", false, "with --json: the test form, with <here> and <file> for the paths and all values in the clear, SECRETS TOO")
	c.RunE = func(c *cobra.Command, args []string) error {
		if portable && !asJSON {
			return errors.New("--portable goes with --json")
		}
		if err := s.parse(c, args); err != nil {
			return err
		}
		return p.tree(&s, asJSON, portable)
	}
	return c
}

func (p *program) tree(s *source, asJSON, portable bool) error {
	if _, err := s.authStrategy(); err != nil {
		return failed(err)
	}
	l, name, openErr := paste.OpenURI(s.uri, s.options()...)
	if !asJSON {
		if openErr != nil {
			return failed(openErr)
		}
		return failed(tree.Text(p.stdout, l, name))
	}
	var out []byte
	var err error
	if path := s.path(l, openErr); portable && path != "" {
		out, err = tree.PortableOf(path, name, paste.GlobalConf(s.globals), paste.ReadFiles(s.files.Read))
	} else {
		out, err = tree.JSON(l, openErr, name)
	}
	if err != nil {
		return failed(err)
	}
	if _, err := p.stdout.Write(out); err != nil {
		return failed(err)
	}
	return failed(openErr)
}

// json prints a value for other programs.
func (p *program) json(v any) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return failed(enc.Encode(v))
}
