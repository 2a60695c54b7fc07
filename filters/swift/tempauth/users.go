package tempauth

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// user is one of the options user_ACCOUNT_USER.
type user struct {
	key    string
	groups []string
	url    string
}

// readUsers reads the users of the section and of the global options, by
// ACCOUNT:USER.
func readUsers(global *paste.Conf, plain, encoded *paste.Conf, prefix string) (map[string]user, error) {
	users := map[string]user{}
	add := func(option, name, value string, decode bool) error {
		account, who, ok := strings.Cut(name, "_")
		if !ok || strings.Contains(who, "_") {
			return paste.BadOption(option, "invalid name, want user_ACCOUNT_USER, or user64_ACCOUNT_USER in base64 for names with an underscore")
		}
		if decode {
			var okay [2]bool
			account, okay[0] = decode64(account)
			who, okay[1] = decode64(who)
			if !okay[0] || !okay[1] {
				return paste.BadOption(option, "invalid name, want account and user in base64 without padding")
			}
		}
		u, ok := newUser(value, prefix+swob.Quote(account))
		if !ok {
			return paste.BadOption(option, "it has no key, want KEY GROUP ... URL")
		}
		users[account+":"+who] = u
		return nil
	}
	for key, v := range global.All() {
		if name, ok := strings.CutPrefix(key, "user_"); ok {
			if err := add(key, name, v.Text, false); err != nil {
				return nil, err
			}
		} else if name, ok := strings.CutPrefix(key, "user64_"); ok {
			if err := add(key, name, v.Text, true); err != nil {
				return nil, err
			}
		}
	}
	for name, v := range plain.All() {
		if err := add("user_"+name, name, v.Text, false); err != nil {
			return nil, err
		}
	}
	for name, v := range encoded.All() {
		if err := add("user64_"+name, name, v.Text, true); err != nil {
			return nil, err
		}
	}
	return users, nil
}

func newUser(value, account string) (user, bool) {
	words := paste.Words(value)
	if len(words) == 0 {
		return user{}, false
	}
	u := user{key: words[0], groups: words[1:], url: "$HOST/v1/" + account}
	if n := len(u.groups); n > 0 && (strings.Contains(u.groups[n-1], "://") || strings.Contains(u.groups[n-1], "$HOST")) {
		u.url, u.groups = u.groups[n-1], u.groups[:n-1]
	}
	return u, true
}

func decode64(s string) (string, bool) {
	text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	return string(text), err == nil && utf8.Valid(text)
}

// groups are those of a user: account, account:user and the configured ones.
// The admin of an account has the groups that are called like it, under each
// prefix.
func (f *filter) groups(account, name string, u user) string {
	list := append([]string{account, name}, u.groups...)
	if at := slices.Index(list, ".admin"); at >= 0 {
		list = slices.Delete(list, at, at+1)
		for _, prefix := range f.prefixes {
			if prefix != "" {
				list = append(list, prefix+account)
			}
		}
		id := u.url[strings.LastIndexByte(u.url, '/')+1:]
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return strings.Join(list, ",")
}
