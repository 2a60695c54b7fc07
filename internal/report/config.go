package report

import (
	"encoding/hex"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/graph"
	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Generation is what one generation of workers serves, one that drains too.
type Generation struct {
	Number  int  `json:"number"`
	Current bool `json:"current"`
	Workers int  `json:"workers"`
	Setup
}

// Setup is what files say of a generation.
type Setup struct {
	Files     []File        `json:"files"`
	Pipelines []Application `json:"pipelines"`
	Sections  []Section     `json:"sections"` // those in use, in the order of the way to them
	ConfFiles []Section     `json:"conf_files"`
	Left      int           `json:"options_left_out"`

	secrets Secrets
}

// File is one that was read.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// Application is what a server serves.
type Application struct {
	Server string `json:"server"`
	App    string `json:"app"`
	Graph  string `json:"graph"`
}

// Section is one with its effective options.
type Section struct {
	Name    string   `json:"name"`
	Use     string   `json:"use"` // the factory; "" for none
	File    string   `json:"file"`
	Options []Option `json:"options"`
}

// Option is one with its origin. Via is as in config --json.
type Option struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Scope string `json:"scope"` // local, or global: of all that lies below
	File  string `json:"file"`
	Line  int    `json:"line"`
	Via   string `json:"via"`
}

// maxOptions bounds the options of a generation.
const maxOptions = 20_000

// Describer makes a Setup. It loads from files that were read already.
type Describer struct {
	File *paste.Loader // nil for an application without one
	Conf *osloconf.Config

	made Setup
	seen map[string]bool
	left int
}

// Describe begins with the files.
func (d *Describer) Describe(files []paste.FileInfo) *Describer {
	d.made = Setup{Files: []File{}, Pipelines: []Application{}, Sections: []Section{}, ConfFiles: []Section{}}
	d.seen, d.left = map[string]bool{}, maxOptions
	for _, f := range files {
		d.made.Files = append(d.made.Files, File{f.Path, hex.EncodeToString(f.SHA256[:])})
	}
	return d
}

// Server adds a server with its application.
func (d *Describer) Server(name string, app *paste.Context) {
	drawn := Application{Server: name, App: app.Label()}
	if d.File != nil && app.Name != nil {
		var b strings.Builder
		if err := graph.Write(&b, "text", d.File, app.Name); err == nil {
			drawn.Graph = MaskText(b.String())
		}
	}
	d.made.Pipelines = append(d.made.Pipelines, drawn)
	if d.File != nil {
		d.serverSection(name)
	}
	n := tree.Context(app)
	d.defaults(n)
	d.node(n, nil)
}

// serverSection adds [server:NAME], if there is one: nova.conf needs none.
func (d *Describer) serverSection(name string) {
	for _, s := range d.File.Sections() {
		if object, of, ok := paste.ObjectOf(s.Name); ok && object == paste.ServerObject && of != nil && *of == name {
			d.node(tree.Object(d.File, paste.ServerObject, of), nil)
			return
		}
	}
}

// defaults adds the options that all sections share, once.
func (d *Describer) defaults(n *tree.Node) {
	s := Section{Name: "DEFAULT"}
	for name, v := range n.Global.All() {
		if via := v.Origin().Via; via == paste.ViaDefault || via == paste.ViaCaller {
			d.option(&s, n, name, v, "global")
		}
	}
	if !d.seen["DEFAULT"] && len(s.Options) > 0 {
		d.made.Sections = append(d.made.Sections, s)
	}
	d.seen["DEFAULT"] = true
}

// node adds an object and what lies below it. One that does not load is no
// part of what is served.
func (d *Describer) node(n *tree.Node, outer *paste.Conf) {
	if n.Err != nil {
		return
	}
	pos := n.Pos()
	name := n.Label()
	if len(n.Sections) > 0 {
		name = n.Sections[0].Name
	}
	key := name + "\x00" + tree.Place(pos)
	if !d.seen[key] {
		d.seen[key] = true
		s := Section{Name: tree.OneLine(name), File: pos.File, Options: []Option{}}
		if n.Ref != nil {
			s.Use = MaskText(tree.OneLine(n.Ref.Text))
		}
		for option, v := range n.Local.All() {
			d.option(&s, n, option, v, "local")
		}
		for option, v := range n.Global.All() {
			if v.Origin().Via == paste.ViaSet && !inherited(outer, option, v) {
				d.option(&s, n, option, v, "global")
			}
		}
		d.made.Sections = append(d.made.Sections, s)
	}
	for _, child := range n.Children() {
		d.node(child, n.Global)
	}
}

func inherited(outer *paste.Conf, name string, v paste.Value) bool {
	if outer == nil {
		return false
	}
	text, ok := outer.Get(name)
	return ok && text == v.Text
}

func (d *Describer) option(s *Section, n *tree.Node, name string, v paste.Value, scope string) {
	if d.left--; d.left < 0 {
		d.made.Left++
		return
	}
	masked := n.Masked(name, v)
	if v.Text != "" && SecretName(name) {
		masked = Mask
	}
	if masked == Mask {
		d.made.secrets.Add(v.Text)
	}
	masked = MaskText(masked)
	if masked != v.Text {
		d.made.secrets.addURLs(v.Text)
	}
	o := v.Origin()
	s.Options = append(s.Options, Option{
		Name: name, Value: clip(masked, maxValue), Scope: scope, File: o.Pos.File, Line: o.Pos.Line, Via: tree.Via(n.Context, v),
	})
}

// Setup ends with the conf files, whose values are shown as they stand there:
// the later one wins.
func (d *Describer) Setup() Setup {
	if d.Conf == nil {
		return d.made
	}
	for set := range d.Conf.All() {
		list := d.made.ConfFiles
		if n := len(list); n == 0 || list[n-1].File != set.Pos.File || list[n-1].Name != set.Group {
			list = append(list, Section{Name: set.Group, File: set.Pos.File, Options: []Option{}})
			d.made.ConfFiles = list
		}
		d.setting(&d.made.ConfFiles[len(d.made.ConfFiles)-1], set)
	}
	return d.made
}

func (d *Describer) setting(s *Section, set osloconf.Setting) {
	if d.left--; d.left < 0 {
		d.made.Left++
		return
	}
	masked := set.Masked()
	if set.Text == "" {
		masked = ""
	} else if SecretName(set.Name) {
		masked = Mask
	}
	if masked == Mask {
		d.made.secrets.Add(set.Text)
	}
	d.made.secrets.addURLs(set.Text)
	s.Options = append(s.Options, Option{
		Name: set.Name, Value: clip(MaskText(masked), maxValue), Scope: "global", File: set.Pos.File, Line: set.Pos.Line, Via: "conf file",
	})
}

// Secrets are those of all generations.
func (r *Report) Secrets() *Secrets {
	all := &Secrets{}
	for _, g := range r.Generations {
		for text := range g.secrets.known {
			all.Add(text)
		}
	}
	return all
}
