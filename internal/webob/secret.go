package webob

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Masked stands for a secret in logs, as oslo.middleware writes it.
const Masked = "*****"

// MaskHeader gives the value of a header as it may be logged: tokens, keys,
// passwords and cookies are masked.
func MaskHeader(name, value string) string {
	n := strings.ToLower(name)
	for _, suffix := range []string{"-token", "-key", "-key-2", "-pass", "-password", "-secret", "authorization", "cookie"} {
		if strings.HasSuffix(n, suffix) {
			return Masked
		}
	}
	return value
}

// MaskQuery gives a query as it may be logged: tokens and signatures are
// masked.
func MaskQuery(query string) string {
	if query == "" {
		return ""
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, _, ok := strings.Cut(part, "=")
		if n := strings.ToLower(name); ok && (paste.SecretName(n) || strings.Contains(n, "sig")) {
			parts[i] = name + "=" + Masked
		}
	}
	return strings.Join(parts, "&")
}

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
