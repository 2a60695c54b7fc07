package paste

import (
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Pos is a place in a file. Line and Col count from 1, Col in characters; a
// zero Line means the whole file, a zero Pos means no file at all.
type Pos struct {
	File      string
	Line, Col int
}

// String gives file:line:col, as compilers do, without the parts that are
// not known.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Via says by which rule a value came to where it stands.
type Via string

// The ways of a value into a configuration (GLB-01, GLB-07, GLB-08, INT-10).
const (
	ViaSection Via = "section"   // an ordinary option of the section, or of one reached by use
	ViaDefault Via = "DEFAULT"   // an option of [DEFAULT]
	ViaSet     Via = "set"       // a "set NAME = value" line
	ViaGet     Via = "get"       // a "get NAME = global" line
	ViaCaller  Via = "var=value" // given on the command line or by the Go caller
	ViaBuiltin Via = "built-in"  // here and __file__
)

// Origin tells where a value was written.
type Origin struct {
	Pos     Pos    // of the value; zero for values that stand in no file
	Section string // the section's name as written, without brackets
	Option  string // the key as written, such as "set debug"
	Via     Via
}

// Value is the text of one option and where it came from.
type Value struct {
	Text string

	opt *option // nil for values that stand in no file
	via Via
	// raw marks a text that the caller passed: it is still to be
	// interpolated (INT-15). Texts of the loader's own making are not
	// (INT-16).
	raw bool
	// secret marks a text that holds something that the caller or an
	// environment variable gave.
	secret bool
}

// Origin tells where v was written.
func (v Value) Origin() Origin {
	o := Origin{Via: v.via}
	if v.opt != nil {
		o.Pos, o.Section, o.Option = v.opt.valuePos(), v.opt.section.name, v.opt.key
	}
	return o
}

// placeAt is the place of a byte of the raw text of v.
func (v Value) placeAt(i int) Pos {
	if v.opt == nil {
		return Pos{}
	}
	return v.opt.valueAt(i)
}

// Secret reports whether v comes from a place that secrets come from: the
// command line or an environment variable.
func (v Value) Secret() bool { return v.secret || v.via == ViaCaller }

// Conf is an ordered set of options (GEN-07): a key keeps the place where it
// was first set. The zero Conf is empty and ready to use.
type Conf struct {
	entries []entry
	index   map[string]int // only for large sets
}

type entry struct {
	key   string
	value Value
}

// indexFrom is the number of options from which a map beats a scan.
const indexFrom = 12

func (c *Conf) find(key string) int {
	if c == nil {
		return -1
	}
	if c.index != nil {
		if i, ok := c.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range c.entries {
		if c.entries[i].key == key {
			return i
		}
	}
	return -1
}

// Len is the number of options.
func (c *Conf) Len() int {
	if c == nil {
		return 0
	}
	return len(c.entries)
}

// Get gives the text of the option key and whether it is there.
func (c *Conf) Get(key string) (string, bool) {
	v, ok := c.Value(key)
	return v.Text, ok
}

// Value gives the option key with its origin and whether it is there.
func (c *Conf) Value(key string) (Value, bool) {
	if i := c.find(key); i >= 0 {
		return c.entries[i].value, true
	}
	return Value{}, false
}

// Has reports whether the option key is there.
func (c *Conf) Has(key string) bool { return c.find(key) >= 0 }

// Set adds the option key, or replaces its value in its place.
func (c *Conf) Set(key string, v Value) {
	if i := c.find(key); i >= 0 {
		c.entries[i].value = v
		return
	}
	c.entries = append(c.entries, entry{key, v})
	switch {
	case c.index != nil:
		c.index[key] = len(c.entries) - 1
	case len(c.entries) >= indexFrom:
		c.reindex()
	}
}

// Delete removes the option key and gives what it held.
func (c *Conf) Delete(key string) (Value, bool) {
	i := c.find(key)
	if i < 0 {
		return Value{}, false
	}
	v := c.entries[i].value
	c.entries = slices.Delete(c.entries, i, i+1)
	if c.index != nil {
		c.reindex()
	}
	return v, true
}

func (c *Conf) reindex() {
	c.index = make(map[string]int, len(c.entries))
	for i := range c.entries {
		c.index[c.entries[i].key] = i
	}
}

// Update sets all options of other, as Python's dict.update does.
func (c *Conf) Update(other *Conf) {
	for k, v := range other.All() {
		c.Set(k, v)
	}
}

// Clone gives an independent copy.
func (c *Conf) Clone() *Conf {
	if c == nil {
		return &Conf{}
	}
	return &Conf{entries: slices.Clone(c.entries), index: maps.Clone(c.index)}
}

// All ranges over the options in their order.
func (c *Conf) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if c == nil {
			return
		}
		for i := range c.entries {
			if !yield(c.entries[i].key, c.entries[i].value) {
				return
			}
		}
	}
}

// Keys gives the names of the options in their order.
func (c *Conf) Keys() []string {
	keys := make([]string, 0, c.Len())
	for k := range c.All() {
		keys = append(keys, k)
	}
	return keys
}

// Map gives the options as a plain map of their texts.
func (c *Conf) Map() map[string]string {
	m := make(map[string]string, c.Len())
	for k, v := range c.All() {
		m[k] = v.Text
	}
	return m
}

// Equal reports whether both hold the same keys with the same texts.
func (c *Conf) Equal(other *Conf) bool {
	if c.Len() != other.Len() {
		return false
	}
	for k, v := range c.All() {
		if w, ok := other.Value(k); !ok || w.Text != v.Text {
			return false
		}
	}
	return true
}

// NewConf makes a Conf of texts that the caller passes, in the order of their
// names. They are interpolated like the options of [DEFAULT] (INT-15).
func NewConf(texts map[string]string) *Conf {
	c := &Conf{}
	for _, k := range slices.Sorted(maps.Keys(texts)) {
		c.Set(k, Value{Text: texts[k], via: ViaCaller, raw: true})
	}
	return c
}
