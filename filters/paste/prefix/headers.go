package prefix

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// headers translates what proxies say in headers.
type headers struct {
	xForwarded bool
	forwarded  bool
	reader     forwarded.Reader
}

func newHeaders(o Options) headers {
	return headers{o.XForwarded, o.Forwarded, forwarded.Reader{
		Proxies: o.Trusted,
		Host:    []string{"X-Forwarded-Host", "X-Forwarded-Server"},
		Proto:   []string{"X-Forwarded-Scheme", "X-Forwarded-Proto"},
	}}
}

// xNames are the headers of PFX-05 and PFX-06, in the order in which they are
// read.
var xNames = []string{"X-Forwarded-Server", "X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Scheme", "X-Forwarded-Proto"}

// translate gives the request without the headers that it has read; what they
// say stands in its Host and in the Environ. What a stranger says is taken away,
// too: the application would believe it.
func (h headers) translate(env *pipeline.Environ, r *http.Request) *http.Request {
	names := h.present(r.Header)
	if len(names) == 0 {
		return r
	}
	moved := new(http.Request)
	*moved = *r
	moved.Header = maps.Clone(r.Header)
	for _, name := range names {
		moved.Header.Del(name)
	}
	if !h.reader.Believes(r) {
		return moved
	}
	switch {
	case !h.xForwarded:
	case len(h.reader.Proxies) == 0:
		asOriginal(env, moved, r.Header)
	default:
		moved = apply(h.reader.XForwarded(r.Header), moved)
	}
	if h.forwarded {
		moved = apply(h.reader.Forwarded(r.Header), moved) // counts more than the others
	}
	return moved
}

// apply gives the request as its client sent it. What is no host is ignored.
func apply(hop forwarded.Hop, r *http.Request) *http.Request {
	if !forwarded.ValidHost(hop.Host) {
		hop.Host = ""
	}
	return hop.Apply(r)
}

// present lists the headers of the request that are to be read.
func (h headers) present(header http.Header) []string {
	var names []string
	if h.xForwarded {
		for _, name := range xNames {
			if name == "X-Forwarded-Proto" && slices.Contains(names, "X-Forwarded-Scheme") {
				break // PFX-06: beside Scheme it is not read and stays
			}
			if _, ok := header[name]; ok {
				names = append(names, name)
			}
		}
	}
	if _, ok := header["Forwarded"]; ok && h.forwarded {
		names = append(names, "Forwarded")
	}
	return names
}

// asOriginal does what the X-Forwarded headers say as the original does: it takes
// the first item of each, white space included (PFX-05), but the whole of the
// scheme (PFX-06). The Environ has no SERVER_NAME, so that X-Forwarded-Server
// gives the Host only.
func asOriginal(env *pipeline.Environ, r *http.Request, from http.Header) {
	for _, name := range []string{"X-Forwarded-Server", "X-Forwarded-Host"} {
		if v, ok := value(from, name); ok {
			r.Host, _, _ = strings.Cut(v, ",")
		}
	}
	if v, ok := value(from, "X-Forwarded-For"); ok {
		client, _, _ := strings.Cut(v, ",")
		env.SetClientAddr(client)
	}
	for _, name := range []string{"X-Forwarded-Scheme", "X-Forwarded-Proto"} {
		if v, ok := value(from, name); ok {
			env.SetScheme(v)
			break
		}
	}
}

// value gives a header as WSGI does, and whether there is one.
func value(h http.Header, name string) (string, bool) {
	_, ok := h[name]
	return forwarded.Joined(h, name), ok
}
