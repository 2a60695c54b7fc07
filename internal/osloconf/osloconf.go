// Package osloconf reads configuration files as oslo.config does: nova.conf
// and its like, several files and directories in order, the later ones win.
//
// A caller declares what he reads as an [Option] and asks for it by type:
//
//	conf, err := osloconf.Load([]string{"/etc/nova/nova.conf"}, nil)
//	strategy, err := conf.String(osloconf.Option{Group: "api", Name: "auth_strategy", Default: "keystone"})
//
// A [Reader] reads many options and keeps all errors. What oslo.config 9.0
// does, down to its surprises, decides; docs/osloconf.md tells operators about
// it, and TestSameAsOslo compares the two.
package osloconf

import (
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/wheatpaste/wheatpaste/internal/pattern"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Config is what the files say. It is safe for concurrent use; what was read
// never changes, a reload makes a new one.
type Config struct {
	files []*file // oldest first

	mu       sync.Mutex
	declared map[key]Option
	aliases  map[key]Option // by deprecated name
	warned   map[string]bool
	warnings paste.Errors
}

// key finds an option: the group as normalGroup writes it, the name exactly.
type key struct{ group, name string }

// file is one file that was read.
type file struct {
	name    string
	groups  []string      // as written, in the order of the file
	entries []entry       // in the order of the file
	index   map[key][]int // of entries
}

// entry is one line "name = value" with what continues it.
type entry struct {
	group, name string // as written
	text        string // quotes taken away, before substitution
	line, col   int    // where the value begins
}

func (e entry) key() key { return key{normalGroup(e.group), e.name} }

func (f *file) pos(e entry) paste.Pos { return paste.Pos{File: f.name, Line: e.line, Col: e.col} }

// Load reads the files and then, of each directory, the files *.conf in the
// order of their names, as oslo's --config-file and --config-dir do. A later
// value wins. The error is a paste.Errors with all problems of all files.
func Load(files, dirs []string) (*Config, error) {
	return LoadFrom(new(snapshot.Files), files, dirs)
}

// LoadFrom is Load for the files of a generation.
func LoadFrom(source *snapshot.Files, files, dirs []string) (*Config, error) {
	names, badDirs := expandDirs(source, files, dirs)
	c := newConfig()
	var errs paste.Errors
	for _, name := range names {
		text, err := readFile(source, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f, bad := parse(name, text)
		errs = append(errs, bad...)
		c.files = append(c.files, f)
	}
	if errs = append(errs, badDirs...); len(errs) > 0 {
		return nil, errs
	}
	return c, nil
}

func newConfig() *Config {
	return &Config{declared: map[key]Option{}, aliases: map[key]Option{}, warned: map[string]bool{}}
}

// Files are the names of the files that were read, in their order.
func (c *Config) Files() []string {
	names := make([]string, len(c.files))
	for i, f := range c.files {
		names[i] = f.name
	}
	return names
}

// Groups are the sections of all files, those without options too, each once
// and as it was first written.
func (c *Config) Groups() []string {
	var list []string
	seen := map[string]bool{}
	for _, f := range c.files {
		for _, g := range f.groups {
			if n := normalGroup(g); !seen[n] {
				seen[n] = true
				list = append(list, g)
			}
		}
	}
	return list
}

// Setting is one value as a file has it.
type Setting struct {
	Group  string    // as written
	Name   string    // as written
	Text   string    // quotes taken away, before substitution
	Secret bool      // declared so or called so: Text is not to be shown
	Pos    paste.Pos // where the value begins
}

// Masked is the text for a dump: **** (as oslo writes it) for a secret, and
// for the password in a URL.
func (s Setting) Masked() string {
	if s.Secret {
		return mask
	}
	return maskURL(s.Text)
}

func maskURL(s string) string { return urlPassword().ReplaceAllString(s, "${1}"+mask+"@") }

const mask = "****"

var urlPassword = pattern.Lazy(`(://[^\s/@:]*:)[^\s/]+@`)

// All ranges over every setting in the order of reading, those too that a
// later one replaces.
func (c *Config) All() iter.Seq[Setting] {
	return func(yield func(Setting) bool) {
		for _, f := range c.files {
			for _, e := range f.entries {
				if !yield(c.setting(f, e)) {
					return
				}
			}
		}
	}
}

func (c *Config) setting(f *file, e entry) Setting {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := e.key()
	secret := c.declared[k].Secret || c.aliases[k].Secret || paste.SecretName(e.name)
	return Setting{Group: e.group, Name: e.name, Text: e.text, Secret: secret, Pos: f.pos(e)}
}

// Has reports whether a file sets the option, under its own name or a
// deprecated one.
func (c *Config) Has(o Option) bool {
	return len(c.lookup(o)) > 0
}

// Find gives the setting of the option that wins, and whether there is one.
func (c *Config) Find(o Option) (Setting, bool) {
	hits := c.lookup(o)
	if len(hits) == 0 {
		return Setting{}, false
	}
	s := c.setting(hits[0].file, hits[0].entry)
	s.Secret = s.Secret || o.secret()
	return s, true
}

// Warnings are the uses of deprecated names that were seen so far, each once.
func (c *Config) Warnings() paste.Errors {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.warnings)
}

// warn keeps a warning, once for each id.
func (c *Config) warn(id string, w *paste.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.warned[id] {
		c.warned[id] = true
		c.warnings = append(c.warnings, w)
	}
}

// normalGroup is the name under which oslo finds a group: case does not
// count, except that only [DEFAULT] is DEFAULT ([default] is another group).
func normalGroup(name string) string {
	if name == "" || name == defaultGroup {
		return defaultGroup
	}
	return strings.ToLower(name)
}

const defaultGroup = "DEFAULT"
