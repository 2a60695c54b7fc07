// Package swob answers and reads requests as Swift's own WebOb does where
// clients can tell.
package swob

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// HTML is the type of an answer that says nothing else.
const HTML = "text/html; charset=UTF-8"

// reasons are the title and the text of an answer without a body.
var reasons = map[int][2]string{
	http.StatusBadRequest:          {"Bad Request", "The server could not comply with the request since it is either malformed or otherwise incorrect."},
	http.StatusUnauthorized:        {"Unauthorized", "This server could not verify that you are authorized to access the document you requested."},
	http.StatusForbidden:           {"Forbidden", "Access was denied to this resource."},
	http.StatusNotFound:            {"Not Found", "The resource could not be found."},
	http.StatusMethodNotAllowed:    {"Method Not Allowed", "The method is not allowed for this resource."},
	http.StatusNotAcceptable:       {"Not Acceptable", "The resource is not available in a format acceptable to your browser."},
	http.StatusPreconditionFailed:  {"Precondition Failed", "A precondition for this request was not met."},
	http.StatusInternalServerError: {"Internal Error", "The server has either erred or is incapable of performing the requested operation."},
	http.StatusServiceUnavailable:  {"Service Unavailable", "The server is currently unavailable. Please try again at a later time."},
}

// Answer is an answer of a filter.
type Answer struct {
	Status int
	Body   string // "" for Swift's page of the status
	Type   string // "" for HTML
	Realm  string // of a 401; "" for unknown
}

// Challenge is the challenge for an account whose name is taken as it is.
func Challenge(h http.Header, account string) {
	if account == "" {
		account = "unknown"
	}
	h.Set("Www-Authenticate", `Swift realm="`+account+`"`)
}

// ServeHTTP sends the answer. It is a handler so that an authorization can give
// it as its verdict.
func (a Answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.Type)
	if a.Type == "" {
		h.Set("Content-Type", HTML)
	}
	if a.Status == http.StatusUnauthorized && h.Get("Www-Authenticate") == "" {
		h.Set("Www-Authenticate", Realm(a.Realm))
	}
	body := a.Body
	if reason, ok := reasons[a.Status]; ok && body == "" {
		if r.Method != http.MethodHead { // Swift does not count what it does not send
			body = "<html><h1>" + reason[0] + "</h1><p>" + reason[1] + "</p></html>"
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.Status)
	if r.Method != http.MethodHead {
		w.Write([]byte(body)) //nolint:errcheck // the client left; net/http knows
	}
}

// Realm is the challenge for an account, as it stands in the path.
func Realm(account string) string {
	if account == "" {
		account = "unknown"
	}
	return `Swift realm="` + Quote(account) + `"`
}

// RequestRealm is the account that a 401 for a request names.
func RequestRealm(r *http.Request) string {
	segs, ok := Split(FullPath(r), 2, 3, true)
	if !ok || segs[1] == "v1.0" || segs[1] == "auth" {
		return ""
	}
	return segs[1]
}

// FullPath is SCRIPT_NAME and PATH_INFO.
func FullPath(r *http.Request) string {
	script := pipeline.FromRequest(r).ScriptName()
	if script == "" {
		return r.URL.Path
	}
	return script + r.URL.Path
}

// Split takes a path apart: at least minimum segments that are not empty, at
// most maximum, of which the last takes the rest if rest is true. Segments that
// are not there are "".
func Split(path string, minimum, maximum int, rest bool) (segs [4]string, ok bool) {
	if path == "" || path[0] != '/' {
		return segs, false
	}
	left, n := path[1:], 0
	for n < maximum {
		at := strings.IndexByte(left, '/')
		if at < 0 || rest && n == maximum-1 {
			segs[n] = left
			break
		}
		segs[n], left, n = left[:at], left[at+1:], n+1
		if n == maximum { // only a slash at the end may follow
			if left != "" {
				return segs, false
			}
			break
		}
	}
	for i := range minimum {
		if segs[i] == "" {
			return segs, false
		}
	}
	return segs, true
}

// ValidVersion reports whether a first segment is that of Swift's API.
func ValidVersion(version string) bool { return version == "v1" || version == "v1.0" }

// HostURL is scheme and host as the client used them, without the usual port.
func HostURL(r *http.Request) string {
	env := pipeline.FromRequest(r)
	host, scheme := r.Host, env.Scheme()
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host
}

// Quote escapes a path as Swift does.
func Quote(s string) string { return QuoteSafe(s, "/") }

// QuoteSafe escapes what is no letter, no digit, none of _.-~ and not in safe.
func QuoteSafe(s, safe string) string {
	const hex = "0123456789ABCDEF"
	clean := 0
	for clean < len(s) && plain(s[clean], safe) {
		clean++
	}
	if clean == len(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)+16), s[:clean]...)
	for i := clean; i < len(s); i++ {
		if c := s[i]; plain(c, safe) {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

func plain(c byte, safe string) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '_' || c == '.' || c == '-' || c == '~' || strings.IndexByte(safe, c) >= 0
}

// Latin1 takes each byte of a header for a character of Latin-1, as WSGI does.
func Latin1(s string) string {
	for i := range len(s) {
		if s[i] < utf8.RuneSelf {
			continue
		}
		runes := make([]rune, len(s))
		for j := range len(s) {
			runes[j] = rune(s[j])
		}
		return string(runes)
	}
	return s
}

// True reports whether a text is one of Swift's words for true; every other one
// is false.
func True(s string) bool {
	switch strings.ToLower(s) {
	case "true", "1", "yes", "on", "t", "y":
		return true
	}
	return false
}

// List reads a comma-separated list, without its empty items.
func List(s string) []string {
	var list []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}
