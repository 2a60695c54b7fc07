package osloconf

import (
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Option declares an option: what the code of an OpenStack project registers
// with oslo.config.
type Option struct {
	Group string // "" is DEFAULT
	Name  string // - and _ are the same here; in a file it is always _
	// Type is what $name in the value of another option needs to know: oslo
	// writes the converted value there, so that "yes" of a Bool arrives as True.
	Type Type
	// Deprecated are other names that still count, the first one most.
	Deprecated []Name
	// Default is the value when no file has one, written as in a file but
	// without quotes around it; "" is none. The lines of a Multi's are its values.
	Default string
	// Secret keeps the value out of dumps and errors. Options that are called
	// like secrets (paste.SecretName) need not say so.
	Secret bool
}

// Name is a deprecated name. Without a Group it is one of the option's own
// group, not of DEFAULT; without a Name the option has only moved.
type Name struct{ Group, Name string }

// Type is the type of an option.
type Type int

// The types of options.
const (
	Text  Type = iota
	Int        // Port and Duration too
	Float      // Duration too
	Bool
	List  // with commas
	Multi // every setting counts, those of earlier files too
)

// Declare makes options known to the values that name them as $name or
// ${group.name}, and to All. An option that is only read need not be declared.
// A name that is neither declared nor set in a file is an error in a value.
func (c *Config) Declare(options ...Option) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range options {
		c.declared[o.key()] = o
		for _, d := range o.oldNames() {
			c.aliases[d] = o
		}
	}
}

// dest is the name as it stands in files.
func (o Option) dest() string { return strings.ReplaceAll(o.Name, "-", "_") }

func (o Option) group() string {
	if o.Group == "" {
		return defaultGroup
	}
	return o.Group
}

func (o Option) key() key { return key{normalGroup(o.Group), o.dest()} }

func (o Option) secret() bool { return o.Secret || paste.SecretName(o.Name) }

// oldNames are the deprecated names as they may stand in files. One with a
// hyphen counts with an underscore too (and only then with a hyphen: the name
// itself never has one in a file).
func (o Option) oldNames() []key {
	var names, under []key
	for _, d := range o.Deprecated {
		k := o.key()
		if d.Group != "" {
			k.group = normalGroup(d.Group)
		}
		if d.Name != "" {
			k.name = d.Name
		}
		names = append(names, k)
		if strings.Contains(k.name, "-") {
			under = append(under, key{k.group, strings.ReplaceAll(k.name, "-", "_")})
		}
	}
	return append(names, under...)
}

// hit is a setting that an option has.
type hit struct {
	file  *file
	entry entry
	old   bool // under a deprecated name
}

// lookup gives the settings of an option, the one that wins first. As in oslo
// the file comes before the name: a deprecated name in a later file beats the
// name itself in an earlier one.
func (c *Config) lookup(o Option) []hit {
	var hits []hit
	names := append([]key{o.key()}, o.oldNames()...)
	for _, f := range slices.Backward(c.files) {
		for n, k := range names {
			at := f.index[k]
			for _, a := range slices.Backward(at) {
				hits = append(hits, hit{f, f.entries[a], n > 0})
			}
			if len(at) > 0 && o.Type != Multi {
				return hits
			}
		}
	}
	return hits
}

// warnOld keeps a warning about a setting under a deprecated name.
func (c *Config) warnOld(o Option, h hit) {
	k := h.entry.key()
	c.warn("set "+k.group+"\n"+k.name, &paste.Error{
		Pos: h.file.pos(h.entry), Section: h.entry.group, Option: h.entry.name,
		Problem: "deprecated name, want " + o.dest() + " in [" + o.group() + "]", Kind: paste.ErrOption,
	})
}
