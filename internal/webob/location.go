package webob

import (
	"net/http"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/pattern"
)

var scheme = pattern.Lazy(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// relativeSchemes are those against which a reference is resolved.
var relativeSchemes = []string{"http", "https", "ws", "wss"}

// origin is what a relative Location is relative to.
type origin struct {
	scheme, host string
	script, path string // SCRIPT_NAME and PATH_INFO, not quoted
}

// absolute makes the Location headers of an answer absolute, as every filter
// that is written with WebOb does. The query of the request is no part of what
// they are relative to.
func (o origin) absolute(h http.Header) {
	if o.host == "" || len(h["Location"]) == 0 {
		return
	}
	locations := slices.Clone(h["Location"]) // an application may share its own
	h["Location"] = locations
	for i, l := range locations {
		switch {
		case scheme().MatchString(l):
		case slices.Contains(relativeSchemes, o.scheme):
			locations[i] = o.resolve(l)
		case l == "":
			locations[i] = o.scheme + "://" + o.host + o.base()
		}
	}
}

// resolve joins a reference without a scheme to the origin as Python's urljoin
// does: RFC 3986, 5.2 without re-quoting, but empty segments of a relative path
// are dropped and so are an empty query, fragment and parameter.
func (o origin) resolve(ref string) string {
	ref, fragment, _ := strings.Cut(ref, "#")
	ref, query, _ := strings.Cut(ref, "?")
	host := ""
	if rest, ok := strings.CutPrefix(ref, "//"); ok {
		host, _, _ = strings.Cut(rest, "/")
		ref = rest[len(host):]
	}
	ref, params := o.cutParams(ref)
	if host == "" { // another host's path is not touched
		host = o.authority()
		ref = o.merge(ref, params != "")
	}
	return o.scheme + "://" + host + ref + prefixed(";", params) + prefixed("?", query) + prefixed("#", fragment)
}

// cutParams takes the parameters off the last segment of a path; the schemes of
// WebSocket have none.
func (o origin) cutParams(path string) (string, string) {
	last := strings.LastIndexByte(path, '/') + 1
	if i := strings.IndexByte(path[last:], ';'); i >= 0 && strings.HasPrefix(o.scheme, "http") {
		return path[:last+i], path[last+i+1:]
	}
	return path, ""
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// authority is the host without the usual port of the scheme.
func (o origin) authority() string {
	switch o.scheme {
	case "http":
		return strings.TrimSuffix(o.host, ":80")
	case "https":
		return strings.TrimSuffix(o.host, ":443")
	}
	return o.host
}

// base is the path of the request, quoted.
func (o origin) base() string { return quotePath(o.script) + quotePath(o.path) }

// merge resolves the path of a reference; an empty one is that of the request,
// unless it has parameters.
func (o origin) merge(path string, params bool) string {
	base := o.base()
	if path == "" && !params {
		return base
	}
	if !strings.HasPrefix(base, "/") { // no path, or the * of OPTIONS
		base = "/" + base
	}
	if !strings.HasPrefix(path, "/") {
		path = squeeze(base[:strings.LastIndexByte(base, '/')+1] + path)
	}
	segments := strings.Split(path, "/")
	kept := make([]string, 0, len(segments))
	for _, s := range segments {
		switch s {
		case ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, s)
		}
	}
	if last := segments[len(segments)-1]; last == "." || last == ".." {
		kept = append(kept, "")
	}
	return "/" + strings.TrimPrefix(strings.Join(kept, "/"), "/")
}

// squeeze drops the empty segments between the first and the last one.
func squeeze(path string) string {
	segments := strings.Split(path, "/")
	kept := segments[:1]
	for _, s := range segments[1 : len(segments)-1] {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return strings.Join(append(kept, segments[len(segments)-1]), "/")
}

// quotePath escapes every byte that Python's quote escapes in a path.
func quotePath(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte("/_.-~", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
