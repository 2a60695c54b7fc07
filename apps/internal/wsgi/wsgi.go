// Package wsgi says what a request is in the words of WSGI, for the apps that
// show it or link to it.
package wsgi

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// BaseURL is the URL of the application that the request reached: scheme, host
// and SCRIPT_NAME, escaped, without a slash at its end.
func BaseURL(r *http.Request) string {
	env := pipeline.FromRequest(r)
	return env.Scheme() + "://" + Host(r) + EscapePath(env.ScriptName())
}

// Host is the host that the client asked for; the address that it connected to
// if it named none, as HTTP/1.0 allows.
func Host(r *http.Request) string {
	if r.Host != "" {
		return r.Host
	}
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || addr.Network() == "unix" {
		return "localhost"
	}
	return addr.String()
}

// EscapePath writes a decoded path as it stands in a URL.
func EscapePath(path string) string {
	return (&url.URL{Path: path}).EscapedPath()
}

// Environ gives the texts of WSGI's environ (PEP 3333) for a request; what is
// a secret by its name is masked.
func Environ(r *http.Request) map[string]string {
	env := pipeline.FromRequest(r)
	m := map[string]string{
		"REQUEST_METHOD":  r.Method,
		"SCRIPT_NAME":     env.ScriptName(),
		"PATH_INFO":       r.URL.Path,
		"QUERY_STRING":    webob.MaskQuery(r.URL.RawQuery),
		"SERVER_NAME":     hostname(Host(r)),
		"SERVER_PORT":     env.ServerPort(),
		"SERVER_PROTOCOL": r.Proto,
		"REMOTE_ADDR":     env.ClientAddr(),
		"HTTP_HOST":       r.Host,
		"wsgi.url_scheme": env.Scheme(),
	}
	if name := env.Identity().UserName; name != "" {
		m["REMOTE_USER"] = name
	}
	addHeaders(m, r.Header)
	if r.ContentLength > 0 {
		m["CONTENT_LENGTH"] = strconv.FormatInt(r.ContentLength, 10)
	}
	return m
}

// addHeaders adds the HTTP_ variables. Two headers whose names differ only in
// - and _ are one variable, as in every WSGI server.
func addHeaders(m map[string]string, headers http.Header) {
	for name, values := range headers {
		key := strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if key != "CONTENT_TYPE" && key != "CONTENT_LENGTH" {
			key = "HTTP_" + key
		}
		value := strings.Join(values, ",")
		if key == "HTTP_REFERER" {
			value = maskURL(value)
		}
		value = webob.MaskHeader(name, value)
		if old, ok := m[key]; ok && key != "HTTP_HOST" {
			value = old + "," + value
		}
		m[key] = value
	}
}

func maskURL(text string) string {
	before, query, found := strings.Cut(text, "?")
	if !found {
		return text
	}
	return before + "?" + webob.MaskQuery(query)
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
