package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// verb is a command that speaks to a running master.
type verb struct {
	socket string
	places control.Places // where it looks without --control
}

// searchHelp is the end of each verb's help.
const searchHelp = `

Without --control the only running master is meant that is found in
$RUNTIME_DIRECTORY, /run/wheatpaste and /run/* (root), $XDG_RUNTIME_DIR/wheatpaste
and wheatpaste-UID in the temporary folder. The exit code is 0 when it is done,
1 when it was refused or went wrong, 2 when there is no master, or more than one.`

// command gives a command its --control, and its help the rules of the search.
func (v *verb) command(c *cobra.Command) *cobra.Command {
	v.places = control.SystemPlaces()
	c.Long += searchHelp
	c.Flags().StringVar(&v.socket, "control", "", "control socket of the master, as its --control says")
	_ = c.MarkFlagFilename("control", "sock") // the flag is there
	return c
}

// verbCommands are those of the control socket (design.md 8).
func (p *program) verbCommands() []*cobra.Command {
	return []*cobra.Command{p.statusCommand(), p.reloadCommand(), p.upgradeCommand(), p.stopCommand(), p.workersCommand(), p.reopenCommand(), p.reportCommand()}
}

// client finds the master.
func (v *verb) client(ctx context.Context, c *cobra.Command) (*control.Client, error) {
	if c.Flags().Changed("control") {
		if err := control.CheckPath(v.socket); err != nil {
			return nil, err
		}
		return control.NewClient(v.socket), nil
	}
	found, err := v.places.Find(ctx)
	if err != nil {
		return nil, told(err)
	}
	return control.NewClient(found.Path), nil
}

// told gives an error of the control socket its exit code.
func told(err error) error {
	if none, ok := errors.AsType[control.NoMasterError](err); ok {
		return &exit{exitUsage, none}
	}
	return failed(err)
}

func (p *program) reloadCommand() *cobra.Command {
	var v verb
	c := v.command(&cobra.Command{
		Use:   "reload",
		Short: "Have a running master read its files again",
		Long: `reload waits for the outcome: ok when all new workers are ready; rejected when
the files are wrong, or rolled_back when a new worker could not start, and the old
workers go on. The errors go to stderr, one a line, as check prints them.`,
		Args: arguments(),
	})
	c.RunE = p.outcome(&v, (*control.Client).Reload)
	return c
}

func (p *program) upgradeCommand() *cobra.Command {
	var v verb
	c := v.command(&cobra.Command{
		Use:   "upgrade",
		Short: "Have a running master execute the program that stands on the disk now",
		Long: `upgrade replaces the program of a running master by the one that its file holds
now, without losing a request: the new program shows first that it can go on, then
it takes the place of the old one in the same process, and its workers take over.
The files are read again, as at a reload. The outcome is ok, rejected when the new
program or the files are wrong, or rolled_back when its workers could not start: the
old program goes on then. The errors go to stderr.`,
		Args: arguments(),
	})
	c.RunE = p.outcome(&v, (*control.Client).Upgrade)
	return c
}

// outcome prints how a reload or an upgrade went.
func (p *program) outcome(v *verb, ask func(*control.Client, context.Context) (control.Reload, error)) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		client, err := v.client(c.Context(), c)
		if err != nil {
			return err
		}
		outcome, err := ask(client, c.Context())
		if err != nil {
			return told(err)
		}
		fmt.Fprintln(p.stdout, outcome.Result)
		for _, line := range outcome.Errors {
			fmt.Fprintln(p.stderr, printable(line))
		}
		if outcome.Result != control.OK {
			return &exit{code: exitFailed}
		}
		return nil
	}
}

func (p *program) stopCommand() *cobra.Command {
	var v verb
	c := v.command(&cobra.Command{
		Use:   "stop",
		Short: "Stop a running master gracefully",
		Long: `stop returns when the master is gone, with the master's exit code: 0 after a clean
end, 3 when requests were cut.`,
		Args: arguments(),
	})
	c.RunE = func(c *cobra.Command, _ []string) error {
		client, err := v.client(c.Context(), c)
		if err != nil {
			return err
		}
		code, err := client.Stop(c.Context())
		if err != nil {
			return told(err)
		}
		if code != 0 {
			return &exit{code, fmt.Errorf("the master ended with exit code %d", code)}
		}
		return nil
	}
	return c
}

func (p *program) reopenCommand() *cobra.Command {
	var v verb
	c := v.command(&cobra.Command{
		Use:   "reopen",
		Short: "Have a running master reopen its log files",
		Long:  "reopen is for after log files have been renamed.",
		Args:  arguments(),
	})
	c.RunE = func(c *cobra.Command, _ []string) error {
		client, err := v.client(c.Context(), c)
		if err != nil {
			return err
		}
		return told(client.Reopen(c.Context()))
	}
	return c
}

func (p *program) workersCommand() *cobra.Command {
	var v verb
	c := v.command(&cobra.Command{
		Use:   "workers [SERVER=]N",
		Short: "Change the number of workers of a running master",
		Long: `workers changes it for the server that is named, else for the first. The number
lasts until the next reload.`,
		Args: arguments("[SERVER=]N"),
	})
	c.ValidArgsFunction = func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return v.servers(c, args, prefix), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		server, n, err := parseWorkers(args[0])
		if err != nil {
			return err
		}
		client, err := v.client(c.Context(), c)
		if err != nil {
			return err
		}
		return told(client.SetWorkers(c.Context(), server, n))
	}
	return c
}

// parseWorkers reads [SERVER=]N.
func parseWorkers(word string) (server string, n int, err error) {
	number := word
	if at := strings.LastIndexByte(word, '='); at >= 0 {
		server, number = word[:at], word[at+1:]
		if server == "" {
			return "", 0, fmt.Errorf("no server before %q, want SERVER=N or N", word)
		}
	}
	n, err = strconv.Atoi(number)
	if err != nil || n < 1 || n > control.MaxWorkers {
		return "", 0, fmt.Errorf("invalid number of workers %q, want 1 to %d", number, control.MaxWorkers)
	}
	return server, n, nil
}

// servers completes SERVER= from what runs.
func (v *verb) servers(c *cobra.Command, args []string, prefix string) []string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	client, err := v.client(ctx, c)
	if err != nil || len(args) > 0 {
		return nil
	}
	status, err := client.Status(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for _, w := range status.Workers {
		if name := w.Server + "="; strings.HasPrefix(name, prefix) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (p *program) statusCommand() *cobra.Command {
	var v verb
	var asJSON bool
	c := v.command(&cobra.Command{
		Use:   "status",
		Short: "Show the workers of a running master",
		Long:  "status shows the master, its last reload, and each worker.",
		Args:  arguments(),
	})
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		client, err := v.client(c.Context(), c)
		if err != nil {
			return err
		}
		s, err := client.Status(c.Context())
		if err != nil {
			return told(err)
		}
		if asJSON {
			return p.json(s)
		}
		_, err = io.WriteString(p.stdout, statusText(s))
		return failed(err)
	}
	return c
}
