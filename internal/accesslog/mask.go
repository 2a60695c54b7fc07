package accesslog

import (
	"net/url"
	"slices"
	"strings"
)

const mask = "***"

// AppendURI writes a request target or a URL as the log shows it: escaped, and
// with the values of query parameters that hold secrets replaced by ***. Other
// messages that show a target use it too.
func AppendURI(b []byte, uri string) []byte { return appendURI(b, uri) }

func appendURI(b []byte, uri string) []byte {
	path, query, found := strings.Cut(uri, "?")
	b = appendPath(b, path)
	if !found {
		return b
	}
	b = append(b, '?')
	for query != "" {
		pair := query
		if i := strings.IndexAny(query, "&;"); i >= 0 {
			pair = query[:i+1]
		}
		query = query[len(pair):]
		b = appendPair(b, pair)
	}
	return b
}

// appendPath writes what stands before the query; of a URL, without the
// password that may stand before the host (RFC 3986 3.2.1).
func appendPath(b []byte, path string) []byte {
	scheme, rest, found := strings.Cut(path, "://")
	if !found {
		return appendQuoted(b, path)
	}
	authority, _, _ := strings.Cut(rest, "/")
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return appendQuoted(b, path)
	}
	b = appendQuoted(b, scheme)
	b = append(b, "://"+mask...)
	return appendQuoted(b, rest[at:])
}

// appendPair writes one name=value with the separator that follows it.
func appendPair(b []byte, pair string) []byte {
	name, value, found := strings.Cut(pair, "=")
	if !found || !secretParameter(name) {
		return appendQuoted(b, pair)
	}
	b = appendQuoted(b, name)
	b = append(b, "="+mask...)
	if n := len(value); n > 0 && (value[n-1] == '&' || value[n-1] == ';') {
		b = append(b, value[n-1])
	}
	return b
}

// secretWords make a parameter secret wherever they stand in its name: tokens
// of keystone and OAuth, signatures of S3 and of temporary URLs, passwords.
var secretWords = []string{"token", "secret", "passw", "signature", "credential", "apikey", "api_key", "api-key", "session", "jwt"}

// secretNames are secret as a whole; a word in the middle of another name means
// nothing (sort_key).
var secretNames = []string{"sig", "temp_url_sig", "pwd", "key", "auth"}

// secretParameter reports whether a query parameter of this name, as it stands
// in the query, holds a secret by all experience.
func secretParameter(name string) bool {
	if strings.ContainsAny(name, "%+") { // %74oken is token, too
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
	}
	low := strings.ToLower(name)
	for _, word := range secretWords {
		if strings.Contains(low, word) {
			return true
		}
	}
	return slices.Contains(secretNames, low)
}
