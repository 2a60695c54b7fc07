package tree

import (
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/pattern"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Mask stands for a secret.
const Mask = "****"

// Masked is the text of an option as it may be shown. Secrets are masked by
// name and by origin; in other values, the passwords of URLs, what stands behind
// a name such as password=, and what came there from a secret option.
func (n *Node) Masked(name string, v paste.Value) string {
	if n.masks == nil {
		n.masks = newMasks(n.Context)
	}
	switch {
	case v.Text == "":
		return ""
	case v.Secret() || n.masks.factory.Secret(name):
		return Mask
	}
	return MaskedText(n.masks.parts.Replace(v.Text))
}

// MaskedText masks what a text says to be a secret: the passwords of URLs, and
// what stands behind a name such as password=.
func MaskedText(text string) string { return maskPairs(maskURLs(text)) }

// masks is what must be known to mask the options of one object.
type masks struct {
	factory *paste.Factory // nil for none, which is one without secrets of its own
	parts   *strings.Replacer
}

// shortest is the length from which a secret is looked for in other values:
// shorter ones stand everywhere by chance.
const shortest = 6

// newMasks looks for secrets that other values may hold by interpolation:
// dsn = user:%(db_password)s@host.
func newMasks(c *paste.Context) *masks {
	m := &masks{}
	var pairs []string
	if c.Ref != nil {
		m.factory, _ = paste.DefaultRegistry.Lookup(c.Object, c.Ref.Text)
	}
	for _, conf := range []*paste.Conf{c.Local, c.Global} {
		for name, v := range conf.All() {
			if len(v.Text) >= shortest && m.factory.Secret(name) {
				pairs = append(pairs, v.Text, Mask)
			}
		}
	}
	m.parts = strings.NewReplacer(pairs...)
	return m
}

// inURL is scheme://user:password@ with the password as its second group. The
// password may hold a slash or an @, which careless people write so.
var inURL = pattern.Lazy(`(\w://[^\s:/@]*:)([^\s]*)(@)`)

func maskURLs(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return inURL().ReplaceAllString(text, "${1}"+Mask+"${3}")
}

// inPair is the rest of a name that says secret, and its value, as they stand in
// queries and in connection strings.
var inPair = pattern.Lazy(`(?i)((?:passw(?:or)?d|pwd|secret|token|api_?key)=)[^\s&;,'"]+`)

func maskPairs(text string) string {
	if !strings.Contains(text, "=") {
		return text
	}
	return inPair().ReplaceAllString(text, "${1}"+Mask)
}
