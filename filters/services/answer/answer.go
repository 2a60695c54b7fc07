// Package answer writes what the filters and apps of OpenStack's services
// answer themselves, as their Python originals write it.
package answer

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// BaseURL is the URL of the application that the request reached, without a
// slash at its end: WebOb's application_url. A client that named no host gets
// the address that it connected to.
func BaseURL(r *http.Request) string {
	env := pipeline.FromRequest(r)
	host := r.Host
	if host == "" {
		host = "localhost"
		if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() != "unix" {
			host = addr.String()
		}
	}
	return env.Scheme() + "://" + host + Escape(env.ScriptName())
}

// Escape writes a decoded path as it stands in a URL.
func Escape(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// JSON sends a document as json.dumps of Python writes it.
func JSON(w http.ResponseWriter, status int, contentType string, doc any) {
	var compact bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil { // our own structs of texts and numbers
		panic(err)
	}
	text := spaced(bytes.TrimSuffix(compact.Bytes(), []byte("\n")))
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may have gone
}

// spaced adds the blanks that Python puts behind commas and colons.
func spaced(compact []byte) []byte {
	out := make([]byte, 0, len(compact)+len(compact)/8)
	inside := false
	for i, c := range compact {
		out = append(out, c)
		switch {
		case c == '"' && !escaped(compact, i):
			inside = !inside
		case !inside && (c == ',' || c == ':'):
			out = append(out, ' ')
		}
	}
	return out
}

func escaped(text []byte, i int) bool {
	n := 0
	for i--; i >= 0 && text[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// NotFound answers 404 as WebOb does.
func NotFound(w http.ResponseWriter, r *http.Request) {
	webob.Page{Status: http.StatusNotFound, Explanation: "The resource could not be found."}.Write(w, r)
}

// Link is a link in a list of versions.
type Link struct {
	Rel  string `json:"rel"`
	Type string `json:"type,omitempty"`
	Href string `json:"href"`
}

// MediaType is a type of documents in a list of versions.
type MediaType struct {
	Base string `json:"base"`
	Type string `json:"type"`
}
