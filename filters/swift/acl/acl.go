// Package acl reads Swift's access control lists: those of containers
// (X-Container-Read and -Write) and those of accounts.
package acl

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// List is a container's list, taken apart.
type List struct {
	Referrers []string // host rules, without .r:
	Groups    []string
}

// Parse reads a list as it is stored.
func Parse(text string) List {
	var l List
	if text == "" {
		return l
	}
	for item := range strings.SplitSeq(text, ",") {
		if rule, ok := strings.CutPrefix(item, ".r:"); ok {
			l.Referrers = append(l.Referrers, rule)
			continue
		}
		if plain, err := url.PathUnescape(item); err == nil {
			item = plain
		}
		l.Groups = append(l.Groups, item)
	}
	return l
}

// Allows reports whether the page that a request comes from may read. The last
// rule that fits decides.
func (l List) Allows(referer string) bool {
	if len(l.Referrers) == 0 {
		return false
	}
	host := "unknown"
	if u, err := url.Parse(referer); err == nil && u.Hostname() != "" {
		host = strings.ToLower(u.Hostname())
	}
	allow := false
	for _, rule := range l.Referrers {
		if denied, ok := strings.CutPrefix(rule, "-"); ok {
			if covers(denied, host) {
				allow = false
			}
		} else if rule == "*" || covers(rule, host) {
			allow = true
		}
	}
	return allow
}

func covers(rule, host string) bool {
	return rule == host || strings.HasPrefix(rule, ".") && strings.HasSuffix(host, rule)
}

// Clean brings a list that a client sent into the form that is stored. name is
// the header; the error is the text of Swift's 400.
func Clean(name, text string) (string, error) {
	write := strings.Contains(strings.ToLower(name), "write")
	var items []string
	for raw := range strings.SplitSeq(text, ",") {
		raw = strings.TrimSpace(raw)
		if raw == "" {
			continue
		}
		item, err := cleanItem(raw, write)
		if err != nil {
			return "", err
		}
		items = append(items, item)
	}
	return strings.Join(items, ","), nil
}

func cleanItem(raw string, write bool) (string, error) {
	first, second, found := strings.Cut(raw, ":")
	first, second = strings.TrimSpace(first), strings.TrimSpace(second)
	if !found || !strings.HasPrefix(first, ".") {
		return raw, nil
	}
	switch first {
	case ".r", ".ref", ".referer", ".referrer":
	default:
		return "", fmt.Errorf("Unknown designator %s in ACL: %s", paste.Repr(first), paste.Repr(raw)) //nolint:staticcheck // the text is Swift's
	}
	if write {
		return "", fmt.Errorf("Referrers not allowed in write ACL: %s", paste.Repr(raw)) //nolint:staticcheck // the text is Swift's
	}
	sign := ""
	if rest, ok := strings.CutPrefix(second, "-"); ok {
		sign, second = "-", strings.TrimSpace(rest)
	}
	if second != "*" && strings.HasPrefix(second, "*") {
		second = strings.TrimSpace(second[1:])
	}
	if second == "" || second == "." {
		return "", fmt.Errorf("No host/domain value after referrer designation in ACL: %s", paste.Repr(raw)) //nolint:staticcheck // the text is Swift's
	}
	return ".r:" + sign + second, nil
}

// Account is who may do what in a whole account.
type Account struct {
	Admin     []string `json:"admin"`
	ReadWrite []string `json:"read-write"`
	ReadOnly  []string `json:"read-only"`
}

// ParseAccount reads the list of an account; false without one that says
// anything.
func ParseAccount(text string) (Account, bool) {
	var a Account
	if text == "" || json.Unmarshal([]byte(text), &a) != nil {
		return Account{}, false
	}
	return a, len(a.Admin)+len(a.ReadWrite)+len(a.ReadOnly) > 0
}
