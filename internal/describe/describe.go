// Package describe writes what is known about a registered factory: for the
// command describe, and for the README of its folder.
package describe

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Find finds factories by a name or alias in full, else by the last word of
// their canonical name: requestid, urlmap.
func Find(reg *paste.Registry, name string) ([]*paste.Factory, error) {
	var found []*paste.Factory
	for _, object := range []paste.Object{paste.App, paste.Filter, paste.ServerObject} {
		if f, ok := reg.Lookup(object, name); ok {
			found = append(found, f)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	var known []string
	for _, f := range reg.Factories() {
		for _, n := range append([]string{f.Name}, f.Aliases...) {
			if shortName(n) == name && !slices.Contains(found, f) {
				found = append(found, f)
			}
			known = append(known, n, shortName(n))
		}
	}
	if len(found) == 0 {
		hint := "wheatpaste list shows all"
		if near := paste.Nearest(name, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		return nil, fmt.Errorf("no factory is registered as %q; %s", name, hint)
	}
	return found, nil
}

func shortName(name string) string {
	if _, entry, ok := strings.Cut(name, "#"); ok {
		return entry
	}
	return name
}

// Info is a factory as JSON shows it.
type Info struct {
	Kind    paste.FactoryKind  `json:"kind"`
	Name    string             `json:"name"`
	Aliases []string           `json:"aliases"`
	Help    string             `json:"help"`
	Refusal string             `json:"refusal,omitempty"`
	Options []paste.OptionInfo `json:"options"`
	Example string             `json:"example"`
}

// Data gives factories for JSON.
func Data(list []*paste.Factory) []Info {
	infos := make([]Info, len(list))
	for i, f := range list {
		infos[i] = Info{f.Kind, f.Name, append([]string{}, f.Aliases...), f.Help, f.Refusal, append([]paste.OptionInfo{}, f.Options()...), f.Example}
	}
	return infos
}

// Text writes a factory for a terminal.
func Text(out io.Writer, f *paste.Factory) {
	fmt.Fprintf(out, "%s (%s)\n", f.Name, f.Kind)
	if f.Help != "" {
		fmt.Fprintf(out, "    %s\n", f.Help)
	}
	if f.Refusal != "" {
		fmt.Fprintf(out, "    Refused: %s\n", f.Refusal)
	}
	if len(f.Aliases) > 0 {
		fmt.Fprintf(out, "\nAliases\n")
		for _, a := range f.Aliases {
			fmt.Fprintf(out, "    %s\n", a)
		}
	}
	if options := f.Options(); len(options) > 0 {
		fmt.Fprintf(out, "\nOptions\n")
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		for _, o := range options {
			fmt.Fprintf(w, "    %s\t%s\t%s\t%s\n", o.Name, o.Type, defaultText(o), helpText(o))
		}
		_ = w.Flush()
	}
	if f.Example != "" {
		fmt.Fprintf(out, "\nExample\n")
		for line := range strings.Lines(f.Example) {
			fmt.Fprintf(out, "    %s", line)
		}
	}
}

func defaultText(o paste.OptionInfo) string {
	switch {
	case o.Required:
		return "required"
	case o.Default == "":
		return "-"
	}
	return o.Default
}

func helpText(o paste.OptionInfo) string {
	text := o.Help
	if o.Global {
		text += "; also from the global options"
	}
	if len(o.Old) > 0 {
		text += "; old name " + strings.Join(o.Old, ", ")
	}
	if len(o.Conf) > 0 {
		text += "; in conf files " + o.Conf[0]
	}
	if len(o.Conf) > 1 {
		text += " (old name " + strings.Join(o.Conf[1:], ", ") + ")"
	}
	return text
}

// Markers stand round the generated part of a README.
const (
	BeginMarker = "<!-- generated: describe -->"
	EndMarker   = "<!-- end -->"
)

// Markdown writes factories as the generated part of a README.
func Markdown(list []*paste.Factory) string {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "\n## `%s` (%s)\n\n", f.Name, f.Kind)
		if f.Help != "" {
			fmt.Fprintf(&b, "%s\n\n", f.Help)
		}
		if len(f.Aliases) > 0 {
			b.WriteString("Aliases:\n\n")
			for _, a := range f.Aliases {
				fmt.Fprintf(&b, "- `%s`\n", a)
			}
			b.WriteString("\n")
		}
		markdownOptions(&b, f.Options())
		if f.Example != "" {
			fmt.Fprintf(&b, "Example:\n\n```ini\n%s```\n", f.Example)
		}
	}
	return b.String()
}

func markdownOptions(b *strings.Builder, options []paste.OptionInfo) {
	if len(options) == 0 {
		b.WriteString("Options: none.\n\n")
		return
	}
	b.WriteString("| option | type | default | meaning |\n| --- | --- | --- | --- |\n")
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, o := range options {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", o.Name, o.Type, cell.Replace(markdownDefault(o)), cell.Replace(helpText(o)))
	}
	b.WriteString("\n")
}

func markdownDefault(o paste.OptionInfo) string {
	if o.Required || o.Default == "" {
		return defaultText(o)
	}
	return "`" + o.Default + "`"
}

// Folder is the folder of a factory's package, relative to the module's root,
// found by the place of its registration.
func Folder(f *paste.Factory) string {
	file, _, _ := strings.Cut(f.Place(), ".go:")
	dir := path.Dir(file)
	for _, top := range []string{"/filters/", "/apps/", "/service/"} {
		if i := strings.LastIndex(dir, top); i >= 0 {
			return dir[i+1:]
		}
	}
	return ""
}
