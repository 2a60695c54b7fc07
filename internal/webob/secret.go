package webob

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Masked stands for a secret wherever a request is shown, as oslo.middleware
// writes it.
const Masked = "*****"

// secretWords are what the names of secrets hold.
var secretWords = []string{
	"authorization", "cookie", "password", "passwd", "secret", "token", "credential", "signature", "temp_url_sig",
	"auth_key", "api_key", "apikey", "private_key", "admin_key", "hmac_key", "fernet_key",
}

// secret reports whether a header or a parameter of this name holds a secret.
func secret(name string) bool {
	if slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) }) {
		return true
	}
	return name == "sig" || name == "pass" || name == "pwd" || strings.HasSuffix(name, "_pass")
}

// MaskHeader gives the value of a header as it may be shown: tokens, keys,
// passwords and cookies are masked.
func MaskHeader(name, value string) string {
	name = lower(name)
	key := strings.HasSuffix(name, "_key") || strings.HasSuffix(name, "_key_2") // Swift's, of temporary URLs
	if secret(name) || key && name != "sec_websocket_key" {
		return Masked
	}
	return value
}

// MaskQuery gives a query as it may be shown: tokens, passwords and signatures
// are masked, and all else stays as it came.
func MaskQuery(query string) string {
	if query == "" {
		return ""
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, found := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name) // %74oken is token, too
		if err != nil {
			plain = name
		}
		if found && secret(lower(plain)) {
			pairs[i] = name + "=" + Masked
		}
	}
	return strings.Join(pairs, "&")
}

// lower makes equal what WSGI does not tell apart.
func lower(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "_") }

// RequestText gives the request line and the headers, one a line, without
// secrets.
func RequestText(r *http.Request) string {
	var b strings.Builder
	b.WriteString(r.Method + " " + quotePath(r.URL.Path))
	b.WriteString(prefixed("?", MaskQuery(r.URL.RawQuery)) + " " + r.Proto)
	b.WriteString("\nHost: " + r.Host)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			b.WriteString("\n" + name + ": " + MaskHeader(name, value))
		}
	}
	return b.String()
}
