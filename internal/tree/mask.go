package tree

import (
	"net/url"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Mask stands for a secret.
const Mask = "****"

// Masked is the text of an option as it may be shown: secrets are masked by
// name and by origin, and passwords in URLs.
func Masked(c *paste.Context, name string, v paste.Value) string {
	var f *paste.Factory
	if c != nil && c.Ref != nil {
		f, _ = paste.DefaultRegistry.Lookup(c.Object, c.Ref.Text)
	}
	if v.Text == "" {
		return ""
	}
	if v.Secret() || f.Secret(name) {
		return Mask
	}
	return maskURL(v.Text)
}

// maskURL hides the password of scheme://user:password@host, wherever it stands
// in a text.
func maskURL(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	words := strings.SplitAfter(text, " ")
	for i, w := range words {
		_, rest, ok := strings.Cut(w, "://")
		if !ok {
			continue
		}
		authority, _, _ := strings.Cut(rest, "/")
		at := strings.LastIndexByte(authority, '@')
		if at < 0 {
			continue
		}
		if user, password, ok := strings.Cut(authority[:at], ":"); ok && password != "" {
			words[i] = strings.Replace(w, authority[:at], url.PathEscape(user)+":"+Mask, 1)
		}
	}
	return strings.Join(words, "")
}
