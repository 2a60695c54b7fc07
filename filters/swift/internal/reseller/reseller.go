// Package reseller reads the option reseller_prefix and the options that may
// stand once for each prefix.
package reseller

import (
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Prefixes are the beginnings of the account names that an authorization
// answers for; "" stands for all others.
type Prefixes []string

// Read reads a comma-separated list; two quotes in it stand for the empty
// prefix.
func Read(text string) Prefixes {
	var list Prefixes
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if item == "''" {
			item = ""
		}
		if item != "" && !strings.HasSuffix(item, "_") {
			item += "_"
		}
		if !slices.Contains(list, item) {
			list = append(list, item)
		}
	}
	if len(list) == 0 {
		list = Prefixes{""}
	}
	return list
}

// Of gives the prefix of an account; false when it has none of them.
func (p Prefixes) Of(account string) (string, bool) {
	if account == "" {
		return "", false
	}
	for _, prefix := range p {
		if prefix != "" && strings.HasPrefix(account, prefix) {
			return prefix, true
		}
	}
	return "", slices.Contains(p, "")
}

// Option gives for each prefix the value of an option: PREFIX_name, else name.
func (p Prefixes) Option(name string, local, global *paste.Conf) map[string]string {
	get := func(key string) string {
		if v, ok := local.Get(key); ok && v != "" {
			return v
		}
		v, _ := global.Get(key)
		return v
	}
	values := map[string]string{}
	for _, prefix := range p {
		written := prefix
		if prefix == "" {
			written = "''"
		}
		values[prefix] = strings.TrimSpace(get(name))
		if v := strings.TrimSpace(get(written + name)); v != "" {
			values[prefix] = v
		}
	}
	return values
}

// Unknown gives the options of a section that are none for a prefix: name is
// that of those which may have one.
func (p Prefixes) Unknown(rest *paste.Conf, names ...string) []string {
	var unknown []string
	for _, key := range rest.Keys() {
		known := slices.ContainsFunc(p, func(prefix string) bool {
			if prefix == "" {
				prefix = "''"
			}
			name, ok := strings.CutPrefix(key, prefix)
			return ok && slices.Contains(names, name)
		})
		if !known && !strings.HasPrefix(key, "log_") && !strings.HasPrefix(key, "set ") {
			unknown = append(unknown, key)
		}
	}
	return unknown
}
