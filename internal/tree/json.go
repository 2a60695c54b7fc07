package tree

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// typeKeys are the top-level keys of the tree.
var typeKeys = map[paste.Object]string{paste.App: "apps", paste.Filter: "filters", paste.ServerObject: "servers"}

// portable writes paths as tokens.
type portable struct{ file, dir string }

func (p *portable) clean(text string) string {
	if p == nil || p.file == "" {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, p.file, "<file>"), p.dir, "<here>")
}

// JSON gives the tree of an open file (or the error of opening it): apps,
// filters and servers by section, or file_error; with a name only the
// applications of that name. Secrets are masked.
func JSON(l *paste.Loader, openErr error, name *string) ([]byte, error) {
	return marshal(fileJSON(l, openErr, name, nil))
}

// Portable gives the JSON tree of a file in the form of Paste Deploy's own
// tree, with <here> and <file> for the paths and every value as Paste Deploy has
// it, secrets too.
func Portable(path string, opts ...paste.LoadOption) ([]byte, error) {
	return PortableOf(path, nil, opts...)
}

// PortableOf is Portable for the applications of one name; nil for all.
func PortableOf(path string, name *string, opts ...paste.LoadOption) ([]byte, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	l, openErr := paste.Open(abs, append(opts, paste.Portable())...)
	return marshal(fileJSON(l, openErr, name, &portable{file: abs, dir: filepath.Dir(abs)}))
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

func fileJSON(l *paste.Loader, openErr error, name *string, p *portable) map[string]any {
	if openErr != nil {
		return map[string]any{"file_error": errorJSON(openErr, p)}
	}
	types := map[string]map[string]any{"apps": {}, "filters": {}, "servers": {}}
	for _, e := range Only(File(l), name) {
		types[typeKeys[e.Object]][e.Section.Name] = nodeJSON(e.Node, l, p)
	}
	return map[string]any{"apps": types["apps"], "filters": types["filters"], "servers": types["servers"]}
}

func errorJSON(err error, p *portable) map[string]any {
	e := FirstError(err)
	if e == nil {
		return map[string]any{"error": "Exception", "message": err.Error()}
	}
	if p != nil {
		return map[string]any{"error": e.PythonClass(), "message": p.clean(e.PasteText())}
	}
	// Paste Deploy's own text can hold a secret, ours does not.
	out := map[string]any{"error": e.PythonClass(), "message": e.Problem}
	if e.Pos.File != "" {
		out["source"] = map[string]any{"file": e.Pos.File, "line": e.Pos.Line, "col": e.Pos.Col}
	}
	return out
}

func nodeJSON(n *Node, l *paste.Loader, p *portable) map[string]any {
	if n.Err != nil {
		return errorJSON(n.Err, p)
	}
	out := map[string]any{
		"object_type":      string(n.Object),
		"name":             n.Name,
		"sections":         sectionNames(n.Context, l, p),
		"global_conf":      confJSON(n, n.Global, p),
		"local_conf":       confJSON(n, n.Local, p),
		"local_conf_order": n.Local.Keys(),
	}
	if p == nil {
		out["source"] = sourceJSON(n.Context)
	}
	if n.Ref != nil {
		out["factory"], out["factory_kind"] = n.Ref.Text, string(n.Ref.Kind)
		out["protocol"] = nil
		if n.Protocol != "" {
			out["protocol"] = string(n.Protocol)
		}
	}
	if len(n.Uses) > 0 {
		out["uses"] = n.Uses
	}
	childrenJSON(out, n, l, p)
	return out
}

func childrenJSON(out map[string]any, n *Node, l *paste.Loader, p *portable) {
	switch n.Object {
	case paste.Pipeline:
		out["filters"] = nodesJSON(n.Filters, l, p)
		out["app"] = nodeJSON(n.Next, l, p)
		return
	case paste.FilterApp, paste.FilterWith:
		out["filter"] = nodeJSON(n.Filter, l, p)
		out["next"] = nodeJSON(n.Next, l, p)
		return
	}
	switch n.Kind {
	case "":
		return
	case Strategies:
		strategies := map[string]any{}
		for _, s := range n.Strategies {
			strategies[s.Key] = map[string]any{"filters": nodesJSON(s.Filters, l, p), "app": nodeJSON(s.App, l, p)}
		}
		out["strategies"] = strategies
	default:
		mounts := []any{}
		for _, m := range n.Mounts {
			mounts = append(mounts, map[string]any{"key": m.Key, "name": m.Name, "context": nodeJSON(m.Node, l, p)})
		}
		out["mounts"] = mounts
	}
	out["composite_kind"] = n.Kind
}

func nodesJSON(nodes []*Node, l *paste.Loader, p *portable) []any {
	list := []any{}
	for _, n := range nodes {
		list = append(list, nodeJSON(n, l, p))
	}
	return list
}

// sectionNames writes the sections of other files with their file.
func sectionNames(c *paste.Context, l *paste.Loader, p *portable) []string {
	list := []string{}
	for _, s := range c.Sections {
		name := s.Name
		if abs, err := filepath.Abs(s.File); err == nil && abs != l.Path() {
			file := s.File
			if p != nil {
				file = l.FileToken(abs)
			}
			name = "config:" + file + " " + name
		}
		list = append(list, name)
	}
	return list
}

// confJSON masks secrets, but for the portable form, which holds the values as
// Paste Deploy has them.
func confJSON(n *Node, conf *paste.Conf, p *portable) map[string]string {
	out := map[string]string{}
	for k, v := range conf.All() {
		out[k] = v.Text
		if p == nil {
			out[k] = n.Masked(k, v)
		}
	}
	return out
}

// sourceJSON tells where the section and each of its options stand.
func sourceJSON(c *paste.Context) map[string]any {
	options := map[string]any{}
	for k, v := range c.Local.All() {
		o := v.Origin()
		options[k] = map[string]any{"file": o.Pos.File, "line": o.Pos.Line, "col": o.Pos.Col, "section": o.Section, "via": string(o.Via)}
	}
	pos := c.Pos()
	return map[string]any{"file": pos.File, "line": pos.Line, "col": pos.Col, "options": options}
}
