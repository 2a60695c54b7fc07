package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wheatpaste/wheatpaste/paste"
)

// knownCommand refuses a word in the place of a command that is none.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	names := commands(root)
	if near := paste.Nearest(args[0], names); near != "" {
		return fmt.Errorf("unknown command %q, did you mean %s?", args[0], near)
	}
	return fmt.Errorf("unknown command %q, want %s", args[0], anyOf(names))
}

func commands(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// flagError adds the nearest known flag to what cobra says of an unknown one.
func flagError(c *cobra.Command, err error) error {
	name, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := paste.Nearest(name, names); near != "" {
		return fmt.Errorf("unknown flag --%s, did you mean --%s?", name, near)
	}
	return fmt.Errorf("unknown flag --%s", name)
}

// arguments wants so many arguments as there are names.
func arguments(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("missing argument, want %s", strings.Join(names, " "))
		case len(args) > len(names) && len(names) == 0:
			return fmt.Errorf("unexpected argument %q", args[0])
		case len(args) > len(names):
			return fmt.Errorf("unexpected argument %q behind %s", args[len(names)], strings.Join(names, " "))
		}
		return nil
	}
}

// anyOf writes a choice.
func anyOf(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// complete tells the shell which values a flag takes.
func complete(c *cobra.Command, flag string, values ...string) {
	// The error is about a flag that does not exist, which the first test would show.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// helpCommand is cobra's but for its answer to an unknown command.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Show help on a command",
		ValidArgsFunction: completeNames(func() []string { return commands(root) }),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return root.Help()
			}
			c, rest, err := root.Find(args)
			if err != nil || c == root || len(rest) > 0 {
				return knownCommand(root, args)
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

var shells = []string{"bash", "zsh", "fish", "powershell"}

func (p *program) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the completion script of a shell",
		Long: `completion prints the script by which a shell completes the commands, options and
names of wheatpaste: bash, zsh, fish or powershell. In bash, for example:

    source <(wheatpaste completion bash)`,
		Args:      arguments("SHELL"),
		ValidArgs: shells,
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			switch args[0] {
			case "bash":
				return failed(root.GenBashCompletionV2(p.stdout, true))
			case "zsh":
				return failed(root.GenZshCompletion(p.stdout))
			case "fish":
				return failed(root.GenFishCompletion(p.stdout, true))
			case "powershell":
				return failed(root.GenPowerShellCompletionWithDesc(p.stdout))
			}
			return fmt.Errorf("unknown shell %q, want %s", args[0], anyOf(shells))
		},
	}
}

// completeNames completes from a list, without files.
func completeNames(names func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		list := slices.DeleteFunc(names(), func(name string) bool { return !strings.HasPrefix(name, prefix) })
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}
